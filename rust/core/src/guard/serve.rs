//! The risk process: listens, takes in an engine's account and gives its word on orders.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Interval, MissedTickBehavior, timeout};

use crate::error::Error;
use crate::limits::{RISK_GREETING, RISK_LOOK, RISK_STATE};
use crate::risk::RiskSpec;
use crate::wire::own_user;

use super::bytes::Malformed;
use super::frame::{Frames, framed};
use super::listen::{Listening, Names, listen};
use super::log::Log;
use super::message::{Question, ToEngine, ToProcess, VERSION};
use super::mirror::{Mirror, Untaken};

/// What a risk process is told when it is started.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Where it listens.
    pub socket: PathBuf,
    /// Where it writes its words down.
    pub log: Option<PathBuf>,
    /// Limits of its own, in the place of the engine's.
    pub limits: Option<RiskSpec>,
}

/// What befell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// It listens.
    Listening,
    /// An engine has greeted: its process.
    Connected(u32),
    /// It believes what the engine believes: how many orders work.
    Reconciled(usize),
    /// The connection is over, and why.
    Lost(String),
    /// Its kill switch is set.
    Killed,
    /// It ended: how many times it said yes and no.
    Ended(u64, u64),
}

impl Served {
    /// One word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Connected(_) => "connected",
            Self::Reconciled(_) => "reconciled",
            Self::Lost(_) => "lost",
            Self::Killed => "killed",
            Self::Ended(..) => "ended",
        }
    }

    /// What is to be said beside it.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Listening | Self::Killed => String::new(),
            Self::Connected(pid) => format!("process {pid}"),
            Self::Reconciled(orders) => format!("{orders} working orders"),
            Self::Lost(why) => why.clone(),
            Self::Ended(yes, no) => format!("{yes} orders approved, {no} refused"),
        }
    }
}

/// Who started it.
pub trait Supervisor {
    /// Whether it goes on.
    fn goes_on(&self) -> bool;

    /// Whether its kill switch is set.
    fn is_killed(&self) -> bool;

    /// Hears what befell it.
    fn hear(&self, what: &Served);
}

/// Why a connection is over.
enum Over {
    /// The engine has gone.
    Gone(String),
    /// What it sent is no message, or cannot be.
    Refused(String),
    /// The process is to end.
    Asked,
    /// It cannot go on.
    Failed(Error),
}

impl From<std::io::Error> for Over {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<Malformed> for Over {
    fn from(error: Malformed) -> Self {
        Self::Refused(format!("{} cannot be read", error.0))
    }
}

impl From<Error> for Over {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

const NAMES: Names = Names {
    socket: "risk.socket",
    in_use: "risk.in_use",
};

/// Runs a risk process on this thread until it is told to end.
///
/// # Errors
/// When nobody can listen there, or the log cannot be written.
pub fn serve(options: &ServeOptions, supervisor: &dyn Supervisor) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|why| Error::config("risk.thread", format!("no risk process: {why}")))?;
    runtime.block_on(async {
        let mut log = Log::open(options.log.as_deref())?;
        let listening = listen(&options.socket, &NAMES).await?;
        log.event("listening", "")?;
        supervisor.hear(&Served::Listening);
        let mut look = tokio::time::interval(RISK_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut process = Process {
            options,
            supervisor,
            log,
            look,
            killed: false,
            mirror: None,
            words: (0, 0),
        };
        let came = process.accept(&listening).await;
        let ended = Served::Ended(process.words.0, process.words.1);
        process.log.event(ended.name(), &ended.detail())?;
        supervisor.hear(&ended);
        came
    })
}

struct Process<'a> {
    options: &'a ServeOptions,
    supervisor: &'a dyn Supervisor,
    log: Log,
    look: Interval,
    /// Whether it has been said that the kill switch is set.
    killed: bool,
    /// The account as it was told last, by whichever engine.
    mirror: Option<Mirror>,
    words: (u64, u64),
}

/// What is known of the engine that is connected.
#[derive(Default)]
struct Engine {
    greeted: bool,
    /// The parts of an account that is being told.
    parts: Vec<u8>,
    /// Whether it has told its account.
    told: bool,
    /// Whether it was told that the kill switch is set.
    killed: bool,
}

