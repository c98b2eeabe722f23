//! The statistics of a run, straight from the writer's records.
//!
//! A sweep has thousands of runs and shows a line of each, so theirs are computed here, beside the run and without
//! Python. `pairloom.stats` computes the same from a result's tables, and says what each of them means; the tests
//! compare the two.

use crate::domain::{Money, Nanos};
use crate::limits::MOST_COARSE;
use crate::market::scale::decimal_to_f64;
use crate::portfolio::TradeRecord;
use crate::rows::Times;

use super::outcome::Outcome;

const DAY: Nanos = 86_400_000_000_000;
const DAYS_PER_YEAR: f64 = 365.0;
/// Rows of the curve that are looked at together.
const SEEN_TOGETHER: usize = 64;
/// Bits that a first look at rows leaves out. What is left fits into 64.
const FINE: u32 = 32;
/// The same where the peak is so large that it suffices: what is left is a word of each number, which lies in memory as it is.
const COARSE: u32 = 64;
/// The least peak, without these bits, for which it does.
const LARGE: Money = 1 << 12;
/// A quotient of two floats near 1 is known to 2e-16: a daily deviation below this is rounding, not risk.
const ROUNDING: f64 = 1e-14;

/// The names, in the order of the values.
pub const STATISTICS: [&str; 19] = [
    "total_return",
    "pnl",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "max_drawdown_duration",
    "exposure",
    "trades",
    "open_trades",
    "win_rate",
    "profit_factor",
    "average_win",
    "average_loss",
    "expectancy",
    "turnover",
    "fees",
];

/// The statistics of a run by the names in [`STATISTICS`]; NaN where there is no such number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of trades are small")]
pub fn statistics(outcome: &Outcome) -> [f64; STATISTICS.len()] {
    let (start, end) = (float(outcome.start_equity), float(outcome.equity));
    let curve = &outcome.records.curve;
    let equity = curve.equity.since(0);
    let trades = outcome.trades.since(0);
    let seen = Seen::of(&curve.ts, &equity, outcome.start_equity);
    let returns = simple_returns(&seen.days, start);
    let total_return = if start > 0.0 {
        end / start - 1.0
    } else {
        f64::NAN
    };
    let growth = cagr(start, end, returns.len());
    let deviation = deviation(&returns);
    let closed = Closed::of(&trades);
    let open = trades.len() - closed.count;
    [
        total_return,
        end - start,
        growth,
        deviation * DAYS_PER_YEAR.sqrt(),
        annual_ratio(&returns, deviation),
        annual_ratio(&returns, downside(&returns)),
        ratio(growth, seen.drawdown.abs()),
        seen.drawdown,
        seen.under_water as f64 / DAY as f64,
        exposure(&trades, seen.first, seen.last),
        trades.len() as f64,
        open as f64,
        mean_of(closed.wins as f64, closed.count),
        ratio(closed.gained, -closed.lost),
        mean_of(closed.gained, closed.wins),
        mean_of(closed.lost, closed.losses),
        mean_of(closed.sum, closed.count),
        turnover(outcome, seen.average),
        float(outcome.fees),
    ]
}

fn float(money: Money) -> f64 {
    decimal_to_f64(money, 18)
}

/// What the equity curve says. Sums and comparisons are of whole numbers; floats are made where a value is read.
struct Seen {
    first: Nanos,
    last: Nanos,
    /// The equity at the end of each UTC day.
    days: Vec<f64>,
    average: f64,
    drawdown: f64,
    /// The longest time below a peak.
    under_water: Nanos,
}

