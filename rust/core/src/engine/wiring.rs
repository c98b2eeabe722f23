//! The one place that joins the stages, in the order in which data pass them.

use std::sync::Arc;

use rayon::ThreadPool;
use tokio::runtime::Runtime;

use crate::clock::Stopwatch;
use crate::commit::{TraderInfo, Writer};
use crate::dispatch::{Inbox, Overflow, Slots};
use crate::domain::{Instrument, MarketPair, PairTable};
use crate::error::Error;
use crate::journal::Recorder;
use crate::limits::{self, MAX_TRADERS};
use crate::live;
use crate::market::{EventKind, ExtraColumn, Market, MarketData, PriceScale};
use crate::portfolio::Portfolio;
use crate::replay;
use crate::risk::{Margin, RiskGate, RiskSpec, Roster};
use crate::step::{Away, Resumed};
use crate::strategy::{Interpreter, Lane, pool_of};
use crate::trader::{Trader, TraderSpec};
use crate::venue::{BookConfig, SimVenue};

use super::config::{Account, Config, RunOptions, TimeMark, TraderConfig};
use super::host::Host;
use super::instruments::{check_latency, grid_of, instruments};
use super::kept::{begin_with, open_journal, resumption};
use super::outcome::{Closing, Outcome};
use super::sweep::Shared;

/// The stages of a run, joined but not yet driven.
pub struct Core {
    /// The pairs traded, interned in the order of the traders.
    pub pairs: PairTable,
    /// For each traded market its position in the data, if it has data.
    pub sources: Vec<Option<usize>>,
    /// The markets' price scales.
    pub scales: Vec<PriceScale>,
    /// Market to traders.
    pub slots: Slots,
    /// The traders, by index.
    pub traders: Vec<Trader>,
    /// The kinds of event each trader's window follows.
    pub mains: Vec<EventKind>,
    /// The boundaries of time traders wait for.
    pub time_marks: Vec<(u32, TimeMark)>,
    /// The one writer.
    pub writer: Writer,
    /// The simulated venue.
    pub venue: SimVenue,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
}

/// Joins the stages for a recorded run.
///
/// # Errors
/// When settings make no sense together or with the data.
pub fn wire(config: &Config, traders: Vec<TraderConfig>, data: &MarketData) -> Result<Core, Error> {
    if traders.is_empty() || traders.len() > MAX_TRADERS {
        return Err(Error::config(
            "engine.traders",
            format!(
                "an engine runs 1 to {MAX_TRADERS} traders, not {}; call engine.trade(pairs, strategy) first",
                traders.len()
            ),
        ));
    }
    // 1. Pairs and their data.
    let WiredPairs {
        pairs,
        sources,
        market_of,
    } = wire_pairs(&traders, data)?;
    let markets: Vec<&Market> = sources
        .iter()
        .flatten()
        .map(|&source| &data.markets[source])
        .collect();
    // 2. Instruments.
    let mut assumptions = Vec::new();
    let (scales, instruments) = instruments(config, &markets, &mut assumptions)?;
    check_latency(config, &markets)?;
    // 3. Dispatch: market to traders.
    let slots = Slots::new(markets.len(), &market_of);
    // 4. Traders with their strategies, indicators and windows.
    let wired = wire_traders(traders, &market_of, &markets, &scales)?;
    // 5. The account, the gate before it, and the one writer.
    let roster = roster(config, &pairs, &wired.traders);
    let writer = wire_writer(config, &wired.traders, &instruments, roster)?;
    assumptions.extend(config.risk.as_ref().and_then(controls_off));
    // 6. The venue.
    let books: Vec<_> = markets
        .iter()
        .zip(&scales)
        .map(|(market, scale)| BookConfig {
            scale: *scale,
            grid: grid_of(market, *scale),
            kinds: market.kinds().collect(),
        })
        .collect();
    let venue = SimVenue::new(config.venue, &books);
    Ok(Core {
        pairs,
        sources,
        scales,
        slots,
        traders: wired.traders,
        mains: wired.mains,
        time_marks: wired.time_marks,
        writer,
        venue,
        assumptions,
    })
}

