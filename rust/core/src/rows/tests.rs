//! Rows that were set aside are what a list is.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::commit::FillRecord;
use crate::domain::{Liquidity, Side};
use crate::order::{OrderKind, OrderRecord, OrderStatus};
use crate::portfolio::TradeRecord;

/// A row that is final when its second field says so, and of which some are larger than their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Some3(u64, bool, u64);

crate::spare::shelves!(Some3);

impl Row for Some3 {
    const BYTES: usize = 16;

    fn is_final(&self) -> bool {
        self.1
    }
}

#[derive(Clone, Debug)]
enum Act {
    Push(usize),
    Change(usize, bool),
    SetAside,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1_usize..2 * ROWS_TOGETHER).prop_map(Act::Push),
        (any::<usize>(), any::<bool>()).prop_map(|(at, last)| Act::Change(at, last)),
        Just(Act::SetAside),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_that_are_set_aside_are_what_a_list_is(
        acts in proptest::collection::vec(act(), 1..40),
        from in 0_usize..20_000,
    ) {
        let folder = std::env::temp_dir();
        let (mut rows, mut list) = (Rows::<Some3>::default(), Vec::new());
        for act in acts {
            match act {
                Act::Push(many) => for _ in 0..many {
                    let number = list.len() as u64;
                    // Every seventh is too large for its place.
                    let large = if number.is_multiple_of(7) { u64::MAX } else { 0 };
                    let row = Some3(number | large, !number.is_multiple_of(3), large);
                    rows.push(row);
                    list.push(row);
                },
                Act::Change(at, last) => {
                    let at = at % (list.len() + 1);
                    let row = list.get_mut(at).map(|row| { row.1 = last; *row });
                    let ours = rows.get_mut(at).map(|row| { row.1 = last; *row });
                    prop_assert_eq!(row, ours);
                }
                Act::SetAside => {
                    rows.set_aside(&folder).unwrap();
                    prop_assert!(rows.newest().len() < 2 * ROWS_TOGETHER);
                }
            }
            prop_assert_eq!(rows.len(), list.len());
            prop_assert_eq!(rows.last(), list.last().copied());
        }
        prop_assert!(rows.iter().eq(list.iter().copied()));
        prop_assert_eq!(rows.iter().len(), list.len());
        let from = from % (list.len() + 1);
        prop_assert_eq!(&*rows.since(from), &list[from..]);
        prop_assert!(rows.iter_from(from).eq(list[from..].iter().copied()));
        prop_assert_eq!(rows.get(from), list.get(from).copied());
        prop_assert!(rows.is_whole());
    }
}

#[test]
fn little_stays_in_memory_and_what_is_open_there_is_written_when_it_ends() {
    let mut rows = Rows::<Some3>::default();
    for number in 0..5 * ROWS_TOGETHER {
        rows.push(Some3(number as u64, number % 10 > 0, 0));
    }
    rows.set_aside(&std::env::temp_dir()).unwrap();
    assert_eq!(rows.newest().len(), ROWS_TOGETHER);
    let open = |rows: &Rows<Some3>| rows.aside.as_ref().map(|aside| aside.open.len());
    assert_eq!(open(&rows), Some((4 * ROWS_TOGETHER).div_ceil(10)));
    for at in (0..5 * ROWS_TOGETHER).step_by(10) {
        rows.get_mut(at).unwrap().1 = true;
    }
    for number in 0..ROWS_TOGETHER {
        rows.push(Some3(number as u64, true, 0));
    }
    rows.set_aside(&std::env::temp_dir()).unwrap();
    assert_eq!(open(&rows), Some(0));
    assert!(rows.iter().all(|row| row.1));
}

#[test]
fn rows_that_do_not_come_back_are_noted() {
    let mut rows = Rows::<i64>::default();
    rows.extend(0..3 * ROWS_TOGETHER as i64);
    rows.set_aside(&std::env::temp_dir()).unwrap();
    assert!(rows.is_whole());
    rows.aside.as_ref().unwrap().file.set_len(10).unwrap();
    assert!(rows.iter().count() < rows.len());
    assert!(!rows.is_whole());
}

#[test]
fn rows_stay_where_the_disk_does_not_take_them_and_it_is_asked_again_later() {
    let many = 3 * ROWS_TOGETHER as i64;
    let (mut rows, nowhere) = (Rows::<i64>::default(), Path::new("/no such folder"));
    rows.extend(0..many);
    assert!(rows.set_aside(nowhere).is_err());
    assert!(rows.iter().eq(0..many));
    rows.extend(many..2 * many - 1);
    assert!(rows.set_aside(nowhere).is_ok(), "nobody asks yet");
    rows.push(2 * many - 1);
    rows.set_aside(&std::env::temp_dir()).unwrap();
    assert_eq!(rows.newest().len(), ROWS_TOGETHER);
    assert!(rows.iter().eq(0..2 * many));
}

fn fits<T: Row>(row: &T) {
    let mut place = vec![0; T::BYTES];
    assert!(postcard::to_slice(row, &mut place).is_ok());
}

#[test]
fn the_largest_of_each_kind_fits_into_its_place() {
    fits(&i64::MIN);
    fits(&i128::MIN);
    fits(&OrderRecord {
        ts: i64::MIN,
        id: u64::MAX,
        trader: u32::MAX,
        side: Side::Sell,
        kind: OrderKind::Limit(i64::MIN),
        lots: i64::MIN,
        status: OrderStatus::Expired,
        reason: "repeated_execution_of_it",
    });
    fits(&FillRecord {
        ts: i64::MIN,
        trader: u32::MAX,
        side: Side::Sell,
        lots: i64::MIN,
        price: i64::MIN,
        fee: i128::MIN,
        order: u64::MAX,
        liquidity: Liquidity::Taker,
    });
    let mut trade = TradeRecord::begin(u32::MAX, i64::MIN, Side::Sell);
    trade.exit_ts = Some(i64::MIN);
    trade.entry_lots = i128::MIN;
    trade.entry_sum = i128::MIN;
    trade.exit_lots = i128::MIN;
    trade.exit_sum = i128::MIN;
    trade.cash_flow = i128::MIN;
    trade.fees = i128::MIN;
    trade.exit_reason = "liquidation";
    fits(&trade);
}
