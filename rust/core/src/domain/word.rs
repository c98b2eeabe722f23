//! Words that last as long as the process: names that are known when this is compiled, read back from a file.

use std::collections::HashSet;
use std::sync::OnceLock;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serializer};

/// Such a word. A field that is kept has this type: of what is written as a reference a reader would borrow.
pub type Word = &'static str;

/// A text as a word that lasts: there are few, and each is kept once for the life of the process.
#[must_use]
pub fn word_of(text: impl AsRef<str>) -> Word {
    let text = text.as_ref();
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
