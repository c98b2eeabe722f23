//! Ways out of a position that somebody else than the strategy takes: a person, and the engine for a quarantined trader. Where
//! something is being taken back for it, each waits until the venue has answered: what is taken back may be filled still.

use crate::domain::Nanos;
use crate::order::{Origin, reason};
use crate::strategy::StrategyFault;

use super::plan::Planned;
use super::records::QuarantineRecord;
use super::{Author, Command, OnError, Writer};

impl Writer {
    /// The traders whose positions were to be closed, and may be now: nothing of theirs is being taken back any more.
    pub fn due_exits(&mut self) -> Vec<(u32, Author)> {
        let account = &self.account;
        self.exits
            .extract_if(.., |(trader, _)| account.row(*trader).leaving.is_empty())
            .collect()
    }

    /// Closes a trader's position once the venue has answered what is being taken back. What a person wants besides the engine
    /// counts as the person's: it passes where the engine's own way out does not.
    pub(super) fn exit_later(&mut self, trader: u32, author: Author) {
        match self.exits.iter_mut().find(|(other, _)| *other == trader) {
            Some((_, wanted_by)) if author == Author::Person => *wanted_by = author,
            Some(_) => {}
            None => self.exits.push((trader, author)),
        }
    }

    /// A trader erred: its orders are taken back, and its position is closed where the engine was told so. `first` is the first
    /// of the planned orders that is its own.
    pub(super) fn quarantine(
        &mut self,
        (ts, trader): (Nanos, u32),
        fault: StrategyFault,
        (planned, first): (&mut Vec<Planned>, usize),
        out: &mut Vec<Command>,
    ) {
        self.cancel_where(trader, reason::QUARANTINE, out, |_| true);
        let record = QuarantineRecord { ts, trader, fault };
        self.records.quarantined.push(record);
        let row = self.account.row(trader);
        let (position, waits) = (row.position, !row.leaving.is_empty());
        let closing = planned[first..].iter().any(|plan| plan.ends(position));
        if self.on_error != OnError::Close || closing {
            return;
        }
        if waits {
            self.exit_later(trader, Author::Quarantine);
        } else if position != 0 {
            planned.push(Planned::market(trader, -position, Origin::Quarantine));
        }
    }
}
