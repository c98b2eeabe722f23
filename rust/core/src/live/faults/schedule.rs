//! Which message meets which fault: a function of the seed and the message's number, of nothing else.

use crate::domain::Nanos;

/// What can go wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A request never arrives, and nobody says so.
    LoseRequest,
    /// What the venue says never arrives.
    LoseReply,
    /// A message arrives later.
    Delay,
    /// A message arrives twice.
    Duplicate,
    /// A message arrives behind those that follow it.
    Reorder,
    /// The venue refuses an order.
    Reject,
    /// The connection drops, and what is on its way to the engine is lost.
    Disconnect,
    /// An order is filled when its cancellation arrives.
    FillDuringCancel,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LoseRequest,
        Self::LoseReply,
        Self::Delay,
        Self::Duplicate,
        Self::Reorder,
        Self::Reject,
        Self::Disconnect,
        Self::FillDuringCancel,
    ];

    /// Its name in settings and counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoseRequest => "lose_request",
            Self::LoseReply => "lose_reply",
            Self::Delay => "delay",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Reject => "reject",
            Self::Disconnect => "disconnect",
            Self::FillDuringCancel => "fill_during_cancel",
        }
    }
}

/// How often what goes wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultSpec {
    /// Makes the schedule.
    pub seed: u64,
    /// How likely each fault is for a message that it can befall, from 0 to 1, in the order of [`Fault::ALL`].
    pub chances: [f64; Fault::ALL.len()],
    /// How much later a delayed message arrives.
    pub delay: Nanos,
    /// How long the venue cannot be reached.
    pub outage: Nanos,
}

/// The schedule as it is drawn, message by message.
#[derive(Debug)]
pub(super) struct Schedule {
    pub spec: FaultSpec,
    messages: u64,
    fired: [u64; Fault::ALL.len()],
}

impl Schedule {
    pub(super) const fn new(spec: FaultSpec) -> Self {
        Self {
            spec,
            messages: 0,
            fired: [0; Fault::ALL.len()],
        }
    }

    /// The number of the next message.
    pub(super) const fn next_message(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    /// Whether a fault befalls a message. What is asked before does not matter.
    #[expect(clippy::cast_precision_loss, reason = "53 bits of a draw are exact")]
    pub(super) fn fires(&mut self, message: u64, fault: Fault) -> bool {
        let chance = self.spec.chances[fault as usize];
        if chance <= 0.0 {
            return false;
        }
        let place = message.wrapping_mul(Fault::ALL.len() as u64) + fault as u64;
        let draw = mixed(mixed(self.spec.seed).wrapping_add(place));
        let fires = ((draw >> 11) as f64) < chance * (1_u64 << 53) as f64;
        self.fired[fault as usize] += u64::from(fires);
        fires
    }

    /// How often each fault befell a message.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let names = Fault::ALL.iter().map(|fault| fault.name());
        names.zip(self.fired).collect()
    }
}

/// One step of `SplitMix64` (Steele, Lea and Flood 2014).
const fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(seed: u64, chance: f64) -> FaultSpec {
        FaultSpec {
            seed,
            chances: [chance; Fault::ALL.len()],
            ..FaultSpec::default()
        }
    }

    fn drawn(spec: FaultSpec) -> Vec<bool> {
        let mut schedule = Schedule::new(spec);
        let mut drawn = Vec::new();
        for _ in 0..500 {
            let message = schedule.next_message();
            drawn.extend(Fault::ALL.map(|fault| schedule.fires(message, fault)));
        }
        assert_eq!(
            schedule.counts().iter().map(|(_, n)| n).sum::<u64>(),
            drawn.iter().filter(|fired| **fired).count() as u64
        );
        drawn
    }

    #[test]
    fn a_seed_makes_one_schedule_and_another_seed_another() {
        assert_eq!(drawn(spec(1, 0.3)), drawn(spec(1, 0.3)));
        assert_ne!(drawn(spec(1, 0.3)), drawn(spec(2, 0.3)));
    }

    #[test]
    fn faults_are_as_frequent_as_asked_for() {
        assert!(drawn(spec(1, 0.0)).iter().all(|fired| !fired));
        assert!(drawn(spec(1, 1.0)).iter().all(|fired| *fired));
        let fired = drawn(spec(1, 0.25)).iter().filter(|fired| **fired).count();
        assert!((850..1_150).contains(&fired), "{fired} of 4,000");
    }
}
