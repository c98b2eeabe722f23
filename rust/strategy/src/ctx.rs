//! All that a strategy may see, and the only way in which it may order.

use crate::abi;
use crate::rows::Place;

/// The event that woke a strategy. Sizes and volumes that the data lack are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "the fields are what their names say, prices in the quote currency"
)]
pub enum Event {
    Candle {
        open: f64,
        high: f64,
        low: f64,
        close: f64,
        volume: f64,
    },
    Quote {
        bid: f64,
        ask: f64,
        bid_size: f64,
        ask_size: f64,
    },
    Trade {
        price: f64,
        quantity: f64,
        side: Option<Side>,
    },
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Buys.
    Buy,
    /// Sells.
    Sell,
}

impl Side {
    pub(crate) const fn of(sign: i32) -> Option<Self> {
        match sign {
            1 => Some(Self::Buy),
            -1 => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How long an order may wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is filled or cancelled.
    #[default]
    GoodTillCancelled,
    /// What is not filled at the first opportunity is cancelled.
    ImmediateOrCancel,
    /// Filled whole at the first opportunity, or cancelled.
    FillOrKill,
}

/// What an order says besides side and quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OrderTerms<'a> {
    /// Limit price; at the market without.
    pub limit: Option<f64>,
    /// Whether it may only make the position smaller.
    pub reduce_only: bool,
    /// How long it may wait.
    pub tif: TimeInForce,
    /// The strategy's word for it, at most 32 bytes.
    pub tag: &'a str,
}

/// The trader's position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Quantity in the base currency, negative when short.
    pub size: f64,
    /// Average price of what is held; NaN when flat.
    pub entry_price: f64,
    /// Value at the last price less what it cost, without fees.
    pub unrealized_pnl: f64,
}

/// A working order of the trader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkingOrder {
    /// The strategy's own number; `None` for an order that a signal led to.
    pub id: Option<u64>,
    /// Which way.
    pub side: Side,
    /// How much, in the base currency.
    pub quantity: f64,
    /// Limit price; `None` at the market.
    pub limit: Option<f64>,
}

/// What a strategy sees during one call.
#[derive(Debug)]
pub struct Ctx<'a> {
    pub(crate) raw: &'a abi::Ctx,
    pub(crate) answer: &'a mut abi::Answer,
    pub(crate) reads: u32,
    /// Where what is new at this row lies, if not in `raw`.
    pub(crate) place: Option<Place<'a>>,
}

