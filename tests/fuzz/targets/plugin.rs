//! A strategy that was built apart and answers anything: its trader is quarantined or trades, the engine goes on, and the
//! account stays what it must be.
#![no_main]

use std::ffi::c_void;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pairloom_core::commit::OnError;
use pairloom_core::domain::{Amount, FeeRates, Rate};
use pairloom_core::engine::{Account, Config, RunOptions, TraderConfig, Unattended, backtest};
use pairloom_core::market::{CandleSeries, CloseTimes, Market, MarketData, PriceScale};
use pairloom_core::signal::SizeSpec;
use pairloom_core::strategy::Plugin;
use pairloom_core::venue::{FillModel, VenueConfig};
use pairloom_strategy::abi::{self, Answer, Ctx, Hook, Message, Parameter, Rows, Text, Vtable};

const MINUTE: i64 = 60_000_000_000;
const ROWS: usize = 40;

/// Bytes that a strategy answers with, round and round.
#[derive(Clone)]
struct Bytes {
    bytes: Vec<u8>,
    at: usize,
}

impl Bytes {
    fn next(&mut self) -> u8 {
        if self.bytes.is_empty() {
            return 0;
        }
        self.at = (self.at + 1) % self.bytes.len();
        self.bytes[self.at]
    }

    fn float(&mut self) -> f64 {
        match self.next() {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -1.0,
            3 => 1e300,
            4 => f64::MIN_POSITIVE,
            byte => f64::from(byte) / 4.0,
        }
    }
}

