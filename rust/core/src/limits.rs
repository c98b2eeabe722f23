//! Every limit of the engine, in one place.

use std::time::Duration;

/// Most traders of one engine.
pub const MAX_TRADERS: usize = 1 << 20;

/// Rows of market data that are looked at together first, and one by one where something is wrong with any of them.
pub const VALIDATED_TOGETHER: usize = 512;

/// Rows whose data are read together before they are used: enough to overlap the waits for memory, few enough to stay
/// in the nearest cache.
pub const TOUCHED_TOGETHER: usize = 32;

/// Rows of a step from which on that is done: what fewer traders keep is near anyhow.
pub const TOUCHED_FROM: usize = 1_000;

/// Markets whose next prices are read together: enough to overlap the waits, few enough that all stay in the nearest cache.
pub const BLOCKS_TOGETHER: usize = 8;

/// Prices in one line of the cache.
pub const CLOSES_PER_LINE: usize = 8;

/// Lines of a block's prices that are read together with those of others.
pub const LINES_AHEAD: usize = 6;

/// The longest period of an indicator and the longest history kept: sums over it fit their integers, and its memory
/// stays reasonable.
pub const LONGEST_PERIOD: usize = 1_000_000;

/// The most digits after the point that a column of numbers is taken to have, as for markets.
pub const MOST_DIGITS: u8 = 12;

/// The most that rounding may take from a value of a column without digits to stop at, as a share of it.
pub const MOST_ROUNDING: f64 = 1e-9;

/// The same of candles, of which no indicator can be computed in floats: what is larger than that would show.
pub const MOST_ROUNDING_OF_CANDLES: f64 = 1e-4;

/// The same of a market's prices, where they have no common decimal grid: orders would fill at prices that the data lack.
pub const MOST_ROUNDING_OF_PRICES: f64 = 1e-5;

/// How many steps pass between two looks at the clock for interrupts and progress.
pub const STEPS_PER_POLL: u64 = 16;

/// How long a run that is to end waits for a strategy's call, as long as one may last in real time.
pub const CALL_PATIENCE: Duration = Duration::from_secs(1);

/// How many words that a thread read out of a file it remembers.
pub const RECENT_WORDS: usize = 64;

/// How often the host is asked whether the run shall go on.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How many times as long as it was kept waiting by its host a run then leaves it alone.
pub const WAITS_APART: u32 = 100;

/// How long a run leaves its host alone at most: an interrupt has to end it soon.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(1);

/// A step whose evaluations would take less than this runs inline: handing over costs more.
pub const HANDOVER_NANOS: u64 = 40_000;

/// Evaluations of less than this stay on one thread, however many there are: what traders keep would move from one core's
/// cache to another's, and back when the writer looks at it.
pub const SHARED_NANOS: u64 = 500;

/// But where the blocks that begin in one step take longer than this together, they are shared.
pub const BLOCKS_NANOS: u64 = 150_000;

/// And where they have this many rows at least.
pub const BLOCK_ROWS_SHARED: u32 = 16;

/// One step in so many is timed, to know what an evaluation costs.
pub const STEPS_PER_SAMPLE: u64 = 64;

/// Columns of indicator values that the runs of a sweep share at most, and the values in all of them: 256 MiB. What comes
/// later is computed by each run for itself.
pub const SHARED_COLUMNS: usize = 1024;
/// See there.
pub const SHARED_VALUES: usize = 1 << 25;

/// Events of one trader that are evaluated together at most, where it may run ahead: enough to keep its state in the
/// nearest cache, few enough to keep the first step short.
pub const BLOCK_ROWS: u32 = 256;

/// Where an evaluation costs more than this and threads share the work, a few traders that are due alone go event by event:
/// the nearest cache matters little then, and all threads having work matters much.
pub const DEAR_NANOS: u64 = 1_000;

/// Blocks that may follow each other before a trader's state is kept anew: to keep it costs as much as some rows do, and
/// to go back costs as much as the blocks since.
pub const CHAINED_BLOCKS: u32 = 32;

