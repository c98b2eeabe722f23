//! The parameters given to `Engine.trade`, by name.

use crate::Fault;
use crate::abi;

/// Parameters to be taken by name; one that nobody takes is an error, so a misspelt name is never silent.
#[derive(Debug)]
pub struct Parameters<'a> {
    left: Vec<&'a abi::Parameter>,
    asked: Vec<&'a str>,
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(given: &'a [abi::Parameter]) -> Self {
        Self {
            left: given.iter().collect(),
            asked: Vec::new(),
        }
    }

    fn take(&mut self, name: &'a str) -> Option<&'a abi::Parameter> {
        self.asked.push(name);
        let is_it = |given: &&abi::Parameter| {
            // SAFETY: the engine's names live as long as the call that lends them.
            unsafe { given.name.read() == name }
        };
        let position = self.left.iter().position(is_it)?;
        Some(self.left.remove(position))
    }

    /// A number, or the default where none was given.
    ///
    /// # Errors
    /// When it is not a finite number.
    pub fn number(&mut self, name: &'a str, default: f64) -> Result<f64, Fault> {
        match self.take(name) {
            None => Ok(default),
            Some(given) if given.is_text == 0 && given.number.is_finite() => Ok(given.number),
            Some(given) => Err(wrong(name, given, "a number")),
        }
    }

    /// A whole number of events, at least 1, or the default where none was given.
    ///
    /// # Errors
    /// When it is not a whole number from 1 to 1,000,000.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first"
    )]
    pub fn period(&mut self, name: &'a str, default: usize) -> Result<usize, Fault> {
        match self.take(name) {
            None => Ok(default),
            Some(given)
                if given.is_text == 0
                    && (1.0..=1e6).contains(&given.number)
                    && given.number.fract() == 0.0 =>
            {
                Ok(given.number as usize)
            }
            Some(given) => Err(wrong(name, given, "a whole number from 1 to 1,000,000")),
        }
    }

    /// A text, or the default where none was given.
    ///
    /// # Errors
    /// When it is not a text.
    pub fn text(&mut self, name: &'a str, default: &'a str) -> Result<&'a str, Fault> {
        match self.take(name) {
            None => Ok(default),
            // SAFETY: the engine's text lives as long as the call that lends it.
            Some(given) if given.is_text != 0 => Ok(unsafe { given.text.read() }),
            Some(given) => Err(wrong(name, given, "a text")),
        }
    }

    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let Some(first) = self.left.first() else {
            return Ok(());
        };
        // SAFETY: as in `take`.
        let name = unsafe { first.name.read() };
        let known = if self.asked.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", self.asked.join(", "))
        };
        Err(format!("there is no parameter {name:?}; {known}").into())
    }
}

fn wrong(name: &str, given: &abi::Parameter, wanted: &str) -> Fault {
    let shown = if given.is_text == 0 {
        given.number.to_string()
    } else {
        // SAFETY: as in `Parameters::take`.
        format!("{:?}", unsafe { given.text.read() })
    };
    format!("{name} is {shown}, must be {wanted}").into()
}
