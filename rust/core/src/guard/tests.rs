//! The protocol, and that the process comes to the same words as the engine's gate.

use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::message::{Question, ToEngine, ToProcess, VERSION};
use super::mirror::Mirror;
use super::state::{read_state, write_state};
use crate::commit::{Act, Author, Command, OnError, RiskChange, TraderInfo, Writer};
use crate::domain::{
    Amount, FeeRates, Instrument, InstrumentSpec, Liquidity, Money, Nanos, Rate, Side,
};
use crate::order::Order;
use crate::portfolio::Portfolio;
use crate::risk::{
    ByPair, LimitSpec, Margin, Note, Pace, Pairs, RiskGate, RiskSpec, Roster, Tape, check,
};
use crate::signal::{Intent, OrderRequest, TimeInForce};
use crate::strategy::Hooks;
use crate::venue::{Execution, Outcome};

const SECOND: Nanos = 1_000_000_000;
const UNIT: Money = 1_000_000_000_000_000_000;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Limits of every kind, some of which are met now and then.
fn limits() -> RiskSpec {
    let pace = |count| Pace {
        count,
        nanos: 3 * SECOND,
    };
    RiskSpec {
        account: LimitSpec {
            max_order_quantity: ByPair::All(decimal("40")),
            max_order_notional: ByPair::All(decimal("5000")),
            price_collar: ByPair::All(decimal("0.2")),
            max_position: ByPair::All(decimal("60")),
            max_gross_exposure: Some(decimal("9000")),
            max_net_exposure: Some(decimal("8000")),
            max_order_rate: ByPair::All(pace(4)),
            max_repeats: Some(pace(3)),
            duplicate_window: Some(SECOND),
            prevent_self_trade: true,
            max_daily_loss: Some(decimal("500")),
            max_drawdown: Some(decimal("0.3")),
            max_data_age: ByPair::All(9 * SECOND),
            refuse_crossed_quotes: true,
            max_price_gap: ByPair::All(decimal("0.5")),
            restricted: Pairs::These(vec!["X/Y".to_owned()]),
            ..LimitSpec::default()
        },
        traders: vec![(
            "cross".to_owned(),
            LimitSpec {
                max_position: ByPair::All(decimal("30")),
                max_order_rate: ByPair::All(pace(3)),
                ..LimitSpec::default()
            },
        )],
    }
}

/// The same order once a second.
fn at_most_once() -> RiskSpec {
    RiskSpec {
        account: LimitSpec {
            max_repeats: Some(Pace {
                count: 1,
                nanos: SECOND,
            }),
            ..LimitSpec::default()
        },
        traders: Vec::new(),
    }
}

/// Two markets, three traders, and what changes written down.
struct Desk {
    writer: Writer,
    tape: Arc<Mutex<Tape>>,
    now: Nanos,
    working: Vec<Order>,
    out: Vec<Command>,
}

impl Desk {
    fn new(spot: bool, spec: Option<&RiskSpec>) -> Self {
        let rules = InstrumentSpec {
            lot: Some(Decimal::ONE),
            ..InstrumentSpec::default()
        };
        let fees = FeeRates {
            maker: Rate::ZERO,
            taker: Rate::from_decimal(decimal("0.001")),
        };
        let instrument = Instrument::new(2, &rules, fees).unwrap();
        let account = Portfolio::new(spot, 10_000 * UNIT, vec![instrument; 2], 3);
        let trader = |name: &str, label: &str, market| (name.to_owned(), label.to_owned(), market);
        let roster = Roster {
            pairs: vec![("A/USD".to_owned(), true), ("B/USD".to_owned(), false)],
            traders: vec![
                trader("a", "cross", 0),
                trader("b", "other", 0),
                trader("c", "cross", 1),
            ],
        };
        let leverage = Rate::from_decimal(Decimal::from(5));
        let mut gate = RiskGate::new(Margin { leverage }, roster);
        gate.set_limits(spec, &account).unwrap();
        let info = |market| TraderInfo {
            market,
            size: None,
            hooks: Hooks::NONE,
        };
        let infos = vec![info(0), info(0), info(1)];
        let mut writer = Writer::new(account, gate, infos, OnError::Keep);
        writer.confirm_cancels = true;
        let tape = Arc::new(Mutex::new(Tape::default()));
        writer.tape = Some(Arc::clone(&tape));
        let mut desk = Self {
            writer,
            tape,
            now: SECOND,
            working: Vec::new(),
            out: Vec::new(),
        };
        desk.price(0, 10_000, 0);
        desk.price(1, 5_000, 1);
        desk
    }

    fn price(&mut self, market: u32, mark: i64, spread: i64) {
        let ask = (spread > 0).then_some(mark + spread);
        self.writer.see(market, self.now, mark, ask);
    }

