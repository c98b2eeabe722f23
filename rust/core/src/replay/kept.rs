//! Going back: a trader that was evaluated ahead becomes what it was before a row, and takes in again what is over.

use crate::commit::Writer;
use crate::domain::Lots;
use crate::market::{Places, Steps};
use crate::portfolio::{Exit, TraderRow};
use crate::strategy::View;
use crate::trader::{Input, Saved, Stretch};
use crate::venue::SimVenue;

use super::Cast;
use super::ahead::{Ahead, Lead, foresight};
use super::evaluate::view;
use super::path::Path;

/// What a trader was when a block began, and where later ones began and with which part of the account.
pub(super) struct Kept {
    pub from: u32,
    pub saved: Saved,
    pub later: Vec<(u32, Held)>,
}

/// What a strategy sees of its trader's part of the account while no order works: little is kept for each block.
#[derive(Clone, Copy)]
pub(super) struct Held {
    position: Lots,
    entry_price: f64,
    last_exit: Option<Exit>,
}

impl Held {
    pub(super) fn of(row: &TraderRow) -> Self {
        Self {
            position: row.position,
            entry_price: row.entry_price,
            last_exit: row.last_exit,
        }
    }

    fn row(self) -> TraderRow {
        let mut row = TraderRow::default();
        row.position = self.position;
        row.entry_price = self.entry_price;
        row.last_exit = self.last_exit;
        row
    }
}

impl Ahead {
    /// The account was liquidated: every trader ahead that held something becomes what it is before the rows of `pending`,
    /// the first step with rows that are still to be evaluated. `lent` are those that were evaluated further elsewhere.
    pub(super) fn roll_back(
        &mut self,
        cast: &mut Cast<'_>,
        venue: &SimVenue,
        writer: &Writer,
        steps: &Steps,
        pending: usize,
        lent: &[(u32, Lead)],
    ) {
        for trader in 0..u32::try_from(self.leads.len()).unwrap_or(u32::MAX) {
            let index = trader as usize;
            if !cast.ahead[index] {
                continue;
            }
            let (market, kind) = (cast.market_of[index] as usize, cast.mains[index]);
            let now = u32::try_from(steps.rows_before(market, kind, pending)).unwrap_or(u32::MAX);
            // Who was lent has taken in what comes behind its lead.
            let was_lent = lent.binary_search_by_key(&trader, |lent| lent.0).is_ok();
            debug_assert!(!was_lent || self.kept[index].is_some(), "it can go back");
            self.taken_back += u64::from(was_lent);
            if self.leads[index].until > now || was_lent {
                self.reach.waits[index] = now.saturating_mul(2).saturating_add(self.reach.block);
                self.send_back(cast, venue, writer, steps, (trader, now));
            }
            self.paths[index].forget();
        }
    }

    /// Makes a trader what it is before its row `now`, which it has taken in already. To go back costs as much as all
    /// rows so far; so it must not happen again before as many have passed, for which the caller sees.
    pub(super) fn send_back(
        &mut self,
        cast: &mut Cast<'_>,
        venue: &SimVenue,
        writer: &Writer,
        steps: &Steps,
        (trader, now): (u32, u32),
    ) {
        let index = trader as usize;
        let Some(kept) = self.kept[index].take() else {
            return;
        };
        let (market, kind) = (cast.market_of[index] as usize, cast.mains[index]);
        let places = steps.places(market, kind);
        if let Some(step) = self.leads[index].due(&self.paths[index], places) {
            self.calendar.remove(trader, step);
        }
        self.paths[index] = Path::default();
        self.leads[index] = Lead {
            until: now,
            ..Lead::default()
        };
        if let Some(step) = self.leads[index].due(&self.paths[index], places) {
            self.calendar.put(trader, step);
        }
        self.go_back(cast, venue, writer, index, kept, places);
    }

    fn go_back(
        &mut self,
        cast: &mut Cast<'_>,
        venue: &SimVenue,
        writer: &Writer,
        index: usize,
        kept: Box<Kept>,
        places: Places<'_>,
    ) {
        let (trader, now) = (
            u32::try_from(index).unwrap_or(u32::MAX),
            self.leads[index].until,
        );
        let view = view(cast, writer, trader, 0);
        let Some(series) = view.series else {
            return;
        };
        let scale = cast.scales[cast.market_of[index] as usize];
        let foresight = cast.passes[index].then(|| foresight(cast, venue, writer, trader));
        self.roll_backs += 1;
        self.fallbacks += 1;
        let taken = (0..kept.from as usize).map(|row| Input {
            event: series.event(row),
            row,
            warm_up: true,
        });
        let slot = cast.traders[index].get_mut();
        let Kept { from, saved, later } = *kept;
        let first = slot.restore(saved, taken);
        let starts = later.iter().map(|(from, _)| *from);
        let ends = starts.clone().chain([now]).map(|end| end.min(now));
        let rows = std::iter::once(first).chain(later.iter().map(|(_, held)| held.row()));
        for ((from, end), row) in [from].into_iter().chain(starts).zip(ends).zip(rows) {
            if from >= now {
                break;
            }
            // What ended the block before was committed when its step came.
            slot.orders.intents.clear();
            let view = View { row: &row, ..view };
            let stretch = Stretch {
                series,
                scale,
                places,
                end,
                // Where it stopped at an order, a later block begins.
                foresight: foresight.flatten(),
            };
            slot.take_in_rows(&stretch, &view, from, &mut Vec::new());
        }
        slot.orders.intents.clear();
    }
}
