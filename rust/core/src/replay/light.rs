//! Steps of a few traders that go event by event, while nothing waits and nobody asks for anything: they are evaluated one
//! after the other without all that a step could need. The step in which somebody does ask is made as any other, with
//! its evaluations done.

use std::ops::Range;

use crate::clock::Stopwatch;
use crate::commit::Writer;
use crate::domain::Nanos;
use crate::limits::{LIGHT_MARKETS, LIGHT_STEPS};
use crate::market::Steps;
use crate::step::{Away, Loaded, Quiet};
use crate::strategy::Stop;

use super::inline::by_event;
use super::{Cast, Direct};

/// A step whose rows are taken up and evaluated already.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    pub now: Nanos,
    pub loaded: Loaded,
}

impl Cast<'_> {
    /// Whether steps may be light at all: few markets have traders that go event by event, none of these is elsewhere, and
    /// nobody needs every price.
    pub(super) fn is_light(&self, attended: &[u32], away: &Away) -> bool {
        let mut traders = (0..).take(self.traders.len());
        let away = traders.any(|trader| away.has(trader));
        let lazy = attended.iter().all(|&market| self.lazy[market as usize]);
        (1..=LIGHT_MARKETS).contains(&attended.len()) && lazy && !away
    }
}

impl Direct<'_> {
    /// Makes light steps from the next one on, before `end` and before anybody else is due. Where a pool could share the
    /// evaluations they are timed, so that it does as soon as they turn out dear.
    pub(super) fn light_steps(&mut self, writer: &mut Writer, end: usize) -> Quiet {
        let watch = self.evaluator.is_pooled().then(Stopwatch::start);
        let quiet = self.make_light_steps(writer, end);
        // The step that was begun is evaluated, too.
        let begun = self.begun.map_or(0, |begun| begun.loaded.events);
        if let (Some(watch), events @ 1..) = (watch, quiet.events + begun) {
            self.evaluator.learn(watch.nanos(), events);
        }
        quiet
    }

    fn make_light_steps(&mut self, writer: &mut Writer, end: usize) -> Quiet {
        let mut quiet = Quiet::default();
        let steps = self.timeline.steps();
        let mut step = self.timeline.walked();
        let end = self
            .ahead
            .calendar
            .next_due(step, end.min(step + LIGHT_STEPS));
        while step < end {
            if !self.is_valued((step, usize::MAX), steps, writer) || self.moves(writer) {
                break;
            }
            // Nothing but prices moves until somebody asks for something, so these are known to need no liquidation.
            let until = end.min(self.valuation.end());
            let calm = step + writer.calm_steps(self.valuation.between(step, until));
            let made = match self.alone(step..calm) {
                Some(alone) => self.call_until_asked(writer, alone, steps, &mut quiet),
                None => self.evaluate_until_asked(writer, step..calm, steps, &mut quiet),
            };
            writer.write_steps(self.valuation.between(step, made));
            let times = steps.times_between(step, made);
            writer.records.curve.ts.extend_from_slice(times);
            quiet.steps += (made - step) as u64;
            quiet.last = times.last().copied().or(quiet.last);
            step = made;
            if made < until {
                break;
            }
        }
        quiet
    }

    /// Evaluates these steps, up to the first in which somebody asks for something, which is begun; the step that is
    /// still to be made.
    fn evaluate_until_asked(
        &mut self,
        writer: &mut Writer,
        range: Range<usize>,
        steps: &Steps,
        quiet: &mut Quiet,
    ) -> usize {
        for step in range.clone() {
            let now = steps.times()[step];
            let worth = self.valuation.at(step);
            writer.account.set_carried(worth);
            let (events, warm_up) = self.timeline.load(&self.cast, |_| false, &mut self.rows);
            self.has_rows = true;
            by_event(
                &mut self.cast,
                writer,
                &self.rows,
                now,
                &mut self.acting,
                false,
            );
            if !self.acting.is_empty() {
                let loaded = Loaded { events, warm_up };
                self.begun = Some(Begun { now, loaded });
                self.evaluated = true;
                return step;
            }
            quiet.events += events;
        }
        range.end
    }

    /// Whether a position of a market that is looked at needs more than to be valued along its column.
    fn moves(&self, writer: &Writer) -> bool {
        let markets = self.timeline.always().iter();
        !{ markets }.all(|&market| writer.account.is_unmoved(market))
    }

    /// Whether the user ended the run while the traders of this step were evaluated.
    pub(super) fn was_interrupted(&mut self) -> bool {
        let traders = &mut self.cast.traders;
        self.acting.iter().any(|&trader| {
            let failure = &traders[trader as usize].get_mut().failure;
            matches!(failure, Some(Stop::Interrupted))
        })
    }
}
