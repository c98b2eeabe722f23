//! Rows of a run in the order in which they came; those that change no more may lie on disk.
//!
//! A run that goes on for a month writes down what it did all the time. In memory that grows without end, so who keeps a journal
//! [sets aside](Rows::set_aside) what is old: in a file of its own that has no name, and goes with the run, however that ends. The
//! rows are read back where somebody asks for them.

mod aside;
#[cfg(test)]
mod tests;
mod times;

pub use times::Times;

use std::borrow::Cow;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::ROWS_TOGETHER;
use crate::spare::{Reused, Spare};

use aside::Aside;

/// What such rows can be.
pub trait Row: Copy + Spare + Serialize + DeserializeOwned {
    /// How many bytes one takes on disk: the most that its fields need as variable numbers, and room for its words.
    const BYTES: usize;

    /// Whether it will not change any more, as far as can be known.
    fn is_final(&self) -> bool {
        true
    }
}

impl Row for i64 {
    const BYTES: usize = 10;
}

impl Row for i128 {
    const BYTES: usize = 19;
}

/// The rows: first those that were set aside, behind them those that are here.
#[derive(Debug)]
pub struct Rows<T: Row> {
    aside: Option<Box<Aside<T>>>,
    /// How many are set aside.
    first: usize,
    here: Reused<T>,
    /// So many are here before the old ones are set aside.
    most: usize,
}

impl<T: Row> Rows<T> {
    /// How many there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.first + self.here.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds one.
    #[inline]
    pub fn push(&mut self, row: T) {
        self.here.push(row);
    }

    /// The list at whose end new ones are added. It does not have those that are set aside.
    #[inline]
    pub fn here(&mut self) -> &mut Vec<T> {
        &mut self.here
    }

    /// Those that are not set aside, among them the newest.
    #[must_use]
    pub fn newest(&self) -> &[T] {
        &self.here
    }

    /// Makes room for so many more.
    pub fn make_room(&mut self, more: usize) {
        self.here.make_room(more);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.aside = None;
        self.first = 0;
        self.here.clear();
    }

    /// One of them; nothing where there is none, or it cannot be read.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<T> {
        match at.checked_sub(self.first) {
            Some(at) => self.here.get(at).copied(),
            None => self.aside.as_ref()?.one(at),
        }
    }

    /// One of them, to change it.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(self.first) {
            Some(at) => self.here.get_mut(at),
            None => {
                let aside = self.aside.as_mut()?;
                let row = aside.one(at)?;
                Some(aside.open.entry(at).or_insert(row))
            }
        }
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Those from this one on.
    #[must_use]
    pub fn since(&self, from: usize) -> Cow<'_, [T]> {
        match (from.checked_sub(self.first), &self.aside) {
            (Some(from), _) => Cow::Borrowed(self.here.get(from..).unwrap_or_default()),
            (None, Some(aside)) => {
                let mut rows = Vec::with_capacity(self.len() - from);
                aside.read(from, self.first, &mut rows);
                rows.extend_from_slice(&self.here);
                Cow::Owned(rows)
            }
            (None, None) => Cow::Borrowed(&self.here),
        }
    }

    /// All of them one after the other, of which few are in memory at a time.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        self.iter_from(0)
    }

    /// The same, from one of them on.
    #[must_use]
    pub fn iter_from(&self, from: usize) -> Iter<'_, T> {
        Iter {
            rows: self,
            next: from,
            read: Vec::new().into_iter(),
        }
    }

    /// Sets aside what is old, in this folder, where that is much; the newest stay here. Where the disk does not take them all
    /// stay, and it is asked again when there are twice as many. Only where files can be read at a place (Unix).
    ///
    /// # Errors
    /// What the disk says.
    #[inline]
    pub fn set_aside(&mut self, folder: &Path) -> io::Result<()> {
        if self.here.len() < self.most || cfg!(not(unix)) {
            return Ok(());
        }
        let done = self.set_old_aside(folder);
        self.most = match done {
            Ok(()) => 2 * ROWS_TOGETHER,
            Err(_) => 2 * self.here.len(),
        };
        done
    }

    fn set_old_aside(&mut self, folder: &Path) -> io::Result<()> {
        let aside = match &mut self.aside {
            Some(aside) => aside,
            none => none.insert(Box::new(Aside::begin(folder)?)),
        };
        aside.close()?;
        let old = self.here.len() - ROWS_TOGETHER;
        let pieces = self.here[..old].chunks(ROWS_TOGETHER);
        for (number, piece) in pieces.enumerate() {
            aside.write(self.first + number * ROWS_TOGETHER, piece)?;
        }
        self.here.drain(..old);
        self.here.shrink_to(2 * ROWS_TOGETHER);
        self.first += old;
        Ok(())
    }

    /// Whether all that was asked for could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.aside.as_deref().is_some_and(Aside::is_lost)
    }
}

impl<T: Row> Default for Rows<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T: Row> From<Vec<T>> for Rows<T> {
    fn from(rows: Vec<T>) -> Self {
        Self {
            aside: None,
            first: 0,
            here: rows.into(),
            most: 2 * ROWS_TOGETHER,
        }
    }
}

impl<T: Row> Extend<T> for Rows<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, rows: I) {
        self.here.extend(rows);
    }
}

impl<T: Row + PartialEq> PartialEq for Rows<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Row> IntoIterator for &'a Rows<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// See [`Rows::iter`].
pub struct Iter<'a, T: Row> {
    rows: &'a Rows<T>,
    next: usize,
    read: std::vec::IntoIter<T>,
}

impl<T: Row> Iterator for Iter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next >= self.rows.first {
            let row = self.rows.here.get(self.next - self.rows.first).copied();
            self.next += 1;
            return row;
        }
        if let Some(row) = self.read.next() {
            self.next += 1;
            return Some(row);
        }
        let to = self.rows.first.min(self.next + ROWS_TOGETHER);
        let mut read = Vec::with_capacity(to - self.next);
        self.rows.aside.as_ref()?.read(self.next, to, &mut read);
        self.read = read.into_iter();
        self.next += 1;
        self.read.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl<T: Row> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            rows: self.rows,
            next: self.next,
            read: self.read.clone(),
        }
    }
}

impl<T: Row> ExactSizeIterator for Iter<'_, T> {}