/// For fewer rows no trader is lent: what it keeps would go from one core's cache to another's, and back, for little.
pub const LEAST_LENT: u32 = 256;

/// How often a thread beside the run looks for work, and the run's own for who comes back, some 20 ns each, before it sleeps:
/// to be woken costs more than most of these waits.
pub const BESIDE_LOOKS: u32 = 2_000;

/// Steps with fills that are made one after the other before anybody looks whether the run is to end.
pub const STRIDES: usize = 256;

/// Rows whose indicator values are computed together, where a trader is evaluated ahead.
pub const LOOKED_AHEAD: usize = 64;

/// Bytes that are gathered before they are hashed into a run's digest.
pub const DIGESTED_TOGETHER: usize = 64 * 1024;

/// Steps over which the worth of positions is summed up at once: enough to read prices along their columns, few enough
/// that little has to be mended when a position changes.
pub const VALUED_TOGETHER: usize = 32;

/// Steps whose prices are read together where a single position is valued.
pub const PRICES_TOGETHER: usize = 128;

/// The size below which sums of the positions' values are kept where they are counted in units.
pub const MOST_COUNTED: u128 = 1 << 61;

/// The same where such sums are made anew: so much is left to be mended that this pays for itself.
pub const MOST_BEGUN: u128 = MOST_COUNTED / 4;

/// So many times sums are made in amounts after units did not do.
pub const WITHOUT_UNITS: u32 = 64;

/// Positions up to which these steps end where a position may change.
pub const FEW_VALUED: usize = 4;

/// Rows to an order for whose records room is made before a run begins, and the most orders that is done for. Room that
/// is not used takes no memory, and where it suffices, what was written is never moved.
pub const ROWS_TO_AN_ORDER: usize = 16;
/// See there.
pub const MOST_ORDERS_EXPECTED: usize = 1 << 20;

/// How long the blocks that begin in one step may take together; after that its traders go event by event.
pub const AHEAD_BUDGET: Duration = Duration::from_millis(50);

/// How many blocks begin between two looks at the clock.
pub const BLOCKS_PER_LOOK: u64 = 8;

/// Markets with traders that go event by event, up to which steps may be light.
pub const LIGHT_MARKETS: usize = 8;

/// Light steps that are made in a row at most, so that interrupts and progress are seen to.
pub const LIGHT_STEPS: usize = 64;

/// Kinds of instruments that a market's own is compared with, to be shared.
pub const KINDS_COMPARED: usize = 8;

/// Orders, replacements and cancellations that one call into a plug-in may ask for.
pub const PLUGIN_REQUESTS: usize = 64;

/// Bytes of what a plug-in may say when it fails.
pub const PLUGIN_MESSAGE: usize = 512;

/// Combinations of a sweep that are ready for each thread at most: enough that no thread waits for the caller, few enough
/// that their traders take little memory.
pub const READY_PER_THREAD: usize = 4;

/// Traders that one task of the pool evaluates at least, where they are cheap.
pub const TRADERS_PER_TASK: usize = 8;

/// Traders due in one step, for each thread, from which on dear evaluations are shared block by block: enough to end at about
/// the same time.
pub const TRADERS_PER_THREAD: usize = 4;

/// Blocks of a run's first step that are timed one by one, to know what a row costs.
pub const BLOCKS_PROBED: usize = 3;

/// A task of the pool evaluates fewer where it would take longer than this: the threads would end too far apart.
pub const TASK_NANOS: u64 = 40_000;

const _: () = assert!(STEPS_PER_POLL.is_power_of_two() && STEPS_PER_SAMPLE.is_power_of_two());
const _: () = assert!(MAX_TRADERS < u32::MAX as usize);

/// Live: what a trader's inbox holds. Recorded feeds wait for room; trades and candles drop the oldest.
pub const INBOX: usize = 64;

/// Live: what the inbox of a trader on quotes holds: the newest quote of its market takes the place of an older one.
pub const QUOTE_INBOX: usize = 1;

