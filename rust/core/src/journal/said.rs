//! What was said of a run's kill switch, in its journal: in steps, and while no step could take it in.

use rusqlite::OptionalExtension;

use crate::error::Error;

use super::input::Input;
use super::store::{RunEvent, Store};

/// It was thrown, and the run ended before a step could take that in.
pub(super) const KILL: &str = "kill";
/// A person clears it while the run is not there.
const CLEAR: &str = "clear_kill";

impl Store {
    /// Notes that a person clears the kill switch of a run that is continued later. Whether it was set.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear_kill(&mut self, author: &str) -> Result<bool, Error> {
        if !self.is_killed()? {
            return Ok(false);
        }
        self.note_said(CLEAR, author)?;
        Ok(true)
    }

    /// Notes what was said behind the last step.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn note_said(&mut self, event: &'static str, author: &str) -> Result<(), Error> {
        let step = self.with(|connection| {
            let sql = "SELECT coalesce(max(step), 0), coalesce(max(seq), 0) FROM steps";
            connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
        })?;
        let event = RunEvent {
            event,
            step: step.0.unsigned_abs(),
            after_seq: step.1,
            digest: None,
            author: Some(author.to_owned()),
        };
        self.add(
            std::iter::empty(),
            std::iter::once(&event),
            std::iter::empty(),
        )
    }

    /// Whether the last word about the kill switch was to set it: of what no step has taken in yet, else of a step.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_killed(&self) -> Result<bool, Error> {
        if let Some(last) = self.said()?.last() {
            return Ok(last.command == KILL);
        }
        let last = self.of("inputs", |connection| {
            let sql = "SELECT command FROM inputs WHERE command IN ('kill', 'clear_kill') AND author <> 'engine' \
                ORDER BY seq DESC LIMIT 1";
            let last = connection.query_row(sql, [], |row| row.get::<_, String>(0));
            last.optional()
        })?;
        Ok(last.as_deref() == Some(KILL))
    }

    /// Who threw the kill switch as the run ended, and who cleared it since it was set, where the run has not taken that in
    /// yet; in their order.
    pub(super) fn said(&self) -> Result<Vec<Input>, Error> {
        self.of("runs", |connection| {
            let sql = "SELECT event, author, at FROM runs WHERE (event = 'clear_kill' AND after_seq >= coalesce(\
                (SELECT max(seq) FROM inputs WHERE command = 'kill'), 0) OR event = 'kill') AND NOT EXISTS (\
                SELECT 1 FROM inputs WHERE command = runs.event AND seq > runs.after_seq) ORDER BY run";
            let mut select = connection.prepare(sql)?;
            let said = select.query_map([], |row| {
                Ok(Input {
                    step: 0,
                    command: row.get(0)?,
                    author: row.get(1)?,
                    at: row.get(2)?,
                })
            })?;
            said.collect()
        })
    }
}
