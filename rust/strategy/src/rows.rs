//! Several rows for one call: a part of the binary interface, see [`crate::abi`].

use crate::abi::{Ctx, READS_EVENT};

/// One of the slots of [`Ctx::values`] over several rows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Its value at the first row.
    pub first: f64,
    /// Its values at the rows behind that one.
    pub later: *const f64,
}

/// What a strategy sees at several rows one after the other, while its position stays what it is and none of its orders
/// works. What is the same at all of them stands in the context.
#[repr(C)]
#[derive(Debug)]
pub struct Rows {
    /// The size of this struct.
    pub size: u32,
    /// The side that is held: 1 long, -1 short, 0 flat.
    pub held: i32,
    /// How many rows there are; at least one.
    pub count: usize,
    /// When each event began, nanoseconds UTC.
    pub opening_ts: *const i64,
    /// When each event was known, which is the time of its step, nanoseconds UTC; null where that is `interval` after it
    /// began.
    pub ts: *const i64,
    /// How long each event lasts, where `ts` is null.
    pub interval: i64,
    /// The columns of [`Ctx::event`]; null for what there is not, and all of them where the strategy does not read events.
    pub event: [*const f64; 5],
    /// The slots of [`Ctx::values`].
    pub slots: *const Slot,
    /// The market's last price at each row, by which the profit is counted; null where nothing is held, so that the profit
    /// that the context shows stays what it is, and where the strategy does not read its position.
    pub last: *const f64,
}

impl Rows {
    /// Fills the context in with what is new at a row.
    ///
    /// # Safety
    /// The pointers are what their fields say, `row` is below `count`, and [`Ctx::values`] points to as many numbers as
    /// there are slots, which may be written.
    #[inline]
    pub unsafe fn show(&self, row: usize, reads: u32, ctx: &mut Ctx) {
        // SAFETY: the caller promises so many rows in each column, and so many slots and values.
        unsafe {
            let place = Place::new(self, row);
            ctx.now = place.ts();
            if reads & READS_EVENT != 0 {
                ctx.opening_ts = place.opening_ts();
                ctx.ts = ctx.now;
                ctx.event = place.event();
            }
            ctx.unrealized_pnl = place.unrealized_pnl(ctx);
            let values = ctx.values.cast_mut();
            for slot in 0..ctx.value_count {
                values.add(slot).write(place.slot(slot));
            }
        }
    }
}

/// One of several rows, read where it lies: a strategy mostly reads little of a row, and to fill a context in with all of it
/// would take longer than its rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    rows: &'a Rows,
    row: usize,
}

impl<'a> Place<'a> {
    /// # Safety
    /// The pointers of the rows are what their fields say for as long as this lives, and `row` is below their `count`.
    #[inline]
    pub(crate) const unsafe fn new(rows: &'a Rows, row: usize) -> Self {
        Self { rows, row }
    }

    /// When the event began.
    #[inline]
    pub(crate) const fn opening_ts(self) -> i64 {
        // SAFETY: there are so many rows, as `new` was promised.
        unsafe { self.rows.opening_ts.add(self.row).read() }
    }

    /// When the event was known.
    #[inline]
    pub(crate) const fn ts(self) -> i64 {
        if self.rows.ts.is_null() {
            return self.opening_ts().saturating_add(self.rows.interval);
        }
        // SAFETY: there are so many rows, as `new` was promised.
        unsafe { self.rows.ts.add(self.row).read() }
    }

    /// The numbers of the event, where the strategy reads events.
    #[inline]
    pub(crate) fn event(self) -> [f64; 5] {
        self.rows.event.map(|column| {
            if column.is_null() {
                return f64::NAN;
            }
            // SAFETY: there are so many rows, as `new` was promised.
            unsafe { column.add(self.row).read() }
        })
    }

    /// The profit of the position that the context shows.
    #[inline]
    pub(crate) const fn unrealized_pnl(self, ctx: &Ctx) -> f64 {
        if self.rows.last.is_null() {
            return ctx.unrealized_pnl;
        }
        // SAFETY: there are so many rows, as `new` was promised.
        let last = unsafe { self.rows.last.add(self.row).read() };
        ctx.position * (last - ctx.entry_price)
    }

    /// One of the values.
    ///
    /// # Safety
    /// There are more slots than this.
    #[inline]
    pub(crate) const unsafe fn slot(self, slot: usize) -> f64 {
        // SAFETY: the caller promises the slot, and `new` was promised the row.
        unsafe {
            let slot = &*self.rows.slots.add(slot);
            match self.row {
                0 => slot.first,
                row => slot.later.add(row - 1).read(),
            }
        }
    }
}
