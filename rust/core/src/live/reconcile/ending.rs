//! The end of a run: the last word of the venue is waited for, so that both sides close the same books.

use std::sync::Arc;

use crate::clock::{self, Stopwatch};
use crate::commit::{VenueBooks, Writer};
use crate::domain::Nanos;
use crate::limits::{ENDING_LIMIT, ENDING_ROUNDS, POLL_INTERVAL, SETTLE_LIMIT};
use crate::live::broker::{MarketPhase, Standing};
use crate::live::coordinator::Coordinator;
use crate::step::Ending;
use crate::venue::{Execution, Outcome};

use super::book::Book;
use super::difference::Said;

impl Coordinator<'_> {
    /// Makes no steps any more, and lets no time pass for the market: messages arrive, and the venue is asked until it has
    /// answered everything. What is not settled then is reported, and its pairs are halted. Whether
    /// anything was reported.
    pub(in crate::live) fn settle_with_the_venue(
        &mut self,
        last: Nanos,
        ending: Ending,
        writer: &mut Writer,
    ) -> bool {
        if self.orders.book.is_none() {
            return false;
        }
        if ending == Ending::Paused {
            self.farewell(writer);
            return false;
        }
        let before = writer.records.differences.len();
        let (since, mut now) = (Stopwatch::start(), last);
        let limit = match ending {
            Ending::Hurried => SETTLE_LIMIT,
            Ending::Whole | Ending::Paused => ENDING_LIMIT,
        };
        if let Some(book) = &mut self.orders.book {
            book.end_at(last);
        }
        let mut told = Vec::new();
        let mut settled = false;
        for _ in 0..ENDING_ROUNDS {
            let phase = MarketPhase::Events {
                events: Arc::new([]),
                arrivals: false,
            };
            self.meet_and_ask(now, phase, &mut told);
            told.sort_by_key(|execution| (execution.ts, execution.trader, execution.order));
            for execution in told.drain(..) {
                writer.on_execution(&execution);
            }
            self.reconcile(now, writer);
            settled = self.orders.book.as_deref().is_some_and(Book::is_settled);
            if settled || since.elapsed() > limit {
                break;
            }
            now = self.later(now);
        }
        if !settled {
            self.report_unsettled(now, writer);
        }
        self.farewell(writer);
        writer.records.differences.len() > before
    }

    /// The next time at which something can happen between the engine and the venue.
    fn later(&mut self, now: Nanos) -> Nanos {
        if !self.is_recorded() {
            if let Ok(told) = self.orders.told.recv_timeout(POLL_INTERVAL) {
                self.orders.note(told);
            }
            return clock::now().max(now);
        }
        let due = self.orders.book.as_deref().and_then(Book::due);
        let wakes = [due, self.orders.next_wake].into_iter().flatten();
        wakes.filter(|&at| at > now).min().unwrap_or(now + 1)
    }

    fn report_unsettled(&mut self, now: Nanos, writer: &mut Writer) {
        let open: Vec<Said> = self
            .orders
            .book
            .as_deref()
            .map_or_else(Vec::new, Book::unsettled);
        for said in open {
            self.report(now, said, writer);
        }
    }

    /// Takes leave of the broker, and keeps what it leaves behind.
    fn farewell(&mut self, writer: &mut Writer) {
        let farewell = self.orders.close();
        let Some(book) = self.orders.book.as_deref() else {
            return;
        };
        let counts = book.counts;
        let own = [
            ("asked", counts.asked),
            ("compared", counts.compared),
            ("missed", counts.missed),
            ("lost", counts.lost),
            ("adopted", counts.adopted),
            ("told_again", counts.told_again),
        ];
        let named = own
            .iter()
            .map(|(name, count)| (format!("reconcile_{name}"), *count));
        self.left.extend(named);
        let Some(farewell) = farewell else { return };
        let faults = farewell.counts.iter();
        self.left
            .extend(faults.map(|(name, count)| (format!("fault_{name}"), *count)));
        writer.records.venue = farewell
            .standing
            .map(|standing| books_of(&standing, &farewell.liquidated));
    }
}

/// The venue's books out of all that it ever told, and what it filled besides.
fn books_of(standing: &Standing, liquidated: &[Execution]) -> VenueBooks {
    let told = standing.executions.iter().map(|(_, execution)| execution);
    let fill = |execution: &Execution| match execution.outcome {
        Outcome::Settled { price, lots, .. } if lots > 0 => Some((execution.order, lots, price)),
        _ => None,
    };
    VenueBooks {
        open: standing.open.iter().map(|order| order.order).collect(),
        fills: told.chain(liquidated).filter_map(fill).collect(),
        positions: standing.positions.clone(),
        cash: standing.cash,
    }
}