/// Runs a portfolio over recorded data, as fast as it goes.
///
/// # Errors
/// When settings make no sense together or with the data.
pub fn backtest(
    config: &Config,
    traders: Vec<TraderConfig>,
    data: &Arc<MarketData>,
    options: &RunOptions,
    host: &dyn Host,
) -> Result<Outcome, Error> {
    backtest_among(config, traders, data, options, host, &Shared::default())
}

/// The same as one of several runs over the same data, which share what is laid out of these.
///
/// # Errors
/// When settings make no sense together or with the data.
pub(super) fn backtest_among(
    config: &Config,
    traders: Vec<TraderConfig>,
    data: &Arc<MarketData>,
    options: &RunOptions,
    host: &dyn Host,
    shared: &Shared,
) -> Result<Outcome, Error> {
    let watch = Stopwatch::start();
    let mut core = wire(config, traders, data)?;
    let closing = Closing::of(&mut core);
    let rows = shared.rows(&core, data, options);
    // Indicators are a part of what is measured as the run, whoever computes them.
    let computing = Stopwatch::start();
    shared.indicators(&mut core, data);
    let computing = computing.elapsed().as_secs_f64();
    let journal = open_journal(config, options, &closing, false, true)?;
    let remote = host.remote(config, &core, data)?;
    let mut replay = replay::prepare(core, data, &rows, config, options, host, remote)?;
    if let Some(journal) = journal {
        replay.keep(journal)?;
    }
    let setup = watch.elapsed().as_secs_f64() - computing;
    let mut done = replay.run();
    done.report.elapsed += computing;
    closing.finish(config, done, setup)
}

/// Runs a portfolio through the live driver, on this thread. `people` is where commands come from, and where the run
/// leaves what people may still ask for when it is over.
///
/// # Errors
/// When settings make no sense together or with the data.
pub(crate) fn join_live(
    config: &Config,
    cast: live::Cast,
    feed: live::Feed,
    options: live::LiveOptions,
    host: &dyn Host,
    people: live::People,
) -> Result<Outcome, Error> {
    let watch = Stopwatch::start();
    let live::Cast {
        traders,
        factories,
        interpreter,
    } = cast;
    // 1. to 6. as for a recorded run: pairs, instruments, dispatch, traders, the one writer, the simulated venue.
    let mut core = wire(config, traders, feed.data())?;
    let closing = Closing::of(&mut core);
    // The journal, before anything is started: another process may have it.
    let mut journal = open_journal(config, &options.run, &closing, true, feed.is_recorded())?;
    let throw = || people.1.throw_kill_switch();
    let ledger = begin_with(journal.as_ref(), options.broker.is_none(), throw);
    // In real time nobody waits for workers yet.
    let remote = if feed.is_recorded() {
        host.remote(config, &core, feed.data())?
    } else {
        None
    };
    let resumed = resumption(&mut journal, options.why_no_snapshots(remote.is_some()))?;
    let memory = remembered(resumed.as_ref(), journal.as_ref(), &mut core)?;
    let markets = core.scales.len();
    let away = Away::new(&mut core.traders, markets, remote, host, false)?;
    // 7. Channels, each bounded.
    let channels = channels(&core, feed.is_recorded());
    // 8. Threads: the engine's own pool for traders, tokio for recorded feeds and the order engine.
    let free = |trader: &Trader| trader.lane() == Lane::FreeThreaded;
    let free_threaded = core.traders.iter().any(free);
    let pool = trader_pool(config.threads, free_threaded.then_some(&interpreter))?;
    let runtime = io_runtime(options.risk.is_some() || options.apart.is_some())?;
    // 9. The rows of a recorded feed, in steps.
    let rows = feed
        .is_recorded()
        .then(|| Shared::default().rows(&core, feed.data(), &options.run));
    // 10. Actors, feed, order engine and commit thread.
    let mut joined = live::join(live::Parts {
        ledger,
        known: journal.as_ref().and_then(Recorder::known_until),
        memory,
        core,
        away,
        factories,
        interpreter,
        feed,
        rows,
        options,
        channels,
        pool,
        runtime,
        host,
        people,
    })?;
    if let Some(journal) = journal {
        joined.keep(journal, resumed)?;
    }
    let setup = watch.elapsed().as_secs_f64();
    if !joined.is_rebuilding() {
        host.caught_up();
    }
    let done = joined.run();
    closing.finish(config, done, setup)
}

