//! What a worker answers.

use pairloom_core::signal::Intent;
use pairloom_core::strategy::{FaultKind, Stop, StrategyFault};

use super::error::Travelled;
use super::wire::{Garbled, Read, Wire, get_bytes, put_bytes};

/// A request to evaluate.
pub(super) const WORK: u8 = 0;
/// A request to do again what an earlier life of the worker had done.
pub(super) const REBUILD: u8 = 1;

/// A request to evaluate what an earlier life had begun with: the number of the call from which on it may print.
pub(super) const REPEAT: u8 = 2;
/// A request to end in order: nothing is answered.
pub(super) const LEAVE: u8 = 3;

/// A mark with this bit is no call of a strategy: its trader's error is being packed, which runs code of its class.
pub(super) const PACKING: u64 = 1 << 62;

/// One trader's part of an answer.
pub(super) struct SaidBy {
    pub slot: u32,
    pub intents: Vec<Intent>,
    pub failure: Option<Stop>,
    /// The same as it travelled, for the trader's fingerprint.
    pub bytes: Vec<u8>,
}

/// An answer to what was to be evaluated.
pub(super) struct Said {
    pub evaluations: u64,
    pub answers: Vec<SaidBy>,
    pub logs: Vec<Vec<u8>>,
}

impl Said {
    /// Reads an answer.
    pub(super) fn get(from: &mut &[u8]) -> Read<Self> {
        let evaluations = u64::get(from)?;
        let mut answers = Vec::new();
        for _ in 0..usize::get(from)? {
            let slot = u32::get(from)?;
            let bytes = get_bytes(from)?;
            let (intents, failure) = get_outcome(&mut &*bytes)?;
            answers.push(SaidBy {
                slot,
                intents,
                failure,
                bytes: bytes.to_vec(),
            });
        }
        let mut logs = Vec::new();
        for _ in 0..usize::get(from)? {
            logs.push(get_bytes(from)?.to_vec());
        }
        Ok(Self {
            evaluations,
            answers,
            logs,
        })
    }
}

/// What a trader asked for in a step, as it travels.
pub(super) fn put_intents(intents: &[Intent], out: &mut Vec<u8>) {
    out.push(0);
    intents.len().put(out);
    intents.iter().for_each(|intent| intent.put(out));
}

/// How it failed, as it travels; `error` is the exception, packed.
pub(super) fn put_fault(kind: FaultKind, message: &str, error: &[u8], out: &mut Vec<u8>) {
    out.push(match kind {
        FaultKind::NotASignal => 2,
        FaultKind::Panic => 3,
        _ => 1,
    });
    put_bytes(message.as_bytes(), out);
    put_bytes(error, out);
}

pub(super) fn put_interrupt(out: &mut Vec<u8>) {
    out.push(4);
}

fn get_outcome(from: &mut &[u8]) -> Read<(Vec<Intent>, Option<Stop>)> {
    let kind = match u8::get(from)? {
        0 => return Ok((Vec::get(from)?, None)),
        1 => FaultKind::Raised,
        2 => FaultKind::NotASignal,
        3 => FaultKind::Panic,
        4 => return Ok((Vec::new(), Some(Stop::Interrupted))),
        _ => return Err(Garbled),
    };
    let message = String::get(from)?;
    let packed = get_bytes(from)?;
    let origin = (!packed.is_empty()).then(|| Travelled::boxed(packed.to_vec()));
    let fault = StrategyFault {
        kind,
        message,
        origin,
    };
    Ok((Vec::new(), Some(Stop::Fault(fault))))
}

/// The fingerprint of a trader that now asked for this, too (FNV-1a, by Fowler, Noll and Vo).
pub(super) fn print(before: u64, bytes: &[u8]) -> u64 {
    let start = before ^ 0xcbf2_9ce4_8422_2325;
    bytes.iter().fold(start, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
