//! What strategies are shown of the ledger, in floats: strategies think in floats, the ledger does not.

use serde::{Deserialize, Serialize};

use crate::domain::word::Word;
use crate::domain::{Liquidity, Nanos, Side};

/// A trader's position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositionView {
    /// Quantity in the base currency, negative when short.
    pub size: f64,
    /// Average price of what is held; NaN when flat.
    pub entry_price: f64,
    /// Value at the last price less what it cost, without fees.
    pub unrealized_pnl: f64,
}

/// A fill of one of the trader's orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillView {
    /// When it was filled.
    pub ts: Nanos,
    /// The engine's number of the order.
    pub order_id: u64,
    /// The strategy's own number, for orders it made with `buy` and `sell`.
    pub client_id: Option<u64>,
    /// Which way.
    pub side: Side,
    /// How much, in the base currency.
    pub quantity: f64,
    /// At what price.
    pub price: f64,
    /// Fee in the quote currency.
    pub fee: f64,
    /// Whether it made or took.
    pub liquidity: Liquidity,
    /// The strategy's word for the order.
    pub tag: Option<String>,
}

/// An order as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderView {
    /// The engine's number of the order.
    pub order_id: u64,
    /// The strategy's own number, for orders it made with `buy` and `sell`.
    pub client_id: Option<u64>,
    /// Which way.
    pub side: Side,
    /// How much, in the base currency.
    pub quantity: f64,
    /// Its limit price, if it has one.
    pub limit: Option<f64>,
    /// `working`, `filled`, `cancelled`, `refused` or `expired`.
    #[serde(with = "crate::domain::word")]
    pub status: Word,
    /// Why, as in the table of orders.
    #[serde(with = "crate::domain::word")]
    pub reason: Word,
    /// The strategy's word for the order.
    pub tag: Option<String>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusalView {
    /// When.
    pub ts: Nanos,
    /// The name of the check.
    #[serde(with = "crate::domain::word")]
    pub check: Word,
    /// The sentence for people.
    pub reason: String,
    /// The strategy's own number of the order, if it has one.
    pub client_id: Option<u64>,
}

/// How the trader's last position ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExitView {
    /// When it ended.
    pub ts: Nanos,
    /// The side it was: long is a buy.
    pub side: Side,
    /// Average exit price.
    pub price: f64,
    /// What it brought, fees taken off.
    pub pnl: f64,
    /// Why, as in the table of trades.
    pub reason: &'static str,
}
