//! A rule that was compiled while the program runs: one function of the interface, and a state of plain bytes.

use pairloom_strategy::abi;

use crate::indicator::IndicatorId;
use crate::market::EventKind;
use crate::signal::TradeSignal;

use super::super::{Coming, SystemCtx};
use super::answer::Room;
use super::context::Lent;
use super::rows::{self, Ended, Reader};
use super::setup::Slot;

/// The function that decides: `generate_signals` of the interface, and, without rows, `generate_signal`.
type Decide = abi::GenerateSignals;

/// What a compiled rule saw when it failed, so that the same can be shown to the source it was compiled from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The state before the call.
    pub state: Vec<u8>,
    /// The indicators' values.
    pub values: Vec<f64>,
    /// The kind of the event, as a number of the interface.
    pub kind: u32,
    /// The step's time.
    pub now: i64,
    /// The numbers of the event.
    pub event: [f64; 5],
    /// Size, entry price and unrealized profit of the position.
    pub position: [f64; 3],
    /// Equity and free cash.
    pub account: [f64; 2],
    /// The window's columns.
    pub window: [Option<Vec<f64>>; 5],
    /// How many orders work.
    pub order_count: usize,
    /// The number of the next order.
    pub next_id: u64,
}

/// Why a call gave no answer.
#[derive(Debug)]
pub enum Failure {
    /// It says that it failed.
    Failed(Box<Snapshot>),
    /// It answered what is no answer.
    Wrong(String),
}

/// A compiled rule serving one trader.
#[derive(Clone)]
pub struct CompiledRule {
    decide: Decide,
    reads: u32,
    kind: EventKind,
    slots: Vec<Slot>,
    values: Vec<f64>,
    /// Words, so that the state lies as its numbers must.
    state: Vec<u64>,
    before: Vec<u64>,
}

impl CompiledRule {
    /// A rule with its first state. `slots` are the indicator values that it reads, each with its output and how many
    /// events ago.
    ///
    /// # Safety
    /// `address` is that of a function with the interface of `generate_signals`, which decides at what the context shows
    /// where the rows are null, and which stays; its state takes at most the bytes of `state`, may be copied byte by byte,
    /// and goes from thread to thread.
    #[must_use]
    pub unsafe fn new(
        address: usize,
        reads: u32,
        kind: EventKind,
        slots: &[(IndicatorId, u8, usize)],
        state: &[u8],
    ) -> Self {
        let words = state.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        let state: Vec<u64> = words.collect();
        let slots = slots
            .iter()
            .map(|&(id, output, back)| Slot::Indicator { id, output, back });
        Self {
            // SAFETY: the caller promises the function.
            decide: unsafe { std::mem::transmute::<usize, Decide>(address) },
            reads,
            kind,
            values: vec![f64::NAN; slots.len()],
            slots: slots.collect(),
            before: state.clone(),
            state,
        }
    }

    /// Whether it reads neither equity nor cash.
    #[must_use]
    pub const fn is_market_local(&self) -> bool {
        self.reads & abi::READS_ACCOUNT == 0
    }

    /// Whether it reads none of its working orders; how its last position ended it cannot read.
    #[must_use]
    pub const fn may_pass_orders(&self) -> bool {
        self.reads & abi::READS_ORDERS == 0
    }

