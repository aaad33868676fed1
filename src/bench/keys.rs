//! Which key a record has.

use crate::stdx::Random;

use super::amounts::Keys;

/// The bytes of a key: a number in hexadecimal digits, so that all keys are as long.
pub const KEY_BYTES: usize = 8;

/// The bytes of the key of this number.
pub fn bytes_of(key: u32) -> [u8; KEY_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| {
        let shift = 4 * (KEY_BYTES - 1 - place);
        DIGITS[(key >> shift & 0xf) as usize]
    })
}

/// Draws keys, numbered from zero.
#[derive(Clone, Debug)]
pub enum KeyChoice {
    None,
    Uniform { count: u32 },
    Zipf(Zipf),
}

impl KeyChoice {
    /// The choice among `count` keys.
    pub fn new(keys: Keys, count: u32) -> Self {
        assert!(count > 0, "there is a key to choose");
        match keys {
            Keys::None => Self::None,
            Keys::Uniform => Self::Uniform { count },
            Keys::Zipf(exponent) => Self::Zipf(Zipf::new(count, exponent)),
        }
    }

    /// The key of the next record, if records have keys.
    pub fn draw(&self, random: &mut Random) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Uniform { count } => {
                let key = random.below(u64::from(*count));
                Some(u32::try_from(key).expect("it is below a number of 32 bits"))
            }
            Self::Zipf(zipf) => Some(zipf.draw(random)),
        }
    }
}

/// Numbers of which the n-th is as frequent as 1/n to the power of an exponent, by rejection from
/// the integral of that function (Hörmann and Derflinger, 1996): no table, however many there are.
#[derive(Clone, Copy, Debug)]
pub struct Zipf {
    count: f64,
    exponent: f64,
    /// The integral at the lower and the upper end of the range.
    lowest: f64,
    highest: f64,
    /// A draw that is so close above its number needs no look at the function.
    close: f64,
}

impl Zipf {
    fn new(count: u32, exponent: f64) -> Self {
        let mut zipf = Self {
            count: f64::from(count),
            exponent,
            lowest: 0.0,
            highest: 0.0,
            close: 0.0,
        };
        zipf.lowest = zipf.integral(1.5) - 1.0;
        zipf.highest = zipf.integral(zipf.count + 0.5);
        zipf.close = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.frequency(2.0));
        zipf
    }

    fn draw(&self, random: &mut Random) -> u32 {
        loop {
            // 53 bits fill the fraction of a double.
            let part = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            let height = self.highest + part * (self.lowest - self.highest);
            let place = self.inverse(height);
            let rank = place.round().clamp(1.0, self.count);
            let is_below = || height >= self.integral(rank + 0.5) - self.frequency(rank);
            if rank - place <= self.close || is_below() {
                return rank as u32 - 1;
            }
        }
    }

    fn frequency(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    fn integral(&self, x: f64) -> f64 {
        let logarithm = x.ln();
        let grown = (1.0 - self.exponent) * logarithm;
        // (e^g - 1) / g, which is 1 where g is nothing.
        let slope = if grown.abs() > 1e-8 {
            grown.exp_m1() / grown
        } else {
            1.0
        };
        slope * logarithm
    }

    fn inverse(&self, height: f64) -> f64 {
        let grown = (height * (1.0 - self.exponent)).max(-1.0);
        let slope = if grown.abs() > 1e-8 {
            grown.ln_1p() / grown
        } else {
            1.0
        };
        (slope * height).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(keys: Keys, count: u32, draws: u32) -> Vec<f64> {
        let choice = KeyChoice::new(keys, count);
        let mut random = Random::from_seed(11);
        let mut counts = vec![0_u32; count as usize];
        for _ in 0..draws {
            let key = choice.draw(&mut random).expect("a key is drawn");
            counts[key as usize] += 1;
        }
        let share = |count: u32| f64::from(count) / f64::from(draws);
        counts.into_iter().map(share).collect()
    }

    #[test]
    fn the_nth_key_of_zipf_has_the_share_of_its_rank() {
        for exponent in [0.5, 1.0, 1.3] {
            let found = shares(Keys::Zipf(exponent), 50, 400_000);
            let weight = |rank: usize| (rank as f64 + 1.0).powf(-exponent);
            let sum: f64 = (0..50).map(weight).sum();
            for (rank, share) in found.iter().enumerate() {
                let expected = weight(rank) / sum;
                let distance = (share - expected).abs() / expected;
                assert!(
                    distance < 0.06,
                    "{exponent}: {rank}: {share} for {expected}"
                );
            }
        }
    }

    #[test]
    fn uniform_keys_have_equal_shares() {
        for share in shares(Keys::Uniform, 20, 200_000) {
            assert!((share - 0.05).abs() < 0.003, "{share}");
        }
    }

    #[test]
    fn a_single_key_is_always_the_first() {
        assert_eq!(shares(Keys::Zipf(1.0), 1, 100), [1.0]);
    }

    #[test]
    fn keys_are_digits_of_their_number() {
        assert_eq!(&bytes_of(0), b"00000000");
        assert_eq!(&bytes_of(0xdead_0042), b"dead0042");
    }
}
