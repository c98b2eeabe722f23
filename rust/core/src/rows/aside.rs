//! Rows in a file without a name, each at its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Row;

/// Those set aside, each at its place in the file.
#[derive(Debug)]
pub(super) struct Aside<T> {
    pub(super) file: File,
    /// Those that have changed since, or may yet, and those that are larger than their place.
    pub(super) open: BTreeMap<usize, T>,
    /// Whether some could not be read.
    lost: AtomicBool,
}

impl<T: Row> Aside<T> {
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            open: BTreeMap::new(),
            lost: AtomicBool::new(false),
        })
    }

    /// Writes rows from this place on.
    pub(super) fn write(&mut self, at: usize, rows: &[T]) -> io::Result<()> {
        let mut bytes = vec![0; rows.len() * T::BYTES];
        let mut open = Vec::new();
        for (number, (row, place)) in rows.iter().zip(bytes.chunks_mut(T::BYTES)).enumerate() {
            let fits = postcard::to_slice(row, place).is_ok();
            if !(fits && row.is_final()) {
                open.push((at + number, *row));
            }
        }
        write_at(&self.file, &bytes, offset::<T>(at))?;
        self.open.extend(open);
        Ok(())
    }

    /// Writes rows that have become final to their places.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; T::BYTES];
        let mut closed = Vec::new();
        for (&at, row) in self.open.iter().filter(|(_, row)| row.is_final()) {
            if postcard::to_slice(row, &mut bytes).is_ok() {
                write_at(&self.file, &bytes, offset::<T>(at))?;
                closed.push(at);
            }
        }
        for at in closed {
            self.open.remove(&at);
        }
        Ok(())
    }

    /// Adds a part of the rows to a list. What cannot be read is missing, and noted.
    pub(super) fn read(&self, from: usize, to: usize, rows: &mut Vec<T>) {
        let mut bytes = vec![0; (to - from) * T::BYTES];
        if let Err(error) = read_at(&self.file, &mut bytes, offset::<T>(from)) {
            tracing::error!(%error, "rows that were set aside cannot be read");
            return self.lost.store(true, Ordering::Release);
        }
        for (at, place) in (from..to).zip(bytes.chunks(T::BYTES)) {
            let changed = self.open.get(&at).copied();
            let row = changed.or_else(|| postcard::take_from_bytes(place).ok().map(|(row, _)| row));
            match row {
                Some(row) => rows.push(row),
                None => self.lost.store(true, Ordering::Release),
            }
        }
    }

    pub(super) fn one(&self, at: usize) -> Option<T> {
        if let Some(row) = self.open.get(&at) {
            return Some(*row);
        }
        let mut one = Vec::with_capacity(1);
        self.read(at, at + 1, &mut one);
        one.pop()
    }
}

impl<T> Aside<T> {
    /// Whether some could not be read.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

const fn offset<T: Row>(at: usize) -> u64 {
    at as u64 * T::BYTES as u64
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(_file: &File, _bytes: &[u8], _at: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn read_at(_file: &File, _bytes: &mut [u8], _at: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
