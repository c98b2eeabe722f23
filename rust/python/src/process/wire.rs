//! How things travel between the engine and a worker: both are the same build on the same machine, so the form is as
//! plain as can be, and is written down nowhere else.

use std::collections::HashSet;

use pairloom_core::domain::{Amount, Side};
use pairloom_core::signal::{Intent, OrderRequest, SizeSpec, TimeInForce, TradeSignal};
use parking_lot::Mutex;
use rust_decimal::Decimal;

/// Bytes that do not say what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

pub(super) type Read<T> = Result<T, Garbled>;

/// Something that travels.
pub(super) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(from: &mut &[u8]) -> Read<Self>;
}

/// The next `len` bytes.
pub(super) fn take<'a>(from: &mut &'a [u8], len: usize) -> Read<&'a [u8]> {
    let (head, rest) = from.split_at_checked(len).ok_or(Garbled)?;
    *from = rest;
    Ok(head)
}

macro_rules! numbers {
    ($($kind:ty),*) => {$(
        impl Wire for $kind {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_ne_bytes());
            }

            #[inline]
            fn get(from: &mut &[u8]) -> Read<Self> {
                let (head, rest) = from.split_first_chunk().ok_or(Garbled)?;
                *from = rest;
                Ok(Self::from_ne_bytes(*head))
            }
        }
    )*};
}

numbers!(u8, i8, u32, u64, i64, i128, f64);

/// A whole number in as few bytes as it needs: seven bits each, the lowest first.
pub(super) fn put_small(mut value: u128, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(super) fn get_small(from: &mut &[u8]) -> Read<u128> {
    let mut value = 0;
    for shift in (0..u128::BITS).step_by(7) {
        let byte = u8::get(from)?;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Garbled)
}

/// By how much a number has changed, in few bytes where that is little.
pub(super) fn put_change(now: i128, before: i128, out: &mut Vec<u8>) {
    let change = now.wrapping_sub(before);
    put_small(((change << 1) ^ (change >> 127)).cast_unsigned(), out);
}

pub(super) fn get_change(before: i128, from: &mut &[u8]) -> Read<i128> {
    let folded = get_small(from)?;
    let change = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
    Ok(before.wrapping_add(change))
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(u8::get(from)? != 0)
    }
}

impl Wire for usize {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u64).put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Self::try_from(u64::get(from)?).map_err(|_| Garbled)
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let bytes = get_bytes(from)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    bytes.len().put(out);
    out.extend_from_slice(bytes);
}

pub(super) fn get_bytes<'a>(from: &mut &'a [u8]) -> Read<&'a [u8]> {
    let len = usize::get(from)?;
    take(from, len)
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        bool::get(from)?.then(|| T::get(from)).transpose()
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.len().put(out);
        self.iter().for_each(|item| item.put(out));
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let len = usize::get(from)?;
        // A length that is wrong must not be believed before the items are there.
        let mut items = Self::with_capacity(len.min(from.len()));
        for _ in 0..len {
            items.push(T::get(from)?);
        }
        Ok(items)
    }
}

/// A word of a small fixed vocabulary: reasons, statuses, names of checks.
pub(super) fn get_word(from: &mut &[u8]) -> Read<&'static str> {
    static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let word = String::get(from)?;
    let mut known = KNOWN.lock();
    let known = known.get_or_insert_default();
    if let Some(&same) = known.get(word.as_str()) {
        return Ok(same);
    }
    // Each word is kept once for the life of the worker.
    let kept: &'static str = Box::leak(word.into_boxed_str());
    known.insert(kept);
    Ok(kept)
}

pub(super) fn put_word(word: &str, out: &mut Vec<u8>) {
    put_bytes(word.as_bytes(), out);
}

impl Wire for Side {
    fn put(&self, out: &mut Vec<u8>) {
        self.sign().put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self::of(i64::get(from)?))
    }
}

