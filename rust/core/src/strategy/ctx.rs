//! All that a strategy may see, and the only way in which it may order.

use crate::domain::{Amount, HalfUnits, Instrument, Lots, MONEY_DIGITS, Money, Nanos, Side};
use crate::indicator::{Graph, IndicatorError, IndicatorId, Spec};
use crate::market::{EventKind, EventRef, ExtraColumn, Field, PriceScale, Series, Window};
use crate::portfolio::{AccountView, TraderRow};
use crate::signal::{Intent, OrderRequest, TimeInForce};

use super::views::{ExitView, OrderView, PositionView};

/// What an evaluation asked for so far.
#[derive(Debug, Default, Clone)]
pub struct Orders {
    /// In the order in which it was asked.
    pub intents: Vec<Intent>,
    last_client_id: u64,
}

impl Orders {
    /// Goes on with the numbers where those of an earlier strategy of the same trader ended.
    pub(crate) fn count_on(&mut self, before: &Self) {
        self.last_client_id = self.last_client_id.max(before.last_client_id);
    }

    /// The last number that was given out.
    pub(crate) const fn counted(&self) -> u64 {
        self.last_client_id
    }

    /// Goes on behind a number.
    pub(crate) const fn count_from(&mut self, last: u64) {
        self.last_client_id = last;
    }

    /// The number that the next order gets.
    pub(super) const fn next(&self) -> u64 {
        self.last_client_id + 1
    }

    /// Gives out the next number for an order of this strategy.
    fn next_id(&mut self) -> u64 {
        self.last_client_id += 1;
        self.last_client_id
    }

    /// Asks for an order; returns the strategy's number for it.
    pub(super) fn order(
        &mut self,
        side: Side,
        quantity: Amount,
        limit: Option<Amount>,
        reduce_only: bool,
        tif: TimeInForce,
        tag: Option<String>,
    ) -> u64 {
        let client_id = self.next_id();
        self.intents.push(Intent::Order(OrderRequest {
            client_id,
            side,
            quantity,
            limit,
            reduce_only,
            tif,
            tag,
        }));
        client_id
    }

    pub(super) fn replace(
        &mut self,
        client_id: u64,
        quantity: Option<Amount>,
        limit: Option<Amount>,
    ) {
        self.intents.push(Intent::Replace {
            client_id,
            quantity,
            limit,
        });
    }

    pub(super) fn cancel(&mut self, client_id: Option<u64>) {
        self.intents.push(Intent::Cancel(client_id));
    }
}

/// What `setup` may do: ask for indicators.
pub struct SetupCtx<'a> {
    /// `BASE/QUOTE`.
    pub pair: &'a str,
    /// The kind of event that fills the window and the indicators.
    pub kind: EventKind,
    /// Columns of the data beyond those the engine knows.
    pub extra: &'a [ExtraColumn],
    /// The trader's indicators.
    pub graph: &'a mut Graph,
    /// What it ordered; committed at the first step.
    pub orders: &'a mut Orders,
}

impl SetupCtx<'_> {
    /// Asks for an indicator, updated before every `generate_signal` from now on.
    ///
    /// # Errors
    /// When the parameters make no sense or its input does not exist.
    pub fn indicator(&mut self, spec: Spec) -> Result<IndicatorId, IndicatorError> {
        self.graph.add(spec)
    }

    /// The field of that name: one of the event's own, or an extra column of the data.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field> {
        Field::named(name, self.extra)
    }
}

/// The snapshot that a trader's strategy may look at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The time of the step.
    pub now: Nanos,
    /// The trader's own part of the account.
    pub row: &'a TraderRow,
    /// The account.
    pub account: AccountView,
    /// The market's last price.
    pub mark: Mark<'a>,
    /// How the market's numbers become money.
    pub instrument: &'a Instrument,
    /// `BASE/QUOTE`.
    pub pair: &'a str,
    /// The columns that fill the trader's window; `None` where a feed delivers events by value.
    pub series: Option<Series<'a>>,
}

/// The market's last price.
#[derive(Clone, Copy, Debug)]
pub enum Mark<'a> {
    /// It is known, or nothing of it is.
    Known(Option<HalfUnits>),
    /// It is what this event leaves; computed when somebody asks.
    Of(EventRef<'a>, PriceScale),
}

impl From<Option<HalfUnits>> for Mark<'_> {
    fn from(mark: Option<HalfUnits>) -> Self {
        Self::Known(mark)
    }
}

impl Mark<'_> {
    fn get(self) -> Option<HalfUnits> {
        match self {
            Self::Known(mark) => mark,
            Self::Of(event, scale) => Some(event.mark(scale)),
        }
    }
}

