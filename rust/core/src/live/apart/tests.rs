use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::{Liquidity, Rate, Side};
use crate::market::{Candle, EventKind, MarketEvent, PriceScale, Quote, Trade};
use crate::order::{Order, OrderKind};
use crate::venue::{BookConfig, Execution, FillModel, Outcome, VenueConfig};
use crate::wire::frame::Frames;

use super::message::{Hello, ToBroker, ToEngine, VERSION};
use super::session::{Bad, Session};

fn order(id: u64, kind: OrderKind) -> Order {
    Order {
        trader: 3,
        kind,
        reserved: 7,
        decided: 11,
        ..Order::for_test(id)
    }
}

fn settings() -> VenueConfig {
    VenueConfig {
        fill: FillModel::NextOpen,
        slippage: Rate::ZERO,
        latency: 0,
    }
}

fn market(kind: EventKind) -> (String, BookConfig) {
    let scale = PriceScale {
        digits: 2,
        exact: true,
    };
    let book = BookConfig {
        scale,
        grid: 1,
        kinds: vec![kind],
    };
    ("A/USD".to_owned(), book)
}

fn quote(ts: i64, bid: f64, ask: f64) -> MarketEvent {
    MarketEvent::Quote(Quote {
        ts,
        bid,
        ask,
        bid_size: 1.0,
        ask_size: f64::NAN,
    })
}

fn hello() -> ToBroker {
    ToBroker::Hello(Hello {
        version: VERSION,
        pid: 1,
        journal: None,
        recorded: true,
    })
}

fn markets(kind: EventKind) -> ToBroker {
    ToBroker::Markets {
        settings: Some(settings()),
        markets: vec![market(kind)],
    }
}

/// What a session answers to messages that travel as bytes.
fn said(session: &mut Session, messages: &[ToBroker]) -> Result<Vec<ToEngine>, Bad> {
    let mut frames = Frames::default();
    for message in messages {
        let mut bytes = Vec::new();
        let read = ToBroker::read(&message.bytes()).unwrap();
        let came = session.answer(read, std::path::Path::new("/nowhere"), &mut bytes);
        frames.push(&bytes);
        came?;
    }
    let mut heard = Vec::new();
    while let Some(message) = frames.next().unwrap() {
        heard.push(ToEngine::read(message).unwrap());
    }
    Ok(heard)
}

fn open(kind: EventKind) -> Session {
    let mut session = Session::default();
    let heard = said(&mut session, &[hello(), markets(kind)]).unwrap();
    let none = ToEngine::Left {
        last: true,
        orders: Vec::new(),
    };
    assert_eq!(heard, [ToEngine::Welcome { version: VERSION }, none]);
    session
}

fn heard(executions: Vec<Execution>) -> ToEngine {
    ToEngine::Heard {
        last: true,
        next_wake: None,
        executions,
    }
}

#[test]
fn an_order_meets_the_market_there_and_is_told_of() {
    let mut session = open(EventKind::Quote);
    let events = |ts, bid, ask| ToBroker::Events {
        now: ts,
        last: true,
        arrivals: true,
        events: vec![(0, quote(ts, bid, ask))],
    };
    let messages = [
        events(11, 9.0, 10.0),
        ToBroker::Submit {
            order: order(1, OrderKind::Limit(950)),
            open: None,
        },
        ToBroker::Submit {
            order: order(2, OrderKind::Limit(100)),
            open: None,
        },
        ToBroker::Immediate(11),
        events(12, 9.0, 9.5),
        ToBroker::Cancel {
            market: 0,
            order: 2,
        },
        ToBroker::Cancel {
            market: 0,
            order: 1,
        },
    ];
    let filled = Execution {
        order: 1,
        trader: 3,
        ts: 12,
        outcome: Outcome::Filled {
            price: 1_900,
            liquidity: Liquidity::Maker,
        },
    };
    let wanted = [
        heard(Vec::new()),
        ToEngine::Taken(None),
        ToEngine::Taken(None),
        heard(Vec::new()),
        heard(vec![filled]),
        ToEngine::Back(Some(3)),
        ToEngine::Back(None),
    ];
    assert_eq!(said(&mut session, &messages).unwrap(), wanted);
    assert_eq!(session.accepted, 2);
}

