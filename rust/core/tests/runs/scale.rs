//! Ten thousand traders on two threads: each sees each of its events, in order, and nobody starves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::support::{Random, UNIT, candles, config, market, run, trader};
use pairloom_core::engine::{Account, Handover, RunOptions};
use pairloom_core::market::MarketData;
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{Outcome, SetupCtx, Strategy, StrategyFault, SystemCtx};

const TRADERS: usize = 10_000;
const ROWS: usize = 30;

/// Counts its events and errs when one is out of order.
struct Watcher {
    seen: Arc<AtomicU64>,
    last: AtomicI64,
}

impl Strategy for Watcher {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Outcome<()> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Outcome<Option<TradeSignal>> {
        let ts = ctx.event().map_or(i64::MIN, |event| event.ts());
        if ts != ctx.ts() || self.last.swap(ts, Ordering::Relaxed) >= ts {
            return Err(StrategyFault::raised("an event out of order").into());
        }
        self.seen.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }
}

fn data() -> Arc<MarketData> {
    let mut random = Random::new(5);
    let markets = (0..TRADERS)
        .map(|index| {
            let gap = if index % 2 == 0 { 0 } else { 6 };
            let series = candles(&mut random, ROWS, gap);
            market(&format!("M{index}/USD"), |market| {
                market.candles = Some(series)
            })
        })
        .collect();
    Arc::new(MarketData { markets })
}

#[test]
fn a_replay_on_two_threads_shows_each_trader_each_of_its_events_in_order() {
    let data = data();
    let mut config = config(Account::Spot, 1_000 * UNIT);
    config.threads = Some(2);
    for handover in [Handover::Auto, Handover::Always] {
        let counts: Vec<Arc<AtomicU64>> = (0..TRADERS).map(|_| Arc::default()).collect();
        let traders = counts
            .iter()
            .enumerate()
            .map(|(index, seen)| {
                let watcher = Watcher {
                    seen: Arc::clone(seen),
                    last: AtomicI64::new(i64::MIN),
                };
                trader(
                    &format!("t{index}"),
                    &format!("M{index}/USD"),
                    None,
                    watcher,
                )
            })
            .collect();
        let options = RunOptions {
            handover,
            ..RunOptions::default()
        };
        let outcome = run(&config, traders, &data, &options);
        assert!(
            outcome.records.quarantined.is_empty(),
            "{:?}",
            outcome.records.quarantined
        );
        for (index, (seen, market)) in counts.iter().zip(&data.markets).enumerate() {
            let rows = market.candles.as_ref().unwrap().open_ts.len() as u64;
            assert_eq!(seen.load(Ordering::Relaxed), rows, "trader {index}");
        }
    }
}
