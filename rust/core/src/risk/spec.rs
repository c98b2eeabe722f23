//! Limits as a user writes them: for the account, by pair, and for traders by name.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::Nanos;

/// So many in so long a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many.
    pub count: u32,
    /// In how many nanoseconds.
    pub nanos: Nanos,
}

/// When a market is open: from the first time up to before the second, rising.
pub type Hours = Arc<[(Nanos, Nanos)]>;

/// A limit for all pairs, or one for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ByPair<T> {
    /// The control is off.
    #[default]
    Off,
    /// The same for every pair.
    All(T),
    /// By pair; a pair that is not there has the default, and without one nothing is allowed there.
    Each {
        /// Pairs with their limits.
        pairs: Vec<(String, T)>,
        /// That of all others.
        default: Option<T>,
    },
}

/// Pairs for which something holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pairs {
    /// None of them.
    #[default]
    None,
    /// All of them.
    All,
    /// These.
    These(Vec<String>),
}

/// The limits of the account, or of a trader. What is not given is off.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitSpec {
    /// Most of the base currency in one order.
    pub max_order_quantity: ByPair<Decimal>,
    /// Most that one order may be worth.
    pub max_order_notional: ByPair<Decimal>,
    /// How far a price may lie from the last one, as a part of that.
    pub price_collar: ByPair<Decimal>,
    /// The lowest and the highest price.
    pub price_band: ByPair<(Decimal, Decimal)>,
    /// Most of the base currency held, working orders included.
    pub max_position: ByPair<Decimal>,
    /// Most that all positions may be worth, whatever their side, working orders included.
    pub max_gross_exposure: Option<Decimal>,
    /// Most that long positions may be worth above short ones, or the other way, working orders included.
    pub max_net_exposure: Option<Decimal>,
    /// Orders in a time.
    pub max_order_rate: ByPair<Pace>,
    /// Cancellations in a time.
    pub max_cancel_rate: ByPair<Pace>,
    /// Orders of one trader on one side in a time; then it is stopped.
    pub max_repeats: Option<Pace>,
    /// How long the same order of one trader is taken for a mistake.
    pub duplicate_window: Option<Nanos>,
    /// Whether orders that would meet own ones are refused.
    pub prevent_self_trade: bool,
    /// Most that may be lost since midnight UTC.
    pub max_daily_loss: Option<Decimal>,
    /// How far equity may lie below its peak, as a part of that.
    pub max_drawdown: Option<Decimal>,
    /// How old the market's last event may be.
    pub max_data_age: ByPair<Nanos>,
    /// Whether a crossed quote stops what adds exposure.
    pub refuse_crossed_quotes: bool,
    /// How far the last price may have jumped, as a part of the one before.
    pub max_price_gap: ByPair<Decimal>,
    /// Whether pairs without an instrument of their own are refused.
    pub known_instruments_only: bool,
    /// Pairs that are halted.
    pub halted: Pairs,
    /// Pairs that may not be traded.
    pub restricted: Pairs,
    /// When orders may be sent.
    pub session: ByPair<Hours>,
    /// Pairs whose positions may only become smaller.
    pub reduce_only: Pairs,
    /// Whether all orders are taken back when the connection to the venue is lost; of the account alone.
    pub cancel_on_disconnect: bool,
}

/// All limits of an engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskSpec {
    /// Those of the account, which each of its orders meets.
    pub account: LimitSpec,
    /// Those of traders, by their own name or by that of their strategy. Each such trader has them for itself.
    pub traders: Vec<(String, LimitSpec)>,
}

/// What a pair has of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Limit<T> {
    /// The control is off.
    #[default]
    Off,
    /// It is on, and has no number for this pair.
    Missing,
    /// It is on.
    At(T),
}

impl LimitSpec {
    /// Each pair that is named, with the limit that names it.
    pub(super) fn named_pairs<'s>(&'s self) -> Vec<(&'static str, &'s str)> {
        let named = [
            ("max_order_quantity", self.max_order_quantity.names()),
            ("max_order_notional", self.max_order_notional.names()),
            ("price_collar", self.price_collar.names()),
            ("price_band", self.price_band.names()),
            ("max_position", self.max_position.names()),
            ("max_order_rate", self.max_order_rate.names()),
            ("max_cancel_rate", self.max_cancel_rate.names()),
            ("max_data_age", self.max_data_age.names()),
            ("max_price_gap", self.max_price_gap.names()),
            ("session", self.session.names()),
            ("halted", self.halted.names()),
            ("restricted", self.restricted.names()),
            ("reduce_only", self.reduce_only.names()),
        ];
        let each = |(limit, pairs): (&'static str, Vec<&'s str>)| -> Vec<(&'static str, &'s str)> {
            pairs.into_iter().map(|pair| (limit, pair)).collect()
        };
        named.into_iter().flat_map(each).collect()
    }
}

impl<T> ByPair<T> {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Each { pairs, .. } => pairs.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Off | Self::All(_) => Vec::new(),
        }
    }
}

impl<T: Clone> ByPair<T> {
    /// What a pair has, made into the gate's own numbers.
    pub(super) fn of<U>(&self, pair: &str, make: impl FnOnce(T) -> U) -> Limit<U> {
        let found = match self {
            Self::Off => return Limit::Off,
            Self::All(limit) => Some(limit),
            Self::Each { pairs, default } => {
                let own = pairs.iter().find(|(name, _)| name == pair);
                own.map(|(_, limit)| limit).or(default.as_ref())
            }
        };
        found
            .cloned()
            .map_or(Limit::Missing, |limit| Limit::At(make(limit)))
    }

    /// Whether the control is on for any pair.
    pub(super) const fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }
}

impl Pairs {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::These(pairs) => pairs.iter().map(String::as_str).collect(),
            Self::None | Self::All => Vec::new(),
        }
    }

    pub(super) fn has(&self, pair: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(pairs) => pairs.iter().any(|name| name == pair),
        }
    }
}
