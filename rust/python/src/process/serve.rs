//! The worker's side: it owns traders as the engine would, and lets them take in what it is told.

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

use pairloom_core::domain::{HalfUnits, Instrument, Nanos};
use pairloom_core::market::{EventKind, ExtraColumn, Market};
use pairloom_core::portfolio::{AccountView, TraderRow};
use pairloom_core::strategy::{Hooks, Lane, Stop, StrategyFault, View};
use pairloom_core::trader::{Input, Trader, TraderSpec, TraderState};
use pyo3::exceptions::{PyBaseException, PyOSError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::answer::{self, put_fault, put_intents, put_interrupt};
use super::batch::{WARM_UP, op};
use super::confine::{Quiet, limit_memory};
use super::left::{is_set, leave_if_forked, take_away};
use super::link::{Link, end_with_the_pipe};
use super::shared::Region;
use super::start::{Started, TraderPart};
use super::wire::{Garbled, Read, Wire, get_change, get_small, put_bytes};
use crate::fault::hears_no_interrupt;
use crate::strategy::{PyStrategy, PyStrategySpec};

/// A call in `setup` has a number of its own: no other call counts so far.
const SETUP: u64 = 1 << 63;

/// What Python does for a worker: an object of `pairloom._worker`.
struct Inside<'py> {
    object: Bound<'py, PyAny>,
    /// Records that were logged and are not handed on yet.
    records: Bound<'py, PyList>,
    /// What takes away timers and functions that trace.
    undo: Bound<'py, PyList>,
}

struct Serving {
    parts: Vec<TraderPart>,
    markets: Vec<(Market, Instrument)>,
    traders: Vec<Option<Trader>>,
    rows: Vec<TraderRow>,
    next: Vec<[u32; 3]>,
    prints: Vec<u64>,
    now: Nanos,
    account: AccountView,
    /// How many calls there were, of traders that are gone, too: the number of the next call.
    calls: u64,
    evaluations: u64,
    acted: Vec<u32>,
    /// Until which call nothing is printed, since it was printed before.
    quiet: Option<(u64, Quiet)>,
    /// How many answers there are, and they.
    said: (usize, Vec<u8>),
}

/// Serves the engine until it ends this process.
#[pyfunction]
pub(crate) fn serve_worker(
    py: Python<'_>,
    fds: [i32; 4],
    inside: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let [pipe, start, requests, answers] = fds;
    end_with_the_pipe(pipe)?;
    hears_no_interrupt();
    // SAFETY: these are the descriptors that the engine has opened for this process, and nothing else here uses them.
    let (mut start, requests, answers) = unsafe {
        (
            File::from(OwnedFd::from_raw_fd(start)),
            Region::inherited(requests)?,
            Region::inherited(answers)?,
        )
    };
    let mut link = Link::new(requests, answers);
    let started = Started::read(&mut start)?;
    drop(start);
    let inside = Inside {
        object: inside.clone(),
        records: inside.getattr("records")?.cast_into::<PyList>()?,
        undo: inside.getattr("undo")?.cast_into::<PyList>()?,
    };
    let mut said = Vec::new();
    let mut serving = match ready(py, &inside, started, &link) {
        Ok(serving) => serving,
        Err(why) => {
            false.put(&mut said);
            why.put(&mut said);
            link.answer(&said)?;
            return Ok(());
        }
    };
    true.put(&mut said);
    serving.end_step(py, &inside, &link);
    serving.put(py, &inside, &mut said);
    link.answer(&said)?;
    let mut request = Vec::new();
    loop {
        link.wait(py, &mut request)?;
        if request.first() == Some(&answer::LEAVE) {
            // The traders go here, and the interpreter ends as that of any program does.
            return Ok(());
        }
        said.clear();
        serving
            .serve(py, &inside, &link, &request, &mut said)
            .map_err(|Garbled| PyOSError::new_err("the engine's request makes no sense"))?;
        leave_if_forked(py);
        link.answer(&said)?;
    }
}

