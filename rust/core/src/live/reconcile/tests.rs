//! The state machine of reconciliation, answer by answer.

use crate::domain::{Liquidity, Lots, Nanos, Side};
use crate::limits::{ANSWER_PATIENCE, REQUEST_LIFETIME};
use crate::live::broker::{OpenOrder, Standing};
use crate::order::OrderId;
use crate::venue::{Execution, Outcome};

use super::book::Book;
use super::difference::{Compared, Held, Said};
use super::{ReconcileSpec, UnknownOrders};

const SECOND: Nanos = 1_000_000_000;

fn book() -> Book {
    Book::new(ReconcileSpec::default())
}

fn held(position: Lots, cash: i128) -> Held {
    Held {
        positions: vec![position, 0],
        cash,
    }
}

fn filled(order: OrderId) -> Execution {
    Execution {
        order,
        trader: 0,
        ts: 7,
        outcome: Outcome::Settled {
            price: 200,
            liquidity: Liquidity::Taker,
            lots: 5,
        },
    }
}

fn open(order: Option<OrderId>) -> OpenOrder {
    OpenOrder {
        order,
        market: 0,
        side: Side::Buy,
        lots: 5,
    }
}

/// Asks at this time.
fn ask(book: &mut Book, now: Nanos) -> u64 {
    book.now = now;
    book.question().expect("a question is due").number
}

/// The venue's answer as of the time of the question: what works, and what became of orders since.
fn answer(question: u64, as_of: Nanos) -> Standing {
    Standing {
        question,
        as_of,
        upto: 0,
        open: Vec::new(),
        executions: Vec::new(),
        positions: vec![0, 0],
        cash: 100,
    }
}

fn answered(book: &mut Book, standing: Standing) -> Vec<Execution> {
    let mut out = Vec::new();
    book.answered(standing, &mut out);
    out
}

fn compared(book: &mut Book, held: &Held) -> Compared {
    book.compare(held, |_| Some(0))
        .expect("an answer to compare")
}

#[test]
fn nothing_is_agreed_before_the_venue_has_answered() {
    let mut book = book();
    assert!(!book.agreed);
    let question = ask(&mut book, 0);
    assert!(book.compare(&held(0, 100), |_| None).is_none());
    assert!(answered(&mut book, answer(question, 0)).is_empty());
    assert_eq!(compared(&mut book, &held(0, 100)), Compared::default());
    assert!(book.agreed && book.connected);
    // The next one is due after the interval, and no step is made for it.
    assert!(book.question().is_none() && book.due().is_none());
    ask(&mut book, ReconcileSpec::default().interval);
}

#[test]
fn a_request_that_never_left_ends_its_order() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let not_sent = Execution {
        outcome: Outcome::NotSent,
        ..filled(1)
    };
    assert_eq!(book.told(None, not_sent), Some(not_sent));
    assert_eq!(book.resting(), 0);
}

#[test]
fn an_order_that_nobody_knows_of_works_until_the_venue_tells() {
    let mut book = book();
    let first = ask(&mut book, 0);
    answered(&mut book, answer(first, 0));
    compared(&mut book, &held(0, 100));
    book.sent(1, (0, 0), 0);
    book.doubt(1);
    assert!(book.is_urgent() && book.due() == Some(0));
    // It works there.
    let question = ask(&mut book, 0);
    let works = Standing {
        open: vec![open(Some(1))],
        ..answer(question, SECOND)
    };
    assert!(answered(&mut book, works).is_empty());
    assert_eq!(compared(&mut book, &held(0, 100)), Compared::default());
    assert_eq!(book.resting(), 1);
    assert!(!book.open[&1].doubted && book.due().is_none());
}

#[test]
fn that_there_is_none_counts_only_when_nothing_can_still_arrive() {
    for (as_of, ends) in [
        (REQUEST_LIFETIME - 1, false),
        (REQUEST_LIFETIME, false),
        (REQUEST_LIFETIME + 1, true),
    ] {
        let mut book = book();
        book.sent(1, (3, 0), 0);
        book.doubt(1);
        let question = ask(&mut book, as_of);
        let out = answered(&mut book, answer(question, as_of));
        assert_eq!(compared(&mut book, &held(0, 100)), Compared::default());
        if ends {
            let lost = Execution {
                order: 1,
                trader: 3,
                ts: as_of,
                outcome: Outcome::Lost,
            };
            assert_eq!((out, book.resting()), (vec![lost], 0));
        } else {
            assert_eq!((out.len(), book.resting()), (0, 1));
            // It is asked again as soon as the answer will count.
            assert_eq!(book.due(), Some(REQUEST_LIFETIME + 1));
        }
    }
}