impl Seen {
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    fn of(times: &Times, equity: &[Money], start: Money) -> Self {
        let end = equity.len().checked_sub(1).and_then(|last| times.get(last));
        let (Some(first), Some(last)) = (times.get(0), end) else {
            return Self {
                first: 0,
                last: 0,
                days: Vec::new(),
                average: float(start),
                drawdown: if start > 0 { 0.0 } else { f64::NAN },
                under_water: 0,
            };
        };
        let mut water = Water::new(start, first);
        let (mut days, mut day, mut newest) = (Vec::new(), first.div_euclid(DAY), start);
        let mut sum = Some(0_i128);
        // A row at midnight belongs to the day that begins.
        let mut midnight = (day + 1).saturating_mul(DAY);
        let mut rows = 0;
        for equity in equity.chunks(SEEN_TOGETHER) {
            let ts = times.iter_from(rows).take(equity.len());
            rows += equity.len();
            let end = times.get(rows - 1).unwrap_or(last);
            if end < midnight
                && let Some(more) = water.follow_many(end, equity)
            {
                newest = equity[equity.len() - 1];
                sum = sum.and_then(|sum| sum.checked_add(more));
                continue;
            }
            for (ts, &equity) in ts.zip(equity) {
                if ts >= midnight {
                    let today = ts.div_euclid(DAY);
                    let passed = usize::try_from(today - day).unwrap_or(0);
                    days.extend(std::iter::repeat_n(float(newest), passed));
                    day = today;
                    midnight = (day + 1).saturating_mul(DAY);
                }
                newest = equity;
                sum = sum.and_then(|sum| sum.checked_add(equity));
                water.follow(ts, equity);
            }
        }
        days.push(float(newest));
        let rows = equity.len() as f64;
        let average = match sum {
            Some(sum) => float(sum) / rows,
            None => equity.iter().map(|&equity| float(equity)).sum::<f64>() / rows,
        };
        let (drawdown, under_water) = water.end();
        Self {
            first,
            last,
            days,
            average,
            drawdown,
            under_water,
        }
    }
}

/// How deep and how long the curve lies below its highest point so far; the equity at the start is the first of these.
struct Water {
    start: Money,
    peak: Money,
    trough: Money,
    /// The least share of a peak that was left.
    least: f64,
    at_peak: Nanos,
    under: bool,
    longest: Nanos,
}

impl Water {
    const fn new(start: Money, first: Nanos) -> Self {
        Self {
            start,
            peak: start,
            trough: start,
            least: 1.0,
            // Row 0 stands in for the equity at the start, which has no row of its own.
            at_peak: first,
            under: false,
            longest: 0,
        }
    }

    #[inline]
    fn follow(&mut self, ts: Nanos, equity: Money) {
        let under = equity < self.peak && self.is_visible(equity);
        if under || self.under {
            // A row that is back at the peak ends the spell that the row before it belongs to.
            self.longest = self.longest.max(ts - self.at_peak);
        }
        if !under {
            self.at_peak = ts;
        }
        self.under = under;
        if equity > self.peak {
            self.surface();
            self.peak = equity;
            self.trough = equity;
        } else {
            self.trough = self.trough.min(equity);
        }
    }

    /// Takes in rows up to this time that all lie clearly below the peak; their sum. `None` where one of them does not, or
    /// the sum does not fit: then nothing has changed.
    #[inline]
    fn follow_many(&mut self, end: Nanos, equity: &[Money]) -> Option<Money> {
        if self.peak >> COARSE >= LARGE {
            self.follow_below::<COARSE>(end, equity)
        } else {
            self.follow_below::<FINE>(end, equity)
        }
    }