/// Loads the strategies and sets them up; why not, in a sentence.
fn ready(
    py: Python<'_>,
    inside: &Inside<'_>,
    started: Started,
    link: &Link,
) -> Result<Serving, String> {
    let payload = PyBytes::new(py, &started.payload);
    // What they print now, they had printed in the life before.
    let _quiet = started.again.then(Quiet::new);
    let loaded = inside.object.call_method1("load", (payload,));
    let factories: Vec<Py<PyAny>> = loaded
        .and_then(|loaded| loaded.extract())
        .map_err(|error| said_by(py, &error))?;
    inside.take_away();
    if let Some(limit) = started.memory_limit {
        limit_memory(limit)?;
    }
    let count = started.traders.len();
    let mut serving = Serving {
        traders: Vec::with_capacity(count),
        rows: vec![TraderRow::default(); count],
        next: vec![[0; 3]; count],
        prints: vec![0; count],
        now: 0,
        account: AccountView::default(),
        calls: 0,
        evaluations: 0,
        acted: Vec::new(),
        quiet: None,
        said: (0, Vec::new()),
        parts: started.traders,
        markets: started.markets,
    };
    for slot in 0..u32::try_from(count).unwrap_or(u32::MAX) {
        link.mark(slot, SETUP | u64::from(slot));
        let trader = serving
            .trader(py, slot, started.seed, &factories)
            .map_err(|error| said_by(py, &error))?;
        inside.take_away();
        if trader.as_ref().is_some_and(Trader::has_acted) {
            serving.acted.push(slot);
        }
        serving.traders.push(trader);
    }
    Ok(serving)
}

fn said_by(py: Python<'_>, error: &PyErr) -> String {
    let value = error.value(py);
    match value.str().and_then(|text| text.extract::<String>()) {
        Ok(text) if !text.is_empty() => text,
        _ => crate::errors::type_name(value.as_any()),
    }
}

impl Serving {
    /// Makes the trader of a slot; `None` for one that is gone.
    fn trader(
        &self,
        py: Python<'_>,
        slot: u32,
        seed: u64,
        factories: &[Py<PyAny>],
    ) -> PyResult<Option<Trader>> {
        let part = &self.parts[slot as usize];
        if part.gone {
            return Ok(None);
        }
        let (Some((market, _)), Some(factory)) = (
            self.markets.get(part.market as usize),
            factories.get(part.template as usize),
        ) else {
            return Err(PyOSError::new_err("a trader lacks its market or strategy"));
        };
        let strategy = PyStrategy::new(
            py,
            PyStrategySpec {
                factory: factory.clone_ref(py),
                hooks: Hooks::from_bits(part.hooks),
                name: part.name.clone(),
                pair: market.name.clone(),
                window: part.window,
                seed,
                lane: Lane::Python,
            },
        )?;
        let spec = TraderSpec {
            name: part.name.clone(),
            label: part.label.clone(),
            // Who keeps what was decided is the engine.
            version: String::new(),
            market: part.market,
            size: None,
            events: part.events.clone(),
            window: part.window,
            has_volume: part.has_volume,
        };
        let extra: Arc<[ExtraColumn]> = market
            .series(main_kind(part))
            .map_or_else(|| Arc::from([]), |series| series.extra().into());
        let strategy = Box::new(strategy);
        let mut trader = Trader::new(
            part.index,
            spec,
            strategy,
            &market.name,
            market.scale,
            extra,
        );
        // What is due is the engine's to say.
        trader.due.clear();
        Ok(Some(trader))
    }

    /// Does what a request says.
    fn serve(
        &mut self,
        py: Python<'_>,
        inside: &Inside<'_>,
        link: &Link,
        request: &[u8],
        out: &mut Vec<u8>,
    ) -> Read<()> {
        let from = &mut &*request;
        let what = u8::get(from)?;
        // What they print now, they had printed before: all of it, or up to that call.
        self.quiet = match what {
            answer::WORK => None,
            answer::REPEAT => Some((u64::get(from)?, Quiet::new())),
            _ => Some((u64::MAX, Quiet::new())),
        };
        while !from.is_empty() {
            self.obey(py, inside, link, from)?;
        }
        self.quiet = None;
        if what != answer::REBUILD {
            self.put(py, inside, out);
            return Ok(());
        }
        // So it is with what they logged.
        inside.forget_records();
        self.said = (0, Vec::new());
        self.evaluations = 0;
        self.prints.put(out);
        Ok(())
    }