/// What a strategy sees during one call.
pub struct SystemCtx<'a> {
    pub(crate) event: Option<EventRef<'a>>,
    pub(crate) view: &'a View<'a>,
    pub(crate) graph: &'a Graph,
    pub(crate) window: Option<Window<'a>>,
    pub(crate) extra: &'a [ExtraColumn],
    pub(crate) orders: &'a mut Orders,
}

impl<'a> SystemCtx<'a> {
    /// `BASE/QUOTE`.
    #[must_use]
    pub const fn pair(&self) -> &'a str {
        self.view.pair
    }

    /// The time of the step, in nanoseconds UTC.
    #[must_use]
    pub const fn ts(&self) -> Nanos {
        self.view.now
    }

    /// The event that woke the strategy; in a hook the last one it saw.
    #[must_use]
    pub const fn event(&self) -> Option<EventRef<'a>> {
        self.event
    }

    /// The current value of an indicator's output; NaN until it is ready.
    #[must_use]
    #[inline]
    pub fn value(&self, id: IndicatorId, output: u8) -> f64 {
        self.graph.value(id, output)
    }

    /// The trader's indicators.
    #[must_use]
    pub const fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// The last events by column, once there are any.
    #[must_use]
    pub const fn window(&self) -> Option<Window<'a>> {
        self.window
    }

    /// Columns of the data beyond those the engine knows.
    #[must_use]
    pub const fn extra(&self) -> &'a [ExtraColumn] {
        self.extra
    }

    /// The trader's position in lots.
    #[must_use]
    #[inline]
    pub const fn position_lots(&self) -> Lots {
        self.view.row.position
    }

    /// The trader's position in floats.
    #[must_use]
    pub fn position(&self) -> PositionView {
        let size = self.view.instrument.quantity_f64(self.view.row.position);
        if self.view.row.position == 0 {
            return PositionView {
                size: 0.0,
                entry_price: f64::NAN,
                unrealized_pnl: 0.0,
            };
        }
        let entry_price = self.view.row.entry_price;
        let last = self
            .view
            .mark
            .get()
            .map_or(f64::NAN, |mark| self.view.instrument.price_f64(mark));
        PositionView {
            size,
            entry_price,
            unrealized_pnl: size * (last - entry_price),
        }
    }

    /// The account's equity at this step's snapshot.
    #[must_use]
    pub fn equity(&self) -> f64 {
        money_f64(self.view.account.equity)
    }

    /// Free cash in the pair's quote currency at this step's snapshot.
    #[must_use]
    pub fn cash(&self) -> f64 {
        money_f64(self.view.account.free)
    }

    /// The trader's own working orders.
    #[must_use]
    pub fn orders(&self) -> Vec<OrderView> {
        self.view
            .row
            .working
            .iter()
            .map(|order| crate::portfolio::order_view(order, self.view.instrument, "working", ""))
            .collect()
    }

    /// How the trader's last position ended.
    #[must_use]
    pub fn last_exit(&self) -> Option<ExitView> {
        let exit = self.view.row.last_exit.as_ref()?;
        Some(exit.view(self.view.instrument))
    }

    /// Asks for an order; returns the strategy's number for it.
    pub fn order(
        &mut self,
        side: Side,
        quantity: Amount,
        limit: Option<Amount>,
        reduce_only: bool,
        tif: TimeInForce,
        tag: Option<String>,
    ) -> u64 {
        let orders = &mut self.orders;
        orders.order(side, quantity, limit, reduce_only, tif, tag)
    }

    /// Asks for a purchase at the market.
    pub fn buy(&mut self, quantity: Amount) -> u64 {
        self.order(
            Side::Buy,
            quantity,
            None,
            false,
            TimeInForce::default(),
            None,
        )
    }

    /// Asks for a sale at the market.
    pub fn sell(&mut self, quantity: Amount) -> u64 {
        self.order(
            Side::Sell,
            quantity,
            None,
            false,
            TimeInForce::default(),
            None,
        )
    }

    /// Asks to cancel an order of its own and to send it anew.
    pub fn replace(&mut self, client_id: u64, quantity: Option<Amount>, limit: Option<Amount>) {
        self.orders.replace(client_id, quantity, limit);
    }

    /// Asks to cancel one of its own orders, or all of them.
    pub fn cancel(&mut self, client_id: Option<u64>) {
        self.orders.cancel(client_id);
    }
}

/// Money as a float, for strategies.
#[must_use]
pub fn money_f64(value: Money) -> f64 {
    // One rounding, not two: 100,000 must not be shown as 99999.99999999999.
    crate::market::scale::decimal_to_f64(value, MONEY_DIGITS.cast_signed())
}
