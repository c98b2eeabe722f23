//! The same input gives the same output, whatever the number of threads and the order in which evaluations end.

use crate::support::{Anything, Random, UNIT, base, config, markets, run, trader};
use pairloom_core::engine::{Account, Handover, Outcome, RunOptions, TraderConfig};
use pairloom_core::strategy::builtin;

const SEED: u64 = 20_260_101;

/// 300 markets with missing rows, three kinds of strategy, two traders on some pairs.
fn portfolio() -> Vec<TraderConfig> {
    let mut traders = Vec::new();
    for index in 0..300_u64 {
        let pair = format!("M{index}/USD");
        let name = format!("first {index}");
        let mut config = trader(&name, &pair, Some(base("1.5")), Anything::new(index, 3));
        match index % 3 {
            0 => {}
            1 => {
                let parameters = [("side".to_owned(), text("long"))];
                config.strategy = builtin("sma_cross", &parameters).unwrap();
            }
            _ => config.strategy = builtin("rsi", &[]).unwrap(),
        }
        traders.push(config);
        if index % 4 == 0 {
            let name = format!("second {index}");
            traders.push(trader(
                &name,
                &pair,
                Some(base("0.7")),
                Anything::new(index + 7, 2),
            ));
        }
    }
    traders
}

fn text(value: &str) -> pairloom_core::strategy::ParameterValue {
    pairloom_core::strategy::ParameterValue::Text(value.to_owned())
}

fn run_with(threads: usize, options: &RunOptions) -> Outcome {
    let data = markets(&mut Random::new(SEED), 300, 80);
    // So short of cash that the commit order decides who is refused.
    let mut config = config(Account::Spot, 20_000 * UNIT);
    config.threads = Some(threads);
    run(&config, portfolio(), &data, options)
}

#[test]
fn one_digest_for_every_number_of_threads() {
    let reference = run_with(1, &RunOptions::default());
    let refused = reference
        .records
        .refusals
        .iter()
        .filter(|r| r.check == "cash");
    assert!(refused.count() > 100, "the account is short of cash");
    let fills = reference.records.fills.len();
    assert!(fills > 500, "{fills} fills");
    for threads in [2, 3, 4, 8] {
        let outcome = run_with(threads, &RunOptions::default());
        assert_eq!(outcome.digest, reference.digest, "{threads} threads");
    }
}

#[test]
fn the_order_in_which_evaluations_end_changes_nothing() {
    let reference = run_with(1, &RunOptions::default());
    for threads in [1, 2, 3, 4, 8] {
        let mut worked = vec![0; threads];
        for round in 0..3 {
            let seed = SEED * 31 + round;
            println!("threads {threads}, shuffle seed {seed}");
            let options = RunOptions {
                handover: Handover::Always,
                shuffle_seed: Some(seed),
                ..RunOptions::default()
            };
            let outcome = run_with(threads, &options);
            assert_eq!(
                outcome.digest, reference.digest,
                "threads {threads}, seed {seed}"
            );
            for (thread, worked) in worked.iter_mut().enumerate() {
                *worked += outcome.counters[&format!("evaluations_on_thread_{thread}")];
            }
        }
        // On a busy machine a thread may come too late for everything; that all work is left to one would be wrong.
        let at_work = worked.iter().filter(|&&worked| worked > 0).count();
        assert!(at_work >= threads.min(2), "{worked:?}");
    }
}

#[test]
fn a_trader_alone_in_quarantine_leaves_the_others_as_they_were() {
    let data = markets(&mut Random::new(SEED), 10, 80);
    let config = config(Account::Margin, 1_000_000 * UNIT);
    let healthy = || {
        (0..10_u64)
            .map(|i| {
                let pair = format!("M{i}/USD");
                trader(
                    &format!("h{i}"),
                    &pair,
                    Some(base("1")),
                    Anything::new(i, 3),
                )
            })
            .collect::<Vec<_>>()
    };
    let alone = run(&config, healthy(), &data, &RunOptions::default());
    let mut with_bad = healthy();
    with_bad.push(trader("bad", "M2/USD", None, Panics(20)));
    let both = run(&config, with_bad, &data, &RunOptions::default());
    assert_eq!(both.records.quarantined.len(), 1);
    let stopped = &both.records.quarantined[0];
    assert_eq!((stopped.trader, stopped.fault.kind.name()), (10, "panic"));
    assert!(stopped.fault.message.contains("on purpose"));
    assert_eq!(alone.records.fills, both.records.fills);
}

struct Panics(u32);

impl pairloom_core::strategy::Strategy for Panics {
    fn setup(
        &mut self,
        _ctx: &mut pairloom_core::strategy::SetupCtx<'_>,
    ) -> pairloom_core::strategy::Outcome<()> {
        Ok(())
    }

    fn generate_signal(
        &mut self,
        _ctx: &mut pairloom_core::strategy::SystemCtx<'_>,
    ) -> pairloom_core::strategy::Outcome<Option<pairloom_core::signal::TradeSignal>> {
        self.0 -= 1;
        assert!(self.0 > 0, "on purpose");
        Ok(None)
    }
}
