//! Strategies of an interpreter without a global lock: on the pool, each call on a thread that is attached, nobody waiting
//! attached, and the one digest. The interpreter here only keeps the accounts.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::support::{Anything, Random, UNIT, base, config, markets, trader};
use flume::{Receiver, Sender};
use pairloom_core::engine::{
    Account, Config, Handover, Host, Outcome, RunOptions, TraderConfig, backtest,
};
use pairloom_core::live::{Cast, Feed, LiveOptions, paper};
use pairloom_core::market::MarketData;
use pairloom_core::signal::TradeSignal;
use pairloom_core::strategy::{
    Hook, Hooks, Interpreter, Lane, Outcome as Call, SetupCtx, Strategy, SystemCtx,
};

const SEED: u64 = 20_261_125;

thread_local! {
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
}

fn within(attached: bool, work: &mut dyn FnMut()) {
    let before = ATTACHED.replace(attached);
    work();
    ATTACHED.set(before);
}

#[derive(Default)]
struct Accounts {
    known: AtomicUsize,
    batches: AtomicUsize,
    interrupts: Option<Sender<()>>,
}

impl Interpreter for Accounts {
    fn attached(&self, work: &mut (dyn FnMut() + Send)) {
        self.known.fetch_add(1, SeqCst);
        within(true, work);
        self.known.fetch_sub(1, SeqCst);
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        within(false, work);
    }

    fn batch(&self, work: &mut (dyn FnMut() + Send)) {
        assert!(!ATTACHED.get(), "a thread of the pool waits detached");
        self.batches.fetch_add(1, SeqCst);
        within(true, work);
    }

    fn interrupt(&self) {
        if let Some(interrupts) = &self.interrupts {
            interrupts.send(()).unwrap();
        }
    }
}

struct Caller {
    accounts: Arc<Accounts>,
    goes_on: bool,
}

impl Host for Caller {
    fn poll(&self, _share_done: f64) -> bool {
        true
    }

    fn detached(&self, work: &mut (dyn FnMut() + Send)) {
        within(false, work);
    }

    fn goes_on(&self) -> bool {
        self.goes_on
    }

    fn interpreter(&self) -> Option<Arc<dyn Interpreter>> {
        Some(Arc::clone(&self.accounts) as Arc<dyn Interpreter>)
    }
}

/// An object of the interpreter: it may be called on an attached thread alone.
struct Object(Anything);

impl Strategy for Object {
    fn setup(&mut self, ctx: &mut SetupCtx<'_>) -> Call<()> {
        self.0.setup(ctx)
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        assert!(ATTACHED.get(), "a call on a thread that is not attached");
        self.0.generate_signal(ctx)
    }

    fn on_hook(&mut self, ctx: &mut SystemCtx<'_>, hook: &Hook) -> Call<Option<TradeSignal>> {
        assert!(ATTACHED.get(), "a hook on a thread that is not attached");
        self.0.on_hook(ctx, hook)
    }

    fn hooks(&self) -> Hooks {
        self.0.hooks()
    }

    fn lane(&self) -> Lane {
        Lane::FreeThreaded
    }
}

/// Of 60 traders two in three are objects, unless all are native.
fn portfolio(native: bool) -> Vec<TraderConfig> {
    let traders = (0..60_u64).map(|index| {
        let pair = format!("M{index}/USD");
        let name = format!("trader {index}");
        let size = Some(base("1.5"));
        let mut config = trader(&name, &pair, size, Anything::new(index, 3));
        if !native && !index.is_multiple_of(3) {
            config.strategy = Box::new(Object(Anything::new(index, 3)));
        }
        config
    });
    traders.collect()
}

fn settings(threads: usize) -> Config {
    // So short of cash that the commit order decides who is refused.
    let mut config = config(Account::Spot, 4_000 * UNIT);
    config.threads = Some(threads);
    config
}

fn data() -> Arc<MarketData> {
    markets(&mut Random::new(SEED), 60, 80)
}

fn run(caller: &Caller, threads: usize, native: bool, options: &RunOptions) -> Outcome {
    let mut outcome = None;
    within(true, &mut || {
        let config = settings(threads);
        outcome = Some(backtest(&config, portfolio(native), &data(), options, caller).unwrap());
    });
    outcome.unwrap()
}

#[test]
fn objects_run_attached_on_the_pool_and_give_the_digest_of_native_traders() {
    let caller = Caller {
        accounts: Arc::default(),
        goes_on: true,
    };
    let reference = run(&caller, 1, true, &RunOptions::default());
    assert!(reference.records.fills.len() > 200);
    assert!(reference.records.quarantined.is_empty());
    for threads in 1..=8 {
        for (handover, shuffle_seed) in [
            (Handover::Never, None),
            (Handover::Auto, None),
            (Handover::Always, None),
            (Handover::Always, Some(SEED + threads as u64)),
        ] {
            let options = RunOptions {
                handover,
                shuffle_seed,
                ..RunOptions::default()
            };
            let outcome = run(&caller, threads, false, &options);
            let case = format!("{threads} threads, {handover:?}, shuffle seed {shuffle_seed:?}");
            assert_eq!(outcome.digest, reference.digest, "{case}");
            assert_eq!(outcome.lanes["free-threaded"], 40);
            assert_eq!(outcome.lanes["native"], 20);
            assert_eq!(
                caller.accounts.known.load(SeqCst),
                0,
                "{case}: threads are left"
            );
        }
    }
    assert!(caller.accounts.batches.load(SeqCst) > 1_000);
}

#[test]
fn the_live_driver_runs_objects_on_its_pool() {
    let caller = Caller {
        accounts: Arc::default(),
        goes_on: true,
    };
    let reference = run(&caller, 1, true, &RunOptions::default());
    for threads in [1, 2, 4] {
        let cast = Cast {
            traders: portfolio(false),
            factories: Vec::new(),
            interpreter: Arc::clone(&caller.accounts) as Arc<dyn Interpreter>,
        };
        let feed = Feed::Recorded(data());
        let options = LiveOptions::default();
        let outcome = paper(&settings(threads), cast, feed, options, &caller).unwrap();
        assert_eq!(outcome.digest, reference.digest, "{threads} threads");
    }
}

/// A call that ends only when it is interrupted.
struct Endless(Receiver<()>);

impl Strategy for Endless {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, _ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        self.0.recv().unwrap();
        Err(pairloom_core::strategy::Stop::Interrupted)
    }

    fn lane(&self) -> Lane {
        Lane::FreeThreaded
    }
}

#[test]
fn an_interrupt_of_the_caller_reaches_a_call_that_does_not_end() {
    let (interrupts, interrupted) = flume::bounded(1);
    let caller = Caller {
        accounts: Arc::new(Accounts {
            interrupts: Some(interrupts),
            ..Accounts::default()
        }),
        goes_on: false,
    };
    let options = RunOptions {
        handover: Handover::Always,
        ..RunOptions::default()
    };
    let mut traders = portfolio(true);
    traders[0].strategy = Box::new(Endless(interrupted));
    let outcome = backtest(&settings(2), traders, &data(), &options, &caller).unwrap();
    assert!(outcome.interrupted);
    assert!(outcome.records.quarantined.is_empty());
    assert_eq!(caller.accounts.known.load(SeqCst), 0, "threads are left");
}