#[test]
fn a_market_order_on_candles_fills_at_the_open_that_came_with_it() {
    let mut session = open(EventKind::Candle);
    let submit = ToBroker::Submit {
        order: order(1, OrderKind::Market),
        open: Some((20, 12.5)),
    };
    let heard_of = said(
        &mut session,
        &[submit, ToBroker::Opens(19), ToBroker::Opens(20)],
    );
    let heard_of = heard_of.unwrap();
    let waits = |executions| ToEngine::Heard {
        last: true,
        next_wake: Some(20),
        executions,
    };
    assert_eq!(heard_of[1], waits(Vec::new()));
    let ToEngine::Heard { executions, .. } = &heard_of[2] else {
        panic!("no phase");
    };
    assert_eq!(executions.len(), 1);
    let filled = Outcome::Filled {
        price: 2_500,
        liquidity: Liquidity::Taker,
    };
    assert_eq!((executions[0].ts, executions[0].outcome), (20, filled));
}

#[test]
fn what_comes_before_its_time_or_names_no_market_is_refused() {
    let submit = || ToBroker::Submit {
        order: order(1, OrderKind::Market),
        open: None,
    };
    let refused = |session: &mut Session, messages: &[ToBroker]| {
        matches!(said(session, messages), Err(Bad::Refused(_)))
    };
    assert!(refused(&mut Session::default(), &[submit()]));
    assert!(refused(
        &mut Session::default(),
        &[markets(EventKind::Quote)]
    ));
    assert!(refused(&mut Session::default(), &[hello(), hello()]));
    let mut session = open(EventKind::Quote);
    assert!(refused(&mut session, &[markets(EventKind::Quote)]));
    let mut strange = order(1, OrderKind::Market);
    strange.market = 1;
    let elsewhere = ToBroker::Submit {
        order: strange,
        open: None,
    };
    assert!(refused(&mut session, &[elsewhere]));
    let other = ToBroker::Hello(Hello {
        version: VERSION + 1,
        pid: 1,
        journal: None,
        recorded: true,
    });
    assert!(refused(&mut Session::default(), &[other]));
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let events = [
        quote(1, 2.0, 3.0),
        MarketEvent::Candle(Candle {
            open_ts: 1,
            close_ts: 2,
            open: 1.0,
            high: 2.0,
            low: 0.5,
            close: 1.5,
            volume: 4.0,
        }),
        MarketEvent::Trade(Trade {
            ts: 3,
            price: 2.0,
            quantity: 1.0,
            side: Some(Side::Sell),
        }),
    ];
    let whole: Arc<[ToBroker]> = Arc::from(vec![
        hello(),
        markets(EventKind::Candle),
        ToBroker::Submit {
            order: order(1, OrderKind::Limit(100)),
            open: None,
        },
        ToBroker::Restore {
            order: order(2, OrderKind::Market),
            newest: true,
            open: Some((5, 1.5)),
        },
        ToBroker::Cancel {
            market: 0,
            order: 1,
        },
        ToBroker::Events {
            now: 3,
            last: true,
            arrivals: true,
            events: events.map(|event| (0, event)).into(),
        },
        ToBroker::Immediate(4),
        ToBroker::Opens(5),
    ]);
    let changed = (
        0..whole.len(),
        any::<prop::sample::Index>(),
        any::<u8>(),
        any::<bool>(),
    );
    changed.prop_map(move |(message, at, byte, cut)| {
        let mut bytes = whole[message].bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        if cut {
            bytes.truncate(at);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange_for_the_process(
        messages in proptest::collection::vec(any_message(), 0..12),
        greeted in any::<bool>(),
    ) {
        let mut session = if greeted { open(EventKind::Candle) } else { Session::default() };
        for bytes in messages {
            let Ok(message) = ToBroker::read(&bytes) else { continue };
            // Of a run with a journal books would be opened.
            if matches!(&message, ToBroker::Hello(hello) if hello.journal.is_some()) {
                continue;
            }
            let mut answers = Vec::new();
            let _ = session.answer(message, std::path::Path::new("/nowhere"), &mut answers);
        }
    }

    #[test]
    fn no_bytes_are_too_strange_for_the_engine(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = ToEngine::read(&bytes);
    }
}
