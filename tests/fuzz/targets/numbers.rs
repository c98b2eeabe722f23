//! Numbers as people write them: read without a panic, and as what they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pairloom_core::domain::{Amount, decimal_string, parse_decimal};

/// A decimal of 28 digits is as near as this to the float of the same text.
const NEAR: f64 = 1e-15;

fuzz_target!(|text: &str| {
    if let Ok(Amount::Exact(value)) = Amount::parse(text) {
        let again = Amount::parse(&value.to_string());
        assert_eq!(again, Ok(Amount::Exact(value.normalize())), "{text:?}");
        // What Rust's own parser makes of it is the independent witness; it reads no underscores.
        if let Ok(float) = text.trim().parse::<f64>() {
            let ours: f64 = value.to_string().parse().unwrap();
            let apart = (ours - float).abs();
            assert!(
                apart <= NEAR * float.abs() || apart < 1e-27,
                "{text:?}: {ours} is not {float}"
            );
        }
    }
    if let Some(value) = parse_decimal(text) {
        assert_eq!(
            parse_decimal(&decimal_string(value)),
            Some(value),
            "{text:?}"
        );
    }
});
