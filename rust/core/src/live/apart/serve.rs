//! The process: listens, and is the venue of one engine after the other.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Interval, MissedTickBehavior, timeout};

use crate::error::Error;
use crate::journal::{Lock, Unlocked};
use crate::limits::{RISK_GREETING, RISK_LOOK};
use crate::wire::frame::{Frames, framed};
use crate::wire::listen::{Listening, Names, listen};
use crate::wire::own_user;

use super::message::ToBroker;
use super::session::{Bad, Noted, Session};

/// What the process is told when it is started.
#[derive(Clone, Debug)]
pub struct BrokerProcess {
    /// Where it listens.
    pub socket: PathBuf,
    /// Its books: every order that it accepted, and what became of it.
    pub books: PathBuf,
}

/// Who started it.
pub trait BrokerSupervisor {
    /// Whether it goes on.
    fn goes_on(&self) -> bool;

    /// Hears what befell it: one word, and what is to be said beside it.
    fn hear(&self, event: &'static str, detail: &str);
}

/// Why a connection is over.
enum Over {
    /// The engine has gone.
    Gone(String),
    /// It is told why.
    Bad(Bad),
    /// The process is to end.
    Asked,
}

impl From<std::io::Error> for Over {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl<T: Into<Bad>> From<T> for Over {
    fn from(bad: T) -> Self {
        Self::Bad(bad.into())
    }
}

const NAMES: Names = Names {
    socket: "broker.socket",
    in_use: "broker.in_use",
};

/// Runs the paper broker on this thread until it is told to end.
///
/// # Errors
/// When nobody can listen there, or another process has the books.
pub fn serve_broker(
    options: &BrokerProcess,
    supervisor: &dyn BrokerSupervisor,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|why| Error::config("broker.thread", format!("no paper broker: {why}")))?;
    let _lock = Lock::take(&options.books).map_err(|unlocked| unusable(options, unlocked))?;
    runtime.block_on(async {
        let listening = listen(&options.socket, &NAMES).await?;
        supervisor.hear("listening", "");
        let mut look = tokio::time::interval(RISK_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut process = Process {
            options,
            supervisor,
            look,
            accepted: 0,
        };
        process.accept(&listening).await?;
        supervisor.hear("ended", &format!("{} orders taken", process.accepted));
        Ok(())
    })
}

/// Why the books cannot be this process's.
fn unusable(options: &BrokerProcess, unlocked: Unlocked) -> Error {
    match unlocked {
        Unlocked::Held(owner) => {
            let message = format!(
                "{} is in use by process {owner}; one process keeps the books of a run at a time: end that one, or name other \
                 books",
                options.books.display()
            );
            Error::config("broker.locked", message)
        }
        Unlocked::Failed(beside, error) => {
            let message = format!(
                "{}: {error}; the books' folder must exist and be writable",
                beside.display()
            );
            Error::config("broker.books", message)
        }
    }
}

struct Process<'a> {
    options: &'a BrokerProcess,
    supervisor: &'a dyn BrokerSupervisor,
    look: Interval,
    accepted: u64,
}

impl Process<'_> {
    /// Serves one engine after the other.
    async fn accept(&mut self, listening: &Listening) -> Result<(), Error> {
        let own = own_user().map_err(|why| Error::config("broker.socket", why.to_string()))?;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = self.look.tick() => None,
                accepted = listening.listener.accept() => accepted.ok(),
            };
            let over = match accepted {
                None if self.supervisor.goes_on() => continue,
                None => Over::Asked,
                Some((stream, _)) => match stream.peer_cred() {
                    Ok(theirs) if theirs.uid() == own => self.serve(stream).await,
                    Ok(theirs) => Over::Bad(Bad::Refused(format!("user {}", theirs.uid()))),
                    Err(why) => Over::from(why),
                },
            };
            match over {
                Over::Asked => return Ok(()),
                Over::Gone(why) | Over::Bad(Bad::Refused(why)) => {
                    self.supervisor.hear("lost", &why);
                }
                Over::Bad(Bad::Books(error)) => {
                    let said = format!("{}: {}", error.code, error.message);
                    self.supervisor.hear("failed", &said);
                }
            }
        }
    }

    /// Serves an engine until it goes. What it asked for last is written down then.
    async fn serve(&mut self, mut stream: UnixStream) -> Over {
        let mut session = Session::default();
        let over = match self.talk(&mut session, &mut stream).await {
            Ok(never) => match never {},
            Err(over) => over,
        };
        self.accepted += session.accepted;
        let over = match (over, session.end()) {
            (Over::Gone(_) | Over::Asked, Err(bad)) => Over::Bad(bad),
            (over, _) => over,
        };
        if let Over::Bad(bad) = &over {
            // It may have gone, or read nothing any more.
            let sorry = framed(&bad.message().bytes());
            let _ = timeout(RISK_GREETING, stream.write_all(&sorry)).await;
        }
        over
    }

    async fn talk(
        &mut self,
        session: &mut Session,
        stream: &mut UnixStream,
    ) -> Result<std::convert::Infallible, Over> {
        let mut frames = Frames::default();
        let mut some = vec![0; 1 << 16];
        let greeting = tokio::time::sleep(RISK_GREETING);
        tokio::pin!(greeting);
        loop {
            let read = tokio::select! {
                biased;
                _ = self.look.tick() => {
                    if !self.supervisor.goes_on() {
                        return Err(Over::Asked);
                    }
                    continue;
                }
                () = &mut greeting, if !session.greeted() => {
                    return Err(Over::Bad(Bad::Refused("no greeting came".to_owned())));
                }
                read = stream.read(&mut some) => read?,
            };
            if read == 0 {
                return Err(Over::Gone("the engine closed the connection".to_owned()));
            }
            frames.push(&some[..read]);
            let mut answers = Vec::new();
            let came = self.answer_all(session, &mut frames, &mut answers);
            // What was answered before a message that failed is said. An engine that reads nothing holds nobody up.
            match timeout(RISK_GREETING, stream.write_all(&answers)).await {
                Ok(said) => said?,
                Err(_) => return Err(Over::Gone("the engine reads nothing".to_owned())),
            }
            came?;
            session.rest()?;
        }
    }

    fn answer_all(
        &self,
        session: &mut Session,
        frames: &mut Frames,
        answers: &mut Vec<u8>,
    ) -> Result<(), Bad> {
        while let Some(message) = frames.next()? {
            let message = ToBroker::read(message)?;
            match session.answer(message, &self.options.books, answers)? {
                Some(Noted::Connected(pid)) => {
                    self.supervisor.hear("connected", &format!("process {pid}"));
                }
                Some(Noted::Opened(orders)) => {
                    let detail = format!("{orders} orders of before");
                    self.supervisor.hear("opened", &detail);
                }
                None => {}
            }
        }
        Ok(())
    }
}
