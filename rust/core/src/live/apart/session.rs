//! What the process knows of the engine that is connected, and what it answers.

use std::path::Path;

use crate::domain::Nanos;
use crate::error::Error;
use crate::journal::LedgerSpec;
use crate::limits::{APART_EXECUTIONS, APART_ORDERS, MAX_TRADERS, RISK_TEXT};
use crate::order::Order;
use crate::venue::{Execution, SimVenue, VenueConfig};
use crate::wire::Malformed;
use crate::wire::frame::framed;

use super::super::broker::BrokerError;
use super::super::desk::{Desk, Held, Open};
use super::super::ledger::Ledger;
use super::message::{Hello, ToBroker, ToEngine, VERSION};
use super::values::Listed;

/// What ends a session.
#[derive(Debug)]
pub(super) enum Bad {
    /// What came is no message, or cannot be.
    Refused(String),
    /// The books failed, or contradict what the engine says.
    Books(Error),
}

impl From<Malformed> for Bad {
    fn from(error: Malformed) -> Self {
        Self::Refused(format!("{} cannot be read", error.0))
    }
}

impl From<Error> for Bad {
    fn from(error: Error) -> Self {
        Self::Books(error)
    }
}

impl Bad {
    /// What the engine is told of it.
    pub(super) fn message(&self) -> ToEngine {
        let (code, message) = match self {
            Self::Refused(why) => ("broker.protocol", why.clone()),
            Self::Books(error) => (error.code, error.message.clone()),
        };
        let mut end = message.len().min(RISK_TEXT);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        ToEngine::Failed {
            code: code.to_owned(),
            message: message[..end].to_owned(),
        }
    }
}

/// What befell a session that somebody may want to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// An engine has greeted: its process.
    Connected(u32),
    /// The books are open: how many orders of before they have.
    Opened(usize),
}

/// One engine, from its greeting to its end.
#[derive(Default)]
pub(super) struct Session {
    hello: Option<Hello>,
    markets: Vec<Listed>,
    names: Vec<String>,
    desk: Option<Desk>,
    /// What has happened in a phase of which not all events have come.
    happened: Vec<Execution>,
    /// How many orders it took.
    pub(super) accepted: u64,
}

const UNTOLD: Malformed = Malformed("a message before the markets were told");
const NO_MARKET: Malformed = Malformed("a market that there is not");

impl Session {
    /// Whether the engine has greeted.
    pub(super) const fn greeted(&self) -> bool {
        self.hello.is_some()
    }

    /// Does what a message says; `answers` are written behind each other, each with its length.
    pub(super) fn answer(
        &mut self,
        message: ToBroker,
        books: &Path,
        answers: &mut Vec<u8>,
    ) -> Result<Option<Noted>, Bad> {
        let mut say = |message: &ToEngine| answers.extend(framed(&message.bytes()));
        match message {
            ToBroker::Hello(hello) => {
                let pid = hello.pid;
                say(&ToEngine::Welcome { version: VERSION });
                if hello.version != VERSION {
                    let why = format!(
                        "the engine speaks version {}, this process {VERSION}",
                        hello.version
                    );
                    return Err(Bad::Refused(why));
                }
                if self.hello.replace(hello).is_some() {
                    return Err(Malformed("a second greeting").into());
                }
                return Ok(Some(Noted::Connected(pid)));
            }
            ToBroker::Markets { settings, markets } => {
                let greeted = self.hello.is_some();
                if !greeted || self.markets.len() + markets.len() > MAX_TRADERS {
                    return Err(Malformed("markets").into());
                }
                self.markets.extend(markets);
                if let Some(settings) = settings {
                    return self.open(settings, books, &mut say).map(Some);
                }
            }
            ToBroker::Submit { order, open } => say(&self.take(&order, open, None)?),
            ToBroker::Restore {
                order,
                newest,
                open,
            } => say(&self.take(&order, open, Some(newest))?),
            ToBroker::Cancel { market, order } => {
                self.known(market)?;
                say(&ToEngine::Back(self.desk()?.take_back(market, order)));
            }
            ToBroker::Events {
                now,
                last,
                arrivals,
                events,
            } => {
                for (market, event) in events {
                    self.known(market)?;
                    let desk = self.desk.as_mut().ok_or(UNTOLD)?;
                    desk.event((market, &event.view()), now, &mut self.happened);
                }
                if last {
                    let desk = self.desk.as_mut().ok_or(UNTOLD)?;
                    if arrivals {
                        desk.arrivals(now, &mut self.happened);
                    }
                    self.tell(&mut say)?;
                }
            }
            ToBroker::Immediate(now) if self.is_recorded() => {
                self.phase(now, Desk::immediate, &mut say)?;
            }
            ToBroker::Immediate(now) => self.phase(now, Desk::standing, &mut say)?,
            ToBroker::Opens(now) => self.phase(now, Desk::opens, &mut say)?,
        }
        Ok(None)
    }

