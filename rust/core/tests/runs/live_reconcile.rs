//! Reconciliation in a live run, against a venue whose word the test makes up.

use std::sync::Arc;

use crate::support::live::{Live, PATIENCE, Teller, quoted};
use crate::support::{UNIT, base, config, decimal, trader};
use async_trait::async_trait;
use flume::Sender;
use pairloom_core::domain::{FeeRates, Liquidity, Lots, Rate, Side};
use pairloom_core::engine::{Account, Outcome as Ran};
use pairloom_core::live::{
    Broker, BrokerError, LiveCommand, LiveOptions, OpenOrder, Question, ReconcileSpec, Report,
    Standing, UnknownOrders,
};
use pairloom_core::order::{Order, OrderId, OrderStatus};
use pairloom_core::risk::{LimitSpec, RiskSpec};
use pairloom_core::venue::{Execution, Outcome};
use parking_lot::Mutex;

/// What the venue says of itself. Prices are 100 and fees nothing: so cash follows from positions.
#[derive(Default)]
struct Books {
    open: Vec<OpenOrder>,
    executions: Vec<Execution>,
    positions: [Lots; 2],
    /// Orders that are taken and never answered.
    silent: bool,
    /// Requests never leave.
    down: bool,
    cancelled: Vec<OrderId>,
    questions: u64,
    /// What leads to the engine.
    says: Option<Sender<Report>>,
}

/// A venue that fills every order at once at 100.
struct Odd {
    books: Arc<Mutex<Books>>,
    reports: Sender<Report>,
}

impl Odd {
    async fn tell(&self, number: u64, execution: Execution) {
        let report = Report::Execution {
            number: Some(number),
            execution,
        };
        let _ = self.reports.send_async(report).await;
    }
}

impl Books {
    /// Keeps what happened, and gives its number. Who changes anything else with it holds the lock meanwhile: an
    /// answer must never show the one without the other.
    fn keep(&mut self, execution: Execution) -> u64 {
        self.executions.push(execution);
        self.executions.len() as u64
    }
}

#[async_trait]
impl Broker for Odd {
    async fn submit(&self, order: &Order) -> Result<(), BrokerError> {
        let filled = Execution {
            order: order.id,
            trader: order.trader,
            ts: order.decided,
            outcome: Outcome::Settled {
                price: 20_000,
                liquidity: Liquidity::Taker,
                lots: order.lots,
            },
        };
        let number = {
            let mut books = self.books.lock();
            if books.down {
                return Err(BrokerError::NotSent("no connection".to_owned()));
            }
            if books.silent {
                books.open.push(OpenOrder {
                    order: Some(order.id),
                    market: order.market,
                    side: order.side,
                    lots: order.lots,
                });
                return Err(BrokerError::Unknown("no answer".to_owned()));
            }
            books.positions[order.market as usize] += order.delta();
            books.keep(filled)
        };
        self.tell(number, filled).await;
        Ok(())
    }

