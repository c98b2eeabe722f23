//! What workers are given: fixed when a run begins, and used again when one of them has to be started again.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use pairloom_core::domain::InstrumentSpec;
use pairloom_core::engine::{Config, Core};
use pairloom_core::market::{EventKind, MarketData, PriceScale, spec_of};
use pairloom_core::strategy::Lane;

use super::start::{MarketPart, Start, TraderPart};

/// What a run says of its workers.
pub(crate) struct Workers {
    /// How many there are.
    pub count: usize,
    /// The interpreter and its arguments.
    pub command: Vec<String>,
    /// Where what strategies print goes; the process's own output when not given.
    pub stdout: Option<OwnedFd>,
    /// Whether the interpreter ignores the variables `PYTHON…` of its environment.
    pub without_environment: bool,
    /// What Python has to say to a worker, pickled.
    pub payload: Vec<u8>,
    /// For each trader of the process lane its template.
    pub templates: Vec<Option<u32>>,
    /// How long a call may last.
    pub time_limit: Option<Duration>,
    /// How many bytes of memory a worker may use.
    pub memory_limit: Option<u64>,
    /// The run's seed.
    pub seed: u64,
}

/// One worker's share.
#[derive(Default)]
struct Share {
    markets: Vec<SharedMarket>,
    traders: Vec<TraderPart>,
}

struct SharedMarket {
    source: usize,
    scale: PriceScale,
    spec: InstrumentSpec,
    kinds: Vec<EventKind>,
}

/// The same, laid out for the traders of a run.
pub(super) struct Plan {
    pub command: Vec<String>,
    pub stdout: Option<OwnedFd>,
    pub time_limit: Option<Duration>,
    pub without_environment: bool,
    payload: Vec<u8>,
    memory_limit: Option<u64>,
    seed: u64,
    data: Arc<MarketData>,
    shares: Vec<Share>,
}

impl Plan {
    /// Lays out which worker has which traders; by worker and slot.
    pub(super) fn new(
        workers: Workers,
        config: &Config,
        core: &Core,
        data: &Arc<MarketData>,
    ) -> (Self, Vec<Vec<u32>>) {
        let shares = shares(&workers, config, core, data);
        let slots = shares
            .iter()
            .map(|share| share.traders.iter().map(|part| part.index).collect())
            .collect();
        let plan = Self {
            command: workers.command,
            stdout: workers.stdout,
            without_environment: workers.without_environment,
            time_limit: workers.time_limit,
            payload: workers.payload,
            memory_limit: workers.memory_limit,
            seed: workers.seed,
            data: Arc::clone(data),
            shares,
        };
        (plan, slots)
    }

    /// Writes all that a worker needs, without the traders that are gone.
    pub(super) fn write(
        &self,
        number: usize,
        (gone, again): (&[bool], bool),
        file: &mut File,
    ) -> io::Result<()> {
        let share = &self.shares[number];
        let traders: Vec<TraderPart> = share
            .traders
            .iter()
            .zip(gone)
            .map(|(part, &gone)| TraderPart {
                gone,
                ..part.clone()
            })
            .collect();
        let markets = share.markets.iter().map(|market| MarketPart {
            market: &self.data.markets[market.source],
            scale: market.scale,
            spec: market.spec,
            kinds: market.kinds.clone(),
        });
        let start = Start {
            payload: &self.payload,
            memory_limit: self.memory_limit,
            seed: self.seed,
            again,
            markets: markets.collect(),
            traders: &traders,
        };
        start.write(file)
    }
}

/// Each market goes to one worker, with all its traders, so that its columns are there once; where there are fewer
/// markets than workers, traders are dealt out one by one.
fn shares(workers: &Workers, config: &Config, core: &Core, data: &MarketData) -> Vec<Share> {
    let mut away: Vec<(u32, u32)> = core
        .traders
        .iter()
        .filter(|trader| trader.lane() == Lane::Process)
        .map(|trader| (trader.spec.market, trader.index))
        .collect();
    // Rows of a step come by market: in this order a step's rows are one run.
    away.sort_unstable();
    let mut markets: Vec<u32> = away.iter().map(|(market, _)| *market).collect();
    markets.dedup();
    let count = workers.count.min(away.len()).max(1);
    let by_market = markets.len() >= count;
    let mut shares: Vec<Share> = (0..count).map(|_| Share::default()).collect();
    let mut rank = 0;
    for (at, &(market, index)) in away.iter().enumerate() {
        if at > 0 && away[at - 1].0 != market {
            rank += 1;
        }
        let share = &mut shares[if by_market { rank } else { at } % count];
        let trader = &core.traders[index as usize];
        let Some(source) = core.sources.get(market as usize).copied().flatten() else {
            continue;
        };
        if share
            .markets
            .last()
            .is_none_or(|last| last.source != source)
        {
            share.markets.push(SharedMarket {
                source,
                scale: core.scales[market as usize],
                spec: spec_of(&config.instruments, &data.markets[source].name),
                kinds: Vec::new(),
            });
        }
        let place = share.markets.len().saturating_sub(1);
        for &kind in &trader.spec.events {
            let kinds = &mut share.markets[place].kinds;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        share.traders.push(TraderPart {
            index,
            name: trader.spec.name.clone(),
            label: trader.spec.label.clone(),
            market: u32::try_from(place).unwrap_or(u32::MAX),
            events: trader.spec.events.clone(),
            window: trader.spec.window,
            has_volume: trader.spec.has_volume,
            hooks: trader.hooks().bits(),
            template: workers
                .templates
                .get(index as usize)
                .copied()
                .flatten()
                .unwrap_or(u32::MAX),
            gone: false,
        });
    }
    shares
}