/// What the live driver remembers, where the run goes on from a snapshot; the traders have recalled their parts.
fn remembered(
    resumed: Option<&Resumed>,
    journal: Option<&Recorder>,
    core: &mut Core,
) -> Result<Option<live::LiveMemory>, Error> {
    let (Some(resumed), Some(journal)) = (resumed, journal) else {
        return Ok(None);
    };
    let (said, _) = journal.inputs()?;
    live::LiveMemory::read(resumed, &said, core).map(Some)
}

fn channels(core: &Core, recorded: bool) -> live::Channels {
    let count = core.traders.len();
    live::Channels {
        ready: flume::bounded(limits::ready_traders(count)),
        python: flume::bounded(limits::python_queue(count)),
        feed: flume::bounded(limits::FEED_BATCHES),
        orders: flume::bounded(limits::order_messages(count)),
        reports: flume::bounded(limits::ORDER_REPORTS),
        told: flume::bounded(limits::ORDER_REPORTS),
        inboxes: inboxes(core, recorded),
    }
}

/// An inbox for each trader. A recorded feed waits for room; in real time quotes are conflated, and of other events
/// the oldest goes.
fn inboxes(core: &Core, recorded: bool) -> Vec<live::InboxEnds> {
    core.traders
        .iter()
        .map(|trader| {
            let quotes_alone = trader.listens(EventKind::Quote)
                && !trader.listens(EventKind::Candle)
                && !trader.listens(EventKind::Trade);
            let (capacity, overflow) = match (recorded, quotes_alone) {
                (true, _) => (limits::INBOX, Overflow::Block),
                (false, true) => (limits::QUOTE_INBOX, Overflow::Conflate),
                (false, false) => (limits::INBOX, Overflow::DropOldest),
            };
            let (sender, receiver) = flume::bounded(capacity);
            let inbox = Inbox::new(sender, receiver.clone(), overflow);
            (inbox, receiver)
        })
        .collect()
}

fn trader_pool(
    threads: Option<usize>,
    interpreter: Option<&Arc<dyn Interpreter>>,
) -> Result<ThreadPool, Error> {
    // Zero lets Rayon take all cores. Nobody waits for threads whose strategy never returns.
    pool_of(threads.unwrap_or(0), interpreter)
        .map(|(pool, _)| pool)
        .map_err(|error| {
            let shown = threads.map_or_else(|| "None".to_owned(), |n| n.to_string());
            Error::config(
                "engine.num_threads",
                format!("num_threads={shown}: {error}"),
            )
        })
}

fn io_runtime(sockets: bool) -> Result<Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(limits::TOKIO_THREADS)
        .thread_name("pairloom-io")
        .enable_time();
    if sockets {
        builder.enable_io();
    }
    builder.build().map_err(|error| {
        Error::config(
            "run.thread",
            format!("no threads for the order engine: {error}"),
        )
    })
}

/// The pairs in the order of the traders, where each has its data, and the market of each trader.
struct WiredPairs {
    pairs: PairTable,
    sources: Vec<Option<usize>>,
    market_of: Vec<u32>,
}

fn wire_pairs(traders: &[TraderConfig], data: &MarketData) -> Result<WiredPairs, Error> {
    let mut pairs = PairTable::default();
    let mut sources = Vec::new();
    let mut market_of = Vec::with_capacity(traders.len());
    let positions = data.positions();
    for trader in traders {
        let known = pairs.len();
        let pair = pairs.intern(&trader.pair);
        if pair.index() == known {
            let source = positions.get(trader.pair.as_str()).ok_or_else(|| {
                Error::data(
                    "data.unknown_pair",
                    format!("{} is traded, but the data lack it", trader.pair),
                )
            })?;
            sources.push(Some(*source));
        }
        market_of.push(pair.0);
    }
    Ok(WiredPairs {
        pairs,
        sources,
        market_of,
    })
}

