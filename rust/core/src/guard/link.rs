//! The engine's end of the connection.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::limits::{RISK_FRAME, RISK_NOTES_TOGETHER};
use crate::risk::{Note, check};

use super::bytes::Malformed;
use super::frame::{Frames, framed};
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

impl From<std::io::Error> for Lost {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<Malformed> for Lost {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error.0)
    }
}

/// Bytes that are read at once.
const READ: usize = 1 << 14;

/// A connection to a process that has greeted back.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    frames: Frames,
    number: u64,
    /// Whether it said that its kill switch is set.
    pub killed: bool,
}

/// The user that this process runs as.
pub(super) fn own_user() -> std::io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

impl Link {
    /// Connects and greets.
    pub(crate) async fn connect(spec: RiskLink) -> Result<Self, Lost> {
        let greeted = async {
            let stream = UnixStream::connect(&spec.path).await?;
            let theirs = stream.peer_cred()?.uid();
            if theirs != own_user()? {
                return Err(Lost::Foreign(theirs));
            }
            let mut link = Self {
                stream,
                frames: Frames::default(),
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
        within(spec.timeout, greeted).await
    }

    async fn say(&mut self, message: &ToProcess) -> Result<(), Lost> {
        self.stream.write_all(&framed(&message.bytes())).await?;
        Ok(())
    }

    /// The next message. Nothing is lost when it is no longer waited for.
    async fn next(&mut self) -> Result<ToEngine, Lost> {
        let mut some = [0; READ];
        loop {
            if let Some(message) = self.frames.next()? {
                match ToEngine::read(message)? {
                    ToEngine::Killed => self.killed = true,
                    ToEngine::Sorry(why) => return Err(Lost::Sorry(why)),
                    message => return Ok(message),
                }
                continue;
            }
            let read = self.stream.read(&mut some).await?;
            if read == 0 {
                return Err(Lost::Gone("it closed the connection".to_owned()));
            }
            self.frames.push(&some[..read]);
        }
    }

    /// Waits until the process says something unasked: that its kill switch is set, or that the connection is lost.
    pub(crate) async fn hear(&mut self) -> Result<(), Lost> {
        let mut some = [0; READ];
        loop {
            if let Some(message) = self.frames.next()? {
                match ToEngine::read(message)? {
                    ToEngine::Killed => {
                        self.killed = true;
                        return Ok(());
                    }
                    ToEngine::Sorry(why) => return Err(Lost::Sorry(why)),
                    _ => return Err(Lost::Malformed("an answer that nobody asked for")),
                }
            }
            let read = self.stream.read(&mut some).await?;
            if read == 0 {
                return Err(Lost::Gone("it closed the connection".to_owned()));
            }
            self.frames.push(&some[..read]);
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
        within(most, told).await
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
        within(most, asked).await
    }
}

fn digest_of(state: &[u8]) -> Digest {
    *blake3::hash(state).as_bytes()
}

async fn within<T>(most: Duration, work: impl Future<Output = Result<T, Lost>>) -> Result<T, Lost> {
    match tokio::time::timeout(most, work).await {
        Ok(came) => came,
        Err(_) => Err(Lost::Slow),
    }
}
