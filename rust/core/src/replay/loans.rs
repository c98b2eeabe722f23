//! Whom the driver lends to other threads for a next block, and when it wants them back.

use crate::commit::Writer;
use crate::limits::{LEAST_LENT, rows_beside};
use crate::portfolio::TraderRow;

use super::Direct;
use super::ahead::Lead;

impl Direct<'_> {
    /// Lends those of the traders that were seen to in this step whose next block is known to begin with what is known now.
    pub(super) fn lend(&mut self, writer: &Writer) {
        let Some(beside) = &mut self.beside else {
            return;
        };
        if !self.evaluator.lends_blocks() {
            return;
        }
        let block = self.ahead.block_or(rows_beside(self.ahead.traders()));
        let least = block.clamp(1, LEAST_LENT) as usize;
        for &trader in &self.called {
            let index = trader as usize;
            let (lead, path) = (self.ahead.leads[index], &self.ahead.paths[index]);
            let rows = self.cast.places(self.timeline.steps(), trader).len();
            let left = rows.saturating_sub(lead.until as usize);
            // Only behind a block is all known with which the next one begins, and all kept that it takes to go back.
            let ends = lead.acts || lead.chain == 0 || left < least;
            if ends || beside.has(trader) || !self.ahead.reach.passes_at(trader, lead.until) {
                continue;
            }
            let row = writer.account.row(trader);
            if !row.working.is_empty() || !self.cast.traders[index].get_mut().is_clear() {
                continue;
            }
            let mut row = row.clone();
            if let Some(last) = path.last() {
                row.position = last.position;
                row.entry_price = last.entry_price;
            }
            let venue_and_writer = (&self.venue, writer);
            let next = (trader, lead, block);
            beside.lend(&mut self.cast, venue_and_writer, next, row);
        }
    }

    /// Takes back who is to be seen to in this step, with the block that begins here. One that was evaluated from another
    /// position than it has goes back to where it was lent.
    pub(super) fn fetch_called(&mut self, writer: &Writer) {
        let Some(beside) = &mut self.beside else {
            return;
        };
        for &trader in &self.called {
            let Some(answer) = beside.fetch(trader, self.host) else {
                continue;
            };
            let index = trader as usize;
            *self.cast.traders[index].get_mut() = answer.trader;
            let Some(block) = answer.block else { continue };
            self.evaluator.learn(answer.nanos, block.rows().into());
            if is_same(writer.account.row(trader), &answer.row) {
                self.ahead.prepared[index] = Some(Box::new(block));
                self.ahead.ready += 1;
                self.ahead.beside += 1;
            } else {
                // Its lead is this step still, whose list in the calendar nobody reads any more.
                let until = self.ahead.leads[index].until;
                let steps = self.timeline.steps();
                self.ahead
                    .give_up(&mut self.cast, &self.venue, writer, steps, (trader, until));
            }
        }
    }

    /// Takes a trader back that is to go back anyway; whether it was on loan.
    pub(super) fn fetch(&mut self, trader: u32) -> bool {
        let answer = self.beside.as_mut();
        let answer = answer.and_then(|beside| beside.fetch(trader, self.host));
        let was_lent = answer.is_some();
        if let Some(answer) = answer {
            *self.cast.traders[trader as usize].get_mut() = answer.trader;
        }
        was_lent
    }

    /// Takes everybody back; who was evaluated further meanwhile, by trader, and how far.
    pub(super) fn fetch_all(&mut self) -> Vec<(u32, Lead)> {
        let Some(beside) = &mut self.beside else {
            return Vec::new();
        };
        // Nobody waits for what nobody has begun.
        beside.call_off();
        let mut found = Vec::new();
        for trader in 0..u32::try_from(self.cast.traders.len()).unwrap_or(u32::MAX) {
            if let Some(answer) = beside.fetch(trader, self.host) {
                *self.cast.traders[trader as usize].get_mut() = answer.trader;
                found.extend(answer.block.map(|block| (trader, block.lead)));
            }
        }
        found
    }

    /// The run ends: everybody is back, however far each has come.
    pub(super) fn end_loans(&mut self) {
        for (trader, lead) in self.fetch_all() {
            self.ahead.leads[trader as usize] = lead;
        }
    }
}

/// Whether a trader has nothing but the position that it was foreseen to have.
fn is_same(row: &TraderRow, foreseen: &TraderRow) -> bool {
    let price = |row: &TraderRow| row.entry_price.to_bits();
    row.position == foreseen.position
        && (row.position == 0 || price(row) == price(foreseen))
        && row.working.is_empty()
}
