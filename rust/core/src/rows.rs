//! Rows of a run in the order in which they came; those that change no more may lie on disk.
//!
//! A run that goes on for a month writes down what it did all the time. In memory that grows without end, so who keeps a journal
//! [sets aside](Rows::set_aside) what is old: in a file of its own that has no name, and goes with the run, however that ends. The
//! rows are read back where somebody asks for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::ROWS_TOGETHER;
use crate::spare::{Reused, Spare};

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
}

/// Those set aside, each at its place in the file.
#[derive(Debug)]
struct Aside<T> {
    file: File,
    /// Those that have changed since, or may yet, and those that are larger than their place.
    open: BTreeMap<usize, T>,
    /// Whether some could not be read.
    lost: AtomicBool,
}

impl<T: Row> Aside<T> {
    fn begin(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(folder)?,
            open: BTreeMap::new(),
            lost: AtomicBool::new(false),
        })
    }

    /// Writes rows from this place on.
    fn write(&mut self, at: usize, rows: &[T]) -> io::Result<()> {
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
    fn close(&mut self) -> io::Result<()> {
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
    fn read(&self, from: usize, to: usize, rows: &mut Vec<T>) {
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

    fn one(&self, at: usize) -> Option<T> {
        if let Some(row) = self.open.get(&at) {
            return Some(*row);
        }
        let mut one = Vec::with_capacity(1);
        self.read(at, at + 1, &mut one);
        one.pop()
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
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
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
        Iter {
            rows: self,
            next: 0,
            read: Vec::new().into_iter(),
        }
    }

    /// Sets aside what is old, in this folder, where that is much; the newest stay here. Where the disk does not take them all
    /// stay.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_aside(&mut self, folder: &Path) -> io::Result<()> {
        if self.here.len() < 2 * ROWS_TOGETHER {
            return Ok(());
        }
        let aside = match &mut self.aside {
            Some(aside) => aside,
            none => none.insert(Box::new(Aside::begin(folder)?)),
        };
        aside.close()?;
        let old = self.here.len() - ROWS_TOGETHER;
        aside.write(self.first, &self.here[..old])?;
        self.here.drain(..old);
        self.here.shrink_to(2 * ROWS_TOGETHER);
        self.first += old;
        Ok(())
    }

    /// Whether all that was asked for could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let lost = |aside: &Aside<T>| aside.lost.load(Ordering::Acquire);
        !self.aside.as_deref().is_some_and(lost)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::commit::FillRecord;
    use crate::domain::{Liquidity, Side};
    use crate::order::{OrderKind, OrderRecord, OrderStatus};
    use crate::portfolio::TradeRecord;

    /// A row that is final when its second field says so, and of which some are larger than their place.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Some3(u64, bool, u64);

    crate::spare::shelves!(Some3);

    impl Row for Some3 {
        const BYTES: usize = 16;

        fn is_final(&self) -> bool {
            self.1
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        Push(usize),
        Change(usize, bool),
        SetAside,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (1_usize..2 * ROWS_TOGETHER).prop_map(Act::Push),
            (any::<usize>(), any::<bool>()).prop_map(|(at, last)| Act::Change(at, last)),
            Just(Act::SetAside),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn rows_that_are_set_aside_are_what_a_list_is(
            acts in proptest::collection::vec(act(), 1..40),
            from in 0_usize..20_000,
        ) {
            let folder = std::env::temp_dir();
            let (mut rows, mut list) = (Rows::<Some3>::default(), Vec::new());
            for act in acts {
                match act {
                    Act::Push(many) => for _ in 0..many {
                        let number = list.len() as u64;
                        // Every seventh is too large for its place.
                        let large = if number.is_multiple_of(7) { u64::MAX } else { 0 };
                        let row = Some3(number | large, !number.is_multiple_of(3), large);
                        rows.push(row);
                        list.push(row);
                    },
                    Act::Change(at, last) => {
                        let at = at % (list.len() + 1);
                        let row = list.get_mut(at).map(|row| { row.1 = last; *row });
                        let ours = rows.get_mut(at).map(|row| { row.1 = last; *row });
                        prop_assert_eq!(row, ours);
                    }
                    Act::SetAside => rows.set_aside(&folder).unwrap(),
                }
                prop_assert_eq!(rows.len(), list.len());
                prop_assert_eq!(rows.last(), list.last().copied());
            }
            prop_assert!(rows.iter().eq(list.iter().copied()));
            prop_assert_eq!(rows.iter().len(), list.len());
            let from = from % (list.len() + 1);
            prop_assert_eq!(&*rows.since(from), &list[from..]);
            prop_assert_eq!(rows.get(from), list.get(from).copied());
            prop_assert!(rows.newest().len() < rows.len().max(2 * ROWS_TOGETHER) + 1);
            prop_assert!(rows.is_whole());
        }
    }

    #[test]
    fn little_stays_in_memory_and_what_is_open_there_is_written_when_it_ends() {
        let mut rows = Rows::<Some3>::default();
        for number in 0..5 * ROWS_TOGETHER {
            rows.push(Some3(number as u64, number % 10 > 0, 0));
        }
        rows.set_aside(&std::env::temp_dir()).unwrap();
        assert_eq!(rows.newest().len(), ROWS_TOGETHER);
        let open = |rows: &Rows<Some3>| rows.aside.as_ref().map(|aside| aside.open.len());
        assert_eq!(open(&rows), Some((4 * ROWS_TOGETHER).div_ceil(10)));
        for at in (0..5 * ROWS_TOGETHER).step_by(10) {
            rows.get_mut(at).unwrap().1 = true;
        }
        for number in 0..ROWS_TOGETHER {
            rows.push(Some3(number as u64, true, 0));
        }
        rows.set_aside(&std::env::temp_dir()).unwrap();
        assert_eq!(open(&rows), Some(0));
        assert!(rows.iter().all(|row| row.1));
    }

    #[test]
    fn rows_that_do_not_come_back_are_noted() {
        let mut rows = Rows::<i64>::default();
        rows.extend(0..3 * ROWS_TOGETHER as i64);
        rows.set_aside(&std::env::temp_dir()).unwrap();
        assert!(rows.is_whole());
        rows.aside.as_ref().unwrap().file.set_len(10).unwrap();
        assert!(rows.iter().count() < rows.len());
        assert!(!rows.is_whole());
    }

    #[test]
    fn rows_stay_where_the_disk_does_not_take_them() {
        let mut rows = Rows::<i64>::default();
        rows.extend(0..3 * ROWS_TOGETHER as i64);
        assert!(rows.set_aside(Path::new("/no such folder")).is_err());
        assert!(rows.iter().eq(0..3 * ROWS_TOGETHER as i64));
    }

    fn fits<T: Row>(row: &T) {
        let mut place = vec![0; T::BYTES];
        assert!(postcard::to_slice(row, &mut place).is_ok());
    }

    #[test]
    fn the_largest_of_each_kind_fits_into_its_place() {
        fits(&i64::MIN);
        fits(&i128::MIN);
        fits(&OrderRecord {
            ts: i64::MIN,
            id: u64::MAX,
            trader: u32::MAX,
            side: Side::Sell,
            kind: OrderKind::Limit(i64::MIN),
            lots: i64::MIN,
            status: OrderStatus::Expired,
            reason: "repeated_execution_of_it",
        });
        fits(&FillRecord {
            ts: i64::MIN,
            trader: u32::MAX,
            side: Side::Sell,
            lots: i64::MIN,
            price: i64::MIN,
            fee: i128::MIN,
            order: u64::MAX,
            liquidity: Liquidity::Taker,
        });
        let mut trade = TradeRecord::begin(u32::MAX, i64::MIN, Side::Sell);
        trade.exit_ts = Some(i64::MIN);
        trade.entry_lots = i128::MIN;
        trade.entry_sum = i128::MIN;
        trade.exit_lots = i128::MIN;
        trade.exit_sum = i128::MIN;
        trade.cash_flow = i128::MIN;
        trade.fees = i128::MIN;
        trade.exit_reason = "liquidation";
        fits(&trade);
    }
}
