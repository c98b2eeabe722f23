//! Numbers and texts as bytes, and back. Whatever the bytes are, reading them ends in a value or in an error.

use crate::limits::RISK_TEXT;

/// Bytes that are no message of the protocol: what was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// What was read, or that it was no message.
pub(crate) type Read<T> = Result<T, Malformed>;

/// Bytes that are being written.
#[derive(Debug, Default)]
pub(crate) struct Out(pub Vec<u8>);

impl Out {
    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.u8(u8::from(flag));
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn i128(&mut self, number: i128) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u128(&mut self, number: u128) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// How many things follow. More than fit are the same as too many.
    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Bytes that are being read.
#[derive(Debug)]
pub(crate) struct In<'a>(pub &'a [u8]);

impl In<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Read<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Read<u8> {
        self.take::<1>(what).map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self, what: &'static str) -> Read<bool> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed(what)),
        }
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Read<u32> {
        self.take(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Read<u64> {
        self.take(what).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Read<i64> {
        self.take(what).map(i64::from_le_bytes)
    }

    pub(crate) fn i128(&mut self, what: &'static str) -> Read<i128> {
        self.take(what).map(i128::from_le_bytes)
    }

    pub(crate) fn u128(&mut self, what: &'static str) -> Read<u128> {
        self.take(what).map(u128::from_le_bytes)
    }

    /// How many things follow, each of at least one byte: so that nobody makes room for what cannot be there.
    pub(crate) fn count(&mut self, what: &'static str) -> Read<usize> {
        let count = usize::try_from(self.u32(what)?).map_err(|_| Malformed(what))?;
        if count > self.0.len() {
            return Err(Malformed(what));
        }
        Ok(count)
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Read<String> {
        self.long_text(what, RISK_TEXT)
    }

    pub(crate) fn long_text(&mut self, what: &'static str, most: usize) -> Read<String> {
        let length = self.count(what)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Malformed(what))?;
        if length > most {
            return Err(Malformed(what));
        }
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| Malformed(what))?;
        Ok(text.to_owned())
    }

    pub(crate) fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        if self.flag(what)? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let count = self.count(what)?;
        (0..count).map(|_| read(self)).collect()
    }

    /// Says that nothing is left.
    pub(crate) fn end(&self, what: &'static str) -> Read<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed(what))
        }
    }
}
