//! Steps of a few traders that go event by event, while nothing waits and nobody asks for anything: they are evaluated one
//! after the other without all that a step could need. The step in which somebody does ask is made as any other, with
//! its evaluations done.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::limits::{LIGHT_MARKETS, LIGHT_STEPS};
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
    /// Whether steps may be light at all: few markets have traders that go event by event, all of these are evaluated
    /// on this thread, and nobody needs every price.
    pub(super) fn is_light(&self, attended: &[u32], pooled: bool, away: &Away) -> bool {
        let mut traders = (0..).take(self.traders.len());
        let away = traders.any(|trader| away.has(trader));
        let lazy = attended.iter().all(|&market| self.lazy[market as usize]);
        (1..=LIGHT_MARKETS).contains(&attended.len()) && lazy && !pooled && !away
    }
}

impl Direct<'_> {
    /// Makes light steps from the next one on, before `end` and before anybody else is due.
    pub(super) fn light_steps(&mut self, writer: &mut Writer, end: usize) -> Quiet {
        let mut quiet = Quiet::default();
        let steps = std::sync::Arc::clone(self.timeline.steps());
        let first = self.timeline.walked();
        let end = self
            .ahead
            .calendar
            .next_due(first, end.min(first + LIGHT_STEPS));
        for step in first..end {
            if !self.is_valued((step, usize::MAX), &steps, writer)
                || self.moves(writer)
                || writer.must_liquidate()
            {
                break;
            }
            let now = steps.times()[step];
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
                break;
            }
            writer.snapshot(now);
            quiet.steps += 1;
            quiet.events += events;
            quiet.last = Some(now);
        }
        quiet
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
