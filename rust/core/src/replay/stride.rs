//! Steps that need nothing of all that a step could need: those in which only prices move, and those in which traders are
//! due that foresaw the fills of what they asked for there. Both are made one after the other, here.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::limits::STRIDES;
use crate::market::Steps;
use crate::step::Quiet;

use super::Direct;

impl Direct<'_> {
    /// Makes such steps from the next one on, before `before`. Nobody is due but traders that run ahead. `fills` says whether
    /// orders may be sent and filled in them; else the first step in which anybody is due ends them.
    pub(super) fn stride(&mut self, writer: &mut Writer, before: usize, fills: bool) -> Quiet {
        let first = self.timeline.walked();
        let steps = self.timeline.steps();
        let mut step = first;
        let mut events = 0;
        for _ in 0..STRIDES {
            let due = self.ahead.calendar.next_due(step, before);
            let foreseen = (fills && due < before)
                .then(|| self.foreseen_at(due))
                .flatten();
            // The step in which somebody is due is valued before anything changes in it.
            let end = due + usize::from(foreseen.is_some());
            let made = self.price_steps(writer, steps, (step, end, due + 1), &mut events);
            step = made;
            let Some(now) = foreseen.filter(|_| made == end) else {
                break;
            };
            events += self.timeline.skip_to(step);
            self.fill_foreseen(writer, due, now);
            // Who hears of what happened is due before the next step.
            if !writer.told.is_empty() {
                break;
            }
        }
        events += self.timeline.skip_to(step);
        let times = steps.times_between(first, step);
        writer.records.curve.ts.extend_from_slice(times);
        Quiet {
            steps: (step - first) as u64,
            events,
            last: times.last().copied(),
        }
    }

    /// Makes the steps from one to before another as if only prices moved; the step that is still to be made. `changes` is
    /// the first step after it in which a position may change.
    #[inline]
    fn price_steps(
        &mut self,
        writer: &mut Writer,
        steps: &Steps,
        (mut step, end, changes): (usize, usize, usize),
        events: &mut u64,
    ) -> usize {
        while step < end {
            // Who begins to look at each price looks from the present step on.
            *events += self.timeline.skip_to(step);
            if !self.is_valued((step, changes), steps, writer) {
                break;
            }
            let until = end.min(self.valuation.end());
            step += writer.quiet_steps(self.valuation.between(step, until));
            if step < until {
                break;
            }
        }
        step
    }

    /// The time of a step, if all who are due in it foresaw there what they asked for, and that it is filled at once. It is
    /// what they foresaw: the step's own time lies far from what was read last.
    #[inline]
    fn foreseen_at(&self, step: usize) -> Option<Nanos> {
        let next = |trader: u32| self.ahead.paths[trader as usize].next();
        let mut now = None;
        for trader in self.ahead.calendar.due(step) {
            let next = next(trader).filter(|next| next.at_once && next.step as usize == step)?;
            now = Some(next.fill.0);
        }
        now
    }

    /// Sends and fills what was foreseen at a step.
    #[inline]
    fn fill_foreseen(&mut self, writer: &mut Writer, step: usize, now: Nanos) {
        self.ahead.plain.clear();
        self.ahead.calendar.take(step, &mut self.called);
        let (ahead, cast) = (&mut self.ahead, &self.cast);
        if self.called.len() > 1 {
            ahead.touch(&self.called);
        }
        for trader in self.called.drain(..) {
            ahead.take_foreseen(trader, cast.places(self.timeline.steps(), trader));
        }
        self.take_marks(&mut writer.account);
        self.settle_plain(now, writer);
        self.ahead.strides += 1;
        if !self.unsure.is_empty() {
            self.check(writer);
        }
    }
}
