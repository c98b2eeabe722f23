//! Every limit of the engine, in one place.

use std::time::Duration;

/// Most traders of one engine.
pub const MAX_TRADERS: usize = 1 << 20;

/// How many steps pass between two looks at the clock for interrupts and progress.
pub const STEPS_PER_POLL: u64 = 256;

/// How often the host is asked whether the run shall go on.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A step whose evaluations would take less than this runs inline: handing over costs more.
pub const HANDOVER_NANOS: u64 = 40_000;

/// One step in so many is timed, to know what an evaluation costs.
pub const STEPS_PER_SAMPLE: u64 = 64;

/// Traders that one task of the pool evaluates at least.
pub const TRADERS_PER_TASK: usize = 8;

const _: () = assert!(STEPS_PER_POLL.is_power_of_two() && STEPS_PER_SAMPLE.is_power_of_two());
const _: () = assert!(MAX_TRADERS < u32::MAX as usize);