    /// Writes down what has not been, when nothing more has come: in a recorded run the next phase does.
    pub(super) fn rest(&mut self) -> Result<(), Bad> {
        let recorded = self.is_recorded();
        match &mut self.desk {
            Some(desk) if !recorded => Ok(desk.rest()?),
            _ => Ok(()),
        }
    }

    fn is_recorded(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.recorded)
    }

    /// The engine has gone: what is not written is written now.
    pub(super) fn end(&mut self) -> Result<(), Bad> {
        match &mut self.desk {
            Some(desk) => Ok(desk.rest()?),
            None => Ok(()),
        }
    }

    fn desk(&mut self) -> Result<&mut Desk, Malformed> {
        self.desk.as_mut().ok_or(UNTOLD)
    }

    fn known(&self, market: u32) -> Result<&str, Malformed> {
        let name = usize::try_from(market)
            .ok()
            .and_then(|market| self.names.get(market));
        name.map(String::as_str).ok_or(NO_MARKET)
    }

    fn open(
        &mut self,
        settings: VenueConfig,
        books: &Path,
        say: &mut impl FnMut(&ToEngine),
    ) -> Result<Noted, Bad> {
        let hello = self.hello.as_ref().ok_or(Malformed("no greeting"))?;
        if self.desk.is_some() {
            return Err(Malformed("markets that were told").into());
        }
        let spec = hello.journal.clone().map(|(key, last_order)| LedgerSpec {
            path: books.to_owned(),
            key,
            last_order,
        });
        let mut ledger = spec.as_ref().map(Ledger::open).transpose()?;
        if let Some(ledger) = &mut ledger {
            ledger.begin()?;
        }
        let (names, layout): (Vec<_>, Vec<_>) = self.markets.drain(..).unzip();
        let desk = Desk::new(SimVenue::new(settings, &layout), ledger, Held::default());
        let left: Vec<_> = desk.left().into_iter().collect();
        (self.names, self.desk) = (names, Some(desk));
        let mut parts = left.chunks(APART_ORDERS).peekable();
        loop {
            let orders = parts.next().unwrap_or_default().to_vec();
            let last = parts.peek().is_none();
            say(&ToEngine::Left { last, orders });
            if last {
                return Ok(Noted::Opened(left.len()));
            }
        }
    }

    fn take(&mut self, order: &Order, open: Open, newest: Option<bool>) -> Result<ToEngine, Bad> {
        let pair = self.known(order.market)?.to_owned();
        let desk = self.desk()?;
        let taken = match newest {
            None => desk.submit(order, &pair, open),
            Some(newest) => desk.restore((order, newest), &pair, open),
        };
        match taken {
            Ok(()) => {
                self.accepted += 1;
                Ok(ToEngine::Taken(None))
            }
            Err(BrokerError::Failed(error)) => Err(Bad::Books(error)),
            Err(
                BrokerError::Rejected(reason)
                | BrokerError::NotSent(reason)
                | BrokerError::Unknown(reason),
            ) => Ok(ToEngine::Taken(Some(reason))),
        }
    }

    fn phase(
        &mut self,
        now: Nanos,
        phase: impl FnOnce(&mut Desk, Nanos, &mut Vec<Execution>),
        say: &mut impl FnMut(&ToEngine),
    ) -> Result<(), Bad> {
        let desk = self.desk.as_mut().ok_or(UNTOLD)?;
        phase(desk, now, &mut self.happened);
        self.tell(say)
    }

    /// Tells what happened, when it is written down.
    fn tell(&mut self, say: &mut impl FnMut(&ToEngine)) -> Result<(), Bad> {
        let happened = std::mem::take(&mut self.happened);
        let next_wake = self.desk()?.told(&happened)?;
        let mut parts = happened.chunks(APART_EXECUTIONS).peekable();
        loop {
            let executions = parts.next().unwrap_or_default().to_vec();
            let last = parts.peek().is_none();
            say(&ToEngine::Heard {
                last,
                next_wake,
                executions,
            });
            if last {
                return Ok(());
            }
        }
    }
}
