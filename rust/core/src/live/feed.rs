//! Feeds: they bring market events to the commit thread, in batches, through a bounded channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use flume::Sender;

use crate::clock::{self, Stopwatch};
use crate::domain::Nanos;
use crate::error::Error;
use crate::limits::{EVENTS_PER_BATCH, FEED_PAUSE, POLL_INTERVAL};
use crate::market::synthetic::SyntheticFeed;
use crate::market::{MarketEvent, Rows};

use super::event::{Batch, FeedEvent, Markets};

/// Sends recorded rows, everything of one time together. At a speed, times pass so many times as fast as they did;
/// without one the feed goes as fast as it is read, and so it does up to the time `known`, which a journal has already.
pub(super) async fn recorded(
    mut rows: Rows,
    markets: Markets,
    (speed, known): (Option<f64>, Option<Nanos>),
    out: Sender<Batch>,
) {
    let mut first = rows.time();
    let mut began = Stopwatch::start();
    let mut step = Vec::new();
    while let Some(now) = rows.time() {
        if known.is_some_and(|known| now <= known) {
            (first, began) = (Some(now), Stopwatch::start());
        } else if let (Some(speed), Some(first)) = (speed, first) {
            let due = seconds(now.saturating_sub(first)) / speed;
            // However slow, it is never over by that.
            let due = Duration::try_from_secs_f64(due).unwrap_or(Duration::MAX);
            if let Some(pause) = due.checked_sub(began.elapsed()) {
                tokio::time::sleep(pause).await;
            }
        }
        let warm_up = rows.load(
            |market| &markets.data.markets[markets.sources[market]],
            &mut step,
        );
        let batch = Batch {
            now,
            events: step.iter().copied().map(FeedEvent::Row).collect(),
            warm_up,
            arrived: Stopwatch::start(),
            done: share(rows.walked(), rows.len()),
        };
        if out.send_async(batch).await.is_err() {
            return;
        }
    }
}

/// Runs a recorded feed to its end. Where it panics the reader hears why, in `fault`, before it hears that no more comes: else what
/// is lost would look like the end of the data.
pub(super) async fn supervised(
    rows: Rows,
    markets: Markets,
    pace: (Option<f64>, Option<Nanos>),
    (out, fault): (Sender<Batch>, Sender<Error>),
) {
    told_of(recorded(rows, markets, pace, out.clone()), &fault).await;
    drop(out);
}

async fn told_of(work: impl Future<Output = ()> + Send + 'static, fault: &Sender<Error>) {
    let done = tokio::spawn(work).await;
    if done.is_err_and(|error| error.is_panic()) {
        let _ = fault.try_send(broken());
    }
}

fn broken() -> Error {
    Error::config(
        "run.defect",
        "a defect in the engine ended the feed before the data did; please report it",
    )
}

/// Starts a thread that sends synthetic events at a rate, in turn from each market, each stamped with the time at which it is
/// sent. It has no I/O to wait for but much to compute, and pauses shorter than tokio's timers know. It ends when nobody reads
/// any more. `traded` has for each market of the feed its place among those traded; events of the others go nowhere.
///
/// # Errors
/// When no thread can be made.
pub(super) fn synthetic(
    feed: SyntheticFeed,
    rate: f64,
    traded: Vec<Option<u32>>,
    (out, fault): (Sender<Batch>, Sender<Error>),
) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name("pairloom-feed".to_owned())
        .spawn(move || {
            let send = AssertUnwindSafe(|| send_synthetic(feed, rate, &traded, &out));
            if catch_unwind(send).is_err() {
                let _ = fault.try_send(broken());
            }
            drop(out);
        })
        .map_err(|error| Error::config("run.thread", format!("no thread for the feed: {error}")))
}