#[test]
fn an_order_that_the_venue_had_taken_and_has_no_more_halts_its_pair() {
    let mut book = book();
    book.sent(1, (0, 1), 0);
    let now = REQUEST_LIFETIME + 1;
    let question = ask(&mut book, now);
    let out = answered(&mut book, answer(question, now));
    assert_eq!(out[0].outcome, Outcome::Lost);
    let said = Said::Vanished {
        market: 1,
        order: 1,
    };
    assert_eq!(compared(&mut book, &held(0, 100)).news, [said]);
    assert!(said.halts() && said.market() == Some(1));
}

#[test]
fn a_fill_that_was_missed_is_applied_once() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let question = ask(&mut book, 10);
    let missed = Standing {
        upto: 1,
        executions: vec![(1, filled(1))],
        positions: vec![5, 0],
        cash: 90,
        ..answer(question, 10)
    };
    assert_eq!(answered(&mut book, missed), [filled(1)]);
    // The report that was late comes after all, twice.
    assert_eq!([(); 2].map(|()| book.told(Some(1), filled(1))), [None; 2]);
    assert_eq!(compared(&mut book, &held(5, 90)), Compared::default());
    assert_eq!((book.counts.missed, book.counts.told_again), (1, 2));
}

#[test]
fn an_answer_that_is_older_than_what_is_known_is_not_compared() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let question = ask(&mut book, 10);
    assert_eq!(book.told(Some(1), filled(1)), Some(filled(1)));
    assert!(answered(&mut book, answer(question, 9)).is_empty());
    assert!(book.compare(&held(5, 90), |_| None).is_none());
    assert_eq!(book.due(), Some(11));
    assert!(!book.agreed);
}

#[test]
fn nor_is_one_behind_which_something_came_in_the_same_step() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let question = ask(&mut book, 10);
    let works = Standing {
        open: vec![open(Some(1))],
        ..answer(question, 9)
    };
    assert!(answered(&mut book, works).is_empty());
    assert_eq!(book.told(Some(1), filled(1)), Some(filled(1)));
    assert!(book.compare(&held(5, 90), |_| None).is_none());
    assert_eq!(book.due(), Some(11));
}

#[test]
fn only_the_answer_to_the_newest_question_is_compared_but_all_of_them_tell() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let first = ask(&mut book, 0);
    assert_eq!(book.due(), Some(ANSWER_PATIENCE));
    let second = ask(&mut book, ANSWER_PATIENCE);
    assert_ne!(first, second);
    let late = Standing {
        upto: 1,
        executions: vec![(1, filled(1))],
        ..answer(first, 0)
    };
    assert_eq!(answered(&mut book, late), [filled(1)]);
    assert!(book.compare(&held(5, 90), |_| None).is_none());
}

#[test]
fn a_fill_of_an_order_that_had_ended_here_halts_its_pair() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    let lost = Execution {
        outcome: Outcome::Lost,
        ..filled(1)
    };
    assert_eq!(book.told(None, lost), Some(lost));
    assert_eq!(book.told(Some(1), filled(1)), None);
    let question = ask(&mut book, 1);
    let standing = Standing {
        upto: 1,
        positions: vec![5, 0],
        ..answer(question, 1)
    };
    answered(&mut book, standing);
    let news = compared(&mut book, &held(0, 100)).news;
    let position = Said::Position {
        market: 0,
        here: 0,
        there: 5,
    };
    let late = Said::LateFill {
        market: Some(0),
        order: 1,
    };
    assert_eq!(news, [late, position]);
    assert!(news.iter().all(|said| said.halts()));
}

