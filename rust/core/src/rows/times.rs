//! The times of rows that a run writes down at each step. In a replay these are mostly the steps of the data, one after the
//! other: then they are read there, and not written once more.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::spare::Reused;

use super::Rows;

/// Times, nanoseconds UTC, in the order in which they came.
#[derive(Debug, Default)]
pub struct Times {
    /// The first ones.
    followed: Followed,
    /// What came when it was no more the list that was followed.
    own: Rows<i64>,
}

/// A part of a list of somebody else's.
#[derive(Debug, Default)]
struct Followed {
    list: Arc<Reused<i64>>,
    from: usize,
    to: usize,
}

impl Followed {
    /// Goes on to this time, if it is the next one; the first may be any of the list.
    #[inline]
    fn goes_on_to(&mut self, ts: i64) -> bool {
        if self.from == self.to {
            self.from = self.list.partition_point(|&time| time < ts);
            self.to = self.from;
        }
        let next = self.list.get(self.to) == Some(&ts);
        self.to += usize::from(next);
        next
    }

    #[inline]
    fn times(&self) -> &[i64] {
        &self.list[self.from..self.to]
    }
}

impl Times {
    /// Expects the times of a list, from any of them on. Nothing may be here yet.
    pub fn follow(&mut self, list: &Arc<Reused<i64>>) {
        if self.is_empty() {
            self.followed.list = Arc::clone(list);
        }
    }

    /// Adds one.
    #[inline]
    pub fn push(&mut self, ts: i64) {
        if !self.own.is_empty() || !self.followed.goes_on_to(ts) {
            self.own.push(ts);
        }
    }

    /// Adds some in a row.
    #[inline]
    pub fn extend_from_slice(&mut self, times: &[i64]) {
        let [first, rest @ ..] = times else { return };
        self.push(*first);
        let followed = &mut self.followed;
        if self.own.is_empty()
            && let Some(next) = followed.list.get(followed.to..followed.to + rest.len())
            // Whose they are says that they are the same, without a look at any of them.
            && std::ptr::eq(next, rest)
        {
            followed.to += rest.len();
            return;
        }
        self.own.here().extend_from_slice(rest);
    }

    /// How many there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.followed.times().len() + self.own.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; nothing where there is none, or it cannot be read.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Option<i64> {
        let followed = self.followed.times();
        match at.checked_sub(followed.len()) {
            Some(at) => self.own.get(at),
            None => followed.get(at).copied(),
        }
    }

    /// Those from this one on.
    #[must_use]
    pub fn since(&self, from: usize) -> Cow<'_, [i64]> {
        let followed = self.followed.times();
        match followed.get(from..) {
            Some(rest) if self.own.is_empty() => Cow::Borrowed(rest),
            Some(rest) => Cow::Owned([rest, &self.own.since(0)].concat()),
            None => self.own.since(from - followed.len()),
        }
    }

    /// All of them one after the other.
    pub fn iter(&self) -> impl Iterator<Item = i64> + Clone {
        self.iter_from(0)
    }

    /// The same, from one of them on.
    pub fn iter_from(&self, from: usize) -> impl Iterator<Item = i64> + Clone {
        let followed = self.followed.times();
        let own = self.own.iter_from(from.saturating_sub(followed.len()));
        let followed = followed.get(from..).unwrap_or_default();
        followed.iter().copied().chain(own)
    }

    /// Makes room for so many more, where they have to be written down.
    pub fn make_room(&mut self, more: usize) {
        if self.followed.list.is_empty() {
            self.own.make_room(more);
        }
    }

    /// Sets aside what is old: see [`Rows::set_aside`].
    ///
    /// # Errors
    /// What the disk says.
    #[inline]
    pub fn set_aside(&mut self, folder: &Path) -> io::Result<()> {
        self.own.set_aside(folder)
    }

    /// Whether all that was asked for could be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.own.is_whole()
    }
}

impl From<Vec<i64>> for Times {
    fn from(times: Vec<i64>) -> Self {
        Self {
            own: times.into(),
            ..Self::default()
        }
    }
}

impl PartialEq for Times {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_that_follow_a_list_are_what_was_added(
            gaps in proptest::collection::vec(1_i64..4, 1..60),
            first in 0_usize..60,
            parts in proptest::collection::vec((0_usize..9, any::<bool>()), 0..20),
            odd in proptest::option::of((0_usize..20, -1_i64..3)),
            from in 0_usize..80,
        ) {
            let list: Arc<Reused<i64>> = Arc::new(Reused::from(
                { gaps.iter() }
                    .scan(0, |ts, gap| { *ts += gap; Some(*ts) })
                    .collect::<Vec<_>>(),
            ));
            let (mut times, mut wanted) = (Times::default(), Vec::new());
            times.follow(&list);
            let mut at = first.min(list.len());
            for (number, (rows, one_by_one)) in parts.into_iter().enumerate() {
                if let Some((_, by)) = odd.filter(|(place, _)| *place == number) {
                    let ts = list.get(at).or(list.last()).copied().unwrap_or(0) + by;
                    times.push(ts);
                    wanted.push(ts);
                }
                let next = &list[at..(at + rows).min(list.len())];
                at += next.len();
                wanted.extend_from_slice(next);
                if one_by_one {
                    next.iter().for_each(|&ts| times.push(ts));
                } else {
                    times.extend_from_slice(next);
                }
                let written = !times.own.is_empty();
                prop_assert!(odd.is_some() || !written, "what follows is not written once more");
            }
            prop_assert_eq!(times.len(), wanted.len());
            prop_assert_eq!(times.get(from), wanted.get(from).copied());
            prop_assert_eq!(times.iter().collect::<Vec<_>>(), &*wanted);
            let since = wanted.get(from..).unwrap_or_default();
            prop_assert_eq!(&*times.since(from), since);
            prop_assert!(times.iter_from(from).eq(since.iter().copied()));
            prop_assert_eq!(times, Times::from(wanted));
        }
    }
}
