//! Names of the checks, which are also the reason codes in `orders.reason` and `refusals.check`.

/// A purchase on a spot account costs more than the free cash.
pub const CASH: &str = "cash";
/// A fill was dearer than what was reserved, and free cash did not cover it.
pub const CASH_AT_FILL: &str = "cash_at_fill";
/// The account's exposure would pass leverage times equity.
pub const MARGIN: &str = "margin";
/// A spot account sells no more than the trader holds.
pub const SHORT_SALE: &str = "short_sale";
/// A signal needs a size and the trader has none.
pub const NO_SIZE: &str = "no_size";
/// The market has no price yet.
pub const NO_PRICE: &str = "no_price";
/// The quantity is less than one lot.
pub const BELOW_LOT: &str = "below_lot";
/// A number is NaN or infinite.
pub const NOT_FINITE: &str = "not_finite";
/// A number is zero or less.
pub const NOT_POSITIVE: &str = "not_positive";
/// An order of the trader is being taken back, and nobody knows yet whether it was filled.
pub const UNCONFIRMED: &str = "unconfirmed";
/// The kill switch is set.
pub const KILLED: &str = "killed";
/// A number does not fit.
pub const OVERFLOW: &str = "overflow";
/// The order is worth less than the instrument's minimum.
pub const MIN_NOTIONAL: &str = "min_notional";
/// Reconciliation with the venue is not done, so nothing is known for certain.
pub const NOT_RECONCILED: &str = "not_reconciled";
/// A limit was given by pair, and names neither this pair nor `"*"`.
pub const MISSING_LIMIT: &str = "missing_limit";
/// The engine was given no instrument for the pair.
pub const UNKNOWN_INSTRUMENT: &str = "unknown_instrument";
/// The pair is halted.
pub const HALTED: &str = "halted";
/// The pair stands on the restricted list.
pub const RESTRICTED: &str = "restricted";
/// The market's session is not open.
pub const SESSION: &str = "session";
/// The trader sent as many orders of one side as it may in a time, and is stopped until a person enables it.
pub const REPEATED_EXECUTION: &str = "repeated_execution";
/// The trader has an order of this number working.
pub const DUPLICATE_ID: &str = "duplicate_id";
/// The trader sent the same order a short time ago.
pub const DUPLICATE_INTENT: &str = "duplicate_intent";
/// The order would meet a working order of this account.
pub const SELF_TRADE: &str = "self_trade";
/// The price lies outside of the band.
pub const PRICE_BAND: &str = "price_band";
/// The price is too far from the last one.
pub const PRICE_COLLAR: &str = "price_collar";
/// Orders come too fast.
pub const ORDER_RATE: &str = "order_rate";
/// Cancellations come too fast.
pub const CANCEL_RATE: &str = "cancel_rate";
/// Only what makes positions smaller may leave.
pub const REDUCE_ONLY: &str = "reduce_only";
/// The order's quantity is too large.
pub const ORDER_QUANTITY: &str = "order_quantity";
/// The order is worth too much.
pub const ORDER_NOTIONAL: &str = "order_notional";
/// The market's last event is too old.
pub const STALE_DATA: &str = "stale_data";
/// The market's last quote has its bid above its ask.
pub const CROSSED_QUOTE: &str = "crossed_quote";
/// The last price jumped.
pub const PRICE_GAP: &str = "price_gap";
/// The position would be too large.
pub const POSITION: &str = "position";
/// All positions together would be worth too much.
pub const GROSS_EXPOSURE: &str = "gross_exposure";
/// Purchases less sales would be worth too much.
pub const NET_EXPOSURE: &str = "net_exposure";
/// The account lost too much since midnight.
pub const DAILY_LOSS: &str = "daily_loss";
/// The account is too far below its highest equity.
pub const DRAWDOWN: &str = "drawdown";
/// The risk process is gone, too slow, or has not been told yet how all stands.
pub const RISK_UNREACHABLE: &str = "risk_unreachable";
/// The risk process refused for a reason that this engine does not know.
pub const RISK_PROCESS: &str = "risk_process";
/// What was about to leave is not what was approved.
pub const ALTERED: &str = "altered";

/// All of them.
pub const ALL: [&str; 41] = [
    CASH,
    CASH_AT_FILL,
    MARGIN,
    SHORT_SALE,
    NO_SIZE,
    NO_PRICE,
    BELOW_LOT,
    NOT_FINITE,
    NOT_POSITIVE,
    UNCONFIRMED,
    KILLED,
    OVERFLOW,
    MIN_NOTIONAL,
    NOT_RECONCILED,
    MISSING_LIMIT,
    UNKNOWN_INSTRUMENT,
    HALTED,
    RESTRICTED,
    SESSION,
    REPEATED_EXECUTION,
    DUPLICATE_ID,
    DUPLICATE_INTENT,
    SELF_TRADE,
    PRICE_BAND,
    PRICE_COLLAR,
    ORDER_RATE,
    CANCEL_RATE,
    REDUCE_ONLY,
    ORDER_QUANTITY,
    ORDER_NOTIONAL,
    STALE_DATA,
    CROSSED_QUOTE,
    PRICE_GAP,
    POSITION,
    GROSS_EXPOSURE,
    NET_EXPOSURE,
    DAILY_LOSS,
    DRAWDOWN,
    RISK_UNREACHABLE,
    RISK_PROCESS,
    ALTERED,
];

/// The check of that name, as it was told by another process.
#[must_use]
pub fn known(name: &str) -> &'static str {
    let same = ALL.into_iter().find(|known| *known == name);
    same.unwrap_or(RISK_PROCESS)
}
