//! Random schedules of approvals, fills, cancellations that take their time, and prices: no limit is ever exceeded, and
//! nothing stays reserved.
//!
//! Everything is added up again from the account after each event, apart from the gate's own sums.
//! `PROPTEST_CASES=1000000` makes it as long as `scripts/check_overshoot` does.

use proptest::prelude::*;

use crate::rows::{Rows, Times};

use super::test_support::{Desk, UNIT};
use super::{ByPair, LimitSpec, RiskSpec};
use crate::domain::{Lots, Money, Side};
use crate::order::{OrderKind, Origin};

const MARKET_OF: [usize; 3] = [0, 0, 1];

#[derive(Clone, Debug)]
enum Event {
    Send {
        trader: u32,
        delta: Lots,
        limit: Option<i64>,
        reduce_only: bool,
    },
    /// A cancellation is asked for; the order may still be filled.
    Leave {
        trader: u32,
        which: usize,
    },
    Fill {
        trader: u32,
        which: usize,
    },
    /// A cancellation is confirmed, or an order ends unfilled.
    End {
        trader: u32,
        which: usize,
    },
    Price {
        market: u32,
        units: i64,
    },
}

#[derive(Clone, Debug)]
struct Numbers {
    position: [Lots; 2],
    own: Lots,
    gross: i64,
    net: i64,
    quantity: Lots,
    spot: bool,
}

fn events() -> impl Strategy<Value = Event> {
    let trader = 0..3_u32;
    prop_oneof![
        5 => (trader.clone(), -12..12_i64, proptest::option::of(9_000..11_000_i64), any::<bool>())
            .prop_map(|(trader, delta, limit, reduce_only)| Event::Send {
                trader,
                delta: if delta >= 0 { delta + 1 } else { delta },
                limit,
                reduce_only,
            }),
        1 => (trader.clone(), 0..4_usize).prop_map(|(trader, which)| Event::Leave { trader, which }),
        3 => (trader.clone(), 0..4_usize).prop_map(|(trader, which)| Event::Fill { trader, which }),
        2 => (trader, 0..4_usize).prop_map(|(trader, which)| Event::End { trader, which }),
        1 => (0..2_u32, 8_000..12_000_i64).prop_map(|(market, units)| Event::Price { market, units }),
    ]
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let lots = || 0..30_i64;
    (
        [lots(), lots()],
        lots(),
        0..5_000_i64,
        0..4_000_i64,
        1..14_i64,
        any::<bool>(),
    )
        .prop_map(|(position, own, gross, net, quantity, spot)| Numbers {
            position,
            own,
            gross,
            net,
            quantity,
            spot,
        })
}

fn desk(numbers: &Numbers) -> Desk {
    let [a, b] = numbers.position;
    let spec = RiskSpec {
        account: LimitSpec {
            max_position: ByPair::Each {
                pairs: vec![("A/USD".to_owned(), a.into())],
                default: Some(b.into()),
            },
            max_gross_exposure: Some(numbers.gross.into()),
            max_net_exposure: Some(numbers.net.into()),
            max_order_quantity: ByPair::All(numbers.quantity.into()),
            ..LimitSpec::default()
        },
        traders: vec![(
            "a".to_owned(),
            LimitSpec {
                max_position: ByPair::All(numbers.own.into()),
                ..LimitSpec::default()
            },
        )],
    };
    let mut desk = Desk::with(&spec, numbers.spot, 3_000 * UNIT);
    for market in 0..2 {
        desk.price(market, 10_000);
    }
    desk
}

/// What a trader becomes on one side when all that works there is filled.
fn signed(desk: &Desk, trader: u32, side: Side) -> Lots {
    let row = desk.account.row(trader);
    let working = row.working.iter().filter(|order| order.side == side);
    side.sign() * row.position + working.map(|order| order.lots).sum::<Lots>()
}

fn price(desk: &Desk, market: usize) -> Money {
    let mark = desk.account.market(market as u32).mark.unwrap();
    Money::from(mark) * UNIT / 200
}

