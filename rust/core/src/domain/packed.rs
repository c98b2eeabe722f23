//! Values as bytes, to be kept and read again by the same version of the format.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of a value; why there are none, in words.
///
/// # Errors
/// When a type cannot be written without knowing its length, which none of ours is.
pub fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(value).map_err(|error| error.to_string())
}

/// The value of these bytes: all of them.
///
/// # Errors
/// When they are not those of such a value.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_the_same_to_the_bit() {
        let value = (
            i128::MIN,
            u128::MAX,
            f64::NAN.to_bits(),
            -0.0_f64,
            "text".to_owned(),
            Some(7_i64),
        );
        let bytes = pack(&value).expect("bytes");
        let back: (i128, u128, u64, f64, String, Option<i64>) = unpack(&bytes).expect("the value");
        assert_eq!(back, value);
        assert_eq!(back.3.to_bits(), (-0.0_f64).to_bits());
        let nan = pack(&f64::from_bits(0x7ff8_0000_0000_0001)).expect("bytes");
        assert_eq!(
            unpack::<f64>(&nan).expect("a float").to_bits(),
            0x7ff8_0000_0000_0001
        );
    }

    #[test]
    fn bytes_that_are_not_those_of_the_value_are_refused() {
        let bytes = pack(&(1_u64, "text".to_owned())).expect("bytes");
        assert!(unpack::<(u64, String)>(&bytes[..bytes.len() - 1]).is_err());
        assert!(unpack::<u64>(&bytes).is_err_and(|error| error.contains("too many")));
    }
}
