//! Chance that is the same for a seed on every run.

/// A stream of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed; `stream` makes independent ones of the same seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// At least 0 and below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Lognormal with a mean and the spread of its logarithm.
    pub fn lognormal(&mut self, mean: f64, sigma: f64) -> f64 {
        (mean.ln() - sigma * sigma / 2.0 + sigma * self.normal()).exp()
    }
}

/// The spread of the logarithm that gives a lognormal a coefficient of variation.
pub fn sigma_of(cv: f64) -> f64 {
    (1.0 + cv * cv).ln().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lognormal_has_its_mean_and_its_variation() {
        let mut random = Random::new(1, 0);
        let drawn: Vec<f64> = (0..200_000).map(|_| random.lognormal(120.0, sigma_of(0.8))).collect();
        let mean = drawn.iter().sum::<f64>() / 200_000.0;
        let spread = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200_000.0).sqrt();
        assert!((mean - 120.0).abs() < 1.0 && (spread / mean - 0.8).abs() < 0.03, "{mean} {spread}");
        assert_ne!(Random::new(1, 0).share(), Random::new(1, 1).share());
    }
}
