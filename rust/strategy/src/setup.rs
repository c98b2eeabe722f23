//! What a strategy may ask for before its first event.

use crate::abi;
use crate::{Ctx, Fault};

const MESSAGE: usize = 512;

/// The kinds of event that wake a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Events(pub(crate) u32);

impl Events {
    /// The first of candles, quotes and trades that its market has.
    pub const FIRST: Self = Self(0);
    /// Candles.
    pub const CANDLE: Self = Self(1 << abi::CANDLE);
    /// Quotes.
    pub const QUOTE: Self = Self(1 << abi::QUOTE);
    /// Trades.
    pub const TRADE: Self = Self(1 << abi::TRADE);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An indicator as it is asked for: `IndicatorSpec::new("sma").with("period", 20.0)`. Names and parameters are those of
/// `pairloom.indicators`, in small letters.
#[derive(Clone, Debug)]
pub struct IndicatorSpec<'a> {
    kind: &'a str,
    parameters: Vec<(&'a str, f64)>,
    on: &'a str,
    of: i64,
    keep: u32,
    required: bool,
}

impl<'a> IndicatorSpec<'a> {
    /// An indicator of that kind.
    #[must_use]
    pub const fn new(kind: &'a str) -> Self {
        Self {
            kind,
            parameters: Vec::new(),
            on: "",
            of: -1,
            keep: 2,
            required: true,
        }
    }

    /// With this parameter.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: f64) -> Self {
        self.parameters.push((name, value));
        self
    }

    /// Made of this column instead of the close, the mid or the price.
    #[must_use]
    pub const fn on(mut self, column: &'a str) -> Self {
        self.on = column;
        self
    }

    /// Made of an output of another indicator.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "slots are few")]
    pub const fn of(mut self, source: Indicator, output: usize) -> Self {
        self.of = (source.first + output * source.keep) as i64;
        self
    }

    /// Keeps so many values, the current one included; two unless told.
    #[must_use]
    pub const fn keep(mut self, values: u32) -> Self {
        self.keep = if values == 0 { 1 } else { values };
        self
    }

    /// `generate_signal` does not wait for it.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// An indicator of this trader, to be read through the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indicator {
    first: usize,
    keep: usize,
}

impl Indicator {
    /// Its current value; NaN until it is ready.
    #[must_use]
    #[inline]
    pub fn value(self, ctx: &Ctx<'_>) -> f64 {
        ctx.slot(self.first)
    }

    /// The value of one of its outputs (see `pairloom.indicators` for their order) `back` events ago; NaN where there is none.
    ///
    /// # Panics
    /// When so many values are not kept.
    #[must_use]
    pub fn output(self, ctx: &Ctx<'_>, output: usize, back: usize) -> f64 {
        assert!(
            back < self.keep,
            "{} values are kept; ask for keep({})",
            self.keep,
            back + 1
        );
        ctx.slot(self.first + output * self.keep + back)
    }

    /// Whether it was below or at the other one an event ago, and is above it now.
    #[must_use]
    pub fn crossed_above(self, ctx: &Ctx<'_>, other: Self) -> bool {
        self.output(ctx, 0, 1) <= other.output(ctx, 0, 1) && self.value(ctx) > other.value(ctx)
    }

    /// Whether it was above or at the other one an event ago, and is below it now.
    #[must_use]
    pub fn crossed_below(self, ctx: &Ctx<'_>, other: Self) -> bool {
        other.crossed_above(ctx, self)
    }
}

/// A column of the data, to be read through the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(usize);

impl Column {
    /// Its value at the event.
    #[must_use]
    #[inline]
    pub fn value(self, ctx: &Ctx<'_>) -> f64 {
        ctx.slot(self.0)
    }
}

/// What `setup` may do.
#[derive(Debug)]
pub struct Setup<'a> {
    pub(crate) raw: &'a abi::Setup,
}

impl Setup<'_> {
    /// `BASE/QUOTE`.
    #[must_use]
    pub fn pair(&self) -> &str {
        // SAFETY: the engine's text lives as long as the call that lends it.
        unsafe { self.raw.pair.read() }
    }

    /// Asks for an indicator, updated before every `generate_signal`.
    ///
    /// # Errors
    /// When the engine knows no such indicator, or its parameters make no sense.
    pub fn indicator(&mut self, spec: &IndicatorSpec<'_>) -> Result<Indicator, Fault> {
        let parameters: Vec<abi::Parameter> = spec
            .parameters
            .iter()
            .map(|(name, number)| abi::Parameter {
                name: abi::Text::new(name),
                text: abi::Text::new(""),
                number: *number,
                is_text: 0,
            })
            .collect();
        let request = abi::IndicatorRequest {
            kind: abi::Text::new(spec.kind),
            parameters: parameters.as_ptr(),
            parameter_count: parameters.len(),
            on: abi::Text::new(spec.on),
            of: spec.of,
            keep: spec.keep,
            required: u32::from(spec.required),
        };
        let first = asked(|message| {
            // SAFETY: the engine lends `host` and its function for this call; the request outlives it.
            unsafe { (self.raw.indicator)(self.raw.host, &raw const request, message) }
        })?;
        Ok(Indicator {
            first,
            keep: spec.keep as usize,
        })
    }

    /// Asks for a column of the data beyond those of the event.
    ///
    /// # Errors
    /// When the data have no such column.
    pub fn column(&mut self, name: &str) -> Result<Column, Fault> {
        asked(|message| {
            // SAFETY: as in `indicator`.
            unsafe { (self.raw.column)(self.raw.host, abi::Text::new(name), message) }
        })
        .map(Column)
    }
}

fn asked(call: impl FnOnce(*mut abi::Message) -> i64) -> Result<usize, Fault> {
    let mut room = [0_u8; MESSAGE];
    let mut message = abi::Message {
        data: room.as_mut_ptr(),
        capacity: MESSAGE,
        len: 0,
    };
    let slot = call(&raw mut message);
    usize::try_from(slot).map_err(|_| {
        let len = message.len.min(MESSAGE);
        String::from_utf8_lossy(&room[..len]).into_owned().into()
    })
}