    /// Numbers the next call; from the one on in which an earlier life ended, what is printed is new.
    #[inline]
    fn count_call(&mut self) {
        self.calls += 1;
        let calls = self.calls;
        self.quiet.take_if(|(until, _)| *until <= calls);
    }

    fn obey(
        &mut self,
        py: Python<'_>,
        inside: &Inside<'_>,
        link: &Link,
        from: &mut &[u8],
    ) -> Read<()> {
        match u8::get(from)? {
            op::STEP => {
                let now = get_change(self.now.into(), from)?;
                self.now = i64::try_from(now).map_err(|_| Garbled)?;
                self.account = AccountView {
                    equity: get_change(self.account.equity, from)?,
                    free: get_change(self.account.free, from)?,
                };
            }
            op::RUN => {
                let (kind, first) = (u8::get(from)?, get_slot(from)?);
                for slot in first..first.saturating_add(get_slot(from)?) {
                    let next = self.next.get(slot as usize).ok_or(Garbled)?;
                    let row = next[usize::from(kind & !WARM_UP).min(2)];
                    self.take_row(inside, link, (kind, slot, row), None)?;
                }
            }
            op::ROW => {
                let row = (u8::get(from)?, u32::get(from)?, u32::get(from)?);
                self.take_row(inside, link, row, Some(Option::get(from)?))?;
            }
            op::ACCOUNT => {
                let slot = u32::get(from)? as usize;
                let row = TraderRow::get(from)?;
                *self.rows.get_mut(slot).ok_or(Garbled)? = row;
            }
            op::HOOKS => {
                let (slot, mark) = (u32::get(from)?, Option::get(from)?);
                let hooks = Vec::get(from)?;
                self.count_call();
                let at = slot as usize;
                let (markets, rows) = (&self.markets, &self.rows);
                let part = self.parts.get(at).ok_or(Garbled)?;
                if let Some(trader) = &mut self.traders[at] {
                    link.mark(slot, self.calls);
                    let view = view(markets, rows, part, slot, (self.now, self.account, mark))?;
                    trader.due = hooks;
                    trader.run_hooks(&view);
                    inside.take_away();
                    if trader.has_acted() {
                        self.acted.push(slot);
                    }
                }
            }
            op::END => self.end_step(py, inside, link),
            op::DROP => {
                let slot = u32::get(from)?;
                // What it holds may run code of its own as it goes.
                link.mark(slot, answer::PACKING | self.calls);
                *self.traders.get_mut(slot as usize).ok_or(Garbled)? = None;
                inside.take_away();
            }
            _ => return Err(Garbled),
        }
        Ok(())
    }

    /// Lets a trader take in a row. Without a mark of the market the row's own is the last.
    #[inline]
    fn take_row(
        &mut self,
        inside: &Inside<'_>,
        link: &Link,
        (kind, slot, row): (u8, u32, u32),
        mark: Option<Option<HalfUnits>>,
    ) -> Read<()> {
        let at = slot as usize;
        self.count_call();
        let part = self.parts.get(at).ok_or(Garbled)?;
        let warm_up = kind & WARM_UP != 0;
        let kind = usize::from(kind & !WARM_UP);
        let kind = *EventKind::ALL.get(kind).ok_or(Garbled)?;
        self.next[at][kind as usize] = row.wrapping_add(1);
        let Some(trader) = &mut self.traders[at] else {
            return Ok(());
        };
        let (market, _) = self.markets.get(part.market as usize).ok_or(Garbled)?;
        let series = market.series(kind).ok_or(Garbled)?;
        if row as usize >= series.len() {
            return Err(Garbled);
        }
        let event = series.event(row as usize);
        let mark = mark.unwrap_or_else(|| Some(event.mark(market.scale)));
        let view = view(
            &self.markets,
            &self.rows,
            part,
            slot,
            (self.now, self.account, mark),
        )?;
        link.mark(slot, self.calls);
        let before = trader.evaluations;
        let input = Input {
            event,
            row: row as usize,
            warm_up,
        };
        trader.on_event(&input, &view);
        inside.take_away();
        self.evaluations += trader.evaluations - before;
        if trader.has_acted() && self.acted.last() != Some(&slot) {
            self.acted.push(slot);
        }
        Ok(())
    }

