//! In which step a trader that is evaluated ahead is next to be seen to: because it acted there, or because it has been
//! evaluated no further.

use crate::spare::Reused;

/// No trader.
const NONE: u32 = u32::MAX;

/// For each step the traders that are due in it, as a list through the traders.
#[derive(Debug)]
pub(super) struct Calendar {
    heads: Reused<u32>,
    next: Vec<u32>,
}

impl Calendar {
    pub(super) fn new(steps: usize, traders: usize) -> Self {
        let mut heads = Reused::default();
        heads.make_room(steps);
        heads.resize(steps, NONE);
        Self {
            heads,
            next: vec![NONE; traders],
        }
    }

    /// Notes that a trader is due in a step. It must not stand in another one.
    #[inline]
    pub(super) fn put(&mut self, trader: u32, step: u32) {
        let head = &mut self.heads[step as usize];
        self.next[trader as usize] = *head;
        *head = trader;
    }

    /// Whether anybody is due in a step.
    #[inline]
    pub(super) fn has(&self, step: usize) -> bool {
        self.heads[step] != NONE
    }

    /// Who is due in a step, in no order.
    #[inline]
    pub(super) fn due(&self, step: usize) -> impl Iterator<Item = u32> {
        let listed = |trader: u32| (trader != NONE).then_some(trader);
        std::iter::successors(listed(self.heads[step]), move |&trader| {
            listed(self.next[trader as usize])
        })
    }

    /// The first step from one to before another in which somebody is due; that other one where nobody is.
    #[inline]
    pub(super) fn next_due(&self, from: usize, before: usize) -> usize {
        let heads = self.heads.get(from..before).unwrap_or(&[]);
        // Mostly there are some steps in which nobody is: the processor looks at several of them at once.
        let (eights, _) = heads.as_chunks::<8>();
        let nobody = |heads: &&[u32; 8]| heads.iter().fold(NONE, |all, head| all & head) == NONE;
        let passed = 8 * eights.iter().take_while(nobody).count();
        let rest = heads[passed..].iter();
        from + passed + rest.take_while(|&&head| head == NONE).count()
    }

    /// Takes out who is due in a step, by trader.
    pub(super) fn take(&mut self, step: usize, out: &mut Vec<u32>) {
        out.clear();
        let mut trader = std::mem::replace(&mut self.heads[step], NONE);
        while trader != NONE {
            out.push(trader);
            trader = self.next[trader as usize];
        }
        // They stand in the order in which they were put, backwards: mostly that of their numbers.
        out.sort_unstable();
    }

    /// Takes one trader out of the step in which it stands.
    pub(super) fn remove(&mut self, trader: u32, step: u32) {
        let head = &mut self.heads[step as usize];
        if *head == trader {
            *head = self.next[trader as usize];
            return;
        }
        let mut at = *head;
        while at != NONE {
            let after = self.next[at as usize];
            if after == trader {
                self.next[at as usize] = self.next[trader as usize];
                return;
            }
            at = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_due_is_found_once_and_in_order() {
        let mut calendar = Calendar::new(3, 5);
        for (trader, step) in [(4, 1), (0, 1), (2, 1), (3, 2)] {
            calendar.put(trader, step);
        }
        calendar.remove(0, 1);
        let mut out = vec![9];
        calendar.take(1, &mut out);
        assert_eq!(out, [2, 4]);
        assert!(!calendar.has(1) && calendar.has(2) && !calendar.has(0));
        calendar.put(2, 2);
        calendar.remove(3, 2);
        calendar.take(2, &mut out);
        assert_eq!(out, [2]);
    }

    #[test]
    fn the_next_step_in_which_somebody_is_due_is_found_wherever_it_lies() {
        let steps = [3, 17, 18, 40];
        let mut calendar = Calendar::new(50, steps.len());
        for (trader, step) in (0..).zip(steps) {
            calendar.put(trader, step);
        }
        for from in 0..=50 {
            for before in from..=50 {
                let due = steps.iter().map(|&step| step as usize);
                let next = due.filter(|step| (from..before).contains(step)).min();
                assert_eq!(calendar.next_due(from, before), next.unwrap_or(before));
            }
        }
    }
}
