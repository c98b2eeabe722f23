//! The kinds of indicators, their parameters and the names of what they give.

use crate::limits::LONGEST_PERIOD;

use super::error::IndicatorError;

/// The most outputs a kind has.
pub const OUTPUTS: usize = 4;

/// One row of outputs; those that a kind lacks are NaN.
pub(crate) type Outputs = [f64; OUTPUTS];

/// An indicator with its parameters. Periods count updates of its input.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the parameters are explained with each kind")]
pub enum Kind {
    /// Simple moving average.
    Sma { period: usize },
    /// Exponential moving average, factor 2 / (period + 1), seeded with the first simple average.
    Ema { period: usize },
    /// Linearly weighted moving average: the newest value weighs `period`, the oldest 1.
    Wma { period: usize },
    /// Relative strength index after Wilder, 0 to 100; 0 where nothing ever moved.
    Rsi { period: usize },
    /// Difference of two exponential averages, its own exponential average, and the difference of these.
    Macd {
        fast: usize,
        slow: usize,
        signal: usize,
    },
    /// Simple average and so many standard deviations above and below.
    Bollinger { period: usize, deviations: f64 },
    /// Average true range after Wilder, in prices.
    Atr { period: usize },
    /// Average directional index after Wilder with its two directional indicators, 0 to 100.
    Adx { period: usize },
    /// Slow stochastic oscillator, 0 to 100: range of `k`, smoothed over `smooth_k`, and its average over `d`.
    Stochastic { k: usize, smooth_k: usize, d: usize },
    /// Commodity channel index after Lambert.
    Cci { period: usize },
    /// On-balance volume: starts at the first volume.
    Obv,
    /// Average of (high + low + close) / 3 weighted with volume: of the last `period` events, or of all.
    Vwap { period: Option<usize> },
    /// Least value of the window.
    Min { period: usize },
    /// Greatest value of the window.
    Max { period: usize },
    /// Population standard deviation.
    Std { period: usize },
    /// Heikin-Ashi candles.
    HeikinAshi,
}

/// The names of all kinds, as `Kind::from_parameters` takes them.
pub const NAMES: [&str; 16] = [
    "sma",
    "ema",
    "wma",
    "rsi",
    "macd",
    "bollinger",
    "atr",
    "adx",
    "stochastic",
    "cci",
    "obv",
    "vwap",
    "min",
    "max",
    "std",
    "heikin_ashi",
];

const PERIOD: &[(&str, Option<f64>)] = &[("period", None)];

/// The parameters of a kind with their defaults.
fn known_parameters(name: &str) -> Option<&'static [(&'static str, Option<f64>)]> {
    Some(match name {
        "sma" | "ema" | "wma" | "rsi" | "atr" | "adx" | "cci" | "min" | "max" | "std" => PERIOD,
        "macd" => &[
            ("fast", Some(12.0)),
            ("slow", Some(26.0)),
            ("signal", Some(9.0)),
        ],
        "bollinger" => &[("period", Some(20.0)), ("deviations", Some(2.0))],
        "stochastic" => &[("k", Some(14.0)), ("smooth", Some(3.0)), ("d", Some(3.0))],
        // Without a period it runs over everything, which no number says.
        "vwap" => &[("period", Some(f64::NAN))],
        "obv" | "heikin_ashi" => &[],
        _ => return None,
    })
}

impl Kind {
    /// The kind of this name with these parameters; those left out take their defaults.
    ///
    /// # Errors
    /// For an unknown name or parameter, a parameter given twice or missing, and a value out of its range.
    pub fn from_parameters(name: &str, params: &[(&str, f64)]) -> Result<Self, IndicatorError> {
        let known = known_parameters(name).ok_or_else(|| IndicatorError::unknown_kind(name))?;
        for (i, &(given, _)) in params.iter().enumerate() {
            if !known.iter().any(|&(k, _)| k == given) {
                return Err(IndicatorError::unknown_parameter(name, given, known));
            }
            if params[..i].iter().any(|&(earlier, _)| earlier == given) {
                return Err(IndicatorError::parameter(format!(
                    "{name}: {given} is given twice"
                )));
            }
        }
        let kind = Self::read(&Reader {
            name,
            params,
            known,
        })?;
        kind.check()?;
        Ok(kind)
    }

    fn read(parameters: &Reader<'_>) -> Result<Self, IndicatorError> {
        let whole = |parameter| parameters.whole(parameter);
        let period = || whole("period");
        Ok(match parameters.name {
            "sma" => Self::Sma { period: period()? },
            "ema" => Self::Ema { period: period()? },
            "wma" => Self::Wma { period: period()? },
            "rsi" => Self::Rsi { period: period()? },
            "macd" => Self::Macd {
                fast: whole("fast")?,
                slow: whole("slow")?,
                signal: whole("signal")?,
            },
            "bollinger" => Self::Bollinger {
                period: period()?,
                deviations: parameters.number("deviations")?,
            },
            "atr" => Self::Atr { period: period()? },
            "adx" => Self::Adx { period: period()? },
            "stochastic" => Self::Stochastic {
                k: whole("k")?,
                smooth_k: whole("smooth")?,
                d: whole("d")?,
            },
            "cci" => Self::Cci { period: period()? },
            "obv" => Self::Obv,
            "vwap" if !parameters.given("period") => Self::Vwap { period: None },
            "vwap" => Self::Vwap {
                period: Some(period()?),
            },
            "min" => Self::Min { period: period()? },
            "max" => Self::Max { period: period()? },
            "std" => Self::Std { period: period()? },
            _ => Self::HeikinAshi,
        })
    }

