//! From what the writer has recorded to rows of the journal.

use crate::commit::{FillRecord, QuarantineRecord, Writer};
use crate::domain::{HalfUnits, Lots, Nanos, decimal_string};
use crate::order::{Order, OrderKind, OrderRecord, OrderStatus, RefusalRecord, reason};

use super::input::Input;
use super::record::Value;
use super::spec::RunFacts;

/// The step that is being made.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub step: u64,
    pub ts: Nanos,
}

impl Now {
    pub(super) fn values(self, capacity: usize) -> Vec<Value> {
        let mut values = Vec::with_capacity(capacity);
        values.push(Value::count(self.step));
        values.push(Value::Int(self.ts));
        values
    }
}

fn optional_word(word: &'static str) -> Value {
    if word.is_empty() {
        Value::Null
    } else {
        Value::word(word)
    }
}

/// A quantity on a trader's market as a decimal; as lots where that does not fit.
fn quantity(writer: &Writer, trader: u32, lots: Lots) -> Value {
    let instrument = &writer.account.market(writer.market_of(trader)).instrument;
    Value::text(
        instrument
            .quantity(lots)
            .map_or_else(|| format!("{lots} lots"), decimal_string),
    )
}

/// A price on a trader's market as a decimal; in half units where that does not fit.
fn price(writer: &Writer, trader: u32, half: HalfUnits) -> Value {
    let instrument = &writer.account.market(writer.market_of(trader)).instrument;
    Value::text(
        instrument
            .price(half)
            .map_or_else(|| format!("{half} half units"), decimal_string),
    )
}

/// An order that reached the gate; `sent` is what leaves, where it does.
pub(super) fn intent(
    now: Now,
    writer: &Writer,
    record: &OrderRecord,
    sent: Option<&Order>,
) -> Vec<Value> {
    let verdict = match (sent, record.status) {
        (Some(_), _) => "approved",
        (None, OrderStatus::Refused) => "refused",
        (None, _) if record.reason == reason::LIQUIDATION => "liquidation",
        // It left in an earlier phase of this step.
        (None, _) => "approved",
    };
    let mut values = now.values(15);
    values.extend([
        Value::count(record.id),
        Value::Int(i64::from(record.trader)),
        Value::word(record.side.name()),
        Value::word(record.kind.name()),
        quantity(writer, record.trader, record.lots),
        match record.kind {
            OrderKind::Market => Value::Null,
            OrderKind::Limit(units) => price(writer, record.trader, units.saturating_mul(2)),
        },
    ]);
    match sent {
        Some(order) => values.extend([
            Value::word(order.tif.name()),
            Value::Int(i64::from(order.reduce_only)),
            Value::word(order.origin.exit_reason()),
            // Numbers of people's orders count down from the end; they are negative here.
            order
                .client_id
                .map_or(Value::Null, |id| Value::Int(id.cast_signed())),
            order.tag.clone().map_or(Value::Null, Value::text),
        ]),
        None => values.extend([const { Value::Null }; 5]),
    }
    values.push(Value::word(verdict));
    values.push(match record.status {
        OrderStatus::Working | OrderStatus::Refused => optional_word(record.reason),
        // How it has ended since stands in its row of `orders`.
        _ => Value::Null,
    });
    values
}

/// How an order ended.
pub(super) fn ended(now: Now, record: &OrderRecord) -> Vec<Value> {
    let mut values = now.values(5);
    values.extend([
        Value::count(record.id),
        Value::word(record.status.name()),
        optional_word(record.reason),
    ]);
    values
}

/// A fill. The venues there are fill an order whole, so the order's number is the trade's, too.
pub(super) fn fill(step: u64, writer: &Writer, fill: &FillRecord, facts: &RunFacts) -> Vec<Value> {
    let mut values = Now { step, ts: fill.ts }.values(12);
    values.extend([
        Value::Int(i64::from(fill.trader)),
        Value::word(fill.side.name()),
        quantity(writer, fill.trader, fill.lots),
        price(writer, fill.trader, fill.price),
        Value::text(decimal_string(fill.fee)),
        Value::count(fill.order),
        Value::word(fill.liquidity.name()),
        Value::word(facts.venue),
        Value::word(facts.account),
        Value::count(fill.order),
    ]);
    values
}

/// A refusal.
pub(super) fn refusal(step: u64, refused: &RefusalRecord) -> Vec<Value> {
    let mut values = Now {
        step,
        ts: refused.ts,
    }
    .values(5);
    values.extend([
        Value::Int(i64::from(refused.trader)),
        Value::word(refused.check),
        Value::text(refused.reason.clone()),
    ]);
    values
}

/// A trader that was stopped.
pub(super) fn quarantine(step: u64, stopped: &QuarantineRecord) -> Vec<Value> {
    let mut values = Now {
        step,
        ts: stopped.ts,
    }
    .values(5);
    values.extend([
        Value::Int(i64::from(stopped.trader)),
        Value::word(stopped.fault.kind.name()),
        Value::text(stopped.fault.message.clone()),
    ]);
    values
}

/// What a person told the run.
pub(super) fn input(now: Now, input: &Input) -> Vec<Value> {
    let mut values = now.values(5);
    values.extend([
        Value::text(input.command.clone()),
        Value::text(input.author.clone()),
        Value::Int(input.at),
    ]);
    values
}
