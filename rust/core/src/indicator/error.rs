//! Why an indicator cannot be made.

use std::fmt;

use crate::limits::LONGEST_PERIOD;

use super::kind::NAMES;

/// Why an indicator cannot be made: a stable code for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicatorError {
    code: &'static str,
    message: String,
}

impl IndicatorError {
    pub(crate) fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }

    /// The stable code, such as `indicator.parameter`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn parameter(message: String) -> Self {
        Self::new("indicator.parameter", message)
    }

    pub(crate) fn not_whole(kind: &str, parameter: &str, value: &str) -> Self {
        Self::parameter(format!(
            "{kind}: {parameter} must be a whole number from 1 to {LONGEST_PERIOD}, not {value}"
        ))
    }

    pub(crate) fn unknown_kind(name: &str) -> Self {
        let hint = nearest(name, NAMES.iter().copied());
        Self::new(
            "indicator.unknown",
            format!(
                "there is no indicator {name:?}{hint}; there are {}",
                NAMES.join(", ")
            ),
        )
    }

    pub(crate) fn unknown_parameter(
        kind: &str,
        given: &str,
        known: &[(&'static str, Option<f64>)],
    ) -> Self {
        let names: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
        let takes = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let hint = nearest(given, names.iter().copied());
        Self::new(
            "indicator.unknown_parameter",
            format!("{kind} has no parameter {given:?}{hint}; its parameters: {takes}"),
        )
    }
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for IndicatorError {}

/// `, did you mean "sma"?` where a known word is near enough to be meant.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let word = word.to_lowercase();
    known
        .map(|candidate| (distance(&word, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| distance * 2 <= candidate.len().max(2))
        .map_or_else(String::new, |(_, candidate)| {
            format!(", did you mean {candidate:?}?")
        })
}

/// How many letters must change, come or go to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
