//! The few shapes in which a column of any format arrives.

use std::collections::HashMap;

/// NumPy's "not a time".
pub(super) const NAT: i64 = i64::MIN;

/// A column by its name.
pub(super) type Named = (String, Column);

/// A column's values; `mod.rs` says what each shape means to Python.
#[derive(Debug)]
pub(super) enum Column {
    Float(Vec<f64>),
    Single(Vec<f32>),
    Half(Vec<f32>),
    Int(Vec<i64>, Vec<i64>),
    Unsigned(Vec<u64>, Vec<i64>),
    Bool(Vec<bool>),
    Time(Vec<i64>),
    Text(Vec<i32>, Words),
    Ignored(String),
}

/// Why a table cannot be read; the caller puts the file's name before the message.
#[derive(Debug)]
pub(super) struct ReadError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ReadError {
    pub(super) fn new(code: &'static str, message: String) -> Self {
        ReadError { code, message }
    }
}

/// Which columns of text somebody needs; all names are lower case.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) text: Vec<String>,
    pub(super) labels: Vec<String>,
}

impl Wanted {
    pub(super) fn text(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.text.contains(&name) || self.labels.contains(&name)
    }

    pub(super) fn label(&self, name: &str) -> bool {
        self.labels.contains(&name.trim().to_lowercase())
    }
}

/// The different words of a column of text, numbered in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Words {
    codes: HashMap<String, i32>,
    last: Option<(String, i32)>,
}

impl Words {
    /// The number of a word.  Rows mostly repeat the word of the row before, which saves a look-up.
    pub(super) fn code(&mut self, word: &str) -> i32 {
        if let Some((last, code)) = &self.last
            && last == word
        {
            return *code;
        }
        let next = i32::try_from(self.codes.len()).unwrap_or(i32::MAX);
        let code = match self.codes.get(word) {
            Some(code) => *code,
            None => {
                self.codes.insert(word.to_owned(), next);
                next
            }
        };
        self.last = Some((word.to_owned(), code));
        code
    }

    pub(super) fn into_words(self) -> Vec<String> {
        let mut all: Vec<(String, i32)> = self.codes.into_iter().collect();
        all.sort_unstable_by_key(|(_, code)| *code);
        all.into_iter().map(|(word, _)| word).collect()
    }
}
