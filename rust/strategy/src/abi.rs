//! The binary interface, in C's terms. A change of any of it is a change of [`VERSION`].
//!
//! The engine owns everything it passes, and it is valid for the length of the call. What a plug-in makes it keeps in
//! its state, which the engine passes back and never looks into.

use std::ffi::{CStr, c_void};

pub use crate::rows::{Rows, Slot};

/// The version of everything here.
pub const VERSION: u32 = 2;

/// The name of the capsule in which a [`Vtable`] comes to Python.
pub const CAPSULE: &CStr = c"pairloom.strategy";

/// The call did what it should.
pub const OK: i32 = 0;
/// The strategy says that it failed; the message says why.
pub const ERROR: i32 = 1;
/// The strategy panicked; the message says what the panic said.
pub const PANIC: i32 = 2;

/// [`Ctx::event`], `ts` and `opening_ts` are filled in.
pub const READS_EVENT: u32 = 1;
/// `position`, `entry_price` and `unrealized_pnl` are filled in.
pub const READS_POSITION: u32 = 2;
/// `equity` and `cash` are filled in.
pub const READS_ACCOUNT: u32 = 4;
/// `orders` is filled in.
pub const READS_ORDERS: u32 = 8;

/// Kinds of event, as in [`Ctx::kind`]; 1 shifted left by one of them is its bit in [`Vtable::events`].
pub const CANDLE: u32 = 0;
/// Best bid and ask.
pub const QUOTE: u32 = 1;
/// A trade between others.
pub const TRADE: u32 = 2;
/// No event came yet.
pub const NO_EVENT: u32 = 3;

/// Kinds of hook, as in [`Hook::kind`]; 1 shifted left by one of them is its bit in [`Vtable::hooks`].
pub const HOOK_START: u32 = 0;
/// A fill.
pub const HOOK_FILL: u32 = 1;
/// An order changed its status.
pub const HOOK_ORDER: u32 = 2;
/// An order was refused.
pub const HOOK_REFUSED: u32 = 3;
/// The end of the run.
pub const HOOK_STOP: u32 = 4;

/// [`Answer::signal`]: nothing.
pub const SIGNAL_NONE: u32 = 0;
/// Be long.
pub const SIGNAL_LONG: u32 = 1;
/// Be short.
pub const SIGNAL_SHORT: u32 = 2;
/// Be flat.
pub const SIGNAL_CLOSE: u32 = 3;
/// Be on the other side.
pub const SIGNAL_REVERSE: u32 = 4;
/// Hold exactly the signed size.
pub const SIGNAL_TARGET: u32 = 5;

/// [`Answer::size_unit`]: the trader's own size.
pub const SIZE_OWN: u32 = 0;
/// A quantity of the base currency.
pub const SIZE_BASE: u32 = 1;
/// An amount of the quote currency.
pub const SIZE_QUOTE: u32 = 2;
/// A part of the account's equity.
pub const SIZE_EQUITY: u32 = 3;

/// [`Request::action`].
pub const BUY: u32 = 1;
/// Sells.
pub const SELL: u32 = 2;
/// Cancels an order and sends it anew; NaN leaves quantity or limit as it is.
pub const REPLACE: u32 = 3;
/// Cancels one order.
pub const CANCEL: u32 = 4;
/// Cancels all orders of the trader.
pub const CANCEL_ALL: u32 = 5;

/// [`Request::tif`]: until filled or cancelled.
pub const GTC: u32 = 0;
/// Immediate or cancel.
pub const IOC: u32 = 1;
/// Fill or kill.
pub const FOK: u32 = 2;

/// The most bytes of an order's tag.
pub const TAG: usize = 32;

/// Text as UTF-8, not terminated.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// First byte; null only where `len` is zero.
    pub data: *const u8,
    /// How many bytes.
    pub len: usize,
}

impl Text {
    /// Text that lives as long as what it was made of.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        Self {
            data: text.as_ptr(),
            len: text.len(),
        }
    }

    /// The text.
    ///
    /// # Safety
    /// `data` points to `len` bytes that live for `'a`.
    #[must_use]
    pub unsafe fn read<'a>(self) -> &'a str {
        if self.data.is_null() {
            return "";
        }
        // SAFETY: the caller promises the bytes.
        let bytes = unsafe { std::slice::from_raw_parts(self.data, self.len) };
        std::str::from_utf8(bytes).unwrap_or("(text that is not UTF-8)")
    }
}

/// Where the one who fails says why.
#[repr(C)]
#[derive(Debug)]
pub struct Message {
    /// Room for UTF-8.
    pub data: *mut u8,
    /// How many bytes there is room for.
    pub capacity: usize,
    /// How many were written.
    pub len: usize,
}

impl Message {
    /// Writes as much of the text as there is room for.
    ///
    /// # Safety
    /// `data` points to `capacity` bytes that may be written.
    pub unsafe fn write(&mut self, text: &str) {
        let mut len = text.len().min(self.capacity);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        // SAFETY: `len` is at most `capacity`, and the text is at least as long.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), self.data, len) };
        self.len = len;
    }
}