#[test]
fn a_difference_is_news_once_and_again_when_a_person_lets_the_pair_go_on() {
    let mut book = book();
    let look = |book: &mut Book, now| {
        let question = ask(book, now);
        answered(book, answer(question, now));
        compared(book, &held(3, 100)).news.len()
    };
    let interval = ReconcileSpec::default().interval;
    assert_eq!(look(&mut book, 0), 1);
    assert_eq!(look(&mut book, interval), 0);
    book.forget(1);
    assert_eq!(look(&mut book, interval), 0);
    book.forget(0);
    assert_eq!(look(&mut book, interval), 1);
}

#[test]
fn cash_alone_halts_everything() {
    let mut book = book();
    let question = ask(&mut book, 0);
    answered(&mut book, answer(question, 0));
    let news = compared(&mut book, &held(0, 101)).news;
    assert_eq!(news, [Said::Cash { more: -1 }]);
    assert!(news[0].halts() && news[0].market().is_none());
}

#[test]
fn cash_that_a_person_has_seen_is_news_when_it_changes() {
    let mut book = book();
    let look = |book: &mut Book, minute: i64, positions: (i64, i64), cash: i128| {
        let question = ask(book, minute * 60 * SECOND);
        let standing = Standing {
            positions: vec![positions.1, 0],
            ..answer(question, minute * 60 * SECOND)
        };
        answered(book, standing);
        compared(book, &held(positions.0, cash)).news
    };
    assert_eq!(look(&mut book, 0, (0, 0), 101), [Said::Cash { more: -1 }]);
    // One pair after the other is let go on.
    for market in [0, 1] {
        book.forget(market);
        assert_eq!(look(&mut book, 1 + i64::from(market), (0, 0), 101), []);
    }
    assert_eq!(look(&mut book, 3, (0, 0), 102), [Said::Cash { more: -2 }]);
    // A position that differed is traded away at the venue, at a price that nobody here knows.
    assert_eq!(look(&mut book, 4, (0, 5), 98).len(), 1);
    assert_eq!(look(&mut book, 5, (0, 0), 99), []);
    assert_eq!(look(&mut book, 6, (0, 0), 99), []);
}

#[test]
fn an_order_that_waits_for_the_journal_is_not_missed_at_the_venue() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    book.waits(1);
    let late = REQUEST_LIFETIME + SECOND;
    let question = ask(&mut book, late);
    // It leaves behind the question.
    book.departures()
        .store(1, std::sync::atomic::Ordering::Release);
    assert!(answered(&mut book, answer(question, late)).is_empty());
    let later = 2 * late + SECOND;
    let question = ask(&mut book, later);
    let ended = answered(&mut book, answer(question, later));
    assert_eq!(ended[0].outcome, Outcome::Lost);
}

#[test]
fn orders_that_only_the_venue_has_are_told_apart() {
    for policy in [UnknownOrders::Cancel, UnknownOrders::Adopt] {
        let mut book = Book::new(ReconcileSpec {
            unknown_orders: policy,
            ..ReconcileSpec::default()
        });
        let question = ask(&mut book, 0);
        let standing = Standing {
            open: vec![open(Some(9)), open(None)],
            ..answer(question, 0)
        };
        answered(&mut book, standing);
        let compared = compared(&mut book, &held(0, 100));
        assert_eq!(compared.unknown, [(0, 9)]);
        let [ours, foreign] = compared.news[..] else {
            panic!("{compared:?}")
        };
        assert_eq!(
            (ours.kind(), foreign.kind()),
            ("unknown_order", "foreign_order")
        );
        assert!(!ours.halts() && !foreign.halts());
        assert_eq!(book.adopts(), policy == UnknownOrders::Adopt);
    }
}

#[test]
fn a_lost_connection_is_not_agreed_on_until_the_venue_has_answered_again() {
    let mut book = book();
    let question = ask(&mut book, 0);
    answered(&mut book, answer(question, 0));
    compared(&mut book, &held(0, 100));
    book.connection(false);
    assert!(!book.agreed && book.dropped && book.due().is_none());
    book.now = SECOND;
    assert!(book.question().is_none());
    book.connection(true);
    assert!(!book.agreed && book.is_urgent());
    // The answer to the question of before counts no more.
    answered(&mut book, answer(question, 0));
    assert!(book.compare(&held(0, 100), |_| None).is_none());
    let question = ask(&mut book, SECOND);
    answered(&mut book, answer(question, SECOND));
    compared(&mut book, &held(0, 100));
    assert!(book.agreed);
}