    fn state(&mut self) -> Vec<u8> {
        let killed = self.writer.killed;
        let (account, gate) = self.writer.standing();
        write_state(account, gate, killed)
    }

    fn act(&mut self, trader: u32, intent: Intent) -> Vec<Question> {
        let act = Act {
            trader,
            author: Author::Strategy,
            intents: vec![intent],
            failure: None,
        };
        self.writer.commit(self.now, &mut vec![act], &mut self.out);
        let sent = self.out.drain(..).filter_map(|command| match command {
            Command::Submit(approved) => Some(Question {
                order: approved.get().clone(),
                asked: approved.asked(),
            }),
            Command::Cancel { .. } => None,
        });
        let sent: Vec<Question> = sent.collect();
        self.working
            .extend(sent.iter().map(|question| question.order.clone()));
        sent
    }

    fn order(&mut self, trader: u32, lots: i64, limit: Option<i64>) -> Vec<Question> {
        self.act(
            trader,
            Intent::Order(OrderRequest {
                client_id: u64::from(trader) << 32 | self.now.cast_unsigned(),
                side: Side::of(lots),
                quantity: Amount::Exact(lots.abs().into()),
                limit: limit.map(|units| Amount::Exact(Decimal::new(units, 2))),
                reduce_only: false,
                tif: TimeInForce::default(),
                tag: None,
            }),
        )
    }

    /// The end of the order that has worked longest, of those `pick` comes to. A venue may say how much was filled.
    fn end(&mut self, pick: usize, filled: bool) {
        if self.working.is_empty() {
            return;
        }
        let order = self.working.remove(pick % self.working.len());
        let mark = self.writer.account.market(order.market).mark.unwrap();
        let outcome = match (filled, pick % 3) {
            (true, 0) => Outcome::Settled {
                price: mark,
                liquidity: Liquidity::Maker,
                lots: order.lots - i64::from(order.lots > 1),
            },
            (true, _) => Outcome::Filled {
                price: mark,
                liquidity: Liquidity::Taker,
            },
            (false, _) => Outcome::Cancelled,
        };
        self.writer.on_execution(&Execution {
            order: order.id,
            trader: order.trader,
            ts: self.now,
            outcome,
        });
    }
}

/// What may happen at a desk.
#[derive(Clone, Debug)]
enum Deed {
    Price(u32, i64, i64),
    Order(u32, i64, Option<i64>),
    End(usize, bool),
    Cancel(u32),
    Step(Nanos),
    Enable(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => (0_u32..2, 4_000_i64..12_000, -5_i64..30).prop_map(|(m, p, s)| Deed::Price(m, p, s)),
        4 => (0_u32..3, -45_i64..45, proptest::option::of(1_800_i64..6_000))
            .prop_filter("an order has a quantity", |order| order.1 != 0)
            .prop_map(|(t, lots, limit)| Deed::Order(t, lots, limit)),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(pick, filled)| Deed::End(pick, filled)),
        1 => (0_u32..3).prop_map(Deed::Cancel),
        2 => (1_i64..40_000).prop_map(|ms| Deed::Step(ms * 1_000_000)),
        1 => (0_u32..3).prop_map(Deed::Enable),
    ]
}

