//! Hooks in the interface's form.

use pairloom_strategy::abi::{self, Text};

use crate::domain::{Liquidity, Side};

use super::super::{Hook, Hooks};

/// The kinds a plug-in names, as the engine's set.
pub(super) fn wanted(bits: u32) -> Hooks {
    let kinds = [
        (abi::HOOK_START, Hooks::START),
        (abi::HOOK_FILL, Hooks::FILL),
        (abi::HOOK_ORDER, Hooks::ORDER),
        (abi::HOOK_REFUSED, Hooks::REFUSED),
        (abi::HOOK_STOP, Hooks::STOP),
    ];
    kinds
        .into_iter()
        .filter(|(kind, _)| bits & (1 << kind) != 0)
        .fold(Hooks::NONE, |set, (_, hooks)| set.with(hooks))
}

/// A hook as the plug-in reads it; it points into `hook`. `None` for a kind that the interface has not.
pub(super) fn raw(hook: &Hook) -> Option<abi::Hook> {
    let blank = |kind| abi::Hook {
        size: size_of::<abi::Hook>() as u32,
        kind,
        ts: 0,
        order_id: 0,
        client_id: 0,
        side: 0,
        is_maker: 0,
        quantity: f64::NAN,
        price: f64::NAN,
        fee: f64::NAN,
        name: Text::new(""),
        reason: Text::new(""),
        tag: Text::new(""),
    };
    Some(match hook {
        Hook::Start => blank(abi::HOOK_START),
        Hook::Stop => blank(abi::HOOK_STOP),
        Hook::Fill(fill) => abi::Hook {
            ts: fill.ts,
            order_id: fill.order_id,
            client_id: fill.client_id.unwrap_or(0),
            side: sign(fill.side),
            is_maker: u32::from(matches!(fill.liquidity, Liquidity::Maker)),
            quantity: fill.quantity,
            price: fill.price,
            fee: fill.fee,
            tag: text(fill.tag.as_deref()),
            ..blank(abi::HOOK_FILL)
        },
        Hook::Order(order) => abi::Hook {
            order_id: order.order_id,
            client_id: order.client_id.unwrap_or(0),
            side: sign(order.side),
            quantity: order.quantity,
            price: order.limit.unwrap_or(f64::NAN),
            name: Text::new(order.status),
            reason: Text::new(order.reason),
            tag: text(order.tag.as_deref()),
            ..blank(abi::HOOK_ORDER)
        },
        Hook::Refused(refusal) => abi::Hook {
            ts: refusal.ts,
            client_id: refusal.client_id.unwrap_or(0),
            name: Text::new(refusal.check),
            reason: Text::new(&refusal.reason),
            ..blank(abi::HOOK_REFUSED)
        },
        Hook::Time(_) => return None,
    })
}

fn text(tag: Option<&str>) -> Text {
    Text::new(tag.unwrap_or(""))
}

const fn sign(side: Side) -> i32 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}