/// One parameter of a strategy or an indicator: a number, or a text where `is_text` is not zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Text,
    /// Its value, when a text.
    pub text: Text,
    /// Its value, when a number.
    pub number: f64,
    /// Which of the two.
    pub is_text: u32,
}

/// An indicator that `setup` asks for.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct IndicatorRequest {
    /// `sma`, `ema`, `rsi`, ...: the names of `pairloom.indicators` in small letters.
    pub kind: Text,
    /// Its parameters; those left out take their defaults.
    pub parameters: *const Parameter,
    /// How many.
    pub parameter_count: usize,
    /// The column it is made of; empty for the default.
    pub on: Text,
    /// The slot of the value of another indicator that it is made of; negative for none.
    pub of: i64,
    /// How many values of each output are kept in [`Ctx::values`], the newest first; at least 1.
    pub keep: u32,
    /// Whether `generate_signal` waits for it.
    pub required: u32,
}

/// What `setup` may do.
#[repr(C)]
#[derive(Debug)]
pub struct Setup {
    /// The size of this struct.
    pub size: u32,
    /// The kind of event that fills the window and the indicators.
    pub kind: u32,
    /// `BASE/QUOTE`.
    pub pair: Text,
    /// The engine's own.
    pub host: *mut c_void,
    /// Asks for an indicator: gives the first of its slots in [`Ctx::values`], or a negative number and a message. Its
    /// slots are `keep` for each output, one output after another.
    pub indicator: unsafe extern "C" fn(*mut c_void, *const IndicatorRequest, *mut Message) -> i64,
    /// Asks for the current value of a column of the data: gives its slot in [`Ctx::values`], or a negative number and
    /// a message.
    pub column: unsafe extern "C" fn(*mut c_void, Text, *mut Message) -> i64,
}

/// A working order of the trader.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The strategy's own number; zero for an order that a signal led to.
    pub id: u64,
    /// 1 for a buy, -1 for a sale.
    pub side: i32,
    /// Filler, zero.
    pub reserved: u32,
    /// In the base currency.
    pub quantity: f64,
    /// NaN for an order at the market.
    pub limit: f64,
}

/// What a strategy sees during one call. Numbers that [`Vtable::reads`] does not ask for are undefined.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Ctx {
    /// The size of this struct.
    pub size: u32,
    /// The kind of the event that woke the strategy; in a hook the last it saw.
    pub kind: u32,
    /// The time of the step, nanoseconds UTC.
    pub now: i64,
    /// When the event was known, nanoseconds UTC.
    pub ts: i64,
    /// When the event began: a candle's opening, else `ts`.
    pub opening_ts: i64,
    /// Candle: open, high, low, close, volume. Quote: bid, ask, bid size, ask size. Trade: price, quantity, side (1 buy,
    /// -1 sale, 0 not known). NaN for what there is not.
    pub event: [f64; 5],
    /// Signed quantity in the base currency.
    pub position: f64,
    /// NaN when flat.
    pub entry_price: f64,
    /// In the quote currency.
    pub unrealized_pnl: f64,
    /// The account's, in its currency.
    pub equity: f64,
    /// Free cash in the pair's quote currency.
    pub cash: f64,
    /// The slots that `setup` was given.
    pub values: *const f64,
    /// How many.
    pub value_count: usize,
    /// The window's columns in the order of `event`, oldest first; null without a window or such a column.
    pub window: [*const f64; 5],
    /// How many numbers each of them has.
    pub window_len: usize,
    /// The trader's working orders.
    pub orders: *const Order,
    /// How many.
    pub order_count: usize,
}

/// What happened to a trader besides market events.
#[repr(C)]
#[derive(Debug)]
pub struct Hook {
    /// The size of this struct.
    pub size: u32,
    /// Which: `HOOK_…`. Of the rest, what the kind has not is zero, NaN or empty.
    pub kind: u32,
    /// When, nanoseconds UTC.
    pub ts: i64,
    /// The engine's number of the order.
    pub order_id: u64,
    /// The strategy's own number of the order; zero for none.
    pub client_id: u64,
    /// 1 for a buy, -1 for a sale.
    pub side: i32,
    /// Whether the fill made (1) or took (0).
    pub is_maker: u32,
    /// In the base currency.
    pub quantity: f64,
    /// The fill's price, or the order's limit.
    pub price: f64,
    /// In the quote currency.
    pub fee: f64,
    /// An order's status, a refusal's check.
    pub name: Text,
    /// Why.
    pub reason: Text,
    /// The strategy's word for the order.
    pub tag: Text,
}

/// One thing a strategy asks for beside its signal.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// `BUY`, `SELL`, `REPLACE`, `CANCEL` or `CANCEL_ALL`.
    pub action: u32,
    /// `GTC`, `IOC` or `FOK`.
    pub tif: u32,
    /// The number of the order that is made (see [`Answer::next_id`]), replaced or cancelled.
    pub id: u64,
    /// In the base currency.
    pub quantity: f64,
    /// NaN for an order at the market.
    pub limit: f64,
    /// Whether it may only make the position smaller.
    pub reduce_only: u32,
    /// How many bytes of `tag` count.
    pub tag_len: u32,
    /// The strategy's word for it, UTF-8.
    pub tag: [u8; TAG],
}

