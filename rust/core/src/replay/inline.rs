//! Phase 3 on the driver's own thread: hooks that are due, traders that go event by event, traders that run ahead.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::limits::{
    BLOCKS_TOGETHER, CLOSES_PER_LINE, LINES_AHEAD, TOUCHED_FROM, TOUCHED_TOGETHER,
};
use crate::market::Row;
use crate::strategy::{Mark, Stop, View};

use super::Cast;
use super::ahead::{Ahead, Lead};
use super::evaluate::{Present, input, later_mark, turn, view};
use super::pool::StepWork;

/// All traders, or those that no pool may evaluate, on this thread.
pub(super) fn inline(
    cast: &mut Cast<'_>,
    writer: &Writer,
    work: StepWork<'_>,
    before: usize,
    others_only: bool,
) -> bool {
    let StepWork {
        present,
        rows,
        called,
        due,
        acting,
        ahead,
    } = work;
    // Asked first: to begin emptying an empty list costs as much as a good part of a step.
    if !due.is_empty() {
        for trader in due.drain(..) {
            let view = view(cast, writer, trader, present.now);
            let slot = cast.traders[trader as usize].get_mut();
            slot.run_hooks(&view);
            if slot.has_acted() {
                acting.push(trader);
            }
            ahead.leads[trader as usize].chain = 0;
        }
    }
    if rows.len() >= TOUCHED_FROM {
        let mut rest = rows.as_slice();
        while !rest.is_empty() {
            let (group, later) = rest.split_at(group_of(rest));
            rest = later;
            touch_rows(cast, writer, group);
            by_event(cast, writer, group, present.now, acting, others_only);
        }
    } else {
        by_event(cast, writer, rows, present.now, acting, others_only);
    }
    see_to(cast, writer, called, present, ahead, acting);
    acting[before.min(acting.len())..].iter().any(|&trader| {
        matches!(
            cast.traders[trader as usize].get_mut().failure,
            Some(Stop::Interrupted)
        )
    })
}

/// How many of a step's rows are read together: no fewer than that, and all rows of the last one's market, whose price is what
/// the last of them leaves.
fn group_of(rows: &[Row]) -> usize {
    let market = |row: &Row| row.entry.market();
    let Some(last) = rows.get(TOUCHED_TOGETHER - 1) else {
        return rows.len();
    };
    let more = rows[TOUCHED_TOGETHER..].iter();
    TOUCHED_TOGETHER + more.take_while(|next| market(next) == market(last)).count()
}

/// Lets traders that go event by event take in these rows, on this thread.
pub(super) fn by_event(
    cast: &mut Cast<'_>,
    writer: &Writer,
    rows: &[Row],
    now: Nanos,
    acting: &mut Vec<u32>,
    others_only: bool,
) {
    if rows.is_empty() {
        return;
    }
    // The parts one by one: seats are read while traders are written to.
    let Cast {
        traders,
        slots,
        markets,
        lazy,
        instruments,
        ..
    } = cast;
    let mut view = View {
        now,
        row: writer.account.row(0),
        account: writer.account.view(),
        mark: Mark::Known(None),
        instrument: &writer.account.market(0).instrument,
        pair: "",
        series: None,
    };
    let mut rows = rows;
    while let [row, rest @ ..] = rows {
        rows = rest;
        let (market, kind) = (row.entry.market(), row.entry.kind());
        view.instrument = &instruments[market];
        let lazy = lazy[market];
        if !lazy {
            view.mark = Mark::Known(writer.account.market(market as u32).mark);
        }
        for seat in slots.of(market) {
            if others_only && seat.native {
                continue;
            }
            let Some(series) = seat.hears(kind, markets[market]) else {
                continue;
            };
            view.row = writer.account.row(seat.trader);
            view.pair = seat.pair;
            view.series = seat.series;
            let input = input(series, row.row, row.warm_up);
            if lazy {
                let next = rest
                    .first()
                    .is_some_and(|next| next.entry.market() == market);
                view.mark = Mark::Of(input.event, seat.scale);
                if next {
                    view.mark = later_mark((series, seat.scale), row, rest);
                }
            }
            let slot = traders[seat.trader as usize].get_mut();
            slot.on_event(&input, &view);
            if slot.has_acted() && acting.last() != Some(&seat.trader) {
                acting.push(seat.trader);
            }
        }
    }
}

/// Sees to traders that run ahead, on this thread.
fn see_to(
    cast: &mut Cast<'_>,
    writer: &Writer,
    called: &[u32],
    present: Present<'_>,
    ahead: &mut Ahead,
    acting: &mut Vec<u32>,
) {
    for group in called.chunks(BLOCKS_TOGETHER) {
        touch_traders(cast, writer, group, &ahead.leads);
        for &trader in group {
            let index = trader as usize;
            let lead = ahead.leads[index];
            let places = cast.places(present.steps, trader);
            // Who acted here ahead, and has no further row here, need not be looked at: what it asked for waits in it.
            if lead.acts && places.get(lead.until as usize) != places.get(lead.until as usize - 1) {
                acting.push(trader);
                ahead.take_act(trader, places);
                continue;
            }
            let with_lead = (trader, lead);
            let prepared = ahead.take_prepared(trader);
            let was_prepared = prepared.is_some();
            // Nobody else is here: the lock is taken for the borrow alone.
            let mut slot = cast.traders[index].lock();
            let turn = turn(
                cast,
                &ahead.reach,
                writer,
                with_lead,
                present,
                (&mut slot, prepared),
            );
            drop(slot);
            let Some(turn) = turn else { continue };
            if turn.acted {
                acting.push(trader);
            }
            if turn.block.is_some() && !was_prepared {
                ahead.look_at_clock();
            }
            ahead.note(trader, turn, places, present.step);
        }
    }
}

/// Reads what the evaluations of these rows will need, so that the waits for memory overlap.
#[inline(never)]
fn touch_rows(cast: &mut Cast<'_>, writer: &Writer, rows: &[Row]) {
    let mut touched = 0_i64;
    for row in rows {
        let market = row.entry.market();
        for seat in cast.slots.of(market) {
            let index = seat.trader as usize;
            touched = touched
                .wrapping_add(cast.traders[index].get_mut().touch())
                .wrapping_add(writer.account.row(seat.trader).position);
        }
    }
    std::hint::black_box(touched);
}

/// The same for traders that run ahead.
fn touch_traders(cast: &mut Cast<'_>, writer: &Writer, traders: &[u32], leads: &[Lead]) {
    if traders.len() < 2 {
        return;
    }
    let mut touched = 0_i64;
    for &index in traders
        .iter()
        .filter(|&&trader| !leads[trader as usize].acts)
    {
        let trader = cast.traders[index as usize].get_mut().touch();
        let row = writer.account.row(index);
        touched = touched
            .wrapping_add(trader)
            .wrapping_add(row.position)
            .wrapping_add(row.working.len() as i64);
        // The first prices of a block: those behind them are fetched by the processor itself.
        let column = &cast.columns[cast.market_of[index as usize] as usize];
        let from = leads[index as usize].until as usize;
        let closes = (from..).step_by(CLOSES_PER_LINE).take(LINES_AHEAD);
        let closes = closes.map_while(|row| column.closes.get(row));
        touched = closes.fold(touched, |touched, close| {
            touched.wrapping_add(close.to_bits().cast_signed())
        });
    }
    std::hint::black_box(touched);
}