thread_local! {
    static NEXT: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

unsafe extern "C" fn create(
    _: *const Parameter,
    _: usize,
    state: *mut *mut c_void,
    _: *mut Message,
) -> i32 {
    let bytes = NEXT.with_borrow(Clone::clone);
    // SAFETY: the engine gives room for a state.
    unsafe { state.write(Box::into_raw(Box::new(Bytes { bytes, at: 0 })).cast()) };
    abi::OK
}

unsafe extern "C" fn generate_signal(
    state: *mut c_void,
    _: *const Ctx,
    answer: *mut Answer,
) -> i32 {
    // SAFETY: the state is what `create` made, and the answer the engine's.
    let (bytes, answer) = unsafe { (&mut *state.cast::<Bytes>(), &mut *answer) };
    answer.signal = u32::from(bytes.next() % 8);
    answer.size_unit = u32::from(bytes.next() % 6);
    answer.has_limit = u32::from(bytes.next() % 3);
    answer.signal_size = bytes.float();
    answer.signal_limit = bytes.float();
    let wanted = usize::from(bytes.next() % 4);
    for at in 0..wanted.min(answer.request_capacity) {
        // SAFETY: there is room for as many as the capacity says.
        let request = unsafe { &mut *answer.requests.add(at) };
        request.action = u32::from(bytes.next() % 7);
        request.tif = u32::from(bytes.next() % 5);
        request.id = u64::from(bytes.next());
        request.quantity = bytes.float();
        request.limit = bytes.float();
        request.reduce_only = u32::from(bytes.next() % 3);
        request.tag_len = u32::from(bytes.next());
        request.tag.fill(bytes.next());
    }
    // More than there is room for may be claimed.
    answer.request_count = match bytes.next() {
        255 => usize::MAX,
        _ => wanted,
    };
    i32::from(bytes.next() == 77)
}

/// Decides at one row after the other, as the interface says; one that lies reads all rows first, and says anything of
/// how many it took in.
unsafe extern "C" fn generate_signals<const LIES: bool>(
    state: *mut c_void,
    ctx: *mut Ctx,
    rows: *const Rows,
    answer: *mut Answer,
    taken: *mut usize,
) -> i32 {
    // SAFETY: as for `generate_signal`; columns have as many rows as is said, and the last one may be written.
    unsafe {
        for row in 0..(*rows).count {
            (*rows).show(row, u32::MAX, &mut *ctx);
            std::hint::black_box(&*ctx);
            *taken = row + 1;
            if LIES {
                continue;
            }
            let status = generate_signal(state, ctx, answer);
            if status != abi::OK || !(*answer).asks_nothing((*rows).held) {
                return status;
            }
            (*answer).signal = abi::SIGNAL_NONE;
        }
        if !LIES {
            return abi::OK;
        }
        *taken = match (*state.cast::<Bytes>()).next() {
            255 => usize::MAX,
            rows => usize::from(rows % 70),
        };
        generate_signal(state, ctx, answer)
    }
}

unsafe extern "C" fn on_hook(
    state: *mut c_void,
    ctx: *const Ctx,
    _: *const Hook,
    answer: *mut Answer,
) -> i32 {
    // SAFETY: as the engine promises for `generate_signal`.
    unsafe { generate_signal(state, ctx, answer) }
}

unsafe extern "C" fn clone(state: *const c_void) -> *mut c_void {
    // SAFETY: the state is what `create` or `clone` made.
    let bytes = unsafe { (*state.cast::<Bytes>()).clone() };
    Box::into_raw(Box::new(bytes)).cast()
}

unsafe extern "C" fn free(state: *mut c_void) {
    // SAFETY: the engine calls this once for each state.
    drop(unsafe { Box::from_raw(state.cast::<Bytes>()) });
}

fn data() -> Arc<MarketData> {
    let price = |row: usize| 100.0 + (row * 37 % 11) as f64;
    let column = |change: f64| (0..ROWS).map(|row| price(row) + change).collect::<Vec<_>>();
    let mut market = Market::without_rows(
        "A/USD",
        PriceScale {
            digits: 0,
            exact: true,
        },
    );
    market.candles = Some(CandleSeries {
        open_ts: (0..ROWS as i64)
            .map(|row| row * MINUTE)
            .collect::<Vec<_>>()
            .into(),
        open: column(0.0).into(),
        high: column(2.0).into(),
        low: column(-2.0).into(),
        close: column(1.0).into(),
        volume: None,
        closes: CloseTimes::Interval(MINUTE),
        extra: Vec::new(),
    });
    market.scale = market.detect_scale();
    Arc::new(MarketData {
        markets: vec![market],
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [version, size, reads, hooks, events, rest @ ..] = bytes else {
        return;
    };
    NEXT.with_borrow_mut(|next| *next = rest.to_vec());
    let ours = u32::try_from(size_of::<Vtable>()).unwrap();
    let vtable = Vtable {
        version: abi::VERSION + u32::from(*version == 255),
        size: ours + u32::from(*size == 255),
        name: Text::new("anything"),
        reads: u32::from(*reads),
        hooks: u32::from(*hooks),
        events: u32::from(events % 16),
        reserved: 0,
        create,
        window: None,
        setup: None,
        generate_signal,
        generate_signals: match events & 0xC0 {
            0x40 => Some(generate_signals::<true>),
            0x80 => Some(generate_signals::<false>),
            _ => None,
        },
        on_hook: (events & 0x10 == 0).then_some(on_hook as _),
        clone: (events & 0x20 == 0).then_some(clone as _),
        drop: Some(free),
    };
    // SAFETY: it is a vtable of this version, or says that it is not.
    let Ok(plugin) = (unsafe { Plugin::load(&vtable) }) else {
        assert!(*version == 255 || *size == 255);
        return;
    };
    let run = |block| {
        let strategy = plugin.create(&[]).ok()?;
        let rate = |text: &str| Rate::from_decimal(text.parse().unwrap());
        let config = Config {
            currency: "USD".to_owned(),
            cash: vec![("USD".to_owned(), 10_i128.pow(22))],
            account: if hooks & 0x80 == 0 {
                Account::Spot
            } else {
                Account::Margin
            },
            leverage: rate(if hooks & 0x80 == 0 { "1" } else { "2" }),
            fees: FeeRates {
                maker: rate("0.0005"),
                taker: rate("0.001"),
            },
            venue: VenueConfig {
                fill: FillModel::NextOpen,
                slippage: rate("0"),
                latency: 0,
            },
            instruments: Vec::new(),
            threads: Some(1),
            block,
            on_error: OnError::Keep,
            risk: None,
        };
        let trader = TraderConfig {
            name: "it".to_owned(),
            label: "it".to_owned(),
            version: "1".to_owned(),
            pair: "A/USD".to_owned(),
            size: Some(SizeSpec::Base(Amount::Exact(1.into()))),
            events: plugin.events(),
            window: 0,
            schedule: Vec::new(),
            strategy: Box::new(strategy),
        };
        let outcome = backtest(
            &config,
            vec![trader],
            &data(),
            &RunOptions::default(),
            &Unattended,
        );
        Some(
            outcome
                .map(|outcome| {
                    assert_eq!(outcome.reserved, 0);
                    outcome.digest
                })
                .map_err(|error| error.code),
        )
    };
    let (ahead, by_event) = (run(None), run(Some(0)));
    // One that lies about how many rows it took in gets what it asks for.
    if events & 0xC0 != 0x40 {
        assert_eq!(ahead, by_event);
    }
});
