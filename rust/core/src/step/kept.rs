//! A step and its journal: what was decided is in it before anything leaves.

use crate::domain::Nanos;
use crate::error::Error;
use crate::journal::{Recorder, Standing, rows_lost};

use super::{Ports, Resumed, Stepper};

impl<P: Ports> Stepper<P> {
    /// Gives the run its journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn keep(&mut self, journal: Recorder, resumed: Option<Resumed>) -> Result<(), Error> {
        self.writer.records.ended = Some(Vec::new());
        for trader in journal.distrusted() {
            self.ports.silence(trader);
        }
        let step = resumed.as_ref().map_or(0, Resumed::step);
        if journal.is_rebuilding() {
            let (mut inputs, vetoes) = journal.inputs()?;
            inputs.retain(|input| input.step > step);
            self.ports.rebuild(inputs, vetoes)?;
        }
        let new = !journal.is_rebuilding() && resumed.is_none();
        self.journal = Some(journal);
        if new && let Some(journal) = &mut self.journal {
            // There are no steps to make again before what was said.
            let said = journal.take_said();
            if !said.is_empty() {
                self.ports.rebuilt(said);
            }
        }
        if let Some(resumed) = resumed {
            self.go_on_from(resumed)?;
            if let Some(journal) = &mut self.journal
                && !journal.is_rebuilding()
            {
                // Nothing came behind the snapshot.
                self.ports.rebuilt(journal.take_said());
            }
        }
        self.try_snapshots();
        self.tell_notes();
        Ok(())
    }

    /// Hands the step's commands on, when what it decided is in the journal. `false` when the journal or the broker
    /// failed: then nothing has left.
    pub(super) fn hand_on(&mut self, now: Nanos) -> bool {
        let Some(journal) = &mut self.journal else {
            self.ports.send(&mut self.commands);
            return true;
        };
        // What the venue lacks, or could not keep, must not become a row; nor what follows from rows that are lost.
        let lost = || (!self.writer.is_whole()).then(rows_lost);
        if let Some(failure) = self.ports.failure().or_else(lost) {
            self.report.failure = Some(failure);
            self.commands.clear();
            return false;
        }
        self.ports.inputs(&mut self.inputs);
        let was_rebuilding = journal.is_rebuilding();
        let step = (self.report.steps, now);
        let (writer, inputs) = (&mut self.writer, &mut self.inputs);
        match journal.commit(step, writer, &self.commands, inputs) {
            Ok(Standing::Known { newest }) => self.ports.restore(&mut self.commands, newest),
            Ok(Standing::New) => {
                let orders = !self.commands.is_empty();
                let ports = &mut self.ports;
                // In real time the journal's thread lets them leave, and the next step begins meanwhile.
                let then = (orders && journal.holds_orders())
                    .then(|| ports.release(&mut self.commands))
                    .flatten();
                match journal.write(orders, then, &mut || ports.idle()) {
                    Ok(()) => self.ports.send(&mut self.commands),
                    Err(error) => self.report.failure = Some(error),
                }
            }
            Err(error) => self.report.failure = Some(error),
        }
        if was_rebuilding && !journal.is_rebuilding() {
            self.ports.rebuilt(journal.take_said());
        }
        self.commands.clear();
        self.set_rows_aside();
        self.report.failure.is_none()
    }

    /// Old rows need no memory. Where the disk does not take them they stay in it: nothing is lost.
    #[inline]
    fn set_rows_aside(&mut self) {
        if let Some(journal) = &mut self.journal
            && let Some(folder) = journal.folder()
            && let Err(error) = self.writer.set_rows_aside(folder)
            && journal.note_rows_stay(&error)
        {
            self.tell_notes();
        }
    }

    /// Makes rows for the journal of what the venue said, before what comes next.
    #[inline]
    pub(super) fn note(&mut self, now: Nanos) {
        if let Some(journal) = &mut self.journal {
            journal.note(self.report.steps, now, &mut self.writer, &[]);
        }
    }
}