/// Live: deliveries that one task handles before others get their turn.
pub const DELIVERIES_PER_TASK: usize = 16;

/// Live: how long a task that handles traders waits for the next ready one before it ends.
pub const LINGER: Duration = Duration::from_millis(5);

/// Live: how many traders are woken before tasks are set to work on them, in real time and within a step.
pub const WOKEN_TOGETHER: usize = 32;

/// Live: batches of market events between the feed and the commit thread; the feed waits for room.
pub const FEED_BATCHES: usize = 64;

/// Live: market events that a real-time step takes at most.
pub const EVENTS_PER_STEP: usize = 8_192;

/// Live: market events that a synthetic feed sends together at most.
pub const EVENTS_PER_BATCH: usize = 1_024;

/// Live: the shortest pause of a synthetic feed. Events that come together are a step, and wait for each other in it.
pub const FEED_PAUSE: Duration = Duration::from_micros(250);

/// Live: messages to the order engine that may wait, besides two for each trader; the commit thread waits for room.
pub const ORDER_MESSAGES: usize = 1_024;

/// Live: messages from the order engine, and from the broker to it, that may wait; each waits for room.
pub const ORDER_REPORTS: usize = 4_096;

/// Live: commands of people that may wait; who sends one waits for room.
pub const COMMANDS: usize = 64;

/// Live: words that are said once, such as the answer to a command.
pub const SAID_ONCE: usize = 1;

/// Live: how long a real-time step waits for its evaluations.
pub const STEP_LIMIT: Duration = Duration::from_millis(1);

/// Journal, and the paper broker's books in real time: the shortest pause between two writes to disk, unless somebody waits for
/// one. What comes meanwhile is written together.
pub const WRITE_PAUSE: Duration = Duration::from_millis(2);

/// Live: after how many requests a broker writes what it keeps, even before that pause is over.
pub const MESSAGES_PER_REST: usize = 512;

/// Live: how long the end of a real-time run waits for orders to reach a terminal state.
pub const SETTLE_LIMIT: Duration = Duration::from_millis(1_500);

/// Live: how long, on the run's clock, a request may be on its way: a venue that answers questions takes none that is older,
/// so that after it the venue's word that it has no such order is the last one. In nanoseconds, like the next three.
pub const REQUEST_LIFETIME: i64 = 5_000_000_000;

/// Live: how long an answer is waited for before the venue is asked again.
pub const ANSWER_PATIENCE: i64 = 2_000_000_000;

/// Live: how far two comparisons with the venue lie apart, where nothing asks for one.
pub const RECONCILE_INTERVAL: i64 = 30_000_000_000;

/// Faults: by how much a message is late that others overtake.
pub const HELD_BACK: i64 = 1_000_000;

/// Live: how long the end of a run waits for the last word of a venue whose messages may be late.
pub const ENDING_LIMIT: Duration = Duration::from_secs(30);

/// Live: how often it looks for that word on a recorded feed, where nothing has to be waited for.
pub const ENDING_ROUNDS: u32 = 10_000;

/// Live: threads for recorded feeds, timers and the order engine, which wait far more than they work.
pub const TOKIO_THREADS: usize = 1;

/// Live: when a call into Python has lasted so long, a spare thread takes over the others' calls.
pub const PYTHON_CALL: Duration = Duration::from_millis(10);

/// Live: threads of the python lane at most.
pub const PYTHON_THREADS: u32 = 8;

/// Workers: how often each side looks whether the other has said something, before it sleeps: about as long as waking a
/// process takes.
pub const WORKER_LOOKS: u32 = 2_000;

/// Workers: where an answer took longer than this, the engine sleeps for the next one without looking first.
pub const LONG_ANSWER: Duration = Duration::from_micros(300);

/// Workers: how long the engine sleeps at most before it looks whether a worker still lives.
pub const WORKER_TICK: Duration = Duration::from_millis(5);

/// Workers: how long one may take to load its strategies, or to do anything else outside of their calls.
pub const WORKER_START: Duration = Duration::from_secs(120);