impl Process<'_> {
    fn note(&mut self, what: &Served) -> Result<(), Error> {
        self.log.event(what.name(), &what.detail())?;
        self.supervisor.hear(what);
        Ok(())
    }

    /// Looks whether the process goes on, and notes that its kill switch was set.
    fn look(&mut self) -> Result<(), Over> {
        if !self.supervisor.goes_on() {
            return Err(Over::Asked);
        }
        if self.supervisor.is_killed() && !self.killed {
            self.killed = true;
            self.note(&Served::Killed)?;
        }
        Ok(())
    }

    /// Serves one engine after the other.
    async fn accept(&mut self, listening: &Listening) -> Result<(), Error> {
        let own = own_user().map_err(|why| Error::config("risk.socket", why.to_string()))?;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = self.look.tick() => None,
                accepted = listening.listener.accept() => accepted.ok(),
            };
            let over = match accepted {
                None => self.look().err(),
                Some((stream, _)) => match stream.peer_cred() {
                    Ok(theirs) if theirs.uid() == own => self.serve(stream).await.err(),
                    Ok(theirs) => Some(Over::Refused(format!("user {}", theirs.uid()))),
                    Err(why) => Some(Over::from(why)),
                },
            };
            match over {
                None => {}
                Some(Over::Asked) => return Ok(()),
                Some(Over::Failed(error)) => return Err(error),
                Some(Over::Gone(why) | Over::Refused(why)) => self.note(&Served::Lost(why))?,
            }
        }
    }

    /// Serves an engine until it goes.
    async fn serve(&mut self, mut stream: UnixStream) -> Result<(), Over> {
        let came = self.talk(&mut stream).await;
        if let Err(Over::Refused(why)) = &came {
            let sorry = ToEngine::Sorry(why.clone());
            // It may have gone, or read nothing any more.
            let _ = timeout(RISK_GREETING, stream.write_all(&framed(&sorry.bytes()))).await;
        }
        came
    }

    async fn talk(&mut self, stream: &mut UnixStream) -> Result<(), Over> {
        let mut engine = Engine::default();
        let mut frames = Frames::default();
        let mut some = vec![0; 1 << 16];
        let greeting = tokio::time::sleep(RISK_GREETING);
        tokio::pin!(greeting);
        loop {
            let read = tokio::select! {
                biased;
                _ = self.look.tick() => {
                    self.look()?;
                    self.tell_kill(&mut engine, stream).await?;
                    continue;
                }
                () = &mut greeting, if !engine.greeted => {
                    return Err(Over::Refused("no greeting came".to_owned()));
                }
                read = stream.read(&mut some) => read?,
            };
            if read == 0 {
                return Err(Over::Gone("the engine closed the connection".to_owned()));
            }
            frames.push(&some[..read]);
            while let Some(message) = frames.next()? {
                let message = ToProcess::read(message)?;
                if let Some(answer) = self.answer(&mut engine, message)? {
                    self.say(stream, &answer).await?;
                }
            }
            self.tell_kill(&mut engine, stream).await?;
        }
    }

    /// Tells an engine once that the kill switch is set.
    async fn tell_kill(&self, engine: &mut Engine, stream: &mut UnixStream) -> Result<(), Over> {
        if self.killed && engine.greeted && !engine.killed {
            engine.killed = true;
            self.say(stream, &ToEngine::Killed).await?;
        }
        Ok(())
    }

    /// Says something to an engine, which has to take it in time: one that reads nothing does not hold the process up.
    async fn say(&self, stream: &mut UnixStream, what: &ToEngine) -> Result<(), Over> {
        let said = timeout(RISK_GREETING, stream.write_all(&framed(&what.bytes()))).await;
        match said {
            Ok(said) => Ok(said?),
            Err(_) => Err(Over::Gone("the engine reads nothing".to_owned())),
        }
    }

    fn answer(
        &mut self,
        engine: &mut Engine,
        message: ToProcess,
    ) -> Result<Option<ToEngine>, Over> {
        match message {
            ToProcess::Hello { version, pid } => {
                if engine.greeted {
                    return Err(Over::Refused("a second greeting".to_owned()));
                }
                if version != VERSION {
                    let why = format!("this risk process speaks version {VERSION}, not {version}");
                    return Err(Over::Refused(why));
                }
                engine.greeted = true;
                self.note(&Served::Connected(pid))?;
                Ok(Some(ToEngine::Welcome { version: VERSION }))
            }
            _ if !engine.greeted => Err(Over::Refused("it begins with no greeting".to_owned())),
            ToProcess::Part { last, bytes } => self.take_in(engine, last, &bytes),
            ToProcess::Notes(notes) => {
                let mirror = self.mirror.as_mut().filter(|_| engine.told);
                let mirror = mirror.ok_or(UNTOLD)?;
                for note in notes {
                    mirror.tell(note)?;
                }
                Ok(None)
            }
            ToProcess::Ask { number, orders } => {
                let refused = self.judge(engine, &orders)?;
                Ok(Some(ToEngine::Answer { number, refused }))
            }
        }
    }

    fn take_in(
        &mut self,
        engine: &mut Engine,
        last: bool,
        bytes: &[u8],
    ) -> Result<Option<ToEngine>, Over> {
        if engine.parts.len() + bytes.len() > RISK_STATE {
            return Err(Over::Refused("the account is too large".to_owned()));
        }
        engine.parts.extend_from_slice(bytes);
        if !last {
            return Ok(None);
        }
        let whole = std::mem::take(&mut engine.parts);
        let (own, before) = (self.options.limits.as_ref(), self.mirror.as_ref());
        let made = Mirror::new(&whole, own, before);
        let (mirror, digest) = made.map_err(|untaken| match untaken {
            Untaken::Malformed(malformed) => Over::from(malformed),
            Untaken::Limits(error) => Over::Refused(error.message),
        })?;
        let working = mirror.working();
        self.mirror = Some(mirror);
        engine.told = true;
        self.note(&Served::Reconciled(working))?;
        Ok(Some(ToEngine::Confirm(digest)))
    }

    /// Gives the word on orders. It is in the log before anybody hears it.
    fn judge(&mut self, engine: &Engine, orders: &[Question]) -> Result<Vec<Option<String>>, Over> {
        let mirror = self.mirror.as_mut().filter(|_| engine.told);
        let mirror = mirror.ok_or(UNTOLD)?;
        let mut refused = Vec::with_capacity(orders.len());
        for question in orders {
            let said = mirror.judge(question, self.supervisor.is_killed())?;
            match said {
                Ok(()) => self.words.0 += 1,
                Err(_) => self.words.1 += 1,
            }
            self.log.word(mirror, question, &said);
            refused.push(said.err().map(|refused| refused.check.to_owned()));
        }
        self.log.write()?;
        Ok(refused)
    }
}

const UNTOLD: Malformed = Malformed("a message before the account was told");