    /// The same, by a first look that leaves out so many bits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "looked at by `outside`")]
    fn follow_below<const LESS: u32>(&mut self, end: Nanos, equity: &[Money]) -> Option<Money> {
        // Independent looks without a branch between them are many times faster than the rules row by row, and numbers of
        // 64 bits faster than those of 128: how high and how low they lie is mostly known well enough without the last bits.
        let (mut low, mut high, mut outside, mut sum) = (i64::MAX, i64::MIN, 0, 0_i128);
        for &equity in equity {
            let coarse = (equity >> LESS) as i64;
            let above = (equity >> (LESS + 63)) as i64;
            outside |= above ^ (above >> 63);
            low = low.min(coarse);
            high = high.max(coarse);
            sum = sum.wrapping_add(equity);
        }
        // Of one sign, so that the sum of a part is no larger than that of all.
        let one_sign = (low >= 0 && high < MOST_COARSE) || (high < 0 && low > -MOST_COARSE);
        let fits = outside == 0 && one_sign;
        let most = (Money::from(high) + 1) << LESS;
        let gap = self.peak.saturating_sub(most);
        if !fits || gap <= self.peak.saturating_abs() >> 50 {
            return None;
        }
        if Money::from(low) << LESS < self.trough {
            self.trough = equity
                .iter()
                .fold(self.trough, |low, &equity| low.min(equity));
        }
        self.longest = self.longest.max(end - self.at_peak);
        self.under = true;
        Some(sum)
    }

    /// Whether the two differ as floats do, which is what people see.
    #[inline]
    fn is_visible(&self, equity: Money) -> bool {
        let gap = self.peak.saturating_sub(equity);
        gap > self.peak.saturating_abs() >> 50 || float(equity) < float(self.peak)
    }

    fn surface(&mut self) {
        self.least = self.least.min(float(self.trough) / float(self.peak));
    }

    fn end(mut self) -> (f64, Nanos) {
        if self.start <= 0 {
            return (f64::NAN, self.longest);
        }
        self.surface();
        ((self.least - 1.0).min(0.0), self.longest)
    }
}

/// The closed round trips; a profit of exactly zero is neither a win nor a loss.
#[derive(Default)]
struct Closed {
    count: usize,
    wins: usize,
    losses: usize,
    gained: f64,
    lost: f64,
    sum: f64,
}

impl Closed {
    fn of(trades: &[TradeRecord]) -> Self {
        let mut all = Self::default();
        for trade in trades.iter().filter(|trade| trade.exit_ts.is_some()) {
            let pnl = float(trade.cash_flow);
            all.count += 1;
            all.sum += pnl;
            if trade.cash_flow > 0 {
                all.wins += 1;
                all.gained += pnl;
            } else if trade.cash_flow < 0 {
                all.losses += 1;
                all.lost += pnl;
            }
        }
        all
    }
}

/// A return on an equity of zero or below has no meaning.
fn simple_returns(days: &[f64], start: f64) -> Vec<f64> {
    let before = std::iter::once(&start).chain(days);
    before
        .zip(days)
        .map(|(&before, &equity)| {
            if before > 0.0 {
                equity / before - 1.0
            } else {
                f64::NAN
            }
        })
        .collect()
}

