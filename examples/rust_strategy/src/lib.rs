//! Three strategies for Pairloom, in a wheel of their own.

use pairloom_strategy::{
    Ctx, Event, Events, Fault, Indicator, IndicatorSpec, Parameters, Reads, Setup, Signal, Strategy,
};

/// Long while the fast average is above the slow one, else short, or flat with `side="long"`.
#[derive(Clone)]
struct SmaCross {
    fast: usize,
    slow: usize,
    below: Signal,
    averages: Option<(Indicator, Indicator)>,
}

impl Strategy for SmaCross {
    const NAME: &'static str = "example_sma_cross";
    const READS: Reads = Reads::NOTHING;

    fn new(parameters: &mut Parameters<'_>) -> Result<Self, Fault> {
        let below = match parameters.text("side", "both")? {
            "both" => Signal::SHORT,
            "long" => Signal::Close,
            other => return Err(format!("side is {other:?}, must be \"both\" or \"long\"").into()),
        };
        Ok(Self {
            fast: parameters.period("fast", 10)?,
            slow: parameters.period("slow", 30)?,
            below,
            averages: None,
        })
    }

    fn setup(&mut self, setup: &mut Setup<'_>) -> Result<(), Fault> {
        let mut average = |period: usize| {
            setup.indicator(&IndicatorSpec::new("sma").with("period", period as f64).keep(1))
        };
        self.averages = Some((average(self.fast)?, average(self.slow)?));
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<Signal>, Fault> {
        let Some((fast, slow)) = self.averages else {
            return Ok(None);
        };
        Ok(Some(if fast.value(ctx) > slow.value(ctx) {
            Signal::LONG
        } else {
            self.below
        }))
    }
}

/// Buys when a candle closes above the highest high of the window before it, and sells below the lowest low.
#[derive(Clone)]
struct Breakout {
    events: usize,
}

impl Strategy for Breakout {
    const NAME: &'static str = "example_breakout";
    const READS: Reads = Reads::EVENT;

    fn new(parameters: &mut Parameters<'_>) -> Result<Self, Fault> {
        Ok(Self {
            events: parameters.period("events", 20)?,
        })
    }

    fn window(&self) -> usize {
        self.events + 1
    }

    fn setup(&mut self, _setup: &mut Setup<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<Signal>, Fault> {
        let Some(Event::Candle { close, .. }) = ctx.event() else {
            return Err("a breakout needs candles".into());
        };
        let before = |field: usize| &ctx.window(field)[..self.events];
        let highest = before(1).iter().copied().fold(f64::MIN, f64::max);
        let lowest = before(2).iter().copied().fold(f64::MAX, f64::min);
        Ok(if close > highest {
            Some(Signal::LONG)
        } else if close < lowest {
            Some(Signal::Close)
        } else {
            None
        })
    }
}

/// Keeps an exponential average of the mid, as state of its own, and at every so many quotes sends an order of one unit,
/// buying and selling in turn. What orders and quotes look like, and what the project's benchmarks measure on quotes.
#[derive(Clone)]
struct EveryNth {
    every: u64,
    alpha: f64,
    seen: u64,
    average: f64,
    buys: bool,
}

impl Strategy for EveryNth {
    const NAME: &'static str = "example_every_nth";
    const READS: Reads = Reads::EVENT;
    const EVENTS: Events = Events::QUOTE;

    fn new(parameters: &mut Parameters<'_>) -> Result<Self, Fault> {
        Ok(Self {
            every: parameters.period("every", 10_000)? as u64,
            alpha: parameters.number("alpha", 2.0 / 51.0)?,
            seen: 0,
            average: 0.0,
            buys: true,
        })
    }

    fn setup(&mut self, _setup: &mut Setup<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<Signal>, Fault> {
        let Some(Event::Quote { bid, ask, .. }) = ctx.event() else {
            return Err("it needs quotes".into());
        };
        let mid = (bid + ask) * 0.5;
        self.average = if self.seen == 0 {
            mid
        } else {
            self.average + self.alpha * (mid - self.average)
        };
        self.seen += 1;
        if self.seen.is_multiple_of(self.every) {
            if self.buys {
                ctx.buy(1.0);
            } else {
                ctx.sell(1.0);
            }
            self.buys = !self.buys;
        }
        Ok(None)
    }
}

pairloom_strategy::python_module!(pairloom_example_strategies: SmaCross, Breakout, EveryNth);
