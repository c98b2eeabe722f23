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
            let opening = self.opening_ts.add(row).read();
            let ts = if self.ts.is_null() {
                opening.saturating_add(self.interval)
            } else {
                self.ts.add(row).read()
            };
            ctx.now = ts;
            if reads & READS_EVENT != 0 {
                ctx.opening_ts = opening;
                ctx.ts = ts;
                for (number, &column) in ctx.event.iter_mut().zip(&self.event) {
                    *number = if column.is_null() {
                        f64::NAN
                    } else {
                        column.add(row).read()
                    };
                }
            }
            if !self.last.is_null() {
                let last = self.last.add(row).read();
                ctx.unrealized_pnl = ctx.position * (last - ctx.entry_price);
            }
            let values = ctx.values.cast_mut();
            for place in 0..ctx.value_count {
                let slot = &*self.slots.add(place);
                let value = match row {
                    0 => slot.first,
                    _ => slot.later.add(row - 1).read(),
                };
                values.add(place).write(value);
            }
        }
    }
}
