//! Commands of people: they travel to the commit thread through a bounded channel and are committed in a step, as what
//! strategies want is.

use flume::{Receiver, Sender};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::engine::Outcome;
use crate::error::Error;
use crate::limits;
use crate::risk::RiskSpec;

use super::kill_switch::KillSwitch;
use super::status::Status;

/// What a person may ask of a running engine. Traders are named by their name, or all those on a pair by the pair.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveCommand {
    /// How things stand.
    Status,
    /// Cancels a trader's orders and closes its position at the market.
    ForceExit(String),
    /// The same for every trader.
    CloseAll,
    /// Buys or sells at the market for a trader: a signed quantity of the base currency.
    AddPosition(String, Decimal),
    /// Its strategy is not called until it is resumed; its orders and position stay.
    Pause(String),
    /// Its strategy is called again.
    Resume(String),
    /// Its strategy is made anew, also after a quarantine.
    Restart(String),
    /// Blocks new orders and cancels all that work; stays set.
    Kill,
    /// Puts other limits in force, or takes all away.
    SetLimits {
        /// The limits.
        limits: Option<Box<RiskSpec>>,
        /// Who says so.
        by: String,
        /// The limits in words, for the record.
        what: String,
    },
    /// Lets a trader go on that the gate stopped for its many orders.
    Enable {
        /// Its name, or the pair.
        name: String,
        /// Who says so.
        by: String,
    },
    /// Lets orders leave again after that.
    ClearKill,
    /// Ends the run.
    Stop,
}

/// Who asks, where nobody says a name.
pub(super) const PERSON: &str = "person";

impl LiveCommand {
    /// The command as the journal keeps it; none for what changes nothing that a run decides.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Self::Status | Self::Stop => return None,
            Self::ForceExit(name) => format!("force_exit {}", one_line(name)),
            Self::CloseAll => "close_all".to_owned(),
            Self::AddPosition(name, quantity) => {
                format!("add_position {quantity} {}", one_line(name))
            }
            Self::Pause(name) => format!("pause {}", one_line(name)),
            Self::Resume(name) => format!("resume {}", one_line(name)),
            Self::Restart(name) => format!("restart {}", one_line(name)),
            Self::Kill => "kill".to_owned(),
            Self::ClearKill => "clear_kill".to_owned(),
            Self::SetLimits { limits, by, what } => {
                let limits = limits.as_ref().map_or_else(String::new, |spec| spec.text());
                format!("set_limits {}\n{}\n{limits}", one_line(what), one_line(by))
            }
            Self::Enable { name, by } => format!("enable {}\n{by}", one_line(name)),
        })
    }

    /// The command that a journal keeps as this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let name = || rest.to_owned();
        Some(match word {
            "force_exit" => Self::ForceExit(name()),
            "close_all" => Self::CloseAll,
            "add_position" => {
                let (quantity, name) = rest.split_once(' ')?;
                Self::AddPosition(name.to_owned(), quantity.parse().ok()?)
            }
            "pause" => Self::Pause(name()),
            "resume" => Self::Resume(name()),
            "restart" => Self::Restart(name()),
            "kill" => Self::Kill,
            "clear_kill" => Self::ClearKill,
            "set_limits" => {
                let (what, rest) = rest.split_once('\n')?;
                let (by, limits) = rest.split_once('\n')?;
                let limits = if limits.is_empty() {
                    None
                } else {
                    Some(Box::new(RiskSpec::parse(limits)?))
                };
                Self::SetLimits {
                    limits,
                    by: by.to_owned(),
                    what: what.to_owned(),
                }
            }
            "enable" => {
                let (name, by) = rest.split_once('\n')?;
                Self::Enable {
                    name: name.to_owned(),
                    by: by.to_owned(),
                }
            }
            _ => return None,
        })
    }
}

/// A text for people in one line, since the next one has another meaning.
pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// What a command brings.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It was committed.
    Done,
    /// How things stand.
    Status(Arc<Status>),
}

/// A command on its way, with where its answer goes.
#[derive(Debug)]
pub(crate) struct Request {
    pub command: LiveCommand,
    /// Who asks.
    pub author: Cow<'static, str>,
    pub reply: Sender<Result<Reply, Error>>,
}

/// What a run and its people share beside the commands: the switch, and what its thread leaves behind.
#[derive(Default)]
pub(crate) struct Ended {
    pub switch: Arc<KillSwitch>,
    pub status: Mutex<Option<Arc<Status>>>,
    pub outcome: Mutex<Option<Result<Outcome, Error>>>,
}

impl Ended {
    /// Lets no order out any more, before the run has heard of it.
    pub(crate) fn throw_kill_switch(&self) {
        self.switch.throw();
    }
}

/// A command that was sent.
pub struct Asked {
    answer: Receiver<Result<Reply, Error>>,
    alive: Receiver<()>,
}

impl Asked {
    /// Waits for the step that commits the command, but no longer than this: what became of it, once that is known.
    ///
    /// # Errors
    /// When the run is over, or the command names a trader or a pair that there is not.
    #[must_use]
    pub fn wait_for(&self, most: std::time::Duration) -> Option<Result<Reply, Error>> {
        // What comes in the moment in which the run ends stays in the channel, and nobody reads it any more.
        let heard = flume::Selector::new()
            .recv(&self.answer, Result::ok)
            .recv(&self.alive, |_| None)
            .wait_timeout(most)
            .ok()?;
        Some(
            heard
                .or_else(|| self.answer.try_recv().ok())
                .unwrap_or_else(|| Err(over())),
        )
    }
}

