//! Nothing is made or lost: cash, positions, fees and reservations add up over random orders.

use crate::support::{Anything, Random, UNIT, base, config, decimal, markets, run, trader};
use pairloom_core::domain::{Liquidity, Money, Rounding, Side};
use pairloom_core::engine::{Account, Outcome, RunOptions};
use pairloom_core::order::OrderStatus;
use pairloom_core::venue::FillModel;
use proptest::prelude::*;

fn random_run(seed: u64, account: Account, fill: FillModel, cash: Money, extreme: bool) -> Outcome {
    let mut random = Random::new(seed);
    let data = markets(&mut random, 5, 60);
    let traders = (0..8)
        .map(|index| {
            let pair = format!("M{}/USD", index % 5);
            let strategy = if extreme {
                Anything::extreme(seed + index)
            } else {
                Anything::new(seed + index, 1 + random.below(4))
            };
            trader(&format!("t{index}"), &pair, Some(base("0.5")), strategy)
        })
        .collect();
    let mut config = config(account, cash);
    config.venue.fill = fill;
    config.venue.slippage = pairloom_core::domain::Rate::from_decimal(decimal("0.0003"));
    run(&config, traders, &data, &RunOptions::default())
}

/// Adds the fills up again, apart from the engine's own sums.
fn check(outcome: &Outcome, cash: Money) {
    let mut expected = cash;
    let mut fees: Money = 0;
    let mut positions = vec![0_i64; outcome.traders.len()];
    for fill in &outcome.records.fills {
        let trader = fill.trader as usize;
        let instrument = &outcome.markets[outcome.traders[trader].2 as usize].1;
        let value = match fill.side {
            Side::Buy => -instrument
                .value(fill.price, fill.lots, Rounding::Up)
                .unwrap(),
            Side::Sell => instrument
                .value(fill.price, fill.lots, Rounding::Down)
                .unwrap(),
        };
        assert_eq!(
            fill.fee,
            instrument
                .fee(fill.price, fill.lots, fill.liquidity)
                .unwrap()
        );
        expected += value - fill.fee;
        fees += fill.fee;
        positions[trader] += fill.side.sign() * fill.lots;
    }
    assert_eq!(outcome.cash[0].1, expected, "cash is what the fills left");
    assert_eq!(outcome.fees, fees, "fees are those of the fills");
    assert_eq!(
        outcome.positions, positions,
        "positions are those of the fills"
    );
    assert_eq!(outcome.reserved, 0, "nothing stays reserved");
    let round_trips: Money = outcome.trades.iter().map(|trade| trade.cash_flow).sum();
    assert_eq!(cash + round_trips, expected, "round trips hold every cent");
}

/// Every order ends in one of the states in which orders may end, and is filled at most once.
fn check_life_cycles(outcome: &Outcome) {
    let mut filled = vec![0_u32; outcome.records.orders.len() + 1];
    for fill in &outcome.records.fills {
        filled[fill.order as usize] += 1;
    }
    for (index, order) in outcome.records.orders.iter().enumerate() {
        assert_eq!(
            order.id,
            index as u64 + 1,
            "numbers count from one in commit order"
        );
        let fills = filled[order.id as usize];
        match order.status {
            OrderStatus::Filled => assert_eq!(fills, 1, "{order:?}"),
            _ => {
                assert_ne!(order.status, OrderStatus::Working, "{order:?} is left");
                assert_eq!(fills, 0, "{order:?}");
            }
        }
    }
    let mut last = i64::MIN;
    for order in &outcome.records.orders {
        assert!(order.ts >= last, "orders come in the order of time");
        last = order.ts;
    }
}

fn fills() -> impl Strategy<Value = FillModel> {
    prop_oneof![Just(FillModel::NextOpen), Just(FillModel::Close)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_spot_account_adds_up_and_never_owes(seed in any::<u32>(), fill in fills(), cash in 1_i128..2_000) {
        let outcome = random_run(seed.into(), Account::Spot, fill, cash * UNIT, false);
        check(&outcome, cash * UNIT);
        check_life_cycles(&outcome);
        prop_assert!(outcome.cash[0].1 >= 0, "a spot account never owes cash");
        prop_assert!(outcome.positions.iter().all(|&lots| lots >= 0), "nor what it sold");
        prop_assert!(outcome.records.fills.iter().all(|f| f.liquidity == Liquidity::Taker || f.fee > 0));
    }

    #[test]
    fn a_margin_account_adds_up(seed in any::<u32>(), fill in fills(), cash in 100_i128..5_000) {
        let outcome = random_run(seed.into(), Account::Margin, fill, cash * UNIT, false);
        check(&outcome, cash * UNIT);
        check_life_cycles(&outcome);
    }

    #[test]
    fn nothing_panics_at_the_limits_of_numbers(
        seed in any::<u32>(),
        margin in any::<bool>(),
        digits in 0_u32..19,
    ) {
        let cash = 10_i128.pow(digits) * UNIT;
        let account = if margin { Account::Margin } else { Account::Spot };
        let outcome = random_run(seed.into(), account, FillModel::NextOpen, cash, true);
        check(&outcome, cash);
        check_life_cycles(&outcome);
        prop_assert!(outcome.records.quarantined.is_empty(), "{:?}", outcome.records.quarantined);
    }
}
