//! The strategies that come with the engine, written against the trait a user would implement.

mod heikin_ashi;
mod rsi;
mod simple;
mod sma_cross;

use std::fmt;

use super::Strategy;

/// The names of the built-in strategies.
pub const BUILTIN_NAMES: [&str; 4] = ["heikin_ashi", "rsi", "simple", "sma_cross"];

/// What each was called before it had a version of its own: by that of Pairloom. All had the rule then that is version 1 here.
const VERSION_OF_BEFORE: &str = "pairloom ";

/// The version of a built-in strategy, which orders name. It changes when its rule does: when the same rows and parameters give
/// other signals. `None` where there is none of that name.
#[must_use]
pub fn builtin_version(name: &str) -> Option<&'static str> {
    Some(match name {
        "heikin_ashi" => "heikin_ashi 1",
        "rsi" => "rsi 1",
        "simple" => "simple 1",
        "sma_cross" => "sma_cross 1",
        _ => return None,
    })
}

/// Whether a strategy that is said to have the version `was` is the one that now is called `now`, under another name.
#[must_use]
pub fn is_version_of_before(was: &str, now: &str) -> bool {
    let first = now.strip_suffix(" 1");
    was.starts_with(VERSION_OF_BEFORE) && first.is_some_and(|name| BUILTIN_NAMES.contains(&name))
}

/// A parameter of a built-in strategy as a user gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterValue {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Why a built-in strategy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinError(pub String);

impl fmt::Display for BuiltinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BuiltinError {}

/// Makes a built-in strategy.
///
/// # Errors
/// When there is none of that name, or a parameter is unknown or makes no sense.
pub fn builtin(
    name: &str,
    parameters: &[(String, ParameterValue)],
) -> Result<Box<dyn Strategy>, BuiltinError> {
    let mut reader = Reader {
        strategy: name,
        left: parameters.to_vec(),
    };
    let strategy: Box<dyn Strategy> = match name {
        "sma_cross" => Box::new(sma_cross::SmaCross::new(&mut reader)?),
        "rsi" => Box::new(rsi::Rsi::new(&mut reader)?),
        "simple" => Box::new(simple::Simple::new()),
        "heikin_ashi" => Box::new(heikin_ashi::HeikinAshi::new()),
        _ => {
            return Err(BuiltinError(format!(
                "there is no built-in strategy {name:?}; there are {}",
                BUILTIN_NAMES.join(", ")
            )));
        }
    };
    reader.finish()?;
    Ok(strategy)
}

/// Takes parameters by name and complains of what is left.
struct Reader<'a> {
    strategy: &'a str,
    left: Vec<(String, ParameterValue)>,
}

impl Reader<'_> {
    fn take(&mut self, name: &str) -> Option<ParameterValue> {
        let position = self.left.iter().position(|(key, _)| key == name)?;
        Some(self.left.swap_remove(position).1)
    }

    fn number(&mut self, name: &str, default: f64) -> Result<f64, BuiltinError> {
        match self.take(name) {
            None => Ok(default),
            Some(ParameterValue::Number(value)) if value.is_finite() => Ok(value),
            Some(other) => Err(self.wrong(name, &other, "a number")),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked just before"
    )]
    fn period(&mut self, name: &str, default: usize) -> Result<usize, BuiltinError> {
        match self.take(name) {
            None => Ok(default),
            Some(ParameterValue::Number(value))
                if (1.0..=1e6).contains(&value) && value.fract() == 0.0 =>
            {
                Ok(value as usize)
            }
            Some(other) => Err(self.wrong(name, &other, "a whole number from 1 to 1,000,000")),
        }
    }

    fn wrong(&self, name: &str, value: &ParameterValue, wanted: &str) -> BuiltinError {
        let shown = match value {
            ParameterValue::Number(value) => value.to_string(),
            ParameterValue::Text(value) => format!("{value:?}"),
        };
        BuiltinError(format!(
            "{}: {name} is {shown}, must be {wanted}",
            self.strategy
        ))
    }

    fn finish(self) -> Result<(), BuiltinError> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(BuiltinError(format!(
                "{} has no parameter {name:?}",
                self.strategy
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_has_a_version_that_begins_with_its_name() {
        for name in BUILTIN_NAMES {
            let version = builtin_version(name).unwrap();
            let (named, number) = version.rsplit_once(' ').unwrap();
            assert_eq!(named, name);
            assert!(number.parse::<u32>().unwrap() > 0);
        }
        assert_eq!(builtin_version("other"), None);
    }

    #[test]
    fn only_a_built_ins_first_version_was_called_by_pairlooms() {
        assert!(is_version_of_before("pairloom 0.1.0", "rsi 1"));
        for (was, now) in [
            ("pairloom 0.1.0", "rsi 2"),
            ("pairloom 0.1.0", "other 1"),
            ("pairloom 0.1.0", "1"),
            ("rsi 2", "rsi 1"),
            ("pairloomed 0.1.0", "rsi 1"),
        ] {
            assert!(!is_version_of_before(was, now), "{was} {now}");
        }
    }
}
