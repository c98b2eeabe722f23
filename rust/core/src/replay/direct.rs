//! What the phases of a step have in common where they are called directly: prices that are taken up when somebody needs
//! them, what became of orders, and what traders asked for.

use crate::commit::{Act, Author, Writer};
use crate::domain::{HalfUnits, Nanos};
use crate::market::{EventKind, Steps};
use crate::order::Order;
use crate::portfolio::Portfolio;
use crate::strategy::Stop;
use crate::trader::TraderState;
use crate::venue::Execution;

use super::Direct;
use super::evaluate::warm_up;

impl Direct<'_> {
    /// Sees to it that positions are valued at a step that is still to be made; false where one of them needs a look at
    /// each price from now on, so that the step is not quiet.
    #[inline]
    pub(super) fn is_valued(
        &mut self,
        step: (usize, usize),
        steps: &Steps,
        writer: &mut Writer,
    ) -> bool {
        let account = &mut writer.account;
        self.valuation
            .value(step, steps, &self.cast, account, &mut self.eager);
        if self.eager.is_empty() {
            return true;
        }
        for market in std::mem::take(&mut self.eager) {
            self.refresh(account, market);
            self.timeline.attend(market);
        }
        false
    }

    /// When an order fills and what the market's price is then: where a trader foresaw that, or where it waits for the open of
    /// a candle that the data tell.
    pub(super) fn next_fill(&mut self, order: &Order) -> Option<(Nanos, f64)> {
        let plain = &self.ahead.plain;
        if let Ok(found) = plain.binary_search_by_key(&order.trader, |plain| plain.trader) {
            return Some(plain[found].fill);
        }
        self.remind_venue(order.market);
        if !self.venue.waits_for_open(order) {
            return None;
        }
        let market = order.market as usize;
        let hint = self.timeline.position(market, EventKind::Candle);
        self.cast.markets[market].next_open(order.decided, hint, self.end)
    }

    /// Whether nothing can happen in a step but that prices move and traders that run ahead are due.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.timeline.waits_for_none()
            && !self.venue.waits()
            && self.due.is_empty()
            && !self.away.is_due()
            && self.acting.is_empty()
    }

    /// Positions changed, or may be valued ahead again since no order works there any more.
    pub(super) fn note_changes(&mut self, executions: &[Execution]) {
        for execution in executions {
            let trader = execution.trader as usize;
            self.valuation.touch(self.cast.market_of[trader]);
            if self.cast.passes[trader] {
                self.unsure.push(execution.trader);
            }
        }
    }

    /// Sorts out who is due because of something that it asked for when it was evaluated past this step.
    pub(super) fn take_foreseen(&mut self) {
        let (ahead, cast, steps) = (&mut self.ahead, &self.cast, self.timeline.steps());
        if self.called.len() > 1 {
            ahead.touch(&self.called);
        }
        self.called.retain(|&trader| {
            let passes = cast.passes[trader as usize];
            !passes || !ahead.take_foreseen(trader, cast.places(steps, trader))
        });
    }

    /// Looks whether the orders of traders that went past them go the way that was foreseen.
    pub(super) fn check(&mut self, writer: &Writer) {
        let mut unsure = std::mem::take(&mut self.unsure);
        for trader in unsure.drain(..) {
            if let Some(now) = self.ahead.went_wrong(writer, trader) {
                if self.fetch(trader) {
                    self.ahead.taken_back += 1;
                }
                let steps = self.timeline.steps();
                self.ahead
                    .give_up(&mut self.cast, &self.venue, writer, steps, (trader, now));
            }
        }
        self.unsure = unsure;
    }

    /// Brings a market's last price up to date. Those of markets that are looked at in each step mostly are.
    #[inline]
    pub(super) fn refresh(&self, account: &mut Portfolio, market: u32) {
        if self.timeline.attends(market) && !self.cast.lazy[market as usize] {
            return;
        }
        if let Some((mark, ask)) = self.newest_price(market) {
            account.mark(market, mark, ask);
        }
    }

    /// A market's newest price, and its best ask where it has quotes.
    #[inline]
    pub(super) fn newest_price(&self, market: u32) -> Option<(HalfUnits, Option<HalfUnits>)> {
        let index = market as usize;
        let kind = self.cast.kinds[index][0];
        let row = self.timeline.position(index, kind).checked_sub(1)?;
        let event = self.cast.series(index, kind)?.event(row);
        let scale = self.cast.scales[index];
        Some((event.mark(scale), event.ask(scale)))
    }

    /// Shows the venue the newest event of a market at which an order can arrive. Where orders wait it has seen it.
    pub(super) fn remind_venue(&mut self, market: u32) {
        if !self.venue.remembers() || self.venue.has_orders(market) {
            return;
        }
        let index = market as usize;
        let quotes = self.cast.kinds[index].contains(&EventKind::Quote);
        let kind = if quotes {
            EventKind::Quote
        } else {
            EventKind::Candle
        };
        let rows = self.timeline.position(index, kind);
        if let (Some(row), Some(series)) = (rows.checked_sub(1), self.cast.series(index, kind)) {
            let steps = self.timeline.steps();
            if let Some(step) = steps.places(index, kind).get(row) {
                let ts = steps.times()[step as usize];
                self.venue.remember(market, &series.event(row), ts);
            }
        }
    }

    /// A trader whose market had no event after the start has its indicators fed all the same.
    pub(super) fn warm_up_to_the_end(&mut self, index: usize) {
        let (market, kind) = (self.cast.market_of[index] as usize, self.cast.mains[index]);
        let live = self.timeline.first_live(market, kind);
        let rows = u32::try_from(self.timeline.position(market, kind)).unwrap_or(u32::MAX);
        if let Some(series) = self.cast.series(market, kind) {
            let slot = self.cast.traders[index].get_mut();
            warm_up(slot, series, live.min(rows));
        }
    }

    /// Sends what this step brings to the traders that are evaluated elsewhere.
    pub(super) fn send_away(&mut self, writer: &Writer, now: Nanos) {
        let (cast, rows) = (&self.cast, self.rows.iter().copied());
        self.away.send(writer, now, rows, |row| {
            let market = row.entry.market();
            let series = cast.series(market, row.entry.kind())?;
            Some(series.event(row.row as usize).mark(cast.scales[market]))
        });
    }

    /// Reads what the orders of these traders will need in the phases to come, so that with many markets the waits for
    /// memory overlap.
    pub(super) fn touch_acting(&self, writer: &Writer) {
        if self.acting.len() < 2 {
            return;
        }
        let mut touched = 0;
        for &trader in &self.acting {
            let market = self.cast.market_of[trader as usize];
            let candles = self.cast.markets[market as usize].candles.as_ref();
            let candles = candles.filter(|_| self.venue.fills_at_opens());
            let hint = self.timeline.position(market as usize, EventKind::Candle);
            let opening = candles.and_then(|candles| {
                let ts = candles.open_ts.get(hint)?;
                Some(ts.wrapping_add(candles.open.get(hint)?.to_bits().cast_signed()))
            });
            touched ^= opening.unwrap_or(0)
                ^ writer.account.touch(trader, market)
                ^ self.venue.touch(market);
        }
        std::hint::black_box(touched);
    }

    /// Brings the last prices up to date of the markets on which something was foreseen to be asked for in this step.
    #[inline]
    pub(super) fn take_marks(&mut self, account: &mut Portfolio) {
        self.ahead.plain.sort_unstable_by_key(|plain| plain.trader);
        if self.ahead.plain.len() > 1 {
            let touched = self.ahead.plain.iter().map(|plain| {
                let market = self.cast.market_of[plain.trader as usize];
                account.touch(plain.trader, market) ^ self.venue.touch(market)
            });
            std::hint::black_box(touched.fold(0, |all, one| all ^ one));
        }
        for plain in &self.ahead.plain {
            let market = self.cast.market_of[plain.trader as usize];
            if !self.timeline.attends(market) || self.cast.lazy[market as usize] {
                account.mark(market, plain.mark, None);
            }
            self.unsure.push(plain.trader);
        }
    }

    /// Sends what was foreseen in this step, all of which fills at its time, and fills it.
    #[inline]
    pub(super) fn settle_plain(&mut self, now: Nanos, writer: &mut Writer) {
        let plain = &self.ahead.plain;
        writer.commit_at_once(now, plain, &self.venue);
        for plain in plain {
            self.valuation
                .touch(self.cast.market_of[plain.trader as usize]);
        }
        self.ahead.at_once += plain.len() as u64;
    }

    /// What traders asked for in this step, by trader.
    pub(super) fn collect(&mut self, writer: &mut Writer, acts: &mut Vec<Act>) {
        self.take_marks(&mut writer.account);
        if self.acting.is_empty() {
            return;
        }
        self.acting.sort_unstable();
        self.acting.dedup();
        self.touch_acting(writer);
        acts.reserve(self.acting.len());
        for at in 0..self.acting.len() {
            let market = self.cast.market_of[self.acting[at] as usize];
            self.refresh(&mut writer.account, market);
            let act = self.act_of(self.acting[at]);
            acts.push(act);
        }
        self.acting.clear();
    }

    pub(super) fn act_of(&mut self, index: u32) -> Act {
        let trader = self.cast.traders[index as usize].get_mut();
        let intents = std::mem::take(&mut trader.orders.intents);
        let failure = match trader.failure.take() {
            Some(Stop::Fault(fault)) => Some(fault),
            _ => None,
        };
        if failure.is_some() && trader.state != TraderState::Quarantined {
            trader.state = TraderState::Quarantined;
            trader.due.clear();
            self.active -= 1;
        }
        Act {
            trader: index,
            author: Author::Strategy,
            intents,
            failure,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
pub(super) fn share(done: usize, all: usize) -> f64 {
    if all == 0 {
        1.0
    } else {
        done as f64 / all as f64
    }
}
