//! Rows of what the writer has recorded since the last look.

use crate::commit::{Command, Writer};
use crate::domain::Nanos;
use crate::order::{Order, OrderId};

use super::record::Table;
use super::recorder::Recorder;
use super::rows::{self, Now};

impl Recorder {
    /// Makes rows of what the writer has recorded since the last look; `commands` are what is to leave now.
    #[inline]
    pub fn note(&mut self, step: u64, ts: Nanos, writer: &mut Writer, commands: &[Command]) {
        if let Some(ended) = &mut writer.records.ended {
            std::mem::swap(ended, &mut self.ended);
        }
        let now = Now { step, ts };
        let before = self.seen.orders;
        let ended = std::mem::take(&mut self.ended);
        let is_old = |id: &&OrderId| usize::try_from(**id).is_ok_and(|id| id <= before);
        self.note_ended(now, writer, ended.iter().filter(is_old));
        self.note_orders(now, writer, commands);
        self.note_ended(now, writer, ended.iter().filter(|id| !is_old(id)));
        self.ended = ended;
        self.ended.clear();
        let fills = self.seen.fills..writer.records.fills.len();
        self.seen.fills = fills.end;
        for at in fills {
            let Some(fill) = writer.records.fills.get(at) else {
                continue;
            };
            let values = rows::fill(step, writer, &fill, &self.facts);
            self.push(Table::Fills, values);
        }
        let refusals = self.seen.refusals..writer.records.refusals.len();
        self.seen.refusals = refusals.end;
        for at in refusals {
            let values = rows::refusal(step, &writer.records.refusals[at]);
            self.push(Table::Refusals, values);
        }
        let quarantined = self.seen.quarantined..writer.records.quarantined.len();
        self.seen.quarantined = quarantined.end;
        for at in quarantined {
            let values = rows::quarantine(step, &writer.records.quarantined[at]);
            self.push(Table::Quarantines, values);
        }
    }

    fn note_ended<'a>(
        &mut self,
        now: Now,
        writer: &Writer,
        ended: impl Iterator<Item = &'a OrderId>,
    ) {
        for &id in ended {
            let at = usize::try_from(id).unwrap_or(usize::MAX).wrapping_sub(1);
            if let Some(record) = writer.records.orders.get(at) {
                self.push(Table::Orders, rows::ended(now, &record));
            }
        }
    }

    fn note_orders(&mut self, now: Now, writer: &Writer, commands: &[Command]) {
        let mut sent = commands.iter().filter_map(|command| match command {
            Command::Submit(approved) => Some(approved.get()),
            Command::Cancel { .. } => None,
        });
        let mut next: Option<&Order> = sent.next();
        let orders = self.seen.orders..writer.records.orders.len();
        self.seen.orders = orders.end;
        for at in orders {
            let Some(record) = writer.records.orders.get(at) else {
                continue;
            };
            let own = next.filter(|order| order.id == record.id);
            if own.is_some() {
                next = sent.next();
            }
            self.push(Table::Intents, rows::intent(now, writer, &record, own));
        }
    }
}
