//! The end of a recorded run: what waits expires, strategies hear of it, and the curve gets its last row.

use crate::commit::QuarantineRecord;
use crate::domain::Nanos;
use crate::strategy::{Hook, Hooks, Stop};
use crate::trader::TraderState;

use super::phases::view;
use super::{Flow, Replay};

impl Replay<'_> {
    pub(super) fn finish(&mut self, flow: Flow) {
        self.report.interrupted = flow == Flow::Interrupted;
        self.report.all_quarantined = flow == Flow::AllQuarantined;
        let Some(last) = self.report.last_ts else {
            return;
        };
        self.writer.expire();
        self.deliver();
        if flow == Flow::Interrupted {
            self.report.assumptions.push(format!(
                "the run was interrupted after {} of {} steps; the result holds what happened so far",
                self.report.steps,
                self.steps.len()
            ));
        } else {
            self.closing_pass(last);
        }
        let equity = self.writer.account.view().equity;
        self.writer.records.curve.push(last, equity);
    }

    /// Hooks for what happened since the last evaluation, then `on_stop`. What they order is discarded; an error
    /// quarantines at the last step's time.
    fn closing_pass(&mut self, last: Nanos) {
        for index in 0..self.cast.traders.len() {
            let trader = u32::try_from(index).unwrap_or(u32::MAX);
            let view = view(&self.cast, &self.writer, trader, last);
            let slot = self.cast.traders[index].get_mut();
            if slot.state == TraderState::Quarantined {
                continue;
            }
            slot.run_hooks(&view);
            if slot.hooks().has(Hooks::STOP) && slot.failure.is_none() {
                slot.tell(Hook::Stop);
                slot.run_hooks(&view);
            }
            slot.orders.intents.clear();
            if let Some(Stop::Fault(fault)) = slot.failure.take() {
                slot.state = TraderState::Quarantined;
                self.writer.records.quarantined.push(QuarantineRecord {
                    ts: last,
                    trader,
                    fault,
                });
            }
        }
    }
}