    /// Refuses what the parameters' types allow and the kind does not.
    pub(crate) fn check(&self) -> Result<(), IndicatorError> {
        let name = self.name();
        for (parameter, period) in self.periods() {
            if !(1..=LONGEST_PERIOD).contains(&period) {
                return Err(IndicatorError::not_whole(
                    name,
                    parameter,
                    &period.to_string(),
                ));
            }
        }
        match *self {
            Self::Macd { fast, slow, .. } if fast >= slow => Err(IndicatorError::parameter(
                format!("macd: fast must be less than slow, not fast={fast} with slow={slow}"),
            )),
            Self::Bollinger { deviations, .. } if !(deviations.is_finite() && deviations > 0.0) => {
                Err(IndicatorError::parameter(format!(
                    "bollinger: deviations must be a finite number above 0, not {deviations}"
                )))
            }
            _ => Ok(()),
        }
    }

    fn periods(&self) -> Vec<(&'static str, usize)> {
        match *self {
            Self::Sma { period }
            | Self::Ema { period }
            | Self::Wma { period }
            | Self::Rsi { period }
            | Self::Bollinger { period, .. }
            | Self::Atr { period }
            | Self::Adx { period }
            | Self::Cci { period }
            | Self::Vwap {
                period: Some(period),
            }
            | Self::Min { period }
            | Self::Max { period }
            | Self::Std { period } => vec![("period", period)],
            Self::Macd { fast, slow, signal } => {
                vec![("fast", fast), ("slow", slow), ("signal", signal)]
            }
            Self::Stochastic { k, smooth_k, d } => vec![("k", k), ("smooth", smooth_k), ("d", d)],
            Self::Obv | Self::Vwap { period: None } | Self::HeikinAshi => Vec::new(),
        }
    }

    /// The name, such as `heikin_ashi`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sma { .. } => "sma",
            Self::Ema { .. } => "ema",
            Self::Wma { .. } => "wma",
            Self::Rsi { .. } => "rsi",
            Self::Macd { .. } => "macd",
            Self::Bollinger { .. } => "bollinger",
            Self::Atr { .. } => "atr",
            Self::Adx { .. } => "adx",
            Self::Stochastic { .. } => "stochastic",
            Self::Cci { .. } => "cci",
            Self::Obv => "obv",
            Self::Vwap { .. } => "vwap",
            Self::Min { .. } => "min",
            Self::Max { .. } => "max",
            Self::Std { .. } => "std",
            Self::HeikinAshi => "heikin_ashi",
        }
    }

    /// The names of the outputs; the first is also called `value`.
    #[must_use]
    pub const fn outputs(&self) -> &'static [&'static str] {
        match self {
            Self::Macd { .. } => &["macd", "signal", "histogram"],
            Self::Bollinger { .. } => &["middle", "upper", "lower"],
            Self::Adx { .. } => &["adx", "plus_di", "minus_di"],
            Self::Stochastic { .. } => &["k", "d"],
            Self::HeikinAshi => &["open", "high", "low", "close"],
            _ => &["value"],
        }
    }

    /// The place of an output of this name; `value` is the first of every kind.
    #[must_use]
    pub fn output_index(&self, name: &str) -> Option<u8> {
        output_index(self.outputs(), name)
    }

    /// Whether the kind reads whole candles, not one series of numbers.
    #[must_use]
    pub const fn reads_candles(&self) -> bool {
        matches!(
            self,
            Self::Atr { .. }
                | Self::Adx { .. }
                | Self::Stochastic { .. }
                | Self::Cci { .. }
                | Self::Obv
                | Self::Vwap { .. }
                | Self::HeikinAshi
        )
    }

    /// Whether the kind reads volumes.
    #[must_use]
    pub const fn reads_volume(&self) -> bool {
        matches!(self, Self::Obv | Self::Vwap { .. })
    }
}

pub(crate) fn output_index(names: &[&str], name: &str) -> Option<u8> {
    let place = if name == "value" {
        Some(0)
    } else {
        names.iter().position(|&n| n == name)
    };
    place.and_then(|index| u8::try_from(index).ok())
}

struct Reader<'a> {
    name: &'a str,
    params: &'a [(&'a str, f64)],
    known: &'a [(&'static str, Option<f64>)],
}

impl Reader<'_> {
    fn given(&self, parameter: &str) -> bool {
        self.params.iter().any(|&(name, _)| name == parameter)
    }

    fn number(&self, parameter: &str) -> Result<f64, IndicatorError> {
        let given = self.params.iter().find(|&&(name, _)| name == parameter);
        let default = || {
            self.known
                .iter()
                .find(|&&(name, _)| name == parameter)
                .and_then(|k| k.1)
        };
        given
            .map(|&(_, value)| value)
            .or_else(default)
            .ok_or_else(|| IndicatorError::parameter(format!("{} needs a {parameter}", self.name)))
    }

    fn whole(&self, parameter: &str) -> Result<usize, IndicatorError> {
        let value = self.number(parameter)?;
        let limit = super::window::count(LONGEST_PERIOD);
        if (1.0..=limit).contains(&value) && value.fract() == 0.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked above"
            )]
            return Ok(value as usize);
        }
        Err(IndicatorError::not_whole(
            self.name,
            parameter,
            &value.to_string(),
        ))
    }
}
