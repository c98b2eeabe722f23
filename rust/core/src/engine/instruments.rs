//! What the markets' numbers mean in money: price scales and instruments, and settings that their data must allow.

use crate::domain::Instrument;
use crate::error::Error;
use crate::market::{Market, PriceScale, spec_of};

use super::config::Config;

/// The price scale of each market, finer than its data where a tick is, and its instrument.
pub(super) fn instruments(
    config: &Config,
    markets: &[&Market],
    assumptions: &mut Vec<String>,
) -> Result<(Vec<PriceScale>, Vec<Instrument>), Error> {
    let mut scales = Vec::with_capacity(markets.len());
    let mut instruments = Vec::with_capacity(markets.len());
    for market in markets {
        let spec = spec_of(&config.instruments, &market.name);
        if !market.scale.exact {
            assumptions.push(format!(
                "{}: prices have no common decimal grid; they were rounded to {} digits after the point",
                market.name, market.scale.digits
            ));
        }
        let mut scale = market.scale;
        scale.digits = Instrument::scale_with_tick(scale.digits, &spec);
        if !scale.exact {
            check_rounding(market, scale)?;
        }
        let instrument = Instrument::new(scale.digits, &spec, config.fees).ok_or_else(|| {
            Error::config(
                "instrument.grid",
                format!(
                    "instruments[{:?}]: tick and lot must be above zero and have at most 18 digits after the point",
                    market.name
                ),
            )
        })?;
        scales.push(scale);
        instruments.push(instrument);
    }
    Ok((scales, instruments))
}

/// Refuses prices that are others on the scale: orders would fill at prices that nobody has seen.
fn check_rounding(market: &Market, scale: PriceScale) -> Result<(), Error> {
    let lost = |prices: &[f64]| scale.first_lost(prices).map(|row| (row, prices[row]));
    let found = { market.prices() }
        .find_map(|(kind, name, prices)| lost(prices).map(|lost| (kind, name, lost)));
    let Some((kind, column, (row, price))) = found else {
        return Ok(());
    };
    let all = market.prices().flat_map(|(_, _, prices)| prices);
    let largest = all.copied().fold(0.0, f64::max);
    let way_out = match PriceScale::with_room_for(largest, price) {
        Some(PriceScale { digits, .. }) => format!(
            "round all of them to at most {digits} digits after the point (pandas: frame.round({digits}))"
        ),
        None => "leave out the rows of one of them".to_owned(),
    };
    Err(Error::data(
        "data.rounding",
        format!(
            "{}, row {row} of its {}s, column '{column}': the price {price:?} would become {:?}: beside \
             {largest:?}, without a common decimal grid, only {} digits after the point fit; {way_out}",
            market.name,
            kind.name(),
            scale.to_f64(scale.units(price)),
            scale.digits,
        ),
    ))
}

/// The price scale of the data in units of the market's scale, which an instrument's tick may have made finer.
pub(super) fn grid_of(market: &Market, scale: PriceScale) -> i64 {
    let finer = i32::from(scale.digits) - i32::from(market.scale.digits);
    10_i64.checked_pow(finer.unsigned_abs()).unwrap_or(1)
}

pub(super) fn check_latency(config: &Config, markets: &[&Market]) -> Result<(), Error> {
    if config.venue.latency == 0 {
        return Ok(());
    }
    match markets
        .iter()
        .find(|market| market.quotes.is_none() && market.trades.is_none())
    {
        None => Ok(()),
        Some(market) => Err(Error::config(
            "engine.latency",
            format!(
                "latency has no meaning on candles alone, and {} has nothing else; set latency=0 or give quotes or trades",
                market.name
            ),
        )),
    }
}
