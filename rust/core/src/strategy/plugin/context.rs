//! What a plug-in is shown: the context in the interface's form, filled in as far as the plug-in reads it.

use std::ptr::null;

use pairloom_strategy::abi;

use crate::domain::Side;
use crate::market::{Column, EventKind, EventRef, Field};

use super::super::SystemCtx;

/// What the context points to besides what the trader owns already.
pub(super) struct Lent {
    reads: u32,
    /// The kind of event that fills the window.
    kind: EventKind,
    orders: Vec<abi::Order>,
    /// Columns of the window that exist nowhere as they are.
    copied: Vec<Vec<f64>>,
}

/// The fields of an event in the interface's order.
const fn fields(kind: EventKind) -> &'static [Field] {
    match kind {
        EventKind::Candle => &[
            Field::Open,
            Field::High,
            Field::Low,
            Field::Close,
            Field::Volume,
        ],
        EventKind::Quote => &[Field::Bid, Field::Ask, Field::BidSize, Field::AskSize],
        EventKind::Trade => &[Field::Price, Field::Quantity],
    }
}

impl Lent {
    /// Gathers what must live somewhere while the plug-in is called.
    #[inline]
    pub(super) fn new(ctx: &SystemCtx<'_>, kind: EventKind, reads: u32) -> Self {
        let mut orders = Vec::new();
        if reads & abi::READS_ORDERS != 0 && !ctx.view.row.working.is_empty() {
            orders = ctx.orders().iter().map(order).collect();
        }
        let mut copied = Vec::new();
        if let Some(window) = ctx.window {
            for &field in fields(kind) {
                if window.slice(field).is_none() {
                    copied.push(window.column(field).values().to_vec());
                }
            }
        }
        Self {
            reads,
            kind,
            orders,
            copied,
        }
    }

    /// The context as the plug-in reads it. It points into `self`, `ctx` and `values`, so it must not outlive them.
    #[inline]
    pub(super) fn raw(&self, ctx: &SystemCtx<'_>, values: &[f64]) -> abi::Ctx {
        let mut raw = abi::Ctx {
            now: ctx.ts(),
            orders: if self.orders.is_empty() {
                null()
            } else {
                self.orders.as_ptr()
            },
            order_count: self.orders.len(),
            ..empty(values)
        };
        if let Some(event) = ctx.event {
            raw.kind = event.kind() as u32;
            if self.reads & abi::READS_EVENT != 0 {
                raw.ts = event.ts();
                raw.opening_ts = event.opening_ts();
                raw.event = numbers(event);
            }
        }
        self.show_window(ctx, &mut raw);
        if self.reads & abi::READS_POSITION != 0 {
            let position = ctx.position();
            raw.position = position.size;
            raw.entry_price = position.entry_price;
            raw.unrealized_pnl = position.unrealized_pnl;
        }
        if self.reads & abi::READS_ACCOUNT != 0 {
            raw.equity = ctx.equity();
            raw.cash = ctx.cash();
        }
        raw
    }

    fn show_window(&self, ctx: &SystemCtx<'_>, raw: &mut abi::Ctx) {
        let Some(window) = ctx.window else {
            return;
        };
        let mut copied = self.copied.iter();
        let mut len = None;
        for (place, &field) in raw.window.iter_mut().zip(fields(self.kind)) {
            let column = window
                .slice(field)
                .or_else(|| copied.next().map(Vec::as_slice));
            let column = column.unwrap_or(&[]);
            *place = column.as_ptr();
            // One length serves all columns, so it is that of the shortest.
            len = Some(len.map_or(column.len(), |len: usize| len.min(column.len())));
        }
        raw.window_len = len.unwrap_or(0);
    }
}

#[inline]
fn numbers(event: EventRef<'_>) -> [f64; 5] {
    if let EventRef::Candle(candles, row) = event {
        let volume = candles.volume.as_ref();
        let volume = volume.map_or(f64::NAN, |volume| volume[row]);
        let [open, high, low, close] =
            [&candles.open, &candles.high, &candles.low, &candles.close].map(|column| column[row]);
        return [open, high, low, close, volume];
    }
    if let EventRef::Quote(quotes, row) = event {
        let size = |sizes: &Option<Column>| sizes.as_ref().map_or(f64::NAN, |sizes| sizes[row]);
        let sizes = [size(&quotes.bid_size), size(&quotes.ask_size)];
        return [
            quotes.bid[row],
            quotes.ask[row],
            sizes[0],
            sizes[1],
            f64::NAN,
        ];
    }
    if let Some(trade) = event.trade() {
        let side = trade.side.map_or(0.0, |side| match side {
            Side::Buy => 1.0,
            Side::Sell => -1.0,
        });
        return [trade.price, trade.quantity, side, f64::NAN, f64::NAN];
    }
    let mut numbers = [f64::NAN; 5];
    for (number, &field) in numbers.iter_mut().zip(fields(event.kind())) {
        *number = event.field(field);
    }
    numbers
}

/// A context that shows nothing but these values.
pub(super) const fn empty(values: &[f64]) -> abi::Ctx {
    abi::Ctx {
        size: size_of::<abi::Ctx>() as u32,
        kind: abi::NO_EVENT,
        now: 0,
        ts: 0,
        opening_ts: 0,
        event: [f64::NAN; 5],
        position: f64::NAN,
        entry_price: f64::NAN,
        unrealized_pnl: f64::NAN,
        equity: f64::NAN,
        cash: f64::NAN,
        values: values.as_ptr(),
        value_count: values.len(),
        window: [null(); 5],
        window_len: 0,
        orders: null(),
        order_count: 0,
    }
}

fn order(view: &super::super::OrderView) -> abi::Order {
    abi::Order {
        id: view.client_id.unwrap_or(0),
        side: match view.side {
            Side::Buy => 1,
            Side::Sell => -1,
        },
        reserved: 0,
        quantity: view.quantity,
        limit: view.limit.unwrap_or(f64::NAN),
    }
}
