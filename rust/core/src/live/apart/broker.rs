//! The broker whose venue is in another process, as the order engine sees it.

use std::time::Duration;

use async_trait::async_trait;
use flume::Sender;
use parking_lot::Mutex;

use crate::domain::Nanos;
use crate::error::Error;
use crate::limits::{APART_EVENTS, APART_PATIENCE};
use crate::order::{Order, OrderId};
use crate::venue::{Execution, SimVenue};
use crate::wire::frame::framed;
use crate::wire::order::MOST_LOTS;
use crate::wire::{Line, within};

use super::super::broker::{Broker, BrokerError, Heard, MarketPhase, Report};
use super::super::desk::Open;
use super::super::event::{FeedEvent, Markets};
use super::super::paper::{Candles, PaperVenue, confirm, late};
use super::link::{Apart, BrokerLink, Lost, STRANGE, gone, hear, shown};
use super::message::{ToBroker, ToEngine, events};
use super::values::write_event;

/// A broker over a [`SimVenue`] in another process.
pub(in crate::live) struct ApartBroker {
    link: BrokerLink,
    /// Taken while an answer is waited for, and gone for good when none came.
    line: Mutex<Option<Line>>,
    candles: Mutex<Candles>,
    /// Like the other one, and without orders: what it would do with one is asked here.
    like: SimVenue,
    markets: Markets,
    end: Option<Nanos>,
    fill_delay: Duration,
    reports: Sender<Report>,
}

impl ApartBroker {
    /// A broker that tells through `reports`.
    pub(in crate::live) fn new(venue: PaperVenue, apart: Apart, reports: Sender<Report>) -> Self {
        Self {
            link: apart.link,
            line: Mutex::new(Some(apart.line)),
            candles: Mutex::new(Candles::new(&venue.markets)),
            like: venue.venue,
            markets: venue.markets,
            end: venue.end,
            fill_delay: venue.fill_delay,
            reports,
        }
    }

    fn open_of(&self, order: &Order) -> Open {
        let waits = self.like.waits_for_open(order);
        self.candles
            .lock()
            .open_of(order, waits, (&self.markets, self.end))
    }

    /// Says something and takes in the answer. Requests come one after the other, so that the line is there unless it is lost.
    async fn with_line<T>(
        &self,
        work: impl AsyncFnOnce(&mut Line) -> Result<T, Lost>,
    ) -> Result<T, Error> {
        let taken = self.line.lock().take();
        let Some(mut line) = taken else {
            return Err(gone(&self.link, "the connection was lost"));
        };
        match within(APART_PATIENCE, work(&mut line)).await {
            Some(Ok(came)) => {
                *self.line.lock() = Some(line);
                Ok(came)
            }
            Some(Err(Lost::Said(error))) => Err(error),
            Some(Err(Lost::Broken(broken))) => Err(gone(&self.link, &shown(&broken))),
            None => Err(gone(&self.link, "it took too long to answer")),
        }
    }

    async fn ask(&self, message: ToBroker) -> Result<ToEngine, Error> {
        self.with_line(async move |line: &mut Line| {
            line.say(&framed(&message.bytes())).await?;
            hear(line).await
        })
        .await
    }

    /// Hands an order over, and says what came of it.
    async fn hand_over(&self, order: &Order, message: ToBroker) -> Result<(), BrokerError> {
        if order.lots > MOST_LOTS {
            let reason = format!("order {} is larger than what can be told", order.id);
            return Err(BrokerError::Rejected(reason));
        }
        match self.ask(message).await {
            Ok(ToEngine::Taken(None)) => Ok(()),
            Ok(ToEngine::Taken(Some(reason))) => Err(BrokerError::Rejected(reason)),
            Ok(_) => Err(BrokerError::Failed(self.strange())),
            Err(error) => Err(BrokerError::Failed(error)),
        }
    }

    fn strange(&self) -> Error {
        gone(&self.link, "what it answered was not asked")
    }

    /// Tells the events of a phase, and hears what they do.
    async fn phase(&self, messages: Vec<u8>) -> Result<(Vec<Execution>, Option<Nanos>), Error> {
        self.with_line(async move |line: &mut Line| {
            line.say(&messages).await?;
            let mut happened = Vec::new();
            loop {
                match hear(line).await? {
                    ToEngine::Heard {
                        last,
                        next_wake,
                        executions,
                    } => {
                        happened.extend(executions);
                        if last {
                            return Ok((happened, next_wake));
                        }
                    }
                    _ => return Err(STRANGE),
                }
            }
        })
        .await
    }

    fn messages(&self, now: Nanos, phase: &MarketPhase) -> Vec<u8> {
        match phase {
            MarketPhase::Events { events, arrivals } => self.events(now, events, *arrivals),
            MarketPhase::Immediate => framed(&ToBroker::Immediate(now).bytes()),
            MarketPhase::Opens => framed(&ToBroker::Opens(now).bytes()),
        }
    }

    fn events(&self, now: Nanos, all: &[FeedEvent], arrivals: bool) -> Vec<u8> {
        let mut candles = self.candles.lock();
        let mut bytes = Vec::new();
        let mut parts = all.chunks(APART_EVENTS).peekable();
        loop {
            let part = parts.next().unwrap_or_default();
            let last = parts.peek().is_none();
            let seen: Vec<_> = part
                .iter()
                .filter_map(|event| self.markets.view(event))
                .collect();
            for event in part {
                candles.note(event);
            }
            bytes.extend(framed(&events(now, (last, arrivals), seen.len(), |out| {
                for (market, event) in &seen {
                    write_event(out, *market, event);
                }
            })));
            if last {
                return bytes;
            }
        }
    }
}

#[async_trait]
impl Broker for ApartBroker {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        let message = ToBroker::Submit {
            order: order.clone(),
            open: self.open_of(order),
        };
        self.hand_over(order, message).await
    }

    async fn restore(&self, order: &Order, newest: bool) -> Result<(), BrokerError> {
        let message = ToBroker::Restore {
            order: order.clone(),
            newest,
            open: self.open_of(order),
        };
        self.hand_over(order, message).await
    }

    async fn cancel(&self, market: u32, order: OrderId) -> Result<(), BrokerError> {
        match self.ask(ToBroker::Cancel { market, order }).await {
            Ok(ToEngine::Back(Some(trader))) => {
                confirm(order, trader, &self.reports).await;
                Ok(())
            }
            Ok(ToEngine::Back(None)) => Ok(()),
            Ok(_) => Err(BrokerError::Failed(self.strange())),
            Err(error) => Err(BrokerError::Failed(error)),
        }
    }

    fn simulates(&self) -> bool {
        true
    }

    async fn on_market(&self, now: Nanos, phase: &MarketPhase) -> Heard {
        let messages = self.messages(now, phase);
        match self.phase(messages).await {
            Ok(happened) => late(happened, self.fill_delay, &self.reports),
            Err(error) => Heard {
                failure: Some(error),
                ..Heard::default()
            },
        }
    }
}
