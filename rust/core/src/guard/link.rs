//! The engine's end of the connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::limits::{RISK_FRAME, RISK_NOTES_TOGETHER};
use crate::risk::{Note, check};
use crate::wire::{Broken, Line, within};

use super::bytes::Malformed;
use super::frame::framed;
use super::message::{Digest, Question, ToEngine, ToProcess, VERSION};

/// Where a risk process listens, and how long it may take to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskLink {
    /// Its socket.
    pub path: PathBuf,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why the process cannot be asked.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It is not there, or has gone.
    Gone(String),
    /// It took too long.
    Slow,
    /// What it said is no message.
    Malformed(&'static str),
    /// It ended the connection, and said why.
    Sorry(String),
    /// It belongs to somebody else.
    Foreign(u32),
    /// It believes something else than the engine.
    Differs,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(why) => write!(f, "it is not there: {why}"),
            Self::Slow => write!(f, "it took longer than risk_timeout"),
            Self::Malformed(what) => write!(f, "{what}, which it sent, cannot be read"),
            Self::Sorry(why) => write!(f, "it said: {why}"),
            Self::Foreign(uid) => write!(f, "it belongs to user {uid}"),
            Self::Differs => write!(f, "it does not see the account that it was told"),
        }
    }
}

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Gone(why) => Self::Gone(why),
            Broken::Malformed(what) => Self::Malformed(what.0),
            Broken::Foreign(uid) => Self::Foreign(uid),
        }
    }
}

impl From<Malformed> for Lost {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

/// A connection to a process that has greeted back.
#[derive(Debug)]
pub(crate) struct Link {
    line: Line,
    number: u64,
    /// Whether it said that its kill switch is set.
    pub killed: bool,
}

impl Link {
    /// Connects and greets.
    pub(crate) async fn connect(spec: RiskLink) -> Result<Self, Lost> {
        let greeted = async {
            let mut link = Self {
                line: Line::connect(&spec.path).await?,
                number: 0,
                killed: false,
            };
            let hello = ToProcess::Hello {
                version: VERSION,
                pid: std::process::id(),
            };
            link.say(&hello).await?;
            match link.next().await? {
                ToEngine::Welcome { version } if version == VERSION => Ok(link),
                ToEngine::Welcome { version } => {
                    let why = format!("it speaks version {version}, this engine {VERSION}");
                    Err(Lost::Sorry(why))
                }
                _ => Err(Lost::Malformed("a greeting")),
            }
        };
        within(spec.timeout, greeted)
            .await
            .unwrap_or(Err(Lost::Slow))
    }

    async fn say(&mut self, message: &ToProcess) -> Result<(), Lost> {
        self.line.say(&framed(&message.bytes())).await?;
        Ok(())
    }

    /// The next message. Nothing is lost when it is no longer waited for.
    async fn next(&mut self) -> Result<ToEngine, Lost> {
        loop {
            match ToEngine::read(&self.line.hear().await?)? {
                ToEngine::Killed => self.killed = true,
                ToEngine::Sorry(why) => return Err(Lost::Sorry(why)),
                message => return Ok(message),
            }
        }
    }

    /// Waits until the process says something unasked: that its kill switch is set, or that the connection is lost.
    pub(crate) async fn hear(&mut self) -> Result<(), Lost> {
        match ToEngine::read(&self.line.hear().await?)? {
            ToEngine::Killed => {
                self.killed = true;
                Ok(())
            }
            ToEngine::Sorry(why) => Err(Lost::Sorry(why)),
            _ => Err(Lost::Malformed("an answer that nobody asked for")),
        }
    }

    /// Tells the account whole, and sees that the process believes the same.
    pub(crate) async fn reconcile(&mut self, state: &[u8], most: Duration) -> Result<(), Lost> {
        let told = async {
            // A byte for what kind of message it is, and one for whether it is the last part.
            let mut parts = state.chunks(RISK_FRAME - 2).peekable();
            while let Some(part) = parts.next() {
                let last = parts.peek().is_none();
                let bytes = part.to_vec();
                self.say(&ToProcess::Part { last, bytes }).await?;
            }
            match self.next().await? {
                ToEngine::Confirm(digest) if digest == digest_of(state) => Ok(()),
                ToEngine::Confirm(_) => Err(Lost::Differs),
                _ => Err(Lost::Malformed("a fingerprint")),
            }
        };
        within(most, told).await.unwrap_or(Err(Lost::Slow))
    }

    /// Tells what changed, and asks about orders: the name of the check that refuses each, or nothing.
    pub(crate) async fn ask(
        &mut self,
        notes: &[Note],
        orders: Vec<Question>,
        most: Duration,
    ) -> Result<Vec<Option<&'static str>>, Lost> {
        let asked = async {
            for part in notes.chunks(RISK_NOTES_TOGETHER) {
                self.say(&ToProcess::Notes(part.to_vec())).await?;
            }
            self.number += 1;
            let (number, count) = (self.number, orders.len());
            self.say(&ToProcess::Ask { number, orders }).await?;
            match self.next().await? {
                ToEngine::Answer {
                    number: same,
                    refused,
                } if same == number && refused.len() == count => {
                    let known = |name: Option<String>| name.map(|name| check::known(&name));
                    Ok(refused.into_iter().map(known).collect())
                }
                _ => Err(Lost::Malformed("an answer")),
            }
        };
        within(most, asked).await.unwrap_or(Err(Lost::Slow))
    }
}

fn digest_of(state: &[u8]) -> Digest {
    *blake3::hash(state).as_bytes()
}