    /// Takes out what traders asked for in the step that ends; who failed is let go, with all that it holds.
    fn end_step(&mut self, py: Python<'_>, inside: &Inside<'_>, link: &Link) {
        if self.acted.is_empty() {
            return;
        }
        self.acted.sort_unstable();
        self.acted.dedup();
        let mut outcome = Vec::new();
        for slot in self.acted.drain(..) {
            let at = slot as usize;
            let Some(trader) = &mut self.traders[at] else {
                continue;
            };
            outcome.clear();
            let intents = std::mem::take(&mut trader.orders.intents);
            match trader.failure.take() {
                None => put_intents(&intents, &mut outcome),
                Some(Stop::Interrupted) => put_interrupt(&mut outcome),
                Some(Stop::Fault(fault)) => {
                    // Its error and what it holds run code of its own, so it is its turn again.
                    link.mark(slot, answer::PACKING | self.calls);
                    trader.state = TraderState::Quarantined;
                    self.traders[at] = None;
                    inside.put_fault(py, fault, &mut outcome);
                    inside.take_away();
                }
            }
            self.prints[at] = answer::print(self.prints[at], &outcome);
            self.said.0 += 1;
            slot.put(&mut self.said.1);
            put_bytes(&outcome, &mut self.said.1);
        }
    }

    /// Puts what was asked for, and logged, since the last time.
    fn put(&mut self, py: Python<'_>, inside: &Inside<'_>, out: &mut Vec<u8>) {
        std::mem::take(&mut self.evaluations).put(out);
        self.said.0.put(out);
        out.append(&mut self.said.1);
        self.said.0 = 0;
        inside.put_records(py, out);
    }
}

fn get_slot(from: &mut &[u8]) -> Read<u32> {
    u32::try_from(get_small(from)?).map_err(|_| Garbled)
}

fn main_kind(part: &TraderPart) -> EventKind {
    let first = part.events.iter().copied().min();
    first.unwrap_or(EventKind::Candle)
}

fn view<'a>(
    markets: &'a [(Market, Instrument)],
    rows: &'a [TraderRow],
    part: &TraderPart,
    slot: u32,
    (now, account, mark): (Nanos, AccountView, Option<HalfUnits>),
) -> Read<View<'a>> {
    let (market, instrument) = markets.get(part.market as usize).ok_or(Garbled)?;
    Ok(View {
        now,
        row: rows.get(slot as usize).ok_or(Garbled)?,
        account,
        mark: mark.into(),
        instrument,
        pair: &market.name,
        series: market.series(main_kind(part)),
    })
}

impl Inside<'_> {
    /// Takes away what a call has left behind that its neighbours would meet: a copy of the process, too.
    #[inline]
    fn take_away(&self) {
        leave_if_forked(self.undo.py());
        if is_set() {
            take_away(&self.undo);
        }
    }

    fn put_fault(&self, py: Python<'_>, fault: StrategyFault, out: &mut Vec<u8>) {
        let error = fault
            .origin
            .as_ref()
            .and_then(|origin| origin.downcast_ref::<Py<PyBaseException>>());
        let packed: Vec<u8> = error
            .and_then(|error| {
                let packed = self.object.call_method1("pack_error", (error.bind(py),));
                packed.and_then(|packed| packed.extract()).ok()
            })
            .unwrap_or_default();
        put_fault(fault.kind, &fault.message, &packed, out);
    }

    fn put_records(&self, _py: Python<'_>, out: &mut Vec<u8>) {
        let count = self.records.len();
        let packed: Vec<Vec<u8>> = if count == 0 {
            Vec::new()
        } else {
            let packed = self.object.call_method0("packed_records");
            packed
                .and_then(|packed| packed.extract())
                .unwrap_or_default()
        };
        packed.len().put(out);
        packed.iter().for_each(|record| put_bytes(record, out));
    }

    fn forget_records(&self) {
        let all = self.records.len();
        if all > 0 {
            // What cannot be forgotten is said twice, which harms nobody.
            let _forgotten = self.records.del_slice(0, all);
        }
    }
}
