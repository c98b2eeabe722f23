//! The end of a run: the last word of the venue is waited for, so that both sides close the same books.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Stopwatch};
use crate::commit::{VenueBooks, Writer};
use crate::domain::Nanos;
use crate::limits::{ENDING_LIMIT, ENDING_ROUNDS, POLL_INTERVAL, SETTLE_LIMIT};
use crate::live::broker::{MarketPhase, Standing};
use crate::live::coordinator::Coordinator;
use crate::live::order_engine::Told;
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
            // What came last is reported, too.
            let before = writer.records.differences.len();
            self.report_misnamed(last, writer);
            return writer.records.differences.len() > before;
        }
        if ending == Ending::Paused {
            self.farewell(writer);
            return false;
        }
        let before = writer.records.differences.len();
        let (since, mut now) = (Stopwatch::start(), last);
        let mut limit = match ending {
            Ending::Hurried => SETTLE_LIMIT,
            Ending::Whole | Ending::Paused => ENDING_LIMIT,
        };
        let (mut rounds, mut polled) = (0, Stopwatch::start());
        if let Some(book) = &mut self.orders.book {
            book.end_at(last);
        }
        let mut told = Vec::new();
        let settled = loop {
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
            let settled = self.orders.book.as_deref().is_some_and(Book::is_settled);
            // On a recorded feed rounds are what time is: so many of them without an answer bring none.
            rounds += u32::from(self.is_recorded());
            if settled || since.elapsed() > limit || rounds == ENDING_ROUNDS {
                break settled;
            }
            if self.has_enough(&mut polled) {
                // A little longer, as at the end of any run.
                limit = limit.min(since.elapsed() + SETTLE_LIMIT);
            }
            now = self.later(now);
        };
        if !settled {
            self.report_unsettled(now, writer);
        }
        self.farewell(writer);
        writer.records.differences.len() > before
    }

    /// Whether the user has just said that the wait is too long.
    fn has_enough(&mut self, polled: &mut Stopwatch) -> bool {
        if self.crew.interrupted || polled.elapsed() < POLL_INTERVAL {
            return false;
        }
        *polled = Stopwatch::start();
        self.crew.interrupted = !self.host.poll(self.progress.done);
        self.crew.interrupted
    }

    /// The next time at which something can happen between the engine and the venue.
    fn later(&mut self, now: Nanos) -> Nanos {
        let due = self.orders.book.as_deref().and_then(Book::due);
        let wakes = [due, self.orders.next_wake].into_iter().flatten();
        let next = wakes.filter(|&at| at > now).min();
        if self.is_recorded() {
            return next.unwrap_or(now + 1);
        }
        let nanos = next.map(|next| u64::try_from(next.saturating_sub(clock::now())).unwrap_or(0));
        let most = nanos.map_or(POLL_INTERVAL, |nanos| {
            POLL_INTERVAL.min(Duration::from_nanos(nanos))
        });
        let since = Stopwatch::start();
        while let Some(left) = most.checked_sub(since.elapsed())
            && let Ok(told) = self.orders.told.recv_timeout(left)
        {
            // That the venue has heard of a moment is no news.
            let news = !matches!(told, Told::Answered { .. });
            self.orders.note(told);
            if news {
                break;
            }
        }
        clock::now().max(now)
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