/// Workers: how long one may take to close and print what its strategies have left at the end of a run.
pub const WORKER_LEAVE: Duration = Duration::from_secs(5);

/// Workers: how long one may take to end by itself before it is killed.
pub const WORKER_END: Duration = Duration::from_millis(500);

/// Workers: bytes for requests, and for answers, to begin with; both grow.
pub const WORKER_ROOM: usize = 1 << 16;

/// Workers: in how many tries of the same call one dies until that is the strategy's guilt.
pub const CLEAR_DEATHS: u32 = 2;

/// Workers: the same where it was killed, which somebody from outside may have done.
pub const KILLED_DEATHS: u32 = 3;

/// Workers: how often in a row one may be killed outside of any call, until its traders are given up.
pub const IDLE_DEATHS: u32 = 100;

/// Journal: steps on their way to the file at most; the run waits for room.
pub const JOURNAL_BATCHES: usize = 1_024;

/// Journal: rows that are committed together, or a few more.
pub const JOURNAL_ROWS: usize = 8_192;

/// Journal: committed steps that are read at once while a run is made again.
pub const JOURNAL_STEPS: i64 = 4_096;

/// Journal: rows of one part at least, where a long one is looked at in parts.
pub const JOURNAL_PART: i64 = 50_000;

/// Journal: how long a reader or a writer waits for the other's lock on the file.
pub const JOURNAL_PATIENCE: Duration = Duration::from_secs(5);

/// Risk process, and paper broker apart: bytes of one message at most.
pub const RISK_FRAME: usize = 1 << 20;

/// Risk process: bytes of an account that is told in parts, all together at most.
pub const RISK_STATE: usize = 1 << 28;

/// Risk process: orders that are put to it together at most.
pub const RISK_BATCH: usize = 1_024;

/// Risk process: changes of the account that may come together before an order; what is more has the account told anew.
pub const RISK_NOTES: usize = 1 << 16;

/// Risk process: changes in one message.
pub const RISK_NOTES_TOGETHER: usize = 8_192;

/// Risk process, and paper broker apart: bytes of a name or a sentence in a message at most.
pub const RISK_TEXT: usize = 1 << 12;

/// Risk process: how long it may take to answer, where nobody says otherwise.
pub const RISK_TIMEOUT: Duration = Duration::from_secs(1);

/// Risk process: how long the engine waits between two tries to reach it.
pub const RISK_RETRY: Duration = Duration::from_millis(50);

/// Risk process, and paper broker apart: how often it looks whether it is to end, or its kill switch was set.
pub const RISK_LOOK: Duration = Duration::from_millis(10);

/// Risk process, and paper broker apart: how long who connects may take for the first message.
pub const RISK_GREETING: Duration = Duration::from_secs(5);

/// Risk process, and paper broker apart: connections that may wait while another is served.
pub const RISK_WAITING: u32 = 16;

/// Risk process: messages behind an order that is being judged, which wait for that, at most.
pub const RISK_HELD: usize = 16_384;

/// Risk process: round trips that it remembers of an account, until it forgets them: no control looks at them.
pub const RISK_TRADES: usize = 1 << 16;

/// Paper broker apart: how long its process may take to answer before it counts as gone; it may have to wait for the disk.
pub const APART_PATIENCE: Duration = Duration::from_secs(10);

/// Paper broker apart: markets in one message.
pub const APART_MARKETS: usize = 128;

/// Paper broker apart: orders of before in one message.
pub const APART_ORDERS: usize = 1 << 16;

/// Paper broker apart: decimals, or tens, of a price's unit at most.
pub const APART_DIGITS: u8 = 30;

/// Paper broker apart: market events in one message.
pub const APART_EVENTS: usize = 8_192;

/// Paper broker apart: executions in one message.
pub const APART_EXECUTIONS: usize = 8_192;

/// How often the watchdog looks for threads that wait for each other.
pub const WATCHDOG_INTERVAL: Duration = Duration::from_secs(1);

