//! Words that last as long as the process: names that are known when this is compiled, read back from a file.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::OnceLock;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serializer};

use crate::limits::RECENT_WORDS;

/// Such a word. A field that is kept has this type: of what is written as a reference a reader would borrow.
pub type Word = &'static str;

/// A text as a word that lasts: there are few, and each is kept once for the life of the process.
#[must_use]
pub fn word_of(text: impl AsRef<str>) -> Word {
    let text = text.as_ref();
    // Rows repeat the same few words, and each thread finds those that it read last without asking the others.
    RECENT.with(|recent| {
        let Some(place) = recent.get(place_of(text)) else {
            return known_to_all(text);
        };
        if place.get() != text {
            place.set(known_to_all(text));
        }
        place.get()
    })
}

thread_local! {
    static RECENT: [Cell<Word>; RECENT_WORDS] = const { [const { Cell::new("") }; RECENT_WORDS] };
}

/// Where a thread keeps a word that it read: words that are read in turn have different lengths or ends.
fn place_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let first = bytes.first().copied().map_or(0, usize::from);
    let middle = bytes.get(bytes.len() / 2).copied().map_or(0, usize::from);
    let before = bytes.len().saturating_sub(5);
    let late = bytes.get(before).copied().map_or(0, usize::from);
    (bytes.len() ^ (first << 1) ^ (middle << 2) ^ (late << 3)) % RECENT_WORDS
}

fn known_to_all(text: &str) -> Word {
    static WORDS: OnceLock<Mutex<HashSet<&'static str>>> = OnceLock::new();
    let mut words = WORDS.get_or_init(Mutex::default).lock();
    if let Some(word) = words.get(text) {
        return word;
    }
    let word: &'static str = Box::leak(Box::from(text));
    words.insert(word);
    word
}

/// Writes a word.
///
/// # Errors
/// What the serializer says.
pub fn serialize<S: Serializer>(word: &Word, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(word)
}

/// Reads a word.
///
/// # Errors
/// What the deserializer says.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    <&str>::deserialize(from).map(word_of)
}
