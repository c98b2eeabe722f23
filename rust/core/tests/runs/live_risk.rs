//! Limits of live runs: changed while they run, and traders that are stopped and enabled.

use crate::support::live::{Live, Teller, quoted, traded};
use crate::support::way_out::WayOut;
use crate::support::{UNIT, base, config, decimal, trader};
use pairloom_core::domain::{Amount, Side};
use pairloom_core::engine::Account;
use pairloom_core::live::{LiveCommand, LiveOptions};
use pairloom_core::risk::{ByPair, LimitSpec, Pace, RiskSpec, check};
use pairloom_core::signal::{TimeInForce, TradeSignal};
use pairloom_core::strategy::{Outcome as Call, SetupCtx, Strategy, SystemCtx};

fn spec(account: LimitSpec) -> RiskSpec {
    RiskSpec {
        account,
        traders: Vec::new(),
    }
}

fn set(limits: Option<RiskSpec>, by: &str) -> LiveCommand {
    LiveCommand::SetLimits {
        limits: limits.map(Box::new),
        by: by.to_owned(),
        what: format!("as {by} wants"),
    }
}

fn quantity(most: &str) -> RiskSpec {
    spec(LimitSpec {
        max_order_quantity: ByPair::All(decimal(most)),
        ..LimitSpec::default()
    })
}

#[test]
fn limits_change_between_two_steps_and_it_is_kept_who_changed_them() {
    let (tell, _) = flume::bounded(1);
    let traders = vec![trader("a", "A/USD", None, Teller::new(0, &tell))];
    let live = Live::start(
        config(Account::Margin, 100_000 * UNIT),
        vec![quoted("A/USD")],
        traders,
        Vec::new(),
        LiveOptions::default(),
    );
    live.until_quoting(0, "a price", |s| s.traders[0].last_price == 100.0);
    let buy =
        |quantity: &str| live.order(LiveCommand::AddPosition("a".to_owned(), decimal(quantity)));
    buy("5");
    live.until_quoting(0, "the purchase", |s| s.traders[0].position == 5.0);
    live.order(set(Some(quantity("2")), "ada"));
    buy("3");
    live.until("a refusal", |s| s.counts.refusals == 1);
    let unknown = RiskSpec {
        traders: vec![("nobody".to_owned(), LimitSpec::default())],
        ..quantity("100")
    };
    let error = live.run.send(set(Some(unknown), "bob")).unwrap_err();
    assert_eq!(error.code, "risk.unknown_trader");
    assert!(error.message.contains("\"nobody\"") && error.message.contains("traders are a"));
    buy("3");
    live.until("the old limits hold", |s| s.counts.refusals == 2);
    live.order(set(None, "cleo"));
    buy("3");
    live.until_quoting(0, "the last purchase", |s| s.traders[0].position == 8.0);
    let outcome = live.run.stop().unwrap();
    let records = outcome.records;
    assert!(
        records
            .refusals
            .iter()
            .all(|r| r.check == check::ORDER_QUANTITY)
    );
    let changes: Vec<_> = records
        .risk_changes
        .iter()
        .map(|c| (c.kind, c.by.as_str()))
        .collect();
    assert_eq!(changes, [("limits", "ada"), ("limits", "cleo")]);
    assert!(records.risk_changes[0].ts > 0 && records.risk_changes[0].what == "as ada wants");
}

/// Buys a little at every event, far from the market.
struct Eager;

impl Strategy for Eager {
    fn setup(&mut self, _ctx: &mut SetupCtx<'_>) -> Call<()> {
        Ok(())
    }

    fn generate_signal(&mut self, ctx: &mut SystemCtx<'_>) -> Call<Option<TradeSignal>> {
        let (quantity, limit) = (Amount::from_f64(0.01), Some(Amount::from_f64(50.0)));
        ctx.order(
            Side::Buy,
            quantity,
            limit,
            false,
            TimeInForce::default(),
            None,
        );
        Ok(None)
    }
}

