//! What happened on the markets: events, the columns they are read from, and the order of time.

mod content;
mod event;
pub mod field;
mod rows;
pub mod scale;
mod series;
mod steps;
pub mod synthetic;
pub mod validate;
mod window;

pub use content::contents_of;
pub use event::{Candle, EventKind, EventRef, MarketEvent, Quote, Sampled, Trade};
pub use field::Field;
pub use rows::{Row, Rows};
pub use scale::{PriceScale, bits_of};
pub use series::{
    CandleSeries, CloseTimes, Column, ExtraColumn, Market, MarketData, QuoteSeries, Series, Times,
    TradeSeries, spec_of,
};
pub use steps::{Entry, Places, Steps};
pub use window::{Ring, Window, WindowColumn};
