//! A small generator of random numbers whose output is part of what this project promises.
//!
//! A library's generator may change with its version, and a platform's logarithm with the platform; either would
//! change every synthetic price. So both algorithms are written out here, from the public descriptions by their
//! authors: `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) to
//! turn a seed into a state, and xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", ACM TOMS 2021) to draw. Normal numbers come from Marsaglia's polar method on `libm`.

/// One step of `SplitMix64`: advances the state and returns the next number.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A stream of random numbers; two streams of one seed that differ in name or index are independent.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
    /// The polar method makes normal numbers in pairs; the second waits here.
    spare: Option<f64>,
}

impl Random {
    /// The stream for a purpose (`name`) and an index within it.
    pub(super) fn stream(seed: u64, name: u64, index: u64) -> Self {
        let mut mixer = seed;
        // Mixed one after the other, so that (1, 2) and (2, 1) are different streams.
        for part in [name, index] {
            mixer = split_mix(&mut mixer) ^ part;
        }
        Self::from_split_mix(mixer)
    }

    fn from_split_mix(mut mixer: u64) -> Self {
        let state = std::array::from_fn(|_| split_mix(&mut mixer));
        Self { state, spare: None }
    }

    /// The next 64 bits (xoshiro256++).
    pub(super) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `[0, 1)`, a multiple of 2^-53.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A whole number in `[0, bound)`; 0 for a bound of 0. The bias of the multiplication is below `bound` / 2^64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A standard normal number.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let stretch = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * stretch);
                return x * stretch;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of `SplitMix64` from the seed 1234567, as its authors' program prints them.
    #[test]
    fn split_mix_gives_the_published_numbers() {
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..5).map(|_| split_mix(&mut state)).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(drawn, published);
    }

    /// The first numbers of xoshiro256++ from the state 1, 2, 3, 4, as its authors' program prints them.
    #[test]
    fn xoshiro_gives_the_published_numbers() {
        let mut random = Random {
            state: [1, 2, 3, 4],
            spare: None,
        };
        let drawn: Vec<u64> = (0..4).map(|_| random.bits()).collect();
        let published = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
        ];
        assert_eq!(drawn, published);
    }

    #[test]
    fn streams_differ_by_seed_name_and_index() {
        let mut firsts: Vec<u64> = [(0, 1, 2), (0, 2, 1), (1, 1, 2), (0, 1, 3), (2, 1, 0)]
            .map(|(seed, name, index)| Random::stream(seed, name, index).bits())
            .to_vec();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 5);
    }

    #[test]
    fn numbers_below_a_bound_stay_below_it_and_reach_its_ends() {
        let mut random = Random::stream(7, 0, 0);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.below(10)).collect();
        assert_eq!(drawn.iter().min(), Some(&0));
        assert_eq!(drawn.iter().max(), Some(&9));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_deviation_one() {
        let mut random = Random::stream(11, 0, 0);
        let count = 200_000;
        let drawn: Vec<f64> = (0..count).map(|_| random.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(count);
        let variance =
            drawn.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(count);
        let beyond_two = drawn.iter().filter(|x| x.abs() > 2.0).count();
        // Four standard errors of each, for 200,000 draws.
        assert!(mean.abs() < 0.009, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.013, "variance {variance}");
        assert!(
            (8_700..9_500).contains(&beyond_two),
            "{beyond_two} of 200,000 beyond two deviations"
        );
    }
}