impl Wire for Decimal {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.serialize());
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let (head, rest) = from.split_first_chunk().ok_or(Garbled)?;
        *from = rest;
        Ok(Self::deserialize(*head))
    }
}

impl Wire for Amount {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Exact(value) => {
                out.push(0);
                value.put(out);
            }
            Self::NotFinite => out.push(1),
            Self::TooLarge { negative } => {
                out.push(2);
                negative.put(out);
            }
        }
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        match u8::get(from)? {
            0 => Ok(Self::Exact(Decimal::get(from)?)),
            1 => Ok(Self::NotFinite),
            2 => Ok(Self::TooLarge {
                negative: bool::get(from)?,
            }),
            _ => Err(Garbled),
        }
    }
}

impl Wire for SizeSpec {
    fn put(&self, out: &mut Vec<u8>) {
        let (kind, amount) = match self {
            Self::Base(amount) => (0, amount),
            Self::Quote(amount) => (1, amount),
            Self::Equity(amount) => (2, amount),
        };
        out.push(kind);
        amount.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        let make = match u8::get(from)? {
            0 => Self::Base,
            1 => Self::Quote,
            2 => Self::Equity,
            _ => return Err(Garbled),
        };
        Ok(make(Amount::get(from)?))
    }
}

impl Wire for TradeSignal {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Side { side, size, limit } => {
                out.push(0);
                side.put(out);
                size.put(out);
                limit.put(out);
            }
            Self::Close => out.push(1),
            Self::Reverse => out.push(2),
            Self::Target(size) => {
                out.push(3);
                size.put(out);
            }
        }
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        match u8::get(from)? {
            0 => Ok(Self::Side {
                side: Side::get(from)?,
                size: Option::get(from)?,
                limit: Option::get(from)?,
            }),
            1 => Ok(Self::Close),
            2 => Ok(Self::Reverse),
            3 => Ok(Self::Target(SizeSpec::get(from)?)),
            _ => Err(Garbled),
        }
    }
}

impl Wire for TimeInForce {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::GoodTillCancelled => 0,
            Self::ImmediateOrCancel => 1,
            Self::FillOrKill => 2,
        });
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        match u8::get(from)? {
            0 => Ok(Self::GoodTillCancelled),
            1 => Ok(Self::ImmediateOrCancel),
            2 => Ok(Self::FillOrKill),
            _ => Err(Garbled),
        }
    }
}

impl Wire for OrderRequest {
    fn put(&self, out: &mut Vec<u8>) {
        self.client_id.put(out);
        self.side.put(out);
        self.quantity.put(out);
        self.limit.put(out);
        self.reduce_only.put(out);
        self.tif.put(out);
        self.tag.put(out);
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        Ok(Self {
            client_id: u64::get(from)?,
            side: Side::get(from)?,
            quantity: Amount::get(from)?,
            limit: Option::get(from)?,
            reduce_only: bool::get(from)?,
            tif: TimeInForce::get(from)?,
            tag: Option::get(from)?,
        })
    }
}

impl Wire for Intent {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Signal(signal) => {
                out.push(0);
                signal.put(out);
            }
            Self::Order(request) => {
                out.push(1);
                request.put(out);
            }
            Self::Replace {
                client_id,
                quantity,
                limit,
            } => {
                out.push(2);
                client_id.put(out);
                quantity.put(out);
                limit.put(out);
            }
            Self::Cancel(id) => {
                out.push(3);
                id.put(out);
            }
        }
    }

    fn get(from: &mut &[u8]) -> Read<Self> {
        match u8::get(from)? {
            0 => Ok(Self::Signal(TradeSignal::get(from)?)),
            1 => Ok(Self::Order(OrderRequest::get(from)?)),
            2 => Ok(Self::Replace {
                client_id: u64::get(from)?,
                quantity: Option::get(from)?,
                limit: Option::get(from)?,
            }),
            3 => Ok(Self::Cancel(Option::get(from)?)),
            _ => Err(Garbled),
        }
    }
}