fn send_synthetic(mut feed: SyntheticFeed, rate: f64, traded: &[Option<u32>], out: &Sender<Batch>) {
    let began = Stopwatch::start();
    let pace = rate * share(feed.len(), 1);
    let mut sent = 0_u64;
    let mut closed = vec![None; feed.len()];
    while !out.is_disconnected() {
        let due = count(began.elapsed().as_secs_f64() * pace);
        if due <= sent {
            let next = share_of(sent + 1) / pace - began.elapsed().as_secs_f64();
            let pause = Duration::try_from_secs_f64(next).unwrap_or(FEED_PAUSE);
            // Not longer than that, so that the thread ends soon behind a run whose markets are slow.
            std::thread::sleep(pause.clamp(FEED_PAUSE, POLL_INTERVAL));
            continue;
        }
        let number = due.saturating_sub(sent).min(EVENTS_PER_BATCH as u64);
        let now = clock::now();
        let events = (sent..sent + number)
            .filter_map(|event| {
                let market = usize::try_from(event % feed.len().max(1) as u64).ok()?;
                let event = stamped(feed.next(market)?, now, closed.get_mut(market)?);
                let market = (*traded.get(market)?)?;
                Some(FeedEvent::Value { market, event })
            })
            .collect::<Vec<_>>();
        sent += number;
        if events.is_empty() {
            continue;
        }
        let batch = Batch {
            now,
            events,
            warm_up: false,
            arrived: Stopwatch::start(),
            done: 0.0,
        };
        if out.send(batch).is_err() {
            return;
        }
    }
}

/// The event as it is sent now. A candle opens where the one before it in its market closed; the first one is as long as
/// candles are said to be.
fn stamped(mut event: MarketEvent, now: i64, closed: &mut Option<i64>) -> MarketEvent {
    match &mut event {
        MarketEvent::Candle(candle) => {
            let length = candle.close_ts.saturating_sub(candle.open_ts);
            candle.open_ts = closed.unwrap_or(now.saturating_sub(length));
            candle.close_ts = now;
            *closed = Some(now);
        }
        MarketEvent::Quote(quote) => quote.ts = now,
        MarketEvent::Trade(trade) => trade.ts = now,
    }
    event
}

#[expect(clippy::cast_precision_loss, reason = "a pace needs no more digits")]
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a pace needs no more digits")]
fn share_of(events: u64) -> f64 {
    events as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "elapsed time times a positive rate"
)]
fn count(events: f64) -> u64 {
    events as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::EventKind;
    use crate::market::synthetic::{SyntheticFeedSpec, SyntheticMarketSpec};

    fn feed(markets: usize) -> SyntheticFeed {
        let spec = SyntheticFeedSpec {
            seed: 7,
            kind: EventKind::Quote,
            start: 0,
            interval: 1_000_000_000,
            correlation: 0.0,
            missing: 0.0,
        };
        let market = SyntheticMarketSpec {
            price: 100.0,
            digits: 2,
            volatility: 0.001,
        };
        SyntheticFeed::new(spec, &vec![market; markets]).unwrap()
    }

    fn fault() -> Sender<Error> {
        flume::bounded(1).0
    }

    #[tokio::test]
    async fn a_feed_that_breaks_does_not_look_like_one_that_is_over() {
        let (fault, broke) = flume::bounded(1);
        told_of(async {}, &fault).await;
        assert!(broke.is_empty());
        told_of(async { panic!("planted") }, &fault).await;
        assert_eq!(broke.try_recv().unwrap().code, "run.defect");
    }

    #[test]
    fn events_name_their_place_among_the_traded_markets() {
        let (out, batches) = flume::bounded(4);
        let thread = synthetic(
            feed(3),
            10_000.0,
            vec![Some(1), None, Some(0)],
            (out, fault()),
        )
        .unwrap();
        let mut named = std::collections::BTreeSet::new();
        for batch in batches.iter().take(20) {
            named.extend(batch.events.iter().map(|event| match event {
                FeedEvent::Value { market, .. } => *market,
                FeedEvent::Row(_) => panic!("it has no rows"),
            }));
        }
        drop(batches);
        thread.join().unwrap();
        assert_eq!(named.into_iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_feed_ends_with_its_reader_though_it_waits_for_room_or_for_the_next_event() {
        for rate in [1e6, 1e-6] {
            let (out, batches) = flume::bounded(1);
            let thread = synthetic(feed(1), rate, vec![Some(0)], (out, fault())).unwrap();
            if rate > 1.0 {
                // Full: the next one waits.
                while !batches.is_full() {
                    std::thread::yield_now();
                }
            }
            drop(batches);
            thread.join().unwrap();
        }
    }
}