/// What a call gives back. The engine fills in `size`, `next_id`, the two buffers, and zero for the rest.
#[repr(C)]
#[derive(Debug)]
pub struct Answer {
    /// The size of this struct.
    pub size: u32,
    /// `SIGNAL_…`.
    pub signal: u32,
    /// `SIZE_…`.
    pub size_unit: u32,
    /// Whether `signal_limit` counts.
    pub has_limit: u32,
    /// How much, in `size_unit`.
    pub signal_size: f64,
    /// Limit price of the order that the signal leads to.
    pub signal_limit: f64,
    /// The number that the next order gets; each one made counts it up.
    pub next_id: u64,
    /// Room for requests, which are taken in their order.
    pub requests: *mut Request,
    /// How many there is room for.
    pub request_capacity: usize,
    /// How many were made.
    pub request_count: usize,
    /// Why the call failed.
    pub message: Message,
}

impl Answer {
    /// Whether it asks for nothing, or for the side that is held already: 1 long, -1 short, 0 flat.
    #[must_use]
    #[inline]
    pub const fn asks_nothing(&self, held: i32) -> bool {
        let met = match self.signal {
            SIGNAL_NONE => true,
            SIGNAL_LONG => held == 1,
            SIGNAL_SHORT => held == -1,
            SIGNAL_CLOSE => held == 0,
            _ => false,
        };
        met && self.size_unit == SIZE_OWN && self.has_limit == 0 && self.request_count == 0
    }
}

/// The type of [`Vtable::generate_signals`].
pub type GenerateSignals =
    unsafe extern "C" fn(*mut c_void, *mut Ctx, *const Rows, *mut Answer, *mut usize) -> i32;

/// A strategy as the engine calls it. `state` is always what `create` or `clone` gave; no two calls with one state run
/// at a time, and none comes after `drop`. No call may unwind.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Vtable {
    /// [`VERSION`]. This and `size` stay where they are in every version.
    pub version: u32,
    /// The size of this struct.
    pub size: u32,
    /// What people call it; lives for ever.
    pub name: Text,
    /// Which parts of the context it reads, `READS_…`.
    pub reads: u32,
    /// Which hooks it wants.
    pub hooks: u32,
    /// Which events wake it; zero for the first kind that its market has.
    pub events: u32,
    /// Filler, zero.
    pub reserved: u32,
    /// Makes a state from parameters.
    pub create:
        unsafe extern "C" fn(*const Parameter, usize, *mut *mut c_void, *mut Message) -> i32,
    /// How many events its window holds; may be null for none.
    pub window: Option<unsafe extern "C" fn(*const c_void) -> usize>,
    /// Asks for indicators; may be null.
    pub setup: Option<unsafe extern "C" fn(*mut c_void, *mut Setup, *mut Message) -> i32>,
    /// Decides at an event.
    pub generate_signal: unsafe extern "C" fn(*mut c_void, *const Ctx, *mut Answer) -> i32,
    /// Decides at several rows, one after the other from the first, as `generate_signal` would at each, and ends behind the
    /// first one whose answer asks for something ([`Answer::asks_nothing`]), or that fails; it may end before that. An answer
    /// that asks for nothing is taken back before the next row. The last argument takes how many rows that were, the last one
    /// included; where it is zero the state must be what it was, and `generate_signal` is called for the first of them. Of the
    /// context, what changes from row to row is not filled in ([`Rows::show`] does that); the context and the numbers at
    /// [`Ctx::values`] may be written to. May be null: then each row is a call.
    pub generate_signals: Option<GenerateSignals>,
    /// Told what happened; may be null where `hooks` is zero.
    pub on_hook:
        Option<unsafe extern "C" fn(*mut c_void, *const Ctx, *const Hook, *mut Answer) -> i32>,
    /// A copy of a state from which the same events give the same answers; without it the trader is never run ahead.
    pub clone: Option<unsafe extern "C" fn(*const c_void) -> *mut c_void>,
    /// Frees a state; may be null where there is nothing to free.
    pub drop: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: a vtable is constant: functions, numbers and text that lives for ever.
unsafe impl Send for Vtable {}
// SAFETY: as above.
unsafe impl Sync for Vtable {}

#[cfg(test)]
mod tests {
    use super::{Answer, Ctx, Hook, Request, Rows, Slot, Vtable};

    #[test]
    fn header_and_crate_agree_on_sizes() {
        // The same numbers stand in `tests/flow/test_plugins.py`, where the header is compiled.
        let sizes = [
            size_of::<Vtable>(),
            size_of::<Ctx>(),
            size_of::<Answer>(),
            size_of::<Request>(),
            size_of::<Hook>(),
            std::mem::offset_of!(Ctx, orders),
            size_of::<Rows>(),
            std::mem::offset_of!(Rows, slots),
            size_of::<Slot>(),
        ];
        assert_eq!(sizes, [104, 192, 88, 72, 112, 176, 96, 80, 16]);
    }
}
