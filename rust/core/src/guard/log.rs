//! The process's own record: a line for each word that it gave, and for what befell it. Nothing is ever taken out of it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::domain::{Instrument, decimal_string};
use crate::error::Error;
use crate::order::OrderKind;
use crate::risk::Refused;

use super::message::Question;
use super::mirror::Mirror;

/// A file that lines are added to, where there is one.
pub(super) struct Log {
    file: Option<(PathBuf, File)>,
    lines: String,
}

/// A text without what would end a part of a line.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// Ends a line that a full disk has cut: what is added to it would be read as a part of it.
fn end_last_line(file: &mut File) -> std::io::Result<()> {
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        Ok(())
    } else {
        file.write_all(b"\n")
    }
}

impl Log {
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let open = |path: &Path| {
            let mut how = OpenOptions::new();
            how.create(true).read(true).append(true).mode(0o600);
            let opened = how.open(path).and_then(|mut file| {
                end_last_line(&mut file)?;
                Ok(file)
            });
            let file = opened.map_err(|why| unwritable(path, &why))?;
            Ok((path.to_owned(), file))
        };
        Ok(Self {
            file: path.map(open).transpose()?,
            lines: String::new(),
        })
    }

    fn line(&mut self, parts: &[&str]) {
        if self.file.is_none() {
            return;
        }
        self.lines.push_str(&clock::now().to_string());
        for part in parts {
            self.lines.push('\t');
            self.lines.push_str(&plain(part));
        }
        self.lines.push('\n');
    }

    /// Adds what befell the process.
    pub(super) fn event(&mut self, what: &str, detail: &str) -> Result<(), Error> {
        self.line(&[what, detail]);
        self.write()
    }

    /// Adds a word on an order; [`Log::write`] has to follow before anybody hears it.
    pub(super) fn word(
        &mut self,
        mirror: &Mirror,
        question: &Question,
        said: &Result<(), Refused>,
    ) {
        let order = &question.order;
        let (trader, pair) = mirror.names(order.trader);
        let instrument = &mirror.account.market(order.market).instrument;
        let (word, check, reason) = match said {
            Ok(()) => ("yes", "", ""),
            Err(refused) => ("no", refused.check, refused.reason.as_str()),
        };
        let quantity = instrument.quantity(order.lots).map(decimal_string);
        self.line(&[
            word,
            &order.id.to_string(),
            trader,
            pair,
            order.side.name(),
            &quantity.unwrap_or_default(),
            &limit_of(order.kind, instrument),
            check,
            reason,
        ]);
    }

    /// Writes what was added. It is with the system when this returns, so that the end of the process loses nothing.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        let Some((path, file)) = &mut self.file else {
            return Ok(());
        };
        let written = file.write_all(self.lines.as_bytes());
        self.lines.clear();
        written.map_err(|why| unwritable(path, &why))
    }
}

fn limit_of(kind: OrderKind, instrument: &Instrument) -> String {
    match kind {
        OrderKind::Market => String::new(),
        OrderKind::Limit(price) => {
            let price = price.checked_mul(2).and_then(|half| instrument.price(half));
            price.map(decimal_string).unwrap_or_default()
        }
    }
}

fn unwritable(path: &Path, why: &std::io::Error) -> Error {
    Error::config(
        "risk.log",
        format!(
            "{}: the log of verdicts cannot be written: {why}; without it no word is given",
            path.display()
        ),
    )
}