/// Positions as they can become, by market and side, netted over nobody.
fn reach(desk: &Desk, market: usize, side: Side) -> Lots {
    let traders = (0..3).filter(|&trader| MARKET_OF[trader as usize] == market);
    traders
        .map(|trader| signed(desk, trader, side).max(0))
        .sum()
}

fn gross(desk: &Desk) -> Money {
    let worth = |market| {
        let lots = reach(desk, market, Side::Buy).max(reach(desk, market, Side::Sell));
        Money::from(lots) * price(desk, market)
    };
    worth(0) + worth(1)
}

fn net(desk: &Desk, side: Side) -> Money {
    (0..3)
        .map(|trader| {
            let market = MARKET_OF[trader as usize];
            Money::from(signed(desk, trader, side)) * price(desk, market)
        })
        .sum()
}

/// What must hold after every event.
fn check(desk: &Desk, numbers: &Numbers) {
    for market in 0..2 {
        for side in [Side::Buy, Side::Sell] {
            assert!(reach(desk, market, side) <= numbers.position[market]);
        }
    }
    for side in [Side::Buy, Side::Sell] {
        assert!(signed(desk, 0, side) <= numbers.own);
    }
    assert!(desk.account.reserved() >= 0);
    assert!(!numbers.spot || desk.account.view().free >= 0);
}

fn nth(desk: &Desk, trader: u32, which: usize) -> Option<u64> {
    let working = &desk.account.row(trader).working;
    working
        .get(which % working.len().max(1))
        .map(|order| order.id)
}

fn send(desk: &mut Desk, numbers: &Numbers, event: &Event) {
    let &Event::Send {
        trader,
        delta,
        limit,
        reduce_only,
    } = event
    else {
        return;
    };
    let mut order = desk.order(
        trader,
        delta,
        limit.map_or(OrderKind::Market, OrderKind::Limit),
    );
    order.reduce_only = reduce_only;
    order.origin = Origin::Strategy;
    let side = order.side;
    let reducible = desk.account.row(trader).reducible(side);
    let (before, gross_before) = (signed(desk, trader, side), gross(desk));
    let _ = desk.submit(order);
    let added = signed(desk, trader, side) - before;
    assert!(0 <= added && added <= delta.abs());
    if added > reducible {
        // Something passed that does not only reduce: all that limits exposure agreed.
        assert!(gross(desk) <= Money::from(numbers.gross) * UNIT);
        assert!(net(desk, side) <= Money::from(numbers.net) * UNIT);
        assert!(added <= numbers.quantity);
    } else {
        assert!(gross(desk) <= gross_before, "what reduces never adds");
    }
}

fn play(desk: &mut Desk, numbers: &Numbers, event: &Event) {
    let before = gross(desk);
    match *event {
        Event::Send { .. } => return send(desk, numbers, event),
        Event::Price { market, units } => return desk.price(market, units),
        Event::Leave { trader, which } => {
            if let Some(id) = nth(desk, trader, which) {
                desk.account.leave(trader, id, "");
            }
        }
        Event::Fill { trader, which } => {
            if let Some(id) = nth(desk, trader, which) {
                desk.fill(trader, id);
            }
        }
        Event::End { trader, which } => {
            if let Some(id) = nth(desk, trader, which) {
                desk.cancel(trader, id);
            }
        }
    }
    assert!(gross(desk) <= before, "fills and cancellations add nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_limit_is_exceeded_and_nothing_stays_reserved(
        numbers in numbers(),
        schedule in proptest::collection::vec(events(), 1..60),
    ) {
        let mut desk = desk(&numbers);
        for event in &schedule {
            play(&mut desk, &numbers, event);
            check(&desk, &numbers);
        }
        for trader in 0..3 {
            while let Some(id) = nth(&desk, trader, 0) {
                desk.cancel(trader, id);
            }
        }
        desk.gate.begin(&Times::default(), &Rows::default(), &desk.account);
        assert_eq!(desk.account.reserved(), 0);
        for trader in 0..3 {
            let position = desk.account.row(trader).position;
            assert_eq!(signed(&desk, trader, Side::Buy), position);
            assert!(!numbers.spot || position >= 0);
        }
    }
}
