//! Snapshots: all that a run needs to go on from a step, beside the rows. What grows with a run is kept in parts, each of
//! which adds to those before; what stands is kept whole, of the newest snapshots alone.
//!
//! Snapshots are not in the chain of fingerprints: they follow from the run, and a run that has none goes on all the same.
//! Each names the place in the sequence behind which it was taken and the chain there, and has sums over what it holds.

use blake3::Hasher;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Error;
use crate::limits::SNAPSHOTS_KEPT;

use super::record::CHAIN;
use super::store::Store;

/// The version of what is in a snapshot. It changes with anything that a run keeps; those of another one are passed over.
pub(super) const FORMAT: i64 = 3;

/// The version of the program, which has to be the same: it decides what the bytes mean.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes of a sum.
const SUM: usize = 32;

/// The table.
pub(super) const TABLE: &str = "
CREATE TABLE snapshots (number INTEGER PRIMARY KEY, step INTEGER NOT NULL, ts INTEGER NOT NULL, after_seq INTEGER NOT NULL,
    format INTEGER NOT NULL, version TEXT NOT NULL, chain BLOB NOT NULL, part BLOB NOT NULL, part_sum BLOB NOT NULL,
    state BLOB, state_sum BLOB) STRICT;
";

/// A snapshot on its way to the file.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub number: u64,
    pub step: u64,
    pub ts: i64,
    /// The last place in the sequence of the group of rows before it, and the chain there.
    pub after_seq: i64,
    pub chain: [u8; CHAIN],
    /// What the records grew by since the snapshot before, and a sum over all parts so far.
    pub part: Vec<u8>,
    pub part_sum: [u8; SUM],
    /// What stands.
    pub state: Vec<u8>,
}

/// What a run goes on from.
pub struct Resumption {
    /// The step after which it was taken.
    pub step: u64,
    /// What stood then.
    pub state: Vec<u8>,
    /// What had grown until then, in parts.
    pub parts: Vec<Vec<u8>>,
    pub(super) number: u64,
    pub(super) after_seq: i64,
    pub(super) chain: [u8; CHAIN],
    pub(super) part_sum: [u8; SUM],
}

/// A row without its bytes.
struct Head {
    number: i64,
    step: i64,
    after_seq: i64,
    format: i64,
    version: String,
    chain: Vec<u8>,
    part_sum: Vec<u8>,
}

impl Snapshot {
    /// What says that a part is the one that was written, behind all parts that were before it.
    pub(super) fn part_sum(before: &[u8], (number, step): (i64, i64), part: &[u8]) -> [u8; SUM] {
        let mut hasher = Hasher::new();
        hasher.update(before);
        hasher.update(&number.to_le_bytes());
        hasher.update(&step.to_le_bytes());
        hasher.update(part);
        *hasher.finalize().as_bytes()
    }

    /// The same of the state, with the place of the snapshot.
    fn state_sum(part_sum: &[u8], after_seq: i64, chain: &[u8], state: &[u8]) -> [u8; SUM] {
        let mut hasher = Hasher::new();
        hasher.update(part_sum);
        hasher.update(&after_seq.to_le_bytes());
        hasher.update(chain);
        hasher.update(state);
        *hasher.finalize().as_bytes()
    }

    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let state_sum = Self::state_sum(&self.part_sum, self.after_seq, &self.chain, &self.state);
        connection.prepare_cached(sql)?.execute(params![
            self.number.cast_signed(),
            self.step.cast_signed(),
            self.ts,
            self.after_seq,
            FORMAT,
            VERSION,
            self.chain,
            self.part,
            self.part_sum,
            self.state,
            state_sum,
        ])?;
        let sql = "UPDATE snapshots SET state = NULL, state_sum = NULL WHERE state IS NOT NULL AND number NOT IN \
            (SELECT number FROM snapshots WHERE state IS NOT NULL ORDER BY number DESC LIMIT ?)";
        connection.prepare_cached(sql)?.execute([SNAPSHOTS_KEPT])?;
        Ok(())
    }
}

