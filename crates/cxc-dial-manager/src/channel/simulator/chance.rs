//! Chance that can be repeated: drawn from a seed and a name, not from a generator's state.
use sha2::{Digest, Sha256};

/// The chances of one message or person.
pub(super) struct Chance(Sha256);

impl Chance {
    pub fn new(seed: u64, name: &str) -> Self {
        Self(Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name))
    }

    /// From 0 up to, but not, 1; the same for the same question.
    pub fn draw(&self, question: &str) -> f64 {
        let hash = self.0.clone().chain_update([0]).chain_update(question).finalize();
        let bytes = hash.first_chunk::<4>().copied().unwrap_or_default();
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Which of some shares a draw hits, if any: shares lie one after the other from 0.
pub(super) fn pick(draw: f64, shares: &[f64]) -> Option<usize> {
    let mut end = 0.0;
    shares.iter().position(|share| {
        end += share;
        draw < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_another_seed_another() {
        let draw = |seed, name| Chance::new(seed, name).draw("q").to_bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn shares_are_hit_as_often_as_they_say() {
        let hits = (0..10_000).filter(|n| Chance::new(1, &n.to_string()).draw("x") < 0.1).count();
        assert!((900..1100).contains(&hits), "{hits}");
        assert_eq!(pick(0.15, &[0.1, 0.1]), Some(1));
        assert_eq!(pick(0.2, &[0.1, 0.1]), None);
        assert_eq!(pick(0.0, &[0.0, 0.0]), None);
    }
}