    /// Its state, byte by byte.
    #[must_use]
    pub fn memory(&self) -> Vec<u8> {
        self.state
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// Has the state that it had. `false` where that has another size.
    #[must_use]
    pub fn recall(&mut self, memory: &[u8]) -> bool {
        if memory.len() != self.state.len() * size_of::<u64>() {
            return false;
        }
        let (words, _) = memory.as_chunks();
        for (own, word) in self.state.iter_mut().zip(words) {
            *own = u64::from_le_bytes(*word);
        }
        true
    }

    /// Calls it for the event that woke it.
    ///
    /// # Errors
    /// When it fails, with what it saw.
    #[inline]
    pub fn call(&mut self, ctx: &mut SystemCtx<'_>) -> Result<Option<TradeSignal>, Failure> {
        for (value, slot) in self.values.iter_mut().zip(&self.slots) {
            *value = slot.read(ctx);
        }
        // What a failing call has already changed must not count.
        self.before.copy_from_slice(&self.state);
        let mut room = Room::new();
        let next_id = ctx.orders.next();
        let mut answer = room.answer(next_id);
        let lent = Lent::new(ctx, self.kind, self.reads);
        let mut raw = lent.raw(ctx, &self.values);
        let mut taken = 0;
        // SAFETY: the state is the rule's own and nobody else's during the call; context and answer outlive it.
        let status = unsafe {
            (self.decide)(
                self.state.as_mut_ptr().cast(),
                &raw mut raw,
                std::ptr::null(),
                &raw mut answer,
                &raw mut taken,
            )
        };
        if status != abi::OK {
            let failed = Box::new(self.snapshot(&raw, next_id));
            return Err(Failure::Failed(failed));
        }
        room.take(&answer, ctx).map_err(Failure::Wrong)
    }

    /// Calls it for coming rows until one of them asks for something new; how many rows it took in, and what the last of
    /// them gave.
    pub fn take_rows(
        &mut self,
        coming: &mut Coming<'_>,
    ) -> (usize, Result<Option<TradeSignal>, Failure>) {
        self.before.copy_from_slice(&self.state);
        let (rows, ended) = self.take_in(coming);
        let last = match ended {
            Ended::Signal(signal) => Ok(signal),
            Ended::Failed { raw, next_id, .. } => {
                let mut failed = self.snapshot(&raw, next_id);
                failed.state = self.state_before(rows.saturating_sub(1), coming);
                Err(Failure::Failed(Box::new(failed)))
            }
            Ended::Wrong(problem) => Err(Failure::Wrong(problem)),
        };
        (rows, last)
    }

    fn take_in(&mut self, coming: &mut Coming<'_>) -> (usize, Ended) {
        let (decide, state) = (self.decide, &mut self.state);
        let reader = Reader {
            reads: self.reads,
            kind: self.kind,
            slots: &self.slots,
            values: &mut self.values,
        };
        rows::take_in(reader, coming, |raw, rows, answer, taken| {
            // SAFETY: as in `call`; rows and context lend columns and room that outlive the call.
            unsafe { decide(state.as_mut_ptr().cast(), raw, rows, answer, taken) }
        })
    }

    /// The state before the call of a row that failed, which may have changed it: that before the first row, and the rows
    /// between once more. They asked for nothing, or that row would not have come.
    #[cold]
    fn state_before(&mut self, rows: usize, coming: &mut Coming<'_>) -> Vec<u8> {
        self.state.copy_from_slice(&self.before);
        if rows > 0 {
            let all = std::mem::replace(&mut coming.rows, rows);
            let _ = self.take_in(coming);
            coming.rows = all;
        }
        self.before.copy_from_slice(&self.state);
        bytes_of(&self.before)
    }

    #[cold]
    fn snapshot(&self, raw: &abi::Ctx, next_id: u64) -> Snapshot {
        let column = |data: *const f64| {
            (!data.is_null()).then(|| {
                // SAFETY: the context lends so many numbers of each column, and it is still alive.
                unsafe { std::slice::from_raw_parts(data, raw.window_len) }.to_vec()
            })
        };
        Snapshot {
            state: bytes_of(&self.before),
            values: self.values.clone(),
            kind: raw.kind,
            now: raw.now,
            event: raw.event,
            position: [raw.position, raw.entry_price, raw.unrealized_pnl],
            account: [raw.equity, raw.cash],
            window: raw.window.map(column),
            order_count: raw.order_count,
            next_id,
        }
    }
}

fn bytes_of(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