/// What the snapshots of a journal are found to be.
#[derive(Default)]
pub(super) struct Looked {
    heads: Vec<Head>,
    /// The parts that are those that were written, from the first on.
    parts: Vec<Vec<u8>>,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Looked {
    /// Reads the parts of all snapshots; behind one that is not what was written none can be used.
    pub(super) fn at(store: &Store) -> Result<Self, Error> {
        let mut looked = Self::default();
        let heads = if store.has_snapshots()? {
            store.with(heads)?
        } else {
            Vec::new()
        };
        let mut sum: Vec<u8> = Vec::new();
        for head in heads {
            let part: Vec<u8> = store.with(|connection| {
                let sql = "SELECT part FROM snapshots WHERE number = ?";
                connection
                    .prepare_cached(sql)?
                    .query_row([head.number], |row| row.get(0))
            })?;
            let found = Snapshot::part_sum(&sum, (head.number, head.step), &part);
            if head.part_sum != found {
                let step = head.step;
                looked
                    .problems
                    .push(format!("the snapshot of step {step} is damaged"));
                break;
            }
            sum = head.part_sum.clone();
            looked.parts.push(part);
            looked.heads.push(head);
        }
        Ok(looked)
    }

    /// What is wrong with any of them.
    pub(super) fn problems(mut self, store: &Store) -> Result<Vec<String>, Error> {
        for head in &self.heads {
            let state = store.with(|connection| state_of(connection, head.number))?;
            if let Some((state, sum)) = state
                && let Some(problem) = Self::damage(head, store, (&state, &sum))?
            {
                self.problems.push(problem);
            }
        }
        Ok(self.problems)
    }

    /// The newest snapshot that fits the journal and the program and is what was written; `may` says of a step whether the run
    /// may go on from there.
    pub(super) fn newest(
        mut self,
        store: &Store,
        may: impl Fn(u64) -> bool,
    ) -> Result<(Option<Resumption>, Vec<String>), Error> {
        while let Some(head) = self.heads.pop() {
            let step = head.step.unsigned_abs();
            let state = store.with(|connection| state_of(connection, head.number))?;
            if let Some((state, sum)) = state.filter(|_| may(step)) {
                match Self::unfit(&head, store, (&state, &sum))? {
                    None => {
                        let found = Resumption {
                            step,
                            state,
                            parts: std::mem::take(&mut self.parts),
                            number: head.number.unsigned_abs(),
                            after_seq: head.after_seq,
                            chain: head.chain.try_into().unwrap_or([0; CHAIN]),
                            part_sum: head.part_sum.try_into().unwrap_or([0; SUM]),
                        };
                        return Ok((Some(found), self.problems));
                    }
                    Some(problem) => self.problems.push(problem),
                }
            }
            self.parts.pop();
        }
        Ok((None, self.problems))
    }

    /// Why a snapshot cannot be used; nothing where it can.
    fn unfit(head: &Head, store: &Store, state: (&[u8], &[u8])) -> Result<Option<String>, Error> {
        if head.format != FORMAT || head.version != VERSION {
            return Ok(Some(format!(
                "the snapshot of step {} is of Pairloom {}, format {}; this is {VERSION}, format {FORMAT}",
                head.step, head.version, head.format
            )));
        }
        Self::damage(head, store, state)
    }

    /// In what a snapshot is not what was written.
    fn damage(
        head: &Head,
        store: &Store,
        (state, sum): (&[u8], &[u8]),
    ) -> Result<Option<String>, Error> {
        let step = head.step;
        let known = Snapshot::state_sum(&head.part_sum, head.after_seq, &head.chain, state);
        if known.as_slice() != sum {
            return Ok(Some(format!("the snapshot of step {step} is damaged")));
        }
        let chain: Option<Vec<u8>> = store.with(|connection| {
            let sql = "SELECT chain FROM steps WHERE seq = ?";
            connection
                .query_row(sql, [head.after_seq], |row| row.get(0))
                .optional()
        })?;
        let chain = if head.after_seq == 0 {
            Some(vec![0; CHAIN])
        } else {
            chain
        };
        let fits = chain.as_deref() == Some(&head.chain);
        Ok((!fits).then(|| format!("the snapshot of step {step} is not of these rows")))
    }
}

fn heads(connection: &Connection) -> rusqlite::Result<Vec<Head>> {
    let sql = "SELECT number, step, after_seq, format, version, chain, part_sum FROM snapshots ORDER BY number";
    let mut select = connection.prepare(sql)?;
    let heads = select.query_map([], |row| {
        Ok(Head {
            number: row.get(0)?,
            step: row.get(1)?,
            after_seq: row.get(2)?,
            format: row.get(3)?,
            version: row.get(4)?,
            chain: row.get(5)?,
            part_sum: row.get(6)?,
        })
    })?;
    heads.collect()
}

fn state_of(connection: &Connection, number: i64) -> rusqlite::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let sql = "SELECT state, state_sum FROM snapshots WHERE number = ? AND state IS NOT NULL AND state_sum IS NOT NULL";
    let mut select = connection.prepare_cached(sql)?;
    select
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Forgets the snapshots behind one.
pub(super) fn forget_after(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM snapshots WHERE number > ?";
    connection.execute(sql, [number.cast_signed()])?;
    Ok(())
}
