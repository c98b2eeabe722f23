//! Messages on a stream: four bytes with the length, least first, then so many bytes.

use crate::limits::RISK_FRAME;

use super::bytes::{Malformed, Read};

const LENGTH: usize = 4;

/// A message with its length before it. Who makes one keeps it below the bound.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(LENGTH + message.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// What has come of a stream, and is cut into messages.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    /// More has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, where all of it is there.
    pub(crate) fn next(&mut self) -> Read<Option<&[u8]>> {
        let rest = &self.bytes[self.at..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > RISK_FRAME {
            return Err(Malformed("a message that is too long"));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let begin = self.at + LENGTH;
        self.at = begin + length;
        Ok(Some(&self.bytes[begin..self.at]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_come_whole_however_they_are_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8),
            cuts in proptest::collection::vec(1_usize..9, 1..5),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
            let (mut frames, mut came, mut rest) = (Frames::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let (some, more) = rest.split_at((*cut).min(rest.len()));
                frames.push(some);
                while let Some(message) = frames.next().unwrap() {
                    came.push(message.to_vec());
                }
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(came, messages);
        }

        #[test]
        fn no_stream_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut frames = Frames::default();
            frames.push(&bytes);
            while let Ok(Some(_)) = frames.next() {}
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_told_by_its_length_alone() {
        for (length, fits) in [(RISK_FRAME, true), (RISK_FRAME + 1, false)] {
            let mut frames = Frames::default();
            frames.push(&u32::try_from(length).unwrap().to_le_bytes());
            assert_eq!(frames.next().is_ok(), fits);
        }
    }
}
