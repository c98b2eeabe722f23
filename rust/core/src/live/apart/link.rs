//! The engine's end of the connection: greets, describes the markets, and asks.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::error::Error;
use crate::limits::{APART_MARKETS, APART_PATIENCE};
use crate::order::OrderId;
use crate::venue::SimVenue;
use crate::wire::frame::framed;
use crate::wire::{Broken, Line, within};

use super::super::event::Markets;
use super::message::{Hello, ToBroker, ToEngine, VERSION};
use super::values::Listed;

/// Where the paper broker's process listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerLink {
    /// Its socket.
    pub path: PathBuf,
}

/// A connection to a process that knows the markets and has opened its books.
#[derive(Debug)]
pub(in crate::live) struct Apart {
    pub(super) link: BrokerLink,
    pub(super) line: Line,
    /// The orders of before this process that its books have.
    pub(in crate::live) left: HashSet<OrderId>,
}

impl Apart {
    /// Connects; `journal` is what tells the run from others, and the last order that its journal has.
    ///
    /// # Errors
    /// When the process is not there, does not answer, or its books are not those of this run.
    pub(in crate::live) async fn connect(
        link: BrokerLink,
        journal: Option<(String, OrderId)>,
        (venue, markets): (&SimVenue, &Markets),
    ) -> Result<Self, Error> {
        let hello = Hello {
            version: VERSION,
            pid: std::process::id(),
            journal,
            recorded: markets.recorded,
        };
        let listed = described(venue, markets);
        let greeted = async {
            let mut line = Line::connect(&link.path).await?;
            greet(&mut line, hello, listed)
                .await
                .map(|left| (line, left))
        };
        match within(APART_PATIENCE, greeted).await {
            Some(Ok((line, left))) => Ok(Self { link, line, left }),
            Some(Err(Lost::Said(error))) => Err(error),
            Some(Err(Lost::Broken(broken))) => Err(unreachable(&link, &shown(&broken))),
            None => Err(unreachable(&link, "it does not answer")),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The connection is over.
    Broken(Broken),
    /// The process said why.
    Said(Error),
}

impl<T: Into<Broken>> From<T> for Lost {
    fn from(why: T) -> Self {
        Self::Broken(why.into())
    }
}

/// The next message; what the process says failed is an error.
pub(super) async fn hear(line: &mut Line) -> Result<ToEngine, Lost> {
    match ToEngine::read(&line.hear().await?)? {
        ToEngine::Failed { code, message } => Err(Lost::Said(error_of(&code, message))),
        message => Ok(message),
    }
}

async fn greet(
    line: &mut Line,
    hello: Hello,
    messages: Vec<ToBroker>,
) -> Result<HashSet<OrderId>, Lost> {
    line.say(&framed(&ToBroker::Hello(hello).bytes())).await?;
    match hear(line).await? {
        ToEngine::Welcome { version } if version == VERSION => {}
        ToEngine::Welcome { version } => {
            let why = format!("it speaks version {version}, this engine {VERSION}");
            return Err(Lost::Broken(Broken::Gone(why)));
        }
        _ => return Err(STRANGE),
    }
    for message in messages {
        line.say(&framed(&message.bytes())).await?;
    }
    let mut left = HashSet::new();
    loop {
        match hear(line).await? {
            ToEngine::Left { last, orders } => {
                left.extend(orders);
                if last {
                    return Ok(left);
                }
            }
            _ => return Err(STRANGE),
        }
    }
}

/// An answer to something else.
pub(super) const STRANGE: Lost =
    Lost::Broken(Broken::Malformed(crate::wire::Malformed("an answer")));

/// The markets and the venue, as messages.
fn described(venue: &SimVenue, markets: &Markets) -> Vec<ToBroker> {
    let (settings, books) = venue.layout();
    let listed: Vec<Listed> = (0..)
        .zip(books)
        .map(|(market, book)| (markets.market(market).name.clone(), book))
        .collect();
    let mut messages: Vec<ToBroker> = listed
        .chunks(APART_MARKETS)
        .map(|some| ToBroker::Markets {
            settings: None,
            markets: some.to_vec(),
        })
        .collect();
    messages.push(ToBroker::Markets {
        settings: Some(settings),
        markets: Vec::new(),
    });
    messages
}

pub(super) fn shown(broken: &Broken) -> String {
    match broken {
        Broken::Gone(why) => why.clone(),
        Broken::Malformed(what) => format!("{}, which it sent, cannot be read", what.0),
        Broken::Foreign(uid) => format!("it belongs to user {uid}"),
    }
}

fn unreachable(link: &BrokerLink, why: &str) -> Error {
    let path = link.path.display();
    Error::config(
        "broker.unreachable",
        format!(
            "broker_socket={path}: the paper broker's process cannot be asked: {why}; start it with pairloom broker --socket \
             {path} --books FILE, and end every other engine that uses it"
        ),
    )
}

/// The process has gone while the run goes on.
pub(super) fn gone(link: &BrokerLink, why: &str) -> Error {
    let path = link.path.display();
    Error::broker(
        "broker.gone",
        format!(
            "the paper broker's process at {path} has gone: {why}; nothing leaves any more: start it again; a run on recorded data \
             with a journal goes on when the same command is run again, one in real time begins anew with another journal"
        ),
    )
}

/// What the books of the process may say.
const CODES: [&str; 11] = [
    "broker.disturbed",
    "broker.full",
    "broker.io",
    "broker.damaged",
    "broker.books",
    "broker.other_run",
    "broker.unknown_order",
    "broker.lost_order",
    "broker.disagrees",
    "broker.protocol",
    "broker.locked",
];

fn error_of(code: &str, message: String) -> Error {
    let known = CODES.into_iter().find(|known| *known == code);
    Error::broker(known.unwrap_or("broker.process"), message)
}