    async fn cancel(&self, _market: u32, order: OrderId) -> Result<(), BrokerError> {
        let cancelled = Execution {
            order,
            trader: 0,
            ts: 0,
            outcome: Outcome::Cancelled,
        };
        let number = {
            let mut books = self.books.lock();
            books.cancelled.push(order);
            let before = books.open.len();
            books.open.retain(|open| open.order != Some(order));
            (before > books.open.len()).then(|| books.keep(cancelled))
        };
        if let Some(number) = number {
            self.tell(number, cancelled).await;
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        true
    }

    async fn ask(&self, question: Question) -> Result<(), BrokerError> {
        let standing = {
            let mut books = self.books.lock();
            books.questions += 1;
            let since = usize::try_from(question.since).unwrap();
            let executions = books.executions[since..].iter().copied();
            let bought: i64 = books.positions.iter().sum();
            Standing {
                question: question.number,
                as_of: question.asked,
                upto: books.executions.len() as u64,
                open: books.open.clone(),
                executions: (question.since + 1..).zip(executions).collect(),
                positions: books.positions.to_vec(),
                cash: 100_000 * UNIT - i128::from(bought) * UNIT / 1_000_000,
            }
        };
        let report = Report::Standing(Box::new(standing));
        let _ = self.reports.send_async(report).await;
        Ok(())
    }
}

/// A venue, and a run on it with two traders that ask for nothing by themselves.
fn odd(unknown_orders: UnknownOrders) -> (Arc<Mutex<Books>>, Live) {
    let books = Arc::new(Mutex::new(Books::default()));
    let theirs = Arc::clone(&books);
    let options = LiveOptions {
        broker: Some(Box::new(move |reports| {
            theirs.lock().says = Some(reports.clone());
            Arc::new(Odd {
                books: theirs,
                reports,
            })
        })),
        reconcile: Some(ReconcileSpec {
            interval: 1,
            unknown_orders,
        }),
        step_limit: PATIENCE,
        ..LiveOptions::default()
    };
    let (tell, _) = flume::bounded(1);
    let traders = vec![
        trader("a", "A/USD", Some(base("1")), Teller::new(0, &tell)),
        trader("b", "B/USD", Some(base("1")), Teller::new(1, &tell)),
    ];
    let markets = vec![quoted("A/USD"), quoted("B/USD")];
    let mut settings = config(Account::Spot, 100_000 * UNIT);
    settings.fees = FeeRates {
        maker: Rate::ZERO,
        taker: Rate::ZERO,
    };
    settings.risk = Some(RiskSpec {
        account: LimitSpec {
            cancel_on_disconnect: true,
            ..LimitSpec::default()
        },
        traders: Vec::new(),
    });
    let live = Live::start(settings, markets, traders, Vec::new(), options);
    live.quote(1, 99.0, 101.0);
    live.until_quoting(0, "the venue's first answer", |s| s.reconciled);
    (books, live)
}

fn add(live: &Live, name: &str, quantity: &str) {
    live.order(LiveCommand::AddPosition(name.to_owned(), decimal(quantity)));
}

fn reasons(outcome: &Ran) -> Vec<(OrderStatus, &'static str)> {
    let orders = outcome.records.orders.iter();
    orders.map(|order| (order.status, order.reason)).collect()
}

#[test]
fn a_position_that_nobody_can_explain_halts_its_pair_until_a_person_lets_it_go_on() {
    let (books, live) = odd(UnknownOrders::Cancel);
    add(&live, "a", "1");
    live.until_quoting(0, "the purchase", |s| s.traders[0].position == 1.0);
    books.lock().positions[0] += 5;
    live.until_quoting(0, "the halt", |s| {
        s.halted.iter().any(|pair| &**pair == "A/USD")
    });
    let status = live.run.status().unwrap();
    assert_eq!(status.halted.len(), 1);
    assert!(status.reconciled && status.connected);
    // Nothing is added to it, a person gets out of it, and the other pair goes on.
    add(&live, "a", "1");
    add(&live, "b", "1");
    live.until_quoting(0, "the other purchase", |s| s.traders[1].position == 1.0);
    live.order(LiveCommand::ForceExit("a".to_owned()));
    live.until_quoting(0, "the exit", |s| s.traders[0].position == 0.0);
    books.lock().positions[0] -= 5;
    let name = "A/USD".to_owned();
    let by = "ada".to_owned();
    live.order(LiveCommand::Enable { name, by });
    add(&live, "a", "1");
    live.until_quoting(0, "the last purchase", |s| s.traders[0].position == 1.0);
    assert!(live.run.status().unwrap().halted.is_empty());
    let outcome = live.run.stop().unwrap();
    let found = &outcome.records.differences;
    assert_eq!(
        (found.len(), found[0].kind, found[0].market),
        (1, "position", Some(0))
    );
    let changes = outcome.records.risk_changes.iter();
    let kinds: Vec<_> = changes.map(|c| (c.kind, c.by.as_str())).collect();
    assert_eq!(kinds[..2], [("halt", "reconciliation"), ("enable", "ada")]);
    let refused: Vec<_> = outcome
        .records
        .refusals
        .iter()
        .map(|r| (r.trader, r.check))
        .collect();
    assert_eq!(refused, [(0, "halted")]);
    assert_eq!(outcome.reserved, 0);
}

#[test]
fn an_order_of_which_nobody_knows_works_until_the_venue_tells() {
    let (books, live) = odd(UnknownOrders::Cancel);
    books.lock().silent = true;
    add(&live, "a", "1");
    let asked = books.lock().questions;
    live.until_quoting(0, "answers", |_| {
        let books = books.lock();
        books.questions > asked + 3 && books.open.len() == 1
    });
    assert_eq!(live.run.status().unwrap().working_orders, 1);
    // It was filled, and the venue says so when it is asked.
    {
        let mut books = books.lock();
        let open = books.open.remove(0);
        books.positions[0] += open.lots;
        books.executions.push(Execution {
            order: open.order.unwrap(),
            trader: 0,
            ts: 1,
            outcome: Outcome::Settled {
                price: 20_000,
                liquidity: Liquidity::Maker,
                lots: open.lots,
            },
        });
    }
    live.until_quoting(0, "the fill", |s| s.traders[0].position == 1.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.records.fills.len(), 1);
    assert_eq!(outcome.counters["reconcile_missed"], 1);
    assert!(outcome.records.differences.is_empty());
}

#[test]
fn a_request_that_never_left_ends_its_order_at_once() {
    let (books, live) = odd(UnknownOrders::Cancel);
    books.lock().down = true;
    add(&live, "a", "1");
    live.until("the end of the order", |s| {
        s.counts.orders == 1 && s.working_orders == 0
    });
    let outcome = live.run.stop().unwrap();
    assert_eq!(reasons(&outcome), [(OrderStatus::Cancelled, "not_sent")]);
    assert_eq!(outcome.reserved, 0);
}

/// An order that ended here and works at the venue, and one of somebody else.
fn unknown_and_foreign(books: &Mutex<Books>, live: &Live) {
    books.lock().down = true;
    add(live, "a", "1");
    live.until("the end of the order", |s| {
        s.counts.orders == 1 && s.working_orders == 0
    });
    let mut books = books.lock();
    books.down = false;
    books.open.extend([Some(1), None].map(|order| OpenOrder {
        order,
        market: 0,
        side: Side::Buy,
        lots: 100_000_000,
    }));
}

#[test]
fn an_unknown_order_is_cancelled_and_a_foreign_one_reported() {
    let (books, live) = odd(UnknownOrders::Cancel);
    unknown_and_foreign(&books, &live);
    live.until_quoting(0, "the cancellation", |_| {
        books.lock().cancelled.contains(&1)
    });
    let outcome = live.run.stop().unwrap();
    let found = outcome.records.differences.iter();
    let kinds: Vec<_> = found.map(|found| (found.kind, found.halts)).collect();
    assert_eq!(kinds, [("unknown_order", false), ("foreign_order", false)]);
    assert_eq!(books.lock().open.len(), 1, "the foreign one is left alone");
    assert_eq!(reasons(&outcome), [(OrderStatus::Cancelled, "not_sent")]);
}

#[test]
fn an_unknown_order_may_be_adopted_instead() {
    let (books, live) = odd(UnknownOrders::Adopt);
    unknown_and_foreign(&books, &live);
    live.until_quoting(0, "the adoption", |s| s.working_orders == 1);
    assert!(books.lock().cancelled.is_empty());
    live.order(LiveCommand::Kill);
    live.until_quoting(0, "the end of it", |s| s.working_orders == 0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(outcome.counters["reconcile_adopted"], 1);
    assert_eq!(reasons(&outcome), [(OrderStatus::Cancelled, "command")]);
    assert_eq!(outcome.reserved, 0);
}

#[test]
fn a_lost_connection_takes_all_orders_back_and_stops_trading_until_both_agree() {
    let (books, live) = odd(UnknownOrders::Cancel);
    books.lock().silent = true;
    add(&live, "a", "1");
    // It counts as working before it is at the venue, which must take it while it is silent.
    live.until_quoting(0, "the order at the venue", |s| {
        s.working_orders == 1 && books.lock().open.len() == 1
    });
    books.lock().silent = false;
    let says = books.lock().says.clone().unwrap();
    let say = |up| says.send(Report::Connected(up)).unwrap();
    say(false);
    live.until_quoting(0, "the loss", |s| !s.connected && !s.reconciled);
    live.until_quoting(0, "the cancellation", |s| s.working_orders == 0);
    add(&live, "b", "1");
    live.until_quoting(0, "the refusal", |s| s.counts.refusals == 1);
    say(true);
    live.until_quoting(0, "agreement", |s| s.connected && s.reconciled);
    add(&live, "b", "1");
    live.until_quoting(1, "the purchase", |s| s.traders[1].position == 1.0);
    let outcome = live.run.stop().unwrap();
    assert_eq!(
        reasons(&outcome),
        [
            (OrderStatus::Cancelled, "disconnected"),
            (OrderStatus::Refused, "not_reconciled"),
            (OrderStatus::Filled, ""),
        ]
    );
    assert_eq!(outcome.reserved, 0);
}
