//! Errors of the engine itself, each with a stable code.

use std::fmt;

/// What kind of mistake it is: decides which exception a user gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Settings that make no sense.
    Config,
    /// Data that cannot be used.
    Data,
    /// The order engine or its broker failed.
    Broker,
}

/// An error with a stable code and a sentence that names the thing and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// The stable code.
    pub code: &'static str,
    /// The sentence.
    pub message: String,
}

impl Error {
    /// An error about settings.
    #[must_use]
    pub fn config(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Config,
            code,
            message: message.into(),
        }
    }

    /// An error about data.
    #[must_use]
    pub fn data(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Data,
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Error {}
