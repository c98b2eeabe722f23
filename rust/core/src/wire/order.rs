//! An order as bytes: what a gate looks at, and what a venue is told.

use crate::domain::{Lots, Side};
use crate::order::{Order, OrderKind, Origin};
use crate::signal::TimeInForce;

use super::bytes::{In, Malformed, Out, Read};

/// Quantities that are further from zero than this cannot be added up.
pub(crate) const MOST_LOTS: Lots = Lots::MAX / 4;

pub(crate) fn write_side(out: &mut Out, side: Side) {
    out.flag(side == Side::Sell);
}

pub(crate) fn read_side(from: &mut In<'_>) -> Read<Side> {
    let sells = from.flag("a side")?;
    Ok(if sells { Side::Sell } else { Side::Buy })
}

pub(crate) fn write_kind(out: &mut Out, kind: OrderKind) {
    let limit = match kind {
        OrderKind::Market => None,
        OrderKind::Limit(price) => Some(price),
    };
    out.option(limit, Out::i64);
}

pub(crate) fn read_kind(from: &mut In<'_>) -> Read<OrderKind> {
    let limit = from.option("a limit", |from| from.i64("a limit"))?;
    Ok(limit.map_or(OrderKind::Market, OrderKind::Limit))
}

fn write_origin(out: &mut Out, origin: Origin) {
    out.u8(match origin {
        Origin::Signal { .. } => 0,
        Origin::Strategy => 1,
        Origin::Liquidation => 2,
        Origin::Quarantine => 3,
        Origin::Command => 4,
    });
    if let Origin::Signal { target } = origin {
        out.i64(target);
    }
}

fn read_origin(from: &mut In<'_>) -> Read<Origin> {
    Ok(match from.u8("an origin")? {
        0 => Origin::Signal {
            target: from.i64("a target")?,
        },
        1 => Origin::Strategy,
        2 => Origin::Liquidation,
        3 => Origin::Quarantine,
        4 => Origin::Command,
        _ => return Err(Malformed("an origin")),
    })
}

/// The strategy's word for the order does not travel: no control looks at it.
pub(crate) fn write_order(out: &mut Out, order: &Order) {
    out.u64(order.id);
    out.u32(order.trader);
    out.u32(order.market);
    out.option(order.client_id, Out::u64);
    write_side(out, order.side);
    out.i64(order.lots);
    write_kind(out, order.kind);
    out.u8(match order.tif {
        TimeInForce::GoodTillCancelled => 0,
        TimeInForce::ImmediateOrCancel => 1,
        TimeInForce::FillOrKill => 2,
    });
    out.flag(order.reduce_only);
    write_origin(out, order.origin);
    out.i128(order.reserved);
    out.i64(order.decided);
}

pub(crate) fn read_order(from: &mut In<'_>) -> Read<Order> {
    let order = Order {
        id: from.u64("an order's number")?,
        trader: from.u32("an order's trader")?,
        market: from.u32("an order's market")?,
        client_id: from.option("a client id", |from| from.u64("a client id"))?,
        side: read_side(from)?,
        lots: from.i64("a quantity")?,
        kind: read_kind(from)?,
        tif: match from.u8("a time in force")? {
            0 => TimeInForce::GoodTillCancelled,
            1 => TimeInForce::ImmediateOrCancel,
            2 => TimeInForce::FillOrKill,
            _ => return Err(Malformed("a time in force")),
        },
        reduce_only: from.flag("reduce_only")?,
        origin: read_origin(from)?,
        reserved: from.i128("a reservation")?,
        decided: from.i64("a time")?,
        tag: None,
    };
    if order.lots < 1 || order.lots > MOST_LOTS || order.reserved < 0 {
        return Err(Malformed("an order's quantity"));
    }
    Ok(order)
}