impl Ctx<'_> {
    /// The time of the step, nanoseconds UTC.
    #[must_use]
    #[inline]
    pub const fn now(&self) -> i64 {
        match self.place {
            Some(place) => place.ts(),
            None => self.raw.now,
        }
    }

    /// When the event was known (a candle's close), nanoseconds UTC.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the event.
    #[must_use]
    #[inline]
    pub fn ts(&self) -> i64 {
        self.must_read(abi::READS_EVENT, "event", "EVENT");
        match self.place {
            Some(place) => place.ts(),
            None => self.raw.ts,
        }
    }

    /// The event that woke the strategy; in a hook the last one it saw, if any.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the event.
    #[must_use]
    #[inline]
    pub fn event(&self) -> Option<Event> {
        self.must_read(abi::READS_EVENT, "event", "EVENT");
        let [a, b, c, d, e] = self.place.map_or(self.raw.event, Place::event);
        match self.raw.kind {
            abi::CANDLE => Some(Event::Candle {
                open: a,
                high: b,
                low: c,
                close: d,
                volume: e,
            }),
            abi::QUOTE => Some(Event::Quote {
                bid: a,
                ask: b,
                bid_size: c,
                ask_size: d,
            }),
            abi::TRADE => Some(Event::Trade {
                price: a,
                quantity: b,
                side: if c > 0.0 {
                    Some(Side::Buy)
                } else if c < 0.0 {
                    Some(Side::Sell)
                } else {
                    None
                },
            }),
            _ => None,
        }
    }

    /// A column of the window, oldest first, in the order of the event's fields: of candles open, high, low, close,
    /// volume. Empty without a window.
    ///
    /// # Panics
    /// When there is no such field.
    #[must_use]
    pub fn window(&self, field: usize) -> &[f64] {
        let data = self.raw.window[field];
        if data.is_null() {
            return &[];
        }
        // SAFETY: the engine lends so many numbers for the length of the call, and `self` does not outlive it.
        unsafe { std::slice::from_raw_parts(data, self.raw.window_len) }
    }

    /// The trader's position.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.must_read(abi::READS_POSITION, "position", "POSITION");
        Position {
            size: self.raw.position,
            entry_price: self.raw.entry_price,
            unrealized_pnl: match self.place {
                Some(place) => place.unrealized_pnl(self.raw),
                None => self.raw.unrealized_pnl,
            },
        }
    }

    /// The account's equity at this step's snapshot.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the account.
    #[must_use]
    pub fn equity(&self) -> f64 {
        self.must_read(abi::READS_ACCOUNT, "equity", "ACCOUNT");
        self.raw.equity
    }

    /// Free cash in the pair's quote currency at this step's snapshot.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the account.
    #[must_use]
    pub fn cash(&self) -> f64 {
        self.must_read(abi::READS_ACCOUNT, "cash", "ACCOUNT");
        self.raw.cash
    }

    /// The trader's working orders.
    ///
    /// # Panics
    /// When `Strategy::READS` does not name the orders.
    pub fn orders(&self) -> impl Iterator<Item = WorkingOrder> + '_ {
        self.must_read(abi::READS_ORDERS, "orders", "ORDERS");
        let orders = if self.raw.orders.is_null() {
            &[]
        } else {
            // SAFETY: the engine lends so many orders for the length of the call, and `self` does not outlive it.
            unsafe { std::slice::from_raw_parts(self.raw.orders, self.raw.order_count) }
        };
        orders.iter().map(|order| WorkingOrder {
            id: (order.id != 0).then_some(order.id),
            side: Side::of(order.side).unwrap_or(Side::Buy),
            quantity: order.quantity,
            limit: (!order.limit.is_nan()).then_some(order.limit),
        })
    }

    /// Asks for a purchase at the market; returns the strategy's number for the order.
    ///
    /// # Panics
    /// When one call asks for more than the engine takes.
    pub fn buy(&mut self, quantity: f64) -> u64 {
        self.order(Side::Buy, quantity, &OrderTerms::default())
    }

    /// Asks for a sale at the market; returns the strategy's number for the order.
    ///
    /// # Panics
    /// When one call asks for more than the engine takes.
    pub fn sell(&mut self, quantity: f64) -> u64 {
        self.order(Side::Sell, quantity, &OrderTerms::default())
    }

    /// Asks for an order; returns the strategy's number for it.
    ///
    /// # Panics
    /// When one call asks for more than the engine takes, or the tag is too long.
    pub fn order(&mut self, side: Side, quantity: f64, terms: &OrderTerms<'_>) -> u64 {
        assert!(
            terms.tag.len() <= abi::TAG,
            "the tag {:?} is longer than {} bytes",
            terms.tag,
            abi::TAG
        );
        let id = self.answer.next_id;
        self.answer.next_id += 1;
        let mut request = blank(match side {
            Side::Buy => abi::BUY,
            Side::Sell => abi::SELL,
        });
        request.id = id;
        request.quantity = quantity;
        request.limit = terms.limit.unwrap_or(f64::NAN);
        // A limit that is not a number must be refused like any other, not become an order at the market.
        if terms.limit.is_some_and(f64::is_nan) {
            request.limit = f64::INFINITY;
        }
        request.reduce_only = u32::from(terms.reduce_only);
        request.tif = match terms.tif {
            TimeInForce::GoodTillCancelled => abi::GTC,
            TimeInForce::ImmediateOrCancel => abi::IOC,
            TimeInForce::FillOrKill => abi::FOK,
        };
        request.tag[..terms.tag.len()].copy_from_slice(terms.tag.as_bytes());
        request.tag_len = u32::try_from(terms.tag.len()).unwrap_or(0);
        self.ask(request);
        id
    }

    /// Asks to cancel an order of its own and to send it anew with another quantity or limit.
    ///
    /// # Panics
    /// When one call asks for more than the engine takes.
    pub fn replace(&mut self, id: u64, quantity: Option<f64>, limit: Option<f64>) {
        let mut request = blank(abi::REPLACE);
        request.id = id;
        request.quantity = quantity.unwrap_or(f64::NAN);
        request.limit = limit.unwrap_or(f64::NAN);
        self.ask(request);
    }

    /// Asks to cancel one of its own orders, or all of them.
    ///
    /// # Panics
    /// When one call asks for more than the engine takes.
    pub fn cancel(&mut self, id: Option<u64>) {
        let mut request = blank(if id.is_some() {
            abi::CANCEL
        } else {
            abi::CANCEL_ALL
        });
        request.id = id.unwrap_or(0);
        self.ask(request);
    }

    fn ask(&mut self, request: abi::Request) {
        assert!(
            self.answer.request_count < self.answer.request_capacity,
            "one call may ask for {} orders at most",
            self.answer.request_capacity
        );
        // SAFETY: the engine lends room for `request_capacity` requests, of which this is one that is free.
        unsafe {
            self.answer
                .requests
                .add(self.answer.request_count)
                .write(request);
        }
        self.answer.request_count += 1;
    }

    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> f64 {
        assert!(
            slot < self.raw.value_count,
            "this indicator belongs to another trader"
        );
        // SAFETY: the engine lends so many values, and as many slots of several rows, for the length of the call.
        unsafe {
            match self.place {
                Some(place) => place.slot(slot),
                None => self.raw.values.add(slot).read(),
            }
        }
    }

    #[inline]
    fn must_read(&self, bit: u32, what: &str, name: &str) {
        assert!(
            self.reads & bit != 0,
            "ctx.{what} is read but not declared; name it: const READS: Reads = ….with(Reads::{name})"
        );
    }
}

const fn blank(action: u32) -> abi::Request {
    abi::Request {
        action,
        tif: abi::GTC,
        id: 0,
        quantity: f64::NAN,
        limit: f64::NAN,
        reduce_only: 0,
        tag_len: 0,
        tag: [0; abi::TAG],
    }
}