proptest! {
    /// The engine's gate and the process's are told the same; so they say the same, and believe the same at the end.
    #[test]
    fn the_process_says_yes_to_what_the_gate_approved(
        deeds in proptest::collection::vec(deed(), 1..120), spot in any::<bool>(), begin in 0_usize..40,
    ) {
        let spec = limits();
        let mut desk = Desk::new(spot, Some(&spec));
        let mut mirror: Option<Mirror> = None;
        for (number, deed) in deeds.into_iter().enumerate() {
            if number == begin {
                let state = desk.state();
                let (made, digest) = Mirror::new(&state, None, None).unwrap();
                let seen = blake3::hash(&state);
                prop_assert_eq!(&digest, seen.as_bytes());
                desk.tape.lock().begin();
                mirror = Some(made);
            }
            let mut asked = Vec::new();
            match deed {
                Deed::Price(market, mark, spread) => desk.price(market, mark, spread),
                Deed::Order(trader, lots, limit) => asked = desk.order(trader, lots, limit),
                Deed::End(pick, filled) => desk.end(pick, filled),
                Deed::Cancel(trader) => asked = desk.act(trader, Intent::Cancel(None)),
                Deed::Step(nanos) => {
                    desk.now += nanos;
                    let now = desk.now;
                    desk.writer.snapshot(now);
                }
                Deed::Enable(trader) => {
                    let change = RiskChange { ts: 0, by: String::new(), kind: "enable", what: String::new() };
                    desk.writer.enable(trader, change);
                }
            }
            if let Some(mirror) = &mut mirror {
                let notes = desk.tape.lock().take();
                for note in notes {
                    mirror.tell(note).unwrap();
                }
                for question in asked {
                    let said = mirror.judge(&question, false).unwrap();
                    prop_assert_eq!(said, Ok(()), "{:?}", question);
                }
            }
        }
        if let Some(mirror) = &mirror {
            let engine = read_state(&desk.state()).unwrap();
            prop_assert_eq!(mirror.account.standing(), engine.account.standing());
            prop_assert_eq!(mirror.account.equity(), engine.account.equity());
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = ToProcess::read(&bytes);
        let _ = ToEngine::read(&bytes);
        let _ = read_state(&bytes);
    }

    /// An account with some bytes changed is refused, or is one that can be lived with.
    #[test]
    fn no_account_is_too_strange(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        notes in proptest::collection::vec(note(), 0..30), lots in 1_i64..i64::MAX, cut in any::<bool>(),
    ) {
        let mut desk = Desk::new(false, Some(&limits()));
        let asked = desk.order(0, 20, Some(5_000));
        desk.order(2, -10, None);
        desk.end(1, true);
        let mut state = desk.state();
        for (place, byte) in changes {
            let place = place.index(state.len());
            state[place] = byte;
        }
        if cut {
            state.pop();
        }
        if let Ok((mut mirror, _)) = Mirror::new(&state, Some(&limits()), None) {
            for note in notes {
                let _ = mirror.tell(note);
            }
            let order = Order { id: 77, lots, ..asked[0].order.clone() };
            let question = ToProcess::Ask { number: 1, orders: vec![Question { order, asked: lots }] };
            if let Ok(ToProcess::Ask { orders, .. }) = ToProcess::read(&question.bytes()) {
                let _ = mirror.judge(&orders[0], false);
            }
        }
    }

    #[test]
    fn what_is_said_is_heard(notes in proptest::collection::vec(note(), 0..40), why in any::<String>()) {
        let mut desk = Desk::new(false, None);
        let orders = desk.order(0, 20, Some(5_000));
        for said in [
            ToProcess::Hello { version: VERSION, pid: 9 },
            ToProcess::Part { last: true, bytes: vec![1, 2, 3] },
            ToProcess::Notes(notes),
            ToProcess::Ask { number: 5, orders },
        ] {
            prop_assert_eq!(ToProcess::read(&said.bytes()), Ok(said));
        }
        for said in [
            ToEngine::Welcome { version: VERSION },
            ToEngine::Confirm([7; 32]),
            ToEngine::Answer { number: 5, refused: vec![None, Some(check::CASH.to_owned())] },
            ToEngine::Killed,
            ToEngine::Sorry(why),
        ] {
            prop_assert_eq!(ToEngine::read(&said.bytes()), Ok(said));
        }
    }
}

fn note() -> impl Strategy<Value = Note> {
    let price = -(i64::MAX / 8)..=i64::MAX / 8;
    prop_oneof![
        (
            0_u32..3,
            any::<Nanos>(),
            price.clone(),
            proptest::option::of(price.clone())
        )
            .prop_map(|(market, ts, mark, ask)| Note::Seen {
                market,
                ts,
                mark,
                ask
            }),
        any::<Nanos>().prop_map(|ts| Note::Step { ts }),
        (0_u32..4, 0_u64..5).prop_map(|(trader, order)| Note::Leaving { trader, order }),
        (0_u32..4, 0_u64..5).prop_map(|(trader, order)| Note::Ended { trader, order }),
        (0_u32..4, 0_u64..5).prop_map(|(trader, order)| Note::Unsent { trader, order }),
        (0_u32..4, 0_u64..5, any::<Nanos>(), price.clone()).prop_map(
            |(trader, order, ts, price)| {
                let liquidity = Liquidity::Maker;
                Note::Filled {
                    trader,
                    order,
                    ts,
                    price,
                    liquidity,
                }
            }
        ),
        (0_u32..4, 0_u64..5, any::<Nanos>(), price.clone(), 0_i64..9).prop_map(
            |(trader, order, ts, price, lots)| {
                let liquidity = Liquidity::Taker;
                Note::Settled {
                    trader,
                    order,
                    ts,
                    price,
                    lots,
                    liquidity,
                }
            }
        ),
        (0_u32..4, any::<Nanos>(), price).prop_map(|(trader, ts, price)| Note::Liquidated {
            trader,
            ts,
            price
        }),
        (0_u32..4).prop_map(|trader| Note::Enabled { trader }),
        any::<bool>().prop_map(|set| Note::Killed { set }),
    ]
}

fn mirror_of(desk: &mut Desk, own: Option<&RiskSpec>) -> Mirror {
    let state = desk.state();
    desk.tape.lock().begin();
    Mirror::new(&state, own, None).unwrap().0
}

#[test]
fn limits_of_its_own_take_the_place_of_the_engines() {
    let mut desk = Desk::new(false, Some(&limits()));
    let tight = RiskSpec {
        account: LimitSpec {
            max_order_quantity: ByPair::All(decimal("5")),
            ..LimitSpec::default()
        },
        traders: Vec::new(),
    };
    let mut mirror = mirror_of(&mut desk, Some(&tight));
    for (lots, said) in [(4, None), (5, None), (6, Some(check::ORDER_QUANTITY))] {
        desk.now += 10 * SECOND;
        desk.price(0, 10_000, 0);
        let asked = desk.order(0, lots, None);
        for note in desk.tape.lock().take() {
            mirror.tell(note).unwrap();
        }
        let word = mirror.judge(&asked[0], false).unwrap();
        assert_eq!(word.err().map(|refused| refused.check), said);
        desk.end(0, true);
        let notes = desk.tape.lock().take();
        if said.is_none() {
            notes
                .into_iter()
                .for_each(|note| mirror.tell(note).unwrap());
        }
    }
}

#[test]
fn its_own_limits_remember_when_the_account_is_told_anew_until_time_goes_back() {
    let mut desk = Desk::new(false, None);
    let once = at_most_once();
    let mut mirror = mirror_of(&mut desk, Some(&once));
    mirror.tell(Note::Step { ts: SECOND }).unwrap();
    for (step, said) in [
        (SECOND, None),
        (SECOND, Some(check::REPEATED_EXECUTION)),
        (0, None),
    ] {
        desk.now += 1;
        let asked = desk.order(0, 4, None);
        mirror = Mirror::new(&desk.state(), Some(&once), Some(&mirror))
            .unwrap()
            .0;
        // It has to be asked about before the account has it.
        let (trader, order) = (0, asked[0].order.id);
        mirror.tell(Note::Ended { trader, order }).unwrap();
        mirror.tell(Note::Step { ts: step }).unwrap();
        let word = mirror.judge(&asked[0], false).unwrap();
        assert_eq!(word.err().map(|refused| refused.check), said);
    }
}

#[test]
fn what_repeats_a_refused_order_is_judged_without_it() {
    let mut desk = Desk::new(false, None);
    let mut mirror = mirror_of(&mut desk, None);
    let asked = desk.order(0, 20, Some(5_000));
    assert_eq!(
        mirror.judge(&asked[0], true).unwrap().unwrap_err().check,
        check::KILLED,
        "its kill switch lets nothing pass"
    );
    assert_eq!(mirror.account.standing().holdings[0].working, []);
    // The engine ends it, which changes nothing here.
    desk.end(0, false);
    for note in desk.tape.lock().take() {
        mirror.tell(note).unwrap();
    }
    let asked = desk.order(0, 20, Some(5_000));
    assert_eq!(mirror.judge(&asked[0], false).unwrap(), Ok(()));
}

#[test]
fn what_cannot_be_is_told_apart() {
    let mut desk = Desk::new(false, None);
    let mut mirror = mirror_of(&mut desk, None);
    let asked = desk.order(0, 20, Some(5_000));
    let elsewhere = Question {
        order: Order {
            market: 1,
            ..asked[0].order.clone()
        },
        asked: 20,
    };
    assert!(mirror.judge(&elsewhere, false).is_err());
    assert_eq!(mirror.judge(&asked[0], false).unwrap(), Ok(()));
    assert!(mirror.judge(&asked[0], false).is_err(), "it works already");
    let strange = [
        Note::Seen {
            market: 2,
            ts: 0,
            mark: 1,
            ask: None,
        },
        Note::Ended {
            trader: 3,
            order: 1,
        },
        Note::Filled {
            trader: 0,
            order: 9,
            ts: 0,
            price: 1,
            liquidity: Liquidity::Maker,
        },
    ];
    for note in strange {
        assert!(mirror.tell(note).is_err(), "{note:?}");
    }
}

#[test]
fn what_it_gave_its_word_for_and_never_left_is_no_repetition() {
    for (outcome, said) in [
        (Outcome::Vetoed(check::KILLED), None),
        (Outcome::Missed, Some(check::REPEATED_EXECUTION)),
    ] {
        let mut desk = Desk::new(false, None);
        let once = at_most_once();
        let mut mirror = mirror_of(&mut desk, Some(&once));
        let asked = desk.order(0, 20, Some(5_000));
        assert_eq!(mirror.judge(&asked[0], false).unwrap(), Ok(()));
        desk.writer.on_execution(&Execution {
            order: asked[0].order.id,
            trader: 0,
            ts: desk.now,
            outcome,
        });
        for note in desk.tape.lock().take() {
            mirror.tell(note).unwrap();
        }
        let asked = desk.order(0, 20, Some(5_000));
        let word = mirror.judge(&asked[0], false).unwrap();
        assert_eq!(word.err().map(|refused| refused.check), said);
    }
}
