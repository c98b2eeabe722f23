//! What a strategy is told besides market events.

use crate::abi;
use crate::ctx::Side;

/// A set of hook kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooks(pub(crate) u32);

impl Hooks {
    /// No hook.
    pub const NONE: Self = Self(0);
    /// The start of trading.
    pub const START: Self = Self(1 << abi::HOOK_START);
    /// Fills.
    pub const FILL: Self = Self(1 << abi::HOOK_FILL);
    /// Changes of an order's status.
    pub const ORDER: Self = Self(1 << abi::HOOK_ORDER);
    /// Refusals.
    pub const REFUSED: Self = Self(1 << abi::HOOK_REFUSED);
    /// The end of the run.
    pub const STOP: Self = Self(1 << abi::HOOK_STOP);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Something that happened to a trader, told before its next event.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "the fields are what their names say; times are nanoseconds UTC"
)]
pub enum Hook<'a> {
    /// The first of the trader's events that may trade is about to come.
    Start,
    /// One of its orders was filled.
    Fill {
        ts: i64,
        order_id: u64,
        client_id: Option<u64>,
        side: Side,
        quantity: f64,
        price: f64,
        fee: f64,
        is_maker: bool,
        tag: &'a str,
    },
    /// One of its orders changed its status.
    Order {
        order_id: u64,
        client_id: Option<u64>,
        side: Side,
        quantity: f64,
        limit: Option<f64>,
        status: &'a str,
        reason: &'a str,
        tag: &'a str,
    },
    /// One of its orders, or a part of it, was refused.
    Refused {
        ts: i64,
        check: &'a str,
        reason: &'a str,
        client_id: Option<u64>,
    },
    /// The run is over; orders are discarded.
    Stop,
}

impl<'a> Hook<'a> {
    /// What the engine says, or `None` for a kind that this version does not know.
    pub(crate) fn read(raw: &'a abi::Hook) -> Option<Self> {
        // SAFETY: the engine's texts live as long as the call that lends the hook, and `'a` does not outlive it.
        let text = |text: abi::Text| -> &'a str { unsafe { text.read() } };
        let client_id = (raw.client_id != 0).then_some(raw.client_id);
        let side = Side::of(raw.side).unwrap_or(Side::Buy);
        Some(match raw.kind {
            abi::HOOK_START => Self::Start,
            abi::HOOK_STOP => Self::Stop,
            abi::HOOK_FILL => Self::Fill {
                ts: raw.ts,
                order_id: raw.order_id,
                client_id,
                side,
                quantity: raw.quantity,
                price: raw.price,
                fee: raw.fee,
                is_maker: raw.is_maker != 0,
                tag: text(raw.tag),
            },
            abi::HOOK_ORDER => Self::Order {
                order_id: raw.order_id,
                client_id,
                side,
                quantity: raw.quantity,
                limit: (!raw.price.is_nan()).then_some(raw.price),
                status: text(raw.name),
                reason: text(raw.reason),
                tag: text(raw.tag),
            },
            abi::HOOK_REFUSED => Self::Refused {
                ts: raw.ts,
                check: text(raw.name),
                reason: text(raw.reason),
                client_id,
            },
            _ => return None,
        })
    }
}