#[test]
fn a_trader_that_repeats_itself_is_stopped_until_a_person_enables_it() {
    let mut settings = config(Account::Margin, 100_000 * UNIT);
    settings.risk = Some(spec(LimitSpec {
        max_repeats: Some(Pace {
            count: 3,
            nanos: 3_600_000_000_000,
        }),
        ..LimitSpec::default()
    }));
    let live = Live::start(
        settings,
        vec![quoted("A/USD")],
        vec![trader("eager", "A/USD", Some(base("1")), Eager)],
        Vec::new(),
        LiveOptions::default(),
    );
    live.until_quoting(0, "the stop", |s| s.counts.refusals > 0);
    let status = live.until("what was sent before works", |s| {
        s.traders[0].working_orders == 3
    });
    assert_eq!(status.working_orders, 3);
    let enable = |name: &str| LiveCommand::Enable {
        name: name.to_owned(),
        by: "ada".to_owned(),
    };
    assert_eq!(
        live.run.send(enable("x")).unwrap_err().code,
        "run.unknown_trader"
    );
    live.order(enable("eager"));
    live.until_quoting(0, "as many more", |s| s.traders[0].working_orders == 6);
    let before = live.run.status().unwrap().counts.refusals;
    live.until_quoting(0, "the next stop", |s| s.counts.refusals > before);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.reserved, 0);
    let records = outcome.records;
    // What it still asks for while the run ends is refused as after the kill switch.
    let mut checks: Vec<_> = records.refusals.iter().map(|r| r.check).collect();
    checks.dedup();
    checks.retain(|&check| check != check::KILLED);
    assert_eq!(checks, [check::REPEATED_EXECUTION]);
    let changes = records
        .risk_changes
        .iter()
        .map(|c| (c.kind, c.by.as_str(), c.what.as_str()));
    assert_eq!(changes.collect::<Vec<_>>(), [("enable", "ada", "eager")]);
}

#[test]
fn what_waits_behind_another_order_does_not_leave_after_a_persons_kill() {
    // Whether the commit thread has heard of it yet is all the same.
    WayOut::start().check(|live| drop(live.run.ask(LiveCommand::Kill).unwrap()));
}

#[test]
fn who_gets_out_goes_on_getting_out_however_often_the_switch_is_thrown() {
    let (tell, _) = flume::bounded(1);
    let live = Live::start(
        config(Account::Margin, 100_000 * UNIT),
        vec![traded("A/USD")],
        vec![trader("a", "A/USD", None, Teller::new(0, &tell))],
        Vec::new(),
        LiveOptions::default(),
    );
    let buy = |lots: &str| LiveCommand::AddPosition("a".to_owned(), decimal(lots));
    live.trade(0, 100.0);
    live.until("a price", |s| s.traders[0].last_price == 100.0);
    live.order(buy("3"));
    live.trade(0, 100.0);
    live.until("the purchase", |s| s.traders[0].position == 3.0);
    // On trades an order waits for the next one: what adds to the position is taken back, and what would turn it around; what
    // makes it smaller is not.
    for lots in ["-2", "-1", "1", "-2"] {
        live.order(buy(lots));
    }
    live.order(LiveCommand::Kill);
    live.order(LiveCommand::Kill);
    live.until("two orders are left", |s| s.working_orders == 2);
    live.trade(0, 100.0);
    let status = live.until("the way out", |s| s.traders[0].position == 0.0);
    assert_eq!((status.working_orders, status.counts.fills), (0, 3));
    live.order(LiveCommand::CloseAll);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.reserved, 0);
}

#[test]
fn a_run_says_what_the_broker_has_not_told_the_end_of() {
    let outcome = WayOut::start().end();
    let said = outcome.assumptions.join("\n");
    assert!(
        said.contains("4 orders had not ended when the run did"),
        "{said}"
    );
    assert_eq!(outcome.counters["orders_open_at_end"], 4);
}