/// Rows of a kept run that stay in memory, and that are read back together.
pub const ROWS_TOGETHER: usize = 4_096;

/// Orders of a trader and a side that may wait for the word of the risk process when it is lost: so many older ones are remembered
/// beyond those that a limit asks for, because the newest may not have left after all.
pub const SENT_IN_DOUBT: usize = 16;

/// Memory of lists that nobody needs that is kept for later ones at most, in bytes.
pub const SPARE_BYTES: usize = 64 << 20;
/// A smaller list is not kept: to have it anew costs little.
pub const SPARE_LEAST: usize = 256 << 10;
/// How many times the room that is wanted a kept list may have.
pub const SPARE_ROOM: usize = 4;

/// Rows of a block that is evaluated beside the run: of few traders many, so that nobody waits for the other at each of them; of
/// many traders no more than their first rows take.
#[must_use]
pub const fn rows_beside(traders: usize) -> u32 {
    if traders < 8 { 4_096 } else { 1_024 }
}

/// Messages to the order engine that may wait in an engine of so many traders: an order and a cancel of each fit, so
/// that a slow broker does not hold the traders up.
#[must_use]
pub const fn order_messages(traders: usize) -> usize {
    ORDER_MESSAGES + 2 * traders
}

/// Combinations of a sweep that may be under way with so many threads, and reports of them that may wait: each finds room.
#[must_use]
pub const fn combinations(threads: usize) -> usize {
    threads * (1 + READY_PER_THREAD)
}

/// Ready traders of the lanes on the pool that may wait: each of them once, so that there is always room.
#[must_use]
pub const fn ready_traders(traders: usize) -> usize {
    traders
}

/// Ready traders of the python lane that may wait: each of them once, and the word that closes the lane.
#[must_use]
pub const fn python_queue(traders: usize) -> usize {
    traders + 1
}

const _: () = assert!(ready_traders(MAX_TRADERS) >= MAX_TRADERS);
const _: () = assert!(DELIVERIES_PER_TASK >= 1 && INBOX >= 1 && QUOTE_INBOX == 1);
const _: () = assert!(EVENTS_PER_STEP >= EVENTS_PER_BATCH);
// Every message that one side may make fits: a change takes at most 32 bytes, an order at most 128.
const _: () = assert!(RISK_NOTES_TOGETHER * 32 < RISK_FRAME && RISK_BATCH * 128 < RISK_FRAME);
// The same of the paper broker: a market takes at most 64 bytes beside its name, an event or execution at most 64.
const _: () =
    assert!(APART_MARKETS * (RISK_TEXT + 64) < RISK_FRAME && APART_ORDERS * 8 + 64 < RISK_FRAME);
const _: () =
    assert!(APART_EVENTS * 64 + 64 < RISK_FRAME && APART_EXECUTIONS * 64 + 64 < RISK_FRAME);
const _: () = assert!(RISK_TEXT < RISK_FRAME && RISK_FRAME < RISK_STATE);

/// Decimal zeros that an amount of money can end in at most: it has no more digits.
pub const MOST_ZEROS: u8 = 38;

/// Snapshots of a run whose state is kept: the newest one, and one before it should that be damaged.
pub const SNAPSHOTS_KEPT: i64 = 2;

/// Market events between two snapshots: what is made again of a run that was killed takes less than a second.
const SNAPSHOT_EVENTS: u64 = 50_000;

/// The same for each trader: their states are written each time.
const SNAPSHOT_EVENTS_PER_TRADER: u64 = 250;

/// How many market events lie between two snapshots of a run with so many traders.
#[must_use]
pub const fn snapshot_events(traders: usize) -> u64 {
    let wanted = (traders as u64).saturating_mul(SNAPSHOT_EVENTS_PER_TRADER);
    if wanted > SNAPSHOT_EVENTS {
        wanted
    } else {
        SNAPSHOT_EVENTS
    }
}

/// The size of an equity without its last 64 bits below which those of 64 rows have a sum of 128.
pub const MOST_COARSE: i64 = 1 << 56;
