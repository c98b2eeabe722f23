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
    /// A journal cannot be written, read or continued.
    Journal,
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
    /// Facts for programs, by name, where there are any.
    pub details: Vec<(&'static str, String)>,
}

impl Error {
    /// An error about settings.
    #[must_use]
    pub fn config(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Config,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// An error of the order engine or its broker.
    #[must_use]
    pub fn broker(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Broker,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// An error about data.
    #[must_use]
    pub fn data(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Data,
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Error {}
