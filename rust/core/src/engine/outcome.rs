//! What comes out of a run.

use std::collections::BTreeMap;

use crate::clock::Stopwatch;
use crate::commit::{Records, Writer};
use crate::domain::{Instrument, Lots, MarketPair, Money, Nanos, Side};
use crate::error::Error;
use crate::journal::{Recorder, TraderFacts, rows_lost};
use crate::portfolio::TradeRecord;
use crate::rows::Rows;
use crate::step::Report;

use super::config::Config;
use super::wiring::Core;

/// How long the parts of a run took, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// From the first step to the last fill.
    pub elapsed: f64,
    /// Strategy `setup` and the table of steps.
    pub setup: f64,
    /// Closing tables and the digest.
    pub finish: f64,
}

/// The result of a run, in whole numbers.
#[derive(Debug)]
pub struct Outcome {
    /// The account's currency.
    pub currency: String,
    /// Cash by currency.
    pub cash: Vec<(String, Money)>,
    /// Equity at the start.
    pub start_equity: Money,
    /// Equity at the end.
    pub equity: Money,
    /// Fees paid.
    pub fees: Money,
    /// Names, labels and markets of the traders.
    pub traders: Vec<(String, String, u32)>,
    /// The version of each trader's strategy.
    pub versions: Vec<String>,
    /// Names of the markets and how their numbers become money.
    pub markets: Vec<(String, Instrument)>,
    /// Positions of the traders, in lots.
    pub positions: Vec<Lots>,
    /// Orders, fills, refusals, quarantines, equity.
    pub records: Records,
    /// Round trips in the order of their entries.
    pub trades: Rows<TradeRecord>,
    /// The fingerprint of all that was decided.
    pub digest: String,
    /// Market rows, each counted once.
    pub events: u64,
    /// Steps.
    pub steps: u64,
    /// Cash still reserved at the end; zero unless something is wrong.
    pub reserved: Money,
    /// The last step that was in the journal when the run began, zero where it was new; nothing without a journal.
    pub resumed_at_step: Option<u64>,
    /// Whether the user ended the run.
    pub interrupted: bool,
    /// Whether every trader was quarantined.
    pub all_quarantined: bool,
    /// The time of the last step.
    pub last_ts: Option<Nanos>,
    /// How long it took.
    pub timings: Timings,
    /// Traders by lane.
    pub lanes: BTreeMap<&'static str, usize>,
    /// Counters by name.
    pub counters: BTreeMap<String, u64>,
    /// What the run took for granted.
    pub assumptions: Vec<String>,
}

/// One round trip at 10^-18.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeRow {
    /// Whose it is.
    pub trader: u32,
    /// The first fill.
    pub entry_ts: Nanos,
    /// The last fill.
    pub exit_ts: Option<Nanos>,
    /// Long is a buy.
    pub side: Side,
    /// All that was entered.
    pub quantity: i128,
    /// Average price of the entries.
    pub entry_price: i128,
    /// Average price of the exits.
    pub exit_price: Option<i128>,
    /// What it brought, fees taken off.
    pub pnl: Option<Money>,
    /// `pnl` over what was entered.
    pub returns: Option<f64>,
    /// Fees paid.
    pub fees: Money,
    /// Why it ended.
    pub exit_reason: Option<&'static str>,
}

impl Outcome {
    /// Whether all rows could be read.
    ///
    /// # Errors
    /// When some were set aside on disk and do not come back.
    pub fn check(&self) -> Result<(), Error> {
        if self.records.is_whole() && self.trades.is_whole() {
            Ok(())
        } else {
            Err(rows_lost())
        }
    }

    /// Somebody interrupted the wait for the end of a run that goes on by itself: it was stopped, and says so.
    pub fn interrupt(&mut self) {
        if std::mem::replace(&mut self.interrupted, true) {
            return;
        }
        let steps = self.steps;
        self.assumptions.push(format!(
            "the run was interrupted after {steps} steps, and ended in order, as `stop` ends it"
        ));
    }

