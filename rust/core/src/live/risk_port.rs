//! The commit thread's part in the talk with the risk process: what it is told travels before the orders that it is asked
//! about, on their way.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::commit::{Command, Writer};
use crate::guard::write_state;
use crate::risk::{Note, Tape};

/// What the process is told before it is asked about orders.
#[derive(Debug, Default)]
pub(crate) struct RiskNews {
    /// How all stood, where it is to be told anew.
    pub state: Option<Vec<u8>>,
    /// What has changed since.
    pub notes: Vec<Note>,
    /// How many orders follow that it is asked about.
    pub orders: usize,
}

/// What the commit thread keeps for the process.
pub(super) struct RiskPort {
    tape: Arc<Mutex<Tape>>,
    /// How all stood when somebody wanted to know, until it is sent.
    state: Option<Vec<u8>>,
    /// Whether the process has to be told how all stands.
    pub wanted: bool,
    /// Whether the engine's kill switch was set when that was looked at last.
    killed: bool,
}

impl RiskPort {
    /// Begins to note what changes in the writer's account.
    pub(super) fn new(writer: &mut Writer) -> Self {
        let tape = Arc::new(Mutex::new(Tape::default()));
        writer.tape = Some(Arc::clone(&tape));
        Self {
            tape,
            state: None,
            wanted: false,
            killed: writer.killed,
        }
    }

    /// Before a step's orders are decided: writes down how all stands, where the process has to be told.
    pub(super) fn before_orders(&mut self, writer: &mut Writer) {
        if self.killed != writer.killed {
            self.killed = writer.killed;
            let set = self.killed;
            self.tape.lock().add(Note::Killed { set });
        }
        if self.wanted || self.tape.lock().is_broken() {
            self.wanted = false;
            self.tape.lock().begin();
            self.state = Some(state_of(writer));
        }
    }

    /// What goes before these commands; nothing where no order is among them.
    pub(super) fn news(&mut self, commands: &[Command]) -> Option<RiskNews> {
        let submits = |command: &&Command| matches!(command, Command::Submit(_));
        let orders = commands.iter().filter(submits).count();
        if orders == 0 {
            return None;
        }
        if self.tape.lock().is_broken() {
            // Too much happened since the step began: the process is told anew in the next one. It decides about these orders
            // without what did not fit any more.
            self.wanted = true;
        }
        Some(RiskNews {
            state: self.state.take(),
            notes: self.tape.lock().take(),
            orders,
        })
    }
}

/// How all stands, as the process is told.
pub(super) fn state_of(writer: &mut Writer) -> Vec<u8> {
    let killed = writer.killed;
    let (account, gate) = writer.standing();
    write_state(account, gate, killed)
}
