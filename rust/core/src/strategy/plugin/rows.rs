//! Many rows for one strategy of the interface: what stays the same is laid out once, and each call finds in its place
//! what is new.

use pairloom_strategy::abi;

use crate::domain::Side;
use crate::market::{EventKind, Series};
use crate::signal::TradeSignal;

use super::super::Coming;
use super::answer::Room;
use super::context::{empty, numbers};
use super::setup::Slot;

/// Slots that are read along their columns at most; with more, rows are taken in one by one.
const SLOTS: usize = 8;

/// What one slot reads at the coming rows.
#[derive(Clone, Copy, Default)]
struct Values<'a> {
    /// The indicator's values at these rows.
    values: &'a [f64],
    /// For a slot that looks back by one event, the value before these rows.
    before: Option<f64>,
}

impl Values<'_> {
    #[inline]
    fn at(&self, row: usize) -> f64 {
        match self.before {
            None => self.values[row],
            Some(before) => row.checked_sub(1).map_or(before, |row| self.values[row]),
        }
    }
}

/// What a strategy of the interface reads at each row.
pub(super) struct Reader<'s> {
    pub reads: u32,
    pub kind: EventKind,
    pub slots: &'s [Slot],
    pub values: &'s mut [f64],
}

/// How the last call of many ended.
pub(super) enum Ended {
    /// With this signal, or with none.
    Signal(Option<TradeSignal>),
    /// With a status that says that it failed; `raw` is what it was shown.
    Failed {
        status: i32,
        said: String,
        raw: Box<abi::Ctx>,
        next_id: u64,
    },
    /// With an answer that is none.
    Wrong(String),
}

/// Calls for the coming rows until one of them asks for something new; how many were taken in, and how the last ended.
/// None where what the strategy reads is not laid out in columns.
pub(super) fn take_in(
    reader: Reader<'_>,
    coming: &mut Coming<'_>,
    mut call: impl FnMut(*const abi::Ctx, *mut abi::Answer) -> i32,
) -> (usize, Ended) {
    let Reader {
        reads,
        kind,
        slots,
        values,
    } = reader;
    let mut columns = [Values::default(); SLOTS];
    let Some(columns) = columns_of(slots, coming, &mut columns) else {
        return (0, Ended::Signal(None));
    };
    let held = coming.held();
    let shows_profit = reads & abi::READS_POSITION != 0 && held.is_some();
    // Of several rows at one time the last one is the mark, which needs a look at each.
    if coming.event(0).kind() != kind || shows_profit && !matches!(coming.series, Series::Candle(_))
    {
        return (0, Ended::Signal(None));
    }
    let mut room = Room::new();
    let next_id = coming.orders.next();
    let mut answer = room.answer(next_id);
    let mut raw = begin(coming, reads, values);
    for row in 0..coming.rows {
        for (value, column) in values.iter_mut().zip(columns) {
            *value = column.at(row);
        }
        // The values may have moved in the compiler's eyes; where they lie has not.
        raw.values = values.as_ptr();
        raw.now = coming.ts(row);
        if reads & abi::READS_EVENT != 0 {
            let event = coming.event(row);
            raw.ts = event.ts();
            raw.opening_ts = event.opening_ts();
            raw.event = numbers(event);
        }
        if shows_profit {
            let mark = coming.event(row).mark(coming.scale);
            let last = coming.view.instrument.price_f64(mark);
            raw.unrealized_pnl = raw.position * (last - raw.entry_price);
        }
        let status = call(&raw const raw, &raw mut answer);
        if status != abi::OK {
            let failed = Ended::Failed {
                status,
                said: room.said(&answer.message),
                raw: Box::new(raw),
                next_id,
            };
            return (row + 1, failed);
        }
        if is_idle(&answer, held) {
            answer.signal = abi::SIGNAL_NONE;
            continue;
        }
        let ended = match room.take_into(&answer, coming.orders) {
            Ok(signal) => Ended::Signal(signal),
            Err(problem) => Ended::Wrong(problem),
        };
        return (row + 1, ended);
    }
    (coming.rows, Ended::Signal(None))
}

/// The columns of the slots over the coming rows; `None` where one of them has none.
fn columns_of<'c, 'a>(
    slots: &[Slot],
    coming: &Coming<'a>,
    columns: &'c mut [Values<'a>; SLOTS],
) -> Option<&'c [Values<'a>]> {
    let columns = columns.get_mut(..slots.len())?;
    for (column, slot) in columns.iter_mut().zip(slots) {
        let Slot::Indicator {
            id,
            output: 0,
            back: back @ (0 | 1),
        } = *slot
        else {
            return None;
        };
        *column = Values {
            values: coming.values(id),
            before: (back == 1).then(|| coming.before(id)),
        };
        if column.values.len() < coming.rows {
            return None;
        }
    }
    Some(columns)
}

/// The context before the first row.
fn begin(coming: &Coming<'_>, reads: u32, values: &[f64]) -> abi::Ctx {
    let mut raw = abi::Ctx {
        kind: coming.event(0).kind() as u32,
        ..empty(values)
    };
    if reads & abi::READS_POSITION != 0 {
        let row = coming.view.row;
        raw.position = coming.view.instrument.quantity_f64(row.position);
        raw.unrealized_pnl = 0.0;
        if row.position != 0 {
            raw.entry_price = row.entry_price;
        } else {
            raw.position = 0.0;
        }
    }
    raw
}

/// Whether an answer asks for nothing, or for the side that is held already.
#[inline]
fn is_idle(answer: &abi::Answer, held: Option<Side>) -> bool {
    let met = match answer.signal {
        abi::SIGNAL_NONE => true,
        abi::SIGNAL_LONG => held == Some(Side::Buy),
        abi::SIGNAL_SHORT => held == Some(Side::Sell),
        abi::SIGNAL_CLOSE => held.is_none(),
        _ => false,
    };
    let plain = answer.size_unit == abi::SIZE_OWN && answer.has_limit == 0;
    met && plain && answer.request_count == 0
}
