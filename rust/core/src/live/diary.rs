//! What people told a run, for its journal; and out of its journal, while the run is made again.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::clock;
use crate::error::Error;
use crate::journal::{Input, journal_error};
use crate::limits::SAID_ONCE;

use super::command::{LiveCommand, Request};

/// Who tells what reconciliation found, in the journal and in the table of changes.
pub(super) const BY: &str = "reconciliation";

/// Commands on their way to the journal, and back out of it.
#[derive(Default)]
pub(super) struct Diary {
    /// Steps that only warmed up, which the journal does not count.
    pub warmed_up: u64,
    /// Obeyed in this step.
    pub obeyed: Vec<Input>,
    /// Told before, and still to be told again.
    script: VecDeque<(Input, LiveCommand)>,
    /// Whether the run makes again what is in its journal.
    pub rebuilding: bool,
    /// What people ask meanwhile.
    pub later: Vec<Request>,
    /// Whether somebody ended the run before its feed did.
    pub ended_early: bool,
}

impl Diary {
    /// Begins to make again what is in the journal.
    ///
    /// # Errors
    /// When people told the run what cannot be told again.
    pub(super) fn begin(&mut self, inputs: Vec<Input>) -> Result<(), Error> {
        self.rebuilding = true;
        // What reconciliation found is found again.
        let said = inputs.into_iter().filter(|input| input.author != BY);
        for input in said {
            let Some(command) = LiveCommand::parse(&input.command) else {
                let said = input.command.lines().next().unwrap_or_default();
                let message = format!(
                    "in step {} {} said \"{said}\", which this version cannot say again: an earlier one kept limits that were \
                     changed on the way in words alone; begin a new journal",
                    input.step, input.author
                );
                return Err(journal_error("journal.command", message));
            };
            self.script.push_back((input, command));
        }
        Ok(())
    }

    /// All has been made again; what people said since, and asked meanwhile, is due now.
    pub(super) fn end(&mut self, said: Vec<Input>) -> Vec<Request> {
        self.rebuilding = false;
        let said = said.into_iter().filter_map(|input| {
            // Nobody waits for these answers.
            let (reply, _) = flume::bounded(SAID_ONCE);
            Some(Request {
                command: LiveCommand::parse(&input.command)?,
                author: Cow::Owned(input.author),
                reply,
            })
        });
        said.chain(std::mem::take(&mut self.later)).collect()
    }

    /// Whether something was told in this step, of all steps.
    pub(super) fn is_due(&self, step: u64) -> bool {
        let front = self.script.front();
        front.is_some_and(|(input, _)| input.step.checked_add(self.warmed_up) == Some(step))
    }

    /// The next command that was told in this step.
    pub(super) fn due(&mut self, step: u64) -> Option<(Input, LiveCommand)> {
        if self.is_due(step) {
            self.script.pop_front()
        } else {
            None
        }
    }

    /// A command was obeyed, or refused.
    pub(super) fn note(&mut self, step: u64, command: &LiveCommand, author: Cow<'static, str>) {
        if let Some(text) = command.text() {
            self.obeyed.push(Input {
                step: step.saturating_sub(self.warmed_up),
                command: text,
                author: author.into_owned(),
                at: clock::now(),
            });
        }
    }

    /// Reconciliation found something.
    pub(super) fn found(&mut self, step: u64, text: String) {
        self.obeyed.push(Input {
            step: step.saturating_sub(self.warmed_up),
            command: text,
            author: BY.to_owned(),
            at: clock::now(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(author: &str, command: &str) -> Input {
        Input {
            step: 1,
            command: command.to_owned(),
            author: author.to_owned(),
            at: 0,
        }
    }

    #[test]
    fn what_reconciliation_found_is_found_again_and_not_said_again() {
        let mut diary = Diary::default();
        let said = vec![
            input(
                BY,
                "differs A/USD position: the position is 1 here and 2 at the venue",
            ),
            input("person", "pause a"),
        ];
        diary.begin(said).expect("a command of a person");
        let (_, command) = diary.due(1).expect("the command");
        assert_eq!(command, LiveCommand::Pause("a".to_owned()));
        assert!(diary.due(1).is_none());
        diary.found(1, "differs".to_owned());
        assert_eq!(
            (diary.obeyed[0].author.as_str(), diary.obeyed[0].step),
            (BY, 1)
        );
    }
}
