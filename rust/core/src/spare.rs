//! Memory of lists that nobody needs any more, for the lists of later runs.
//!
//! Memory that a program has not had before has to be cleared by the system, page by page, when it is first written to. For
//! what a run writes down that takes up to a third of the run; so the next run writes where one that is over did.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::limits::{SPARE_BYTES, SPARE_LEAST, SPARE_ROOM};

/// What a list can be of.
pub trait Spare: Sized + 'static {
    /// Where lists of these lie that nobody needs.
    fn shelf() -> &'static Shelf<Self>;
}

/// Lists that nobody needs, all of them empty.
pub struct Shelf<T>(Mutex<Vec<Vec<T>>>);

/// What all shelves hold, in bytes.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Lets lists be of these.
macro_rules! shelves {
    ($($of:ty),*) => {
        $(impl $crate::spare::Spare for $of {
            fn shelf() -> &'static $crate::spare::Shelf<Self> {
                static SHELF: $crate::spare::Shelf<$of> = $crate::spare::Shelf::empty();
                &SHELF
            }
        })*
    };
}
pub(crate) use shelves;

shelves!(u32, i64, i128);

const fn bytes_of<T>(list: &Vec<T>) -> usize {
    list.capacity().saturating_mul(size_of::<T>())
}

impl<T> Shelf<T> {
    /// One with nothing on it.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The smallest list with room for so many, if there is one that is not far too large.
    fn take(&self, room: usize) -> Option<Vec<T>> {
        let mut lists = self.0.lock();
        let fits =
            |list: &Vec<T>| (room..=room.saturating_mul(SPARE_ROOM)).contains(&list.capacity());
        let fitting = lists.iter().enumerate().filter(|(_, list)| fits(list));
        let (place, _) = fitting.min_by_key(|(_, list)| list.capacity())?;
        let list = lists.swap_remove(place);
        HELD.fetch_sub(bytes_of(&list), Ordering::Relaxed);
        Some(list)
    }

    /// Keeps a list, where it is large enough to be worth it and all that is kept is not too much; what has lain there for longest
    /// goes for it.
    fn give(&self, mut list: Vec<T>) {
        let bytes = bytes_of(&list);
        if !(SPARE_LEAST..=SPARE_BYTES).contains(&bytes) {
            return;
        }
        list.clear();
        let mut lists = self.0.lock();
        while !reserve(bytes) {
            if lists.is_empty() {
                return;
            }
            HELD.fetch_sub(bytes_of(&lists.remove(0)), Ordering::Relaxed);
        }
        lists.push(list);
    }
}

/// Counts so many bytes more as held, if they may be.
fn reserve(bytes: usize) -> bool {
    let more = |held: usize| held.checked_add(bytes).filter(|&held| held <= SPARE_BYTES);
    let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
    HELD.fetch_update(set, fetch, more).is_ok()
}

/// A list whose memory later lists get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reused<T: Spare>(Vec<T>);

impl<T: Spare> Reused<T> {
    /// Makes room for so many more, of a list that nobody needs where it is empty still.
    pub fn make_room(&mut self, more: usize) {
        if self.0.capacity() == 0
            && let Some(list) = T::shelf().take(more)
        {
            self.0 = list;
        }
        self.0.reserve(more);
    }
}

impl<T: Spare> Default for Reused<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Spare> From<Vec<T>> for Reused<T> {
    fn from(list: Vec<T>) -> Self {
        Self(list)
    }
}

impl<T: Spare> Deref for Reused<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Spare> DerefMut for Reused<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<'a, T: Spare> IntoIterator for &'a Reused<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Spare> Drop for Reused<T> {
    fn drop(&mut self) {
        T::shelf().give(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    shelves!(u64);

    #[test]
    fn a_list_that_is_over_makes_room_for_the_next_of_its_size() {
        let room = SPARE_LEAST / 8;
        let mut first = Reused::<u64>::default();
        first.make_room(room);
        first.extend([1, 2, 3]);
        let place = first.as_ptr();
        drop(first);
        let mut small = Reused::<u64>::default();
        small.make_room(room / SPARE_ROOM - 1);
        assert_ne!(small.as_ptr(), place, "far too large for it");
        let mut large = Reused::<u64>::default();
        large.make_room(room + 1);
        assert_ne!(large.as_ptr(), place, "too small for it");
        let mut next = Reused::<u64>::default();
        next.make_room(room - 1);
        assert_eq!((next.as_ptr(), next.len()), (place, 0), "and it is empty");
        let mut other = Reused::<u64>::default();
        other.make_room(room - 1);
        assert_ne!(other.as_ptr(), place, "nobody else has it");
        drop(Reused::from(vec![0_u64; 3]));
        assert!(u64::shelf().0.lock().is_empty(), "small ones are not kept");
        // No more is kept than may be, and the newest rather than the oldest.
        let lists = (0..5).map(|more| Reused::from(vec![1_u64; SPARE_BYTES / 32 + more]));
        drop(lists.collect::<Vec<_>>());
        assert!(HELD.load(Ordering::Relaxed) <= SPARE_BYTES);
        assert!((1..=4).contains(&u64::shelf().0.lock().len()));
    }
}
