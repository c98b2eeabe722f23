//! What the engine says to a worker, and how little of it there is: in a step in which each trader takes in the next row
//! of its market, one run over all of them.
//!
//! The same bytes are the log from which a worker's traders are built anew, so nothing in them depends on a worker's life.

use pairloom_core::domain::Nanos;
use pairloom_core::portfolio::{AccountView, TraderRow};
use pairloom_core::strategy::Hook;
use pairloom_core::trader::{Glance, SentRow};

use super::wire::{Wire, put_change, put_small};

/// Orders to a worker, each followed by what it needs.
pub(super) mod op {
    /// A step begins: how its time, equity and free cash differ from those of the step before.
    pub(crate) const STEP: u8 = 1;
    /// Traders in a row each take in the next row of their market: kind, first slot, how many.
    pub(crate) const RUN: u8 = 2;
    /// A trader takes in a row: kind, slot, row, mark.
    pub(crate) const ROW: u8 = 3;
    /// A trader's part of the account has changed: slot, row.
    pub(crate) const ACCOUNT: u8 = 4;
    /// A trader hears of something: slot, mark, hooks.
    pub(crate) const HOOKS: u8 = 5;
    /// The step ends: who asked for something says so.
    pub(crate) const END: u8 = 6;
    /// A trader goes: slot.
    pub(crate) const DROP: u8 = 7;
}

/// The kind of a row, and whether it only warms up.
pub(super) const WARM_UP: u8 = 4;

/// Rows that follow each other in every trader.
#[derive(Clone, Copy)]
struct Run {
    kind: u8,
    first: u32,
    end: u32,
}

/// A request that is being written.
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// The step that is being written, until something is said in it.
    head: Option<(Nanos, AccountView)>,
    /// Whether something was said in it.
    open: bool,
    /// What was said of the last step.
    said: (Nanos, AccountView),
    run: Option<Run>,
    /// For each slot and kind the row that comes next.
    next: Vec<[u32; 3]>,
    /// For each slot its part of the account, as last said.
    rows: Vec<TraderRow>,
}

impl Batch {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            bytes: Vec::new(),
            head: None,
            open: false,
            said: (0, AccountView::default()),
            run: None,
            next: vec![[0; 3]; slots],
            rows: vec![TraderRow::default(); slots],
        }
    }

    pub(super) const fn begin(&mut self, now: Nanos, account: AccountView) {
        self.head = Some((now, account));
    }

    pub(super) fn hooks(&mut self, slot: u32, hooks: &[Hook], glance: Glance<'_>) {
        self.account(slot, glance.row);
        self.say(op::HOOKS);
        slot.put(&mut self.bytes);
        glance.mark.put(&mut self.bytes);
        hooks.len().put(&mut self.bytes);
        hooks.iter().for_each(|hook| hook.put(&mut self.bytes));
    }

    #[inline]
    pub(super) fn row(&mut self, slot: u32, row: SentRow, glance: Glance<'_>) {
        // In the warm-up nobody looks at the account.
        if !row.warm_up {
            self.account(slot, glance.row);
        }
        let kind = row.kind as u8 | if row.warm_up { WARM_UP } else { 0 };
        let next = &mut self.next[slot as usize][row.kind as usize];
        let follows = *next == row.row;
        *next = row.row + 1;
        if follows && (row.warm_up || glance.mark == Some(row.mark)) {
            match &mut self.run {
                Some(run) if run.kind == kind && run.end == slot => run.end += 1,
                _ => {
                    self.open();
                    self.end_run();
                    self.run = Some(Run {
                        kind,
                        first: slot,
                        end: slot + 1,
                    });
                }
            }
            return;
        }
        self.say(op::ROW);
        kind.put(&mut self.bytes);
        slot.put(&mut self.bytes);
        row.row.put(&mut self.bytes);
        glance.mark.put(&mut self.bytes);
    }

    fn account(&mut self, slot: u32, row: &TraderRow) {
        let said = &mut self.rows[slot as usize];
        if same(said, row) {
            return;
        }
        said.clone_from(row);
        self.say(op::ACCOUNT);
        slot.put(&mut self.bytes);
        row.put(&mut self.bytes);
    }

    fn open(&mut self) {
        if let Some((now, account)) = self.head.take() {
            self.open = true;
            self.bytes.push(op::STEP);
            let (before, said) = std::mem::replace(&mut self.said, (now, account));
            put_change(now.into(), before.into(), &mut self.bytes);
            put_change(account.equity, said.equity, &mut self.bytes);
            put_change(account.free, said.free, &mut self.bytes);
        }
    }

    fn say(&mut self, what: u8) {
        self.open();
        self.end_run();
        self.bytes.push(what);
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            self.bytes.push(op::RUN);
            run.kind.put(&mut self.bytes);
            put_small(run.first.into(), &mut self.bytes);
            put_small((run.end - run.first).into(), &mut self.bytes);
        }
    }

    /// Ends the step.
    pub(super) fn end(&mut self) {
        self.head = None;
        if std::mem::take(&mut self.open) {
            self.end_run();
            self.bytes.push(op::END);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Moves what was written to `into`, which is empty.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, into);
    }
}

/// Whether a strategy sees the same of both.
fn same(a: &TraderRow, b: &TraderRow) -> bool {
    a.position == b.position
        && a.entry_price.to_bits() == b.entry_price.to_bits()
        && a.working == b.working
        && a.leaving.len() == b.leaving.len()
        && a.last_exit == b.last_exit
}
