//! One trader's part of a step.

use crate::commit::Writer;
use crate::domain::Nanos;
use crate::market::{PriceScale, Row, Series, Steps};
use crate::strategy::{Mark, View};
use crate::trader::{Input, Trader, TraderState};
use crate::venue::SimVenue;

use super::Cast;
use super::ahead::{Block, Lead, Reach, Turn};

/// What a trader's strategy may look at in this step.
#[inline]
pub(super) fn view<'a>(cast: &Cast<'a>, writer: &'a Writer, trader: u32, now: Nanos) -> View<'a> {
    let market = cast.market_of[trader as usize];
    let book = writer.account.market(market);
    View {
        now,
        row: writer.account.row(trader),
        account: writer.account.view(),
        mark: book.mark.into(),
        instrument: &book.instrument,
        pair: &cast.markets[market as usize].name,
        series: cast.series(market as usize, cast.mains[trader as usize]),
    }
}

/// One event for one trader, and no other. Whether the trader has acted in this step.
#[inline]
pub(super) fn take_in(trader: &mut Trader, series: Series<'_>, row: Row, view: &View<'_>) -> bool {
    if trader.listens(row.entry.kind()) {
        trader.on_event(&input(series, row.row, row.warm_up), view);
    }
    trader.has_acted()
}

/// A row as an event for a trader.
#[inline]
pub(super) const fn input(series: Series<'_>, row: u32, warm_up: bool) -> Input<'_> {
    Input {
        event: series.event(row as usize),
        row: row as usize,
        warm_up,
    }
}

/// The step in which a trader that runs ahead is seen to.
#[derive(Clone, Copy)]
pub(super) struct Present<'a> {
    pub steps: &'a Steps,
    pub venue: &'a SimVenue,
    pub step: usize,
    pub now: Nanos,
}

/// Sees to a trader that runs ahead: what it did at this step counts, and its rows of this step are taken in, together
/// with later ones where it may; by a block that was prepared, if there is one. `None` once it is quarantined.
pub(super) fn turn<'a>(
    cast: &Cast<'a>,
    reach: &Reach,
    writer: &'a Writer,
    (trader, lead): (u32, Lead),
    present: Present<'a>,
    (slot, mut prepared): (&mut Trader, Option<Box<Block>>),
) -> Option<Turn> {
    if slot.state == TraderState::Quarantined {
        return None;
    }
    let index = trader as usize;
    let (market, kind) = (cast.market_of[index] as usize, cast.mains[index]);
    let (series, scale) = (cast.series(market, kind)?, cast.scales[market]);
    let places = present.steps.places(market, kind);
    let here = |row: u32| {
        places
            .get(row as usize)
            .is_some_and(|p| p as usize == present.step)
    };
    let mut turn = Turn {
        lead: Lead {
            acts: false,
            ..lead
        },
        // What it asked for in a block that was prepared belongs to the block's last row.
        acted: lead.acts || (prepared.is_none() && slot.has_acted()),
        block: None,
    };
    if !here(lead.until) {
        return Some(turn);
    }
    warm_up(slot, series, lead.until);
    let mut view = view(cast, writer, trader, present.now);
    while here(turn.lead.until) {
        let row = turn.lead.until;
        if turn.block.is_none()
            && let Some(block) = prepared.take().map(|block| *block).or_else(|| {
                let venue_and_writer = (present.venue, writer);
                let rows = (series, places);
                let stretch = reach.stretch(cast, venue_and_writer, (trader, row), rows)?;
                reach.begin(&stretch, slot, &view, turn.lead)
            })
        {
            turn.lead = block.lead;
            turn.block = Some(block);
            if turn.lead.acts && !here(turn.lead.until - 1) {
                break;
            }
            turn.acted |= turn.lead.acts;
            turn.lead.acts = false;
            continue;
        }
        view.mark = last_mark(series, scale, row, here);
        slot.on_event(&input(series, row, false), &view);
        turn.acted |= slot.has_acted();
        turn.lead.until += 1;
        turn.lead.chain = 0;
    }
    Some(turn)
}

/// Feeds the rows before the run's start, which only warm up, once the first one after it has come.
pub(super) fn warm_up(slot: &mut Trader, series: Series<'_>, until: u32) {
    let seen = u32::try_from(slot.rows_seen()).unwrap_or(u32::MAX);
    for row in seen..until {
        slot.feed(&input(series, row, true));
    }
}

/// The mark that the last row of this one's step leaves.
fn last_mark<'a>(
    series: Series<'a>,
    scale: PriceScale,
    row: u32,
    here: impl Fn(u32) -> bool,
) -> Mark<'a> {
    let mut last = row;
    while here(last + 1) {
        last += 1;
    }
    Mark::Of(series.event(last as usize), scale)
}

/// The market's price after a row of a step, where nobody has taken it up yet: that of the last of its market's among those
/// that follow.
#[cold]
pub(super) fn later_mark<'a>(
    (series, scale): (Series<'a>, PriceScale),
    row: &Row,
    rest: &[Row],
) -> Mark<'a> {
    let market = row.entry.market();
    let later = rest.iter().take_while(|next| next.entry.market() == market);
    let last = later.last().unwrap_or(row);
    Mark::Of(series.event(last.row as usize), scale)
}