struct WiredTraders {
    traders: Vec<Trader>,
    mains: Vec<EventKind>,
    time_marks: Vec<(u32, TimeMark)>,
}

fn wire_traders(
    configs: Vec<TraderConfig>,
    market_of: &[u32],
    markets: &[&Market],
    scales: &[PriceScale],
) -> Result<WiredTraders, Error> {
    let mut traders = Vec::with_capacity(configs.len());
    let mut mains = Vec::with_capacity(configs.len());
    let mut time_marks = Vec::new();
    for ((index, config), &position) in (0_u32..).zip(configs).zip(market_of) {
        let market = markets[position as usize];
        let events = trader_events(&config, market)?;
        let main = events.iter().copied().min().unwrap_or(EventKind::Candle);
        let extra: Arc<[ExtraColumn]> = market
            .series(main)
            .map_or_else(|| Arc::from([]), |series| series.extra().into());
        time_marks.extend(config.schedule.into_iter().map(|mark| (index, mark)));
        let spec = TraderSpec {
            name: config.name,
            label: config.label,
            version: config.version,
            market: position,
            size: config.size,
            events,
            window: config.window,
            has_volume: market.has_volume(main),
        };
        mains.push(main);
        traders.push(Trader::new(
            index,
            spec,
            config.strategy,
            &market.name,
            scales[position as usize],
            extra,
        ));
    }
    time_marks.sort_by_key(|(trader, mark)| (mark.ts, *trader));
    Ok(WiredTraders {
        traders,
        mains,
        time_marks,
    })
}

/// The kinds of event that wake a trader: those it named, which its market must have, or the market's first kind.
fn trader_events(config: &TraderConfig, market: &Market) -> Result<Vec<EventKind>, Error> {
    let kinds: Vec<EventKind> = market.kinds().collect();
    let Some(wanted) = &config.events else {
        return Ok(kinds.first().copied().into_iter().collect());
    };
    for kind in wanted {
        if !kinds.contains(kind) {
            let has: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            return Err(Error::config(
                "strategy.events",
                format!(
                    "{} wants {} events, but {} has {} only; change `events` or give such data",
                    config.name,
                    kind.name(),
                    market.name,
                    has.join(" and ")
                ),
            ));
        }
    }
    Ok(wanted.clone())
}

fn wire_writer(
    config: &Config,
    traders: &[Trader],
    instruments: &[Instrument],
    roster: Roster,
) -> Result<Writer, Error> {
    let cash = config
        .cash
        .iter()
        .find(|(currency, _)| *currency == config.currency)
        .map(|(_, cash)| *cash)
        .ok_or_else(|| {
            Error::config(
                "engine.cash",
                format!("cash has no {}, the account's currency", config.currency),
            )
        })?;
    let infos = traders
        .iter()
        .map(|trader| TraderInfo {
            market: trader.spec.market,
            size: trader.spec.size,
            hooks: trader.hooks(),
        })
        .collect();
    let account = Portfolio::new(
        config.account == Account::Spot,
        cash,
        instruments.to_vec(),
        traders.len(),
    );
    let margin = Margin {
        leverage: config.leverage,
    };
    let mut gate = RiskGate::new(margin, roster);
    gate.set_limits(config.risk.as_ref(), &account)?;
    Ok(Writer::new(account, gate, infos, config.on_error))
}

/// What names in limits mean.
fn roster(config: &Config, pairs: &PairTable, traders: &[Trader]) -> Roster {
    let pairs = (0..pairs.len())
        .filter_map(|pair| u32::try_from(pair).ok())
        .map(|pair| pairs.name(MarketPair(pair)));
    let known = |pair: &str| config.instruments.iter().any(|(name, _)| name == pair);
    Roster {
        pairs: pairs.map(|pair| (pair.to_owned(), known(pair))).collect(),
        traders: traders
            .iter()
            .map(|t| (t.spec.name.clone(), t.spec.label.clone(), t.spec.market))
            .collect(),
    }
}

/// Where limits are given, it is said which controls have none.
fn controls_off(spec: &RiskSpec) -> Option<String> {
    let off: Vec<&str> = spec.off().collect();
    (!off.is_empty()).then(|| format!("risk controls that are off: {}", off.join(", ")))
}
