//! What a Feather file says of its own sizes, checked before the decoder believes it.
//!
//! The decoder allocates what the file claims, and a failed allocation ends the whole process: one
//! flipped bit in a length would take the interpreter down. So every length is compared with the
//! file before it is used.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_ipc::{Message, RecordBatch, root_as_footer, root_as_message};

use super::column::ReadError;

const MAGIC: &[u8] = b"ARROW1";
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The length of the footer and the magic behind it.
const TRAILER: u64 = 10;
/// No codec of the format packs tighter than zstd does a constant: 128 KiB into four bytes.
const TIGHTEST: u64 = 40_000;
/// A decoded buffer of this size is a damaged length, whatever the file's size.
const ABSURD: u64 = 1 << 36;

/// Checks a file with a footer.
pub(super) fn check_file(file: &mut File) -> Result<(), ReadError> {
    let size = file.metadata().map_err(|_| damaged("size"))?.len();
    let trailer_at = size.checked_sub(TRAILER).ok_or_else(|| damaged("end"))?;
    let trailer = bytes(file, size, trailer_at, TRAILER)?;
    let footer_size = trailer
        .first_chunk::<4>()
        .map_or(-1, |b| i32::from_le_bytes(*b));
    let footer_size = u64::try_from(footer_size).map_err(|_| damaged("footer"))?;
    if !trailer.ends_with(MAGIC) {
        return Err(damaged("end"));
    }
    let footer_at = trailer_at
        .checked_sub(footer_size)
        .ok_or_else(|| damaged("footer"))?;
    let footer = bytes(file, size, footer_at, footer_size)?;
    let footer = root_as_footer(&footer).map_err(|_| damaged("footer"))?;
    let batches = footer.recordBatches().into_iter().flatten();
    for block in footer.dictionaries().into_iter().flatten().chain(batches) {
        let at = u64::try_from(block.offset()).map_err(|_| damaged("block"))?;
        let head = u64::try_from(block.metaDataLength()).map_err(|_| damaged("block"))?;
        let body = u64::try_from(block.bodyLength()).map_err(|_| damaged("block"))?;
        let head_bytes = bytes(file, size, at, head)?;
        let body_at = at.checked_add(head).ok_or_else(|| damaged("block"))?;
        within(size, body_at, body)?;
        check_message(file, size, &head_bytes, body_at)?;
    }
    Ok(())
}

/// Checks a stream that was written to a file: messages one behind the other.
pub(super) fn check_stream(file: &mut File) -> Result<(), ReadError> {
    let size = file.metadata().map_err(|_| damaged("size"))?.len();
    let mut at = 0_u64;
    while at + 8 <= size {
        let prefix = bytes(file, size, at, 8)?;
        let length = prefix
            .last_chunk::<4>()
            .map_or(-1, |b| i32::from_le_bytes(*b));
        if length == 0 {
            break;
        }
        let head = u64::try_from(length).map_err(|_| damaged("message"))? + 8;
        let head_bytes = bytes(file, size, at, head)?;
        at = at.checked_add(head).ok_or_else(|| damaged("message"))?;
        let body = check_message(file, size, &head_bytes, at)?;
        at = at.checked_add(body).ok_or_else(|| damaged("message"))?;
    }
    Ok(())
}

/// Checks one message and its buffers, and returns the size of its body.
fn check_message(file: &mut File, size: u64, head: &[u8], body_at: u64) -> Result<u64, ReadError> {
    // The message begins behind its length, before which newer files write four marks.
    let skip = if head.starts_with(&CONTINUATION) {
        8
    } else {
        4
    };
    let message = head.get(skip..).ok_or_else(|| damaged("message"))?;
    let message = root_as_message(message).map_err(|_| damaged("message"))?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| damaged("message"))?;
    within(size, body_at, body)?;
    let Some(batch) = batch_of(&message) else {
        return Ok(body);
    };
    for buffer in batch.buffers().into_iter().flatten() {
        let offset = u64::try_from(buffer.offset()).map_err(|_| damaged("buffer"))?;
        let length = u64::try_from(buffer.length()).map_err(|_| damaged("buffer"))?;
        within(body, offset, length)?;
        if batch.compression().is_some() && length > 8 {
            let claimed = bytes(file, size, body_at + offset, 8)?;
            let claimed = claimed
                .first_chunk::<8>()
                .map_or(-1, |b| i64::from_le_bytes(*b));
            // Minus one says that the buffer is stored as it is.
            let decoded = if claimed == -1 {
                Ok(0)
            } else {
                u64::try_from(claimed)
            };
            let most = length.saturating_mul(TIGHTEST).min(ABSURD);
            decoded
                .ok()
                .filter(|&decoded| decoded <= most)
                .ok_or_else(|| damaged("buffer"))?;
        }
    }
    Ok(body)
}

fn batch_of<'a>(message: &Message<'a>) -> Option<RecordBatch<'a>> {
    let dictionary = || {
        message
            .header_as_dictionary_batch()
            .and_then(|batch| batch.data())
    };
    message.header_as_record_batch().or_else(dictionary)
}

fn bytes(file: &mut File, size: u64, at: u64, length: u64) -> Result<Vec<u8>, ReadError> {
    within(size, at, length)?;
    let mut out = Vec::new();
    file.seek(SeekFrom::Start(at))
        .map_err(|_| damaged("block"))?;
    file.take(length)
        .read_to_end(&mut out)
        .map_err(|_| damaged("block"))?;
    if out.len() as u64 == length {
        Ok(out)
    } else {
        Err(damaged("block"))
    }
}

fn within(size: u64, at: u64, length: u64) -> Result<(), ReadError> {
    match at.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(damaged("block")),
    }
}

fn damaged(part: &str) -> ReadError {
    ReadError::new(
        "data.corrupt",
        format!("cannot be read, it is damaged or cut short: a {part} does not fit the file"),
    )
}