#[test]
fn a_cancellation_of_which_no_word_comes_is_asked_for_again() {
    let mut book = book();
    book.sent(1, (0, 0), 0);
    book.cancel_sent(1);
    assert_eq!(book.due(), Some(REQUEST_LIFETIME));
    assert!(book.cancels_due().is_empty());
    book.now = REQUEST_LIFETIME;
    assert_eq!(book.cancels_due(), [(0, 1)]);
    book.cancel_sent(1);
    assert!(book.cancels_due().is_empty());
    // After a reconnect at once.
    book.connection(false);
    book.connection(true);
    assert_eq!(book.cancels_due(), [(0, 1)]);
}

#[test]
fn at_the_end_a_new_answer_is_wanted_and_what_is_open_is_named() {
    let mut book = book();
    let question = ask(&mut book, 0);
    answered(&mut book, answer(question, 0));
    compared(&mut book, &held(0, 100));
    book.sent(1, (0, 1), 0);
    book.doubt(1);
    book.end_at(0);
    assert!(!book.is_settled());
    let order = Said::Unsettled {
        market: Some(1),
        order: Some(1),
    };
    let account = Said::Unsettled {
        market: None,
        order: None,
    };
    assert_eq!(book.unsettled(), [order, account]);
    let now = REQUEST_LIFETIME + 1;
    let question = ask(&mut book, now);
    assert_eq!(answered(&mut book, answer(question, now)).len(), 1);
    compared(&mut book, &held(0, 100));
    assert!(book.is_settled() && book.unsettled().is_empty());
}

#[test]
fn a_difference_that_stays_the_same_is_no_news_though_both_ends_move() {
    let mut book = book();
    let differs = |book: &mut Book, here: i64, there: i64, asked: i64| {
        let question = ask(book, asked * 60 * SECOND);
        let standing = Standing {
            positions: vec![there, 0],
            ..answer(question, asked * 60 * SECOND)
        };
        answered(book, standing);
        compared(book, &held(here, 100)).news
    };
    let position = |here, there| Said::Position {
        market: 0,
        here,
        there,
    };
    assert_eq!(differs(&mut book, 1, 6, 1), [position(1, 6)]);
    // A person sells what is held here: the five too many at the venue are those of before.
    assert_eq!(differs(&mut book, 0, 5, 2), []);
    assert_eq!(differs(&mut book, 0, 4, 3), [position(0, 4)]);
    // When it was gone and is back, it is news.
    assert_eq!(differs(&mut book, 0, 0, 4), []);
    assert_eq!(differs(&mut book, 0, 4, 5), [position(0, 4)]);
}

#[test]
fn what_is_told_of_an_order_under_another_trader_is_not_applied_and_reported() {
    for trader in [1, u32::MAX] {
        let mut book = book();
        book.sent(3, (0, 1), 0);
        let other = Execution {
            trader,
            ..filled(3)
        };
        assert_eq!(book.told(None, other), None);
        assert_eq!(book.resting(), 1);
        let question = ask(&mut book, 0);
        let standing = Standing {
            open: vec![open(Some(3))],
            ..answer(question, 0)
        };
        answered(&mut book, standing);
        let compared = compared(&mut book, &held(0, 100));
        let market = Some(1);
        assert_eq!(compared.news, [Said::Misnamed { market, order: 3 }]);
        assert!(compared.news[0].halts());
        assert_eq!(book.told(None, filled(3)), Some(filled(3)));
    }
}

#[test]
fn an_order_on_a_market_that_there_is_not_is_nobodys() {
    let mut book = book();
    let question = ask(&mut book, 0);
    let elsewhere = |order| OpenOrder {
        market: 2,
        ..open(order)
    };
    let standing = Standing {
        open: vec![elsewhere(Some(9)), elsewhere(None)],
        ..answer(question, 0)
    };
    answered(&mut book, standing);
    let compared = compared(&mut book, &held(0, 100));
    assert_eq!(compared.unknown, []);
    let foreign = Said::Foreign {
        market: None,
        lots: 5,
    };
    assert_eq!(compared.news, [foreign, foreign]);
}