/// x / 0 is infinite with x's sign, 0 / 0 is not a number.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator != 0.0 {
        numerator / denominator
    } else if numerator == 0.0 || numerator.is_nan() {
        f64::NAN
    } else {
        f64::INFINITY.copysign(numerator)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of days or trades")]
fn mean_of(sum: f64, count: usize) -> f64 {
    if count == 0 {
        f64::NAN
    } else {
        sum / count as f64
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    mean_of(values.sum(), count)
}

#[expect(clippy::cast_precision_loss, reason = "a count of days")]
fn cagr(start: f64, end: f64, days: usize) -> f64 {
    if days < 2 || start <= 0.0 || end < 0.0 {
        return f64::NAN;
    }
    (end / start).powf(DAYS_PER_YEAR / days as f64) - 1.0
}

/// The standard deviation with one degree of freedom taken off.
fn deviation(returns: &[f64]) -> f64 {
    if returns.len() < 2 {
        return f64::NAN;
    }
    let middle = mean(returns.iter().copied());
    let squares: f64 = returns.iter().map(|r| (r - middle) * (r - middle)).sum();
    mean_of(squares, returns.len() - 1).sqrt()
}

/// The root of the mean square of the losses, over all days.
fn downside(returns: &[f64]) -> f64 {
    if returns.len() < 2 {
        return f64::NAN;
    }
    let losses = returns.iter().map(|&r| if r > 0.0 { 0.0 } else { r * r });
    mean(losses).sqrt()
}

fn annual_ratio(returns: &[f64], deviation: f64) -> f64 {
    if deviation.is_nan() {
        return f64::NAN;
    }
    let middle = mean(returns.iter().copied());
    let value = if deviation < ROUNDING {
        // A curve that grows by the same factor each day would otherwise show a ratio of 1e15, made of rounding.
        ratio(if middle.abs() < ROUNDING { 0.0 } else { middle }, 0.0)
    } else {
        middle / deviation
    };
    value * DAYS_PER_YEAR.sqrt()
}

/// The share of the time in which at least one of the trades was open; they may overlap.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn exposure(trades: &[TradeRecord], first: Nanos, last: Nanos) -> f64 {
    if last <= first {
        return f64::NAN;
    }
    let mut spans: Vec<(Nanos, Nanos)> = trades
        .iter()
        .map(|trade| {
            let exit = trade.exit_ts.unwrap_or(last);
            (trade.entry_ts.clamp(first, last), exit.clamp(first, last))
        })
        .collect();
    spans.sort_unstable();
    let (mut covered, mut reach) = (0, first);
    for (entry, exit) in spans {
        covered += (exit - entry.max(reach)).max(0);
        reach = reach.max(exit);
    }
    covered as f64 / (last - first) as f64
}

/// What was traded, bought or sold, over the average equity.
fn turnover(outcome: &Outcome, average: f64) -> f64 {
    if average.is_nan() || average <= 0.0 {
        return f64::NAN;
    }
    let fills = outcome.records.fills.iter();
    // Many fills in a row are of one size.
    let mut last = ((u32::MAX, 0), f64::NAN);
    let notional = fills.map(|fill| {
        let market = outcome.traders[fill.trader as usize].2;
        let instrument = &outcome.markets[market as usize].1;
        if last.0 != (market, fill.lots) {
            let quantity = instrument.quantity(fill.lots).map_or(f64::NAN, float);
            last = ((market, fill.lots), quantity.abs());
        }
        last.1 * instrument.price(fill.price).map_or(f64::NAN, float)
    });
    notional.sum::<f64>() / average
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_seen_together_say_what_they_say_one_by_one() {
        let mut random = 7_u64;
        let mut draw = move |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            i128::from((random >> 33) % below)
        };
        // Amounts of a few bits, of as many as accounts have, and of more than are looked at together.
        let scales = [0, 46, 60, 76].map(|bits| 1_i128 << bits);
        for (rows, scale) in [1, 63, 64, 65, 128, 700]
            .map(|rows| scales.map(|scale| (rows, scale)))
            .concat()
        {
            for minutes in [1, 17, 60] {
                let start = 1_000_000 * scale;
                let mut equity = vec![start];
                for _ in 1..rows {
                    let last = equity[equity.len() - 1];
                    equity.push(last + (draw(2_001) - 1_010) * scale + draw(2));
                }
                let step = i64::from(minutes) * 60_000_000_000;
                let ts: Vec<Nanos> = (0..rows as i64).map(|row| row * step - DAY / 2).collect();
                let found = Seen::of(&ts.clone().into(), &equity, start);
                let mut water = Water::new(start, ts[0]);
                let each = ts.iter().zip(&equity);
                each.for_each(|(&ts, &equity)| water.follow(ts, equity));
                let (drawdown, under_water) = water.end();
                assert_eq!(found.drawdown, drawdown);
                assert_eq!(found.under_water, under_water);
                let sum: Money = equity.iter().sum();
                assert_eq!(found.average, float(sum) / rows as f64);
                let ends = (0..rows).filter(|&row| {
                    let day = ts[row].div_euclid(DAY);
                    row + 1 == rows || ts[row + 1].div_euclid(DAY) != day
                });
                let days: Vec<f64> = ends.map(|row| float(equity[row])).collect();
                assert_eq!(found.days, days);
            }
        }
    }
}
