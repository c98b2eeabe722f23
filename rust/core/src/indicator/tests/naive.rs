//! Each kind computed over the whole input at once, as its textbook writes it, in plain floats.

use super::super::Kind;
use super::Candle;

type Rows = Vec<Vec<f64>>;

/// Columns of prices and volumes.
struct Columns {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

fn nan(outputs: usize) -> Vec<f64> {
    vec![f64::NAN; outputs]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    mean(
        &values
            .iter()
            .map(|x| (x - middle).powi(2))
            .collect::<Vec<_>>(),
    )
    .sqrt()
}

/// A function of the window that ends at each row.
fn rolling(n: usize, rows: usize, of: impl Fn(std::ops::Range<usize>) -> f64) -> Vec<f64> {
    (0..rows)
        .map(|i| {
            if i + 1 < n {
                f64::NAN
            } else {
                of(i + 1 - n..i + 1)
            }
        })
        .collect()
}

/// An average that starts at `first` with the mean of the `n` values up to there, then moves by `factor`.
fn smoothed(values: &[f64], n: usize, first: usize, factor: f64) -> Vec<f64> {
    let mut result = vec![f64::NAN; values.len()];
    for i in first..values.len() {
        result[i] = if i == first {
            mean(&values[first + 1 - n..=first])
        } else {
            result[i - 1] + factor * (values[i] - result[i - 1])
        };
    }
    result
}

fn changes(values: &[f64]) -> Vec<f64> {
    (0..values.len())
        .map(|i| {
            if i == 0 {
                0.0
            } else {
                values[i] - values[i - 1]
            }
        })
        .collect()
}

fn true_ranges(c: &Columns) -> Vec<f64> {
    (0..c.close.len())
        .map(|i| {
            let before = c.close[i.saturating_sub(1)];
            (c.high[i] - c.low[i])
                .max((c.high[i] - before).abs())
                .max((c.low[i] - before).abs())
        })
        .collect()
}

fn rsi(close: &[f64], n: usize) -> Vec<f64> {
    let moves = changes(close);
    let part = |sign: f64| {
        moves
            .iter()
            .map(|m| (sign * m).max(0.0))
            .collect::<Vec<_>>()
    };
    let gain = smoothed(&part(1.0), n, n, 1.0 / n as f64);
    let loss = smoothed(&part(-1.0), n, n, 1.0 / n as f64);
    let index = |(g, l): (&f64, &f64)| {
        if g + l == 0.0 {
            0.0
        } else {
            100.0 * g / (g + l)
        }
    };
    gain.iter().zip(&loss).map(index).collect()
}

fn macd(close: &[f64], fast: usize, slow: usize, signal: usize) -> Rows {
    let average = |n: usize| smoothed(close, n, slow - 1, 2.0 / (n as f64 + 1.0));
    let line: Vec<f64> = average(fast)
        .iter()
        .zip(average(slow))
        .map(|(f, s)| f - s)
        .collect();
    let smooth = smoothed(
        &line,
        signal,
        slow + signal - 2,
        2.0 / (signal as f64 + 1.0),
    );
    let row = |(m, s): (&f64, &f64)| {
        if s.is_nan() {
            nan(3)
        } else {
            vec![*m, *s, m - s]
        }
    };
    line.iter().zip(&smooth).map(row).collect()
}

fn adx(c: &Columns, n: usize) -> Rows {
    let (up, down) = (changes(&c.high), changes(&c.low));
    let side = |a: f64, b: f64| if a > 0.0 && a > b { a } else { 0.0 };
    let plus: Vec<f64> = up.iter().zip(&down).map(|(u, d)| side(*u, -d)).collect();
    let minus: Vec<f64> = up.iter().zip(&down).map(|(u, d)| side(-d, *u)).collect();
    let ranges = true_ranges(c);
    // Wilder's sums: the first n - 1 movements, then a part lost before each new one.
    let wilder = |values: &[f64]| {
        let mut sum = values[1..n.min(values.len())].iter().sum::<f64>();
        (0..values.len())
            .map(|i| {
                if i >= n {
                    sum = sum - sum / n as f64 + values[i];
                }
                sum
            })
            .collect::<Vec<_>>()
    };
    let (plus, minus, ranges) = (wilder(&plus), wilder(&minus), wilder(&ranges));
    let mut rows = Vec::new();
    let (mut sum, mut value) = (0.0, 0.0);
    let (mut p, mut m) = (0.0, 0.0);
    for i in 0..ranges.len() {
        let mut index = None;
        if i >= n && ranges[i] > 0.0 {
            (p, m) = (100.0 * plus[i] / ranges[i], 100.0 * minus[i] / ranges[i]);
            index = (p + m != 0.0).then(|| 100.0 * (p - m).abs() / (p + m));
        }
        if i < 2 * n {
            sum += index.unwrap_or(0.0);
            value = sum / n as f64;
        } else if let Some(index) = index {
            value = (value * (n as f64 - 1.0) + index) / n as f64;
        }
        rows.push(if i + 1 < 2 * n {
            nan(3)
        } else {
            vec![value, p, m]
        });
    }
    rows
}

fn stochastic(c: &Columns, k: usize, smooth: usize, d: usize) -> Rows {
    let rows = c.close.len();
    let raw = rolling(k, rows, |w| {
        let (low, high) = (least(&c.low[w.clone()]), greatest(&c.high[w.clone()]));
        if high == low {
            0.0
        } else {
            100.0 * (c.close[w.end - 1] - low) / (high - low)
        }
    });
    let slow = rolling(smooth, rows, |w| mean(&raw[w]));
    let line = rolling(d, rows, |w| mean(&slow[w]));
    let row = |(s, l): (&f64, &f64)| if l.is_nan() { nan(2) } else { vec![*s, *l] };
    slow.iter().zip(&line).map(row).collect()
}

fn vwap(c: &Columns, period: Option<usize>) -> Vec<f64> {
    let rows = c.close.len();
    let over = |w: std::ops::Range<usize>| {
        let volume: f64 = c.volume[w.clone()].iter().sum();
        w.map(|i| (c.high[i] + c.low[i] + c.close[i]) / 3.0 * c.volume[i])
            .sum::<f64>()
            / volume
    };
    match period {
        Some(n) => rolling(n, rows, over),
        None => rolling(1, rows, |w| over(0..w.end)),
    }
}

fn cci(c: &Columns, n: usize) -> Vec<f64> {
    let typical: Vec<f64> = (0..c.close.len())
        .map(|i| (c.high[i] + c.low[i] + c.close[i]) / 3.0)
        .collect();
    rolling(n, typical.len(), |w| {
        let middle = mean(&typical[w.clone()]);
        let distance = mean(
            &typical[w.clone()]
                .iter()
                .map(|t| (t - middle).abs())
                .collect::<Vec<_>>(),
        );
        (typical[w.end - 1] - middle) / (0.015 * distance)
    })
}

fn obv(c: &Columns) -> Vec<f64> {
    let mut sum = c.volume[0];
    let step = |(i, m): (usize, &f64)| {
        if i > 0 && *m != 0.0 {
            sum += m.signum() * c.volume[i];
        }
        sum
    };
    changes(&c.close).iter().enumerate().map(step).collect()
}

fn heikin_ashi(c: &Columns) -> Rows {
    let mut rows: Rows = Vec::new();
    for i in 0..c.close.len() {
        let close = (c.open[i] + c.high[i] + c.low[i] + c.close[i]) / 4.0;
        let open = match rows.last() {
            Some(before) => (before[0] + before[3]) / 2.0,
            None => (c.open[0] + c.close[0]) / 2.0,
        };
        rows.push(vec![open, c.high[i].max(open), c.low[i].min(open), close]);
    }
    rows
}

fn weighted(values: &[f64]) -> f64 {
    let weights = (1..=values.len()).sum::<usize>() as f64;
    values
        .iter()
        .enumerate()
        .map(|(i, x)| x * (i + 1) as f64)
        .sum::<f64>()
        / weights
}

/// The rows of outputs that an indicator should give.
pub(super) fn rows(kind: Kind, candles: &[Candle]) -> Rows {
    let column = |of: fn(&Candle) -> f64| candles.iter().map(of).collect::<Vec<f64>>();
    let c = Columns {
        open: column(|c| c.price(c.open)),
        high: column(|c| c.price(c.high)),
        low: column(|c| c.price(c.low)),
        close: column(|c| c.price(c.close)),
        volume: column(|c| c.volume),
    };
    let roll = |n, of: fn(&[f64]) -> f64| rolling(n, c.close.len(), |w| of(&c.close[w]));
    let single = |values: Vec<f64>| values.into_iter().map(|x| vec![x]).collect();
    match kind {
        Kind::Sma { period } => single(roll(period, mean)),
        Kind::Ema { period } => single(smoothed(
            &c.close,
            period,
            period - 1,
            2.0 / (period as f64 + 1.0),
        )),
        Kind::Wma { period } => single(roll(period, weighted)),
        Kind::Rsi { period } => single(rsi(&c.close, period)),
        Kind::Macd { fast, slow, signal } => macd(&c.close, fast, slow, signal),
        Kind::Bollinger { period, deviations } => {
            let band = |(m, d): (f64, f64)| vec![m, m + deviations * d, m - deviations * d];
            roll(period, mean)
                .into_iter()
                .zip(roll(period, deviation))
                .map(band)
                .collect()
        }
        Kind::Atr { period } => single(smoothed(
            &true_ranges(&c),
            period,
            period,
            1.0 / period as f64,
        )),
        Kind::Adx { period } => adx(&c, period),
        Kind::Stochastic { k, smooth_k, d } => stochastic(&c, k, smooth_k, d),
        Kind::Cci { period } => single(cci(&c, period)),
        Kind::Obv => single(obv(&c)),
        Kind::Vwap { period } => single(vwap(&c, period)),
        Kind::Min { period } => single(roll(period, least)),
        Kind::Max { period } => single(roll(period, greatest)),
        Kind::Std { period } => single(roll(period, deviation)),
        Kind::HeikinAshi => heikin_ashi(&c),
    }
}