    /// The round trips at 10^-18.
    pub fn trade_rows(&self) -> impl Iterator<Item = TradeRow> + '_ {
        self.trades.iter().map(|trade| {
            let market = self.traders[trade.trader as usize].2;
            trade_row(&trade, &self.markets[market as usize].1)
        })
    }

    /// Takes over what the writer has recorded.
    pub(super) fn positions_of(writer: &Writer, traders: usize) -> Vec<Lots> {
        (0..u32::try_from(traders).unwrap_or(u32::MAX))
            .map(|trader| writer.account.row(trader).position)
            .collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn trade_row(trade: &TradeRecord, instrument: &Instrument) -> TradeRow {
    let closed = trade.exit_ts.is_some();
    let pnl = closed.then_some(trade.cash_flow);
    let notional = instrument.value_of_sum(trade.entry_sum);
    TradeRow {
        trader: trade.trader,
        entry_ts: trade.entry_ts,
        exit_ts: trade.exit_ts,
        side: trade.side,
        quantity: instrument
            .quantity_of_sum(trade.entry_lots)
            .unwrap_or(i128::MAX),
        entry_price: instrument
            .price_sum(trade.entry_sum, trade.entry_lots)
            .unwrap_or(i128::MAX),
        exit_price: if closed {
            instrument.price_sum(trade.exit_sum, trade.exit_lots)
        } else {
            None
        },
        pnl,
        returns: pnl.map(|pnl| pnl as f64 / notional),
        fees: trade.fees,
        exit_reason: closed.then_some(trade.exit_reason),
    }
}

/// What a driver leaves behind.
pub struct Done {
    /// All that was recorded.
    pub writer: Writer,
    /// What happened besides.
    pub report: Report,
    /// The run's journal, where it has one.
    pub journal: Option<Recorder>,
}

/// What closing the books of a run needs besides the writer.
pub(super) struct Closing {
    pairs: Vec<String>,
    /// Names, labels and markets.
    traders: Vec<(String, String, u32)>,
    versions: Vec<String>,
    lanes: BTreeMap<&'static str, usize>,
    assumptions: Vec<String>,
}

impl Closing {
    /// Taken from the stages before a driver takes the rest.
    pub(super) fn of(core: &mut Core) -> Self {
        let mut lanes = BTreeMap::new();
        for trader in &core.traders {
            *lanes.entry(trader.lane().name()).or_insert(0) += 1;
        }
        Self {
            pairs: (0..core.pairs.len())
                .map(|pair| {
                    let pair = MarketPair(u32::try_from(pair).unwrap_or(u32::MAX));
                    core.pairs.name(pair).to_owned()
                })
                .collect(),
            traders: core
                .traders
                .iter()
                .map(|t| (t.spec.name.clone(), t.spec.label.clone(), t.spec.market))
                .collect(),
            versions: core
                .traders
                .iter_mut()
                .map(|t| std::mem::take(&mut t.spec.version))
                .collect(),
            lanes,
            assumptions: std::mem::take(&mut core.assumptions),
        }
    }

    /// What a journal keeps of the traders.
    pub(super) fn traders(&self) -> Vec<TraderFacts> {
        let traders = self.traders.iter().zip(&self.versions);
        traders
            .map(|((name, label, market), version)| TraderFacts {
                name: name.clone(),
                label: label.clone(),
                version: version.clone(),
                pair: self.pairs[*market as usize].clone(),
            })
            .collect()
    }

    /// Closes the books of a run, whichever driver drove it.
    ///
    /// # Errors
    /// When the run failed, or its journal does.
    pub(super) fn finish(self, config: &Config, done: Done, setup: f64) -> Result<Outcome, Error> {
        let Done {
            mut writer,
            report,
            journal,
        } = done;
        if let Some(failure) = report.failure {
            // Where it is the journal that failed, this does, too, and that is what is told.
            let _ = journal.map(|journal| journal.pause(report.steps, report.unheard_kill));
            return Err(failure);
        }
        let watch = Stopwatch::start();
        let names: Vec<&str> = self.traders.iter().map(|t| t.0.as_str()).collect();
        let pairs: Vec<&str> = self.pairs.iter().map(String::as_str).collect();
        let digest = writer.digest(&names, &pairs);
        if !writer.is_whole() {
            return Err(rows_lost());
        }
        let end = (report.steps, report.last_ts.unwrap_or(0));
        let close = |journal: Recorder| match report.complete {
            true => journal.close(end, &mut writer, &digest),
            false => journal.pause(report.steps, report.unheard_kill),
        };
        let resumed = journal.map(close).transpose()?;
        let trades = writer.account.take_trades();
        let account = &writer.account;
        let start = config.cash.iter().find(|(c, _)| *c == config.currency);
        let mut cash = config.cash.clone();
        for (currency, amount) in &mut cash {
            if *currency == config.currency {
                *amount = account.cash();
            }
        }
        let mut assumptions = self.assumptions;
        assumptions.extend(report.assumptions);
        Ok(Outcome {
            currency: config.currency.clone(),
            cash,
            start_equity: start.map_or(0, |(_, amount)| *amount),
            equity: account.view().equity,
            fees: account.fees(),
            positions: Outcome::positions_of(&writer, self.traders.len()),
            markets: pairs
                .iter()
                .zip(account.markets())
                .map(|(name, book)| ((*name).to_owned(), Instrument::clone(&book.instrument)))
                .collect(),
            trades,
            reserved: account.reserved(),
            traders: self.traders,
            versions: self.versions,
            records: writer.records,
            digest,
            events: report.events,
            steps: report.steps,
            resumed_at_step: resumed,
            interrupted: report.interrupted,
            all_quarantined: report.all_quarantined,
            last_ts: report.last_ts,
            timings: Timings {
                elapsed: report.elapsed,
                setup,
                finish: watch.elapsed().as_secs_f64(),
            },
            lanes: self.lanes,
            counters: report.counters,
            assumptions,
        })
    }
}