fn over() -> Error {
    Error::config("run.over", "the run is over: commands reach it no more")
}

/// A running engine, for people: cheap to clone, and usable from any thread.
#[derive(Clone)]
pub struct RunHandle {
    commands: Sender<Request>,
    ended: Arc<Ended>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Closed when the run is over.
    alive: Receiver<()>,
}

impl RunHandle {
    pub(super) fn new(
        commands: Sender<Request>,
        ended: Arc<Ended>,
        alive: Receiver<()>,
        thread: JoinHandle<()>,
    ) -> Self {
        Self {
            commands,
            ended,
            thread: Arc::new(Mutex::new(Some(thread))),
            alive,
        }
    }

    /// Sends a command and waits for the step that commits it.
    ///
    /// # Errors
    /// When the run is over, or the command names a trader or a pair that there is not.
    pub fn send(&self, command: LiveCommand) -> Result<Reply, Error> {
        let asked = self.ask(command)?;
        loop {
            if let Some(answer) = asked.wait_for(limits::POLL_INTERVAL) {
                return answer;
            }
        }
    }

    /// Sends a command; the answer can be waited for.
    ///
    /// # Errors
    /// When the run is over.
    pub fn ask(&self, command: LiveCommand) -> Result<Asked, Error> {
        let (reply, answer) = flume::bounded(limits::SAID_ONCE);
        if command == LiveCommand::Kill {
            self.ended.switch.throw();
        }
        let sent = self.commands.send(Request {
            command,
            author: Cow::Borrowed(PERSON),
            reply,
        });
        sent.map_err(|_| over())?;
        let alive = self.alive.clone();
        Ok(Asked { answer, alive })
    }

    /// How things stand; when the run is over, how they stood at its end.
    ///
    /// # Errors
    /// When the run failed before it could tell.
    pub fn status(&self) -> Result<Arc<Status>, Error> {
        match self.send(LiveCommand::Status) {
            Ok(Reply::Status(status)) => return Ok(status),
            Ok(Reply::Done) => {}
            Err(error) if self.ended.status.lock().is_none() => return Err(error),
            Err(_) => {}
        }
        let status = self.ended.status.lock();
        status
            .clone()
            .ok_or_else(|| Error::config("run.over", "the run ended before its first step"))
    }

    /// Whether the run is over.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.alive.is_disconnected()
    }

    /// Waits for the end of the run, but no longer than this. Whether it is over.
    #[must_use]
    pub fn wait_for(&self, most: std::time::Duration) -> bool {
        // Nothing is ever sent: the channel closes when the thread is done.
        !matches!(
            self.alive.recv_timeout(most),
            Err(flume::RecvTimeoutError::Timeout)
        )
    }

    /// Asks the run to end, and does not wait.
    pub fn ask_to_stop(&self) {
        // A full channel or a dead run: in both cases somebody else is ending it, or it is over.
        let (reply, _) = flume::bounded(limits::SAID_ONCE);
        let command = LiveCommand::Stop;
        let _ = self.commands.send(Request {
            command,
            author: Cow::Borrowed(PERSON),
            reply,
        });
    }

    /// Ends the run and gives its outcome, which is there once.
    ///
    /// # Errors
    /// When the run failed, or the outcome was taken before.
    pub fn stop(&self) -> Result<Outcome, Error> {
        self.ask_to_stop();
        self.wait()
    }

    /// Waits for the end of the run and gives its outcome, which is there once.
    ///
    /// # Errors
    /// When the run failed, or the outcome was taken before.
    pub fn wait(&self) -> Result<Outcome, Error> {
        // Nothing is ever sent: the channel closes when the thread is done.
        let _ = self.alive.recv();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        let outcome = self.ended.outcome.lock().take();
        outcome.unwrap_or_else(|| {
            let message = "the run's result was taken before; keep what stop() returned";
            Err(Error::config("run.over", message))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::{ByPair, LimitSpec};

    #[test]
    fn what_people_say_can_be_said_again() {
        let limits = |limits| LiveCommand::SetLimits {
            limits,
            by: "A. Person".to_owned(),
            what: "at most 5".to_owned(),
        };
        let account = LimitSpec {
            max_order_quantity: ByPair::All(Decimal::from(5)),
            ..LimitSpec::default()
        };
        let traders = vec![("t one".to_owned(), account.clone())];
        let again = [
            LiveCommand::ForceExit("t one".to_owned()),
            LiveCommand::CloseAll,
            LiveCommand::AddPosition("ETH/BTC".to_owned(), Decimal::new(-15, 1)),
            LiveCommand::Kill,
            LiveCommand::ClearKill,
            LiveCommand::Enable {
                name: "t one".to_owned(),
                by: "A. Person".to_owned(),
            },
            limits(None),
            limits(Some(Box::new(RiskSpec { account, traders }))),
        ];
        for command in again {
            let text = command.text();
            assert_eq!(
                text.as_deref().and_then(LiveCommand::parse),
                Some(command),
                "{text:?}"
            );
        }
    }

    #[test]
    fn limits_that_an_earlier_version_kept_in_words_alone_are_not_made_up() {
        assert_eq!(LiveCommand::parse("set_limits at most 5\nA. Person"), None);
        let lines = LiveCommand::SetLimits {
            limits: None,
            by: "A.\nPerson".to_owned(),
            what: "at\r\nmost".to_owned(),
        };
        let text = lines.text().unwrap();
        assert_eq!(text, "set_limits at  most\nA. Person\n");
    }
}
