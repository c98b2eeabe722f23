//! What a trader's own order will come to, where that can be foreseen: a market order on candles fills at the next
//! open, or at the close of its own candle, which the data tell beforehand, if the gate lets it pass and the cash suffices.
//! So a trader that is evaluated ahead goes on past such an order. Whether things came as foreseen is looked at when they
//! happen.

use crate::domain::{HalfUnits, Instrument, Lots, Nanos, Side};
use crate::market::CandleSeries;
use crate::portfolio::TraderRow;
use crate::signal::{SizeSpec, Sizing, TradeSignal};

/// Who knows when and at what price a market order on candles fills.
pub trait Fills {
    /// Whether at the close of the candle that decided; else at the open of the next one.
    fn at_close(&self) -> bool;

    /// The fill's price, in half units, where the market's is this.
    fn fill_at(&self, market: u32, side: Side, price: f64) -> HalfUnits;
}

/// What is needed to foresee fills on one trader's market.
#[derive(Clone, Copy)]
pub struct Foresight<'a> {
    /// The market's candles, of which all of the run's rows are seen.
    pub candles: &'a CandleSeries,
    /// How the market's numbers become money.
    pub instrument: &'a Instrument,
    /// Where orders are filled.
    pub venue: &'a dyn Fills,
    /// The market.
    pub market: u32,
    /// The trader's size.
    pub pace: Pace,
}

/// The quantity of a trader's signals that name none, as far as it can be foreseen.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// It hangs on the account, or there is none.
    Unknown,
    /// So many lots, whatever the price.
    Lots(Lots),
    /// What this is at the market's price.
    AtPrice(SizeSpec),
}

impl Pace {
    /// The quantity of a size on a market.
    #[must_use]
    pub fn of(size: Option<SizeSpec>, instrument: &Instrument) -> Self {
        match size {
            None | Some(SizeSpec::Equity(_)) => Self::Unknown,
            Some(size @ SizeSpec::Quote(_)) => Self::AtPrice(size),
            Some(size @ SizeSpec::Base(_)) => {
                let lots = sizing(instrument, None).lots(&size);
                lots.map_or(Self::Unknown, Self::Lots)
            }
        }
    }
}

/// What a size is measured against where it does not hang on the account.
const fn sizing(instrument: &Instrument, last: Option<HalfUnits>) -> Sizing<'_> {
    Sizing {
        instrument,
        last,
        equity: 0,
    }
}

/// A signal whose order was foreseen to be filled before the trader's next row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foreseen {
    /// The row at which the trader asked for it.
    pub row: u32,
    /// The step of that row.
    pub step: u32,
    /// The side to be on; `None` is flat.
    pub side: Option<Side>,
    /// The position that it leads to.
    pub position: Lots,
    /// The average entry price then.
    pub entry_price: f64,
    /// The market's price at that row.
    pub mark: HalfUnits,
    /// When it fills, and what the market's price is then.
    pub fill: (Nanos, f64),
    /// Whether that is at the very time of the row.
    pub at_once: bool,
}

impl Foreseen {
    /// Whether the trader's part of the account is what was foreseen, with nothing working.
    #[must_use]
    pub fn came_true(&self, row: &TraderRow) -> bool {
        row.position == self.position
            && (self.position == 0 || row.entry_price.to_bits() == self.entry_price.to_bits())
            && row.working.is_empty()
    }

    /// Whether the order that leads there is working, and nothing else.
    #[must_use]
    pub fn is_on_its_way(&self, row: &TraderRow) -> bool {
        match row.working.as_slice() {
            [order] => row.position.checked_add(order.delta()) == Some(self.position),
            _ => false,
        }
    }
}

impl Foresight<'_> {
    /// What becomes of a signal at a row of a step, for a trader without working orders. `mark` is the market's price there. `None`
    /// where the fill cannot be foreseen, or would not come before the next row.
    #[must_use]
    pub fn after(
        &self,
        signal: &TradeSignal,
        row: &TraderRow,
        (at, step, mark): (u32, u32, HalfUnits),
        (now, then): (Nanos, Option<Nanos>),
    ) -> Option<Foreseen> {
        let side = match *signal {
            TradeSignal::Side {
                side,
                size: None,
                limit: None,
            } => Some(side),
            TradeSignal::Close => None,
            TradeSignal::Reverse => Some(Side::of(-row.position)),
            TradeSignal::Side { .. } | TradeSignal::Target(_) => return None,
        };
        let position = match side {
            None => 0,
            Some(side) => side.sign() * self.lots(mark)?,
        };
        let fill = self.fill(at as usize, now, then)?;
        let delta = position.checked_sub(row.position)?;
        let price = self.venue.fill_at(self.market, Side::of(delta), fill.1);
        let entry_price = match side {
            None => row.entry_price,
            Some(_) => self.instrument.price_f64(price),
        };
        Some(Foreseen {
            row: at,
            step,
            side,
            position,
            entry_price,
            mark,
            fill,
            at_once: fill.0 == now,
        })
    }

    /// When a market order of a row at this time fills, and what the market's price is then; `None` where that is not before
    /// the next row, `then`.
    fn fill(&self, at: usize, now: Nanos, then: Option<Nanos>) -> Option<(Nanos, f64)> {
        if self.venue.at_close() {
            // Rows of one time are evaluated before anything fills.
            let before = then.is_none_or(|then| now < then);
            return before.then_some((now, *self.candles.close.get(at)?));
        }
        let ts = *self.candles.open_ts.get(at + 1)?;
        // A candle that opens at the time of its own close is evaluated before it fills anything.
        let before = now <= ts && then.is_some_and(|then| ts < then);
        before.then_some((ts, *self.candles.open.get(at + 1)?))
    }

    /// The quantity of the trader's size; `None` where it hangs on the account, or there is none.
    fn lots(&self, mark: HalfUnits) -> Option<Lots> {
        match &self.pace {
            Pace::Unknown => None,
            Pace::Lots(lots) => Some(*lots),
            Pace::AtPrice(size) => sizing(self.instrument, Some(mark)).lots(size).ok(),
        }
    }
}
