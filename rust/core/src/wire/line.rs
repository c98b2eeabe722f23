//! The end of a connection that calls: to a process of the same user, message by message.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::bytes::Malformed;
use super::frame::Frames;

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nobody is there, or has gone.
    Gone(String),
    /// What came is no message.
    Malformed(Malformed),
    /// Who listens belongs to somebody else.
    Foreign(u32),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<Malformed> for Broken {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

/// Bytes that are read at once.
const READ: usize = 1 << 14;

/// A connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: UnixStream,
    frames: Frames,
}

/// The user that this process runs as.
pub(crate) fn own_user() -> std::io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

impl Line {
    /// Connects to a process of the own user.
    pub(crate) async fn connect(path: &Path) -> Result<Self, Broken> {
        let stream = UnixStream::connect(path).await?;
        let theirs = stream.peer_cred()?.uid();
        if theirs != own_user()? {
            return Err(Broken::Foreign(theirs));
        }
        Ok(Self {
            stream,
            frames: Frames::default(),
        })
    }

    /// Sends messages that have their lengths before them.
    pub(crate) async fn say(&mut self, framed: &[u8]) -> Result<(), Broken> {
        self.stream.write_all(framed).await?;
        Ok(())
    }

    /// The next message. Nothing is lost when it is no longer waited for.
    pub(crate) async fn hear(&mut self) -> Result<Vec<u8>, Broken> {
        let mut some = [0; READ];
        loop {
            if let Some(message) = self.frames.next()? {
                return Ok(message.to_vec());
            }
            let read = self.stream.read(&mut some).await?;
            if read == 0 {
                return Err(Broken::Gone("it closed the connection".to_owned()));
            }
            self.frames.push(&some[..read]);
        }
    }
}

/// What comes within so long; nothing when it does not.
pub(crate) async fn within<T>(most: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(most, work).await.ok()
}
