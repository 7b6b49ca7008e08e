//! Passwords: argon2id away from the async threads, few at a time.
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::app::PasswordCost;
use crate::error::{ApiError, Code};

/// The fewest and the most characters of a password.
pub const LENGTH: std::ops::RangeInclusive<usize> = 10..=256;
const PATIENCE: Duration = Duration::from_secs(10);

/// Hashes and verifies passwords. Cheap to clone; all clones share the same few places.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    cost: PasswordCost,
}

impl Passwords {
    /// At most `at_once` at a time, each as expensive as `cost`.
    pub fn new(cost: PasswordCost, at_once: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once.max(1))), cost }
    }

    /// The hash of a password, as a PHC string with a salt of its own.
    pub async fn hash(&self, password: &str) -> Result<String, ApiError> {
        let (cost, password) = (self.cost, password.to_owned());
        self.run(move || {
            let hasher = hasher(cost)?;
            let hash = hasher.hash_password(password.as_bytes()).map_err(|e| anyhow::anyhow!("password hash: {e}"))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is right. `None` stands for a user who does not exist: it takes as long and is never right.
    pub async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool, ApiError> {
        let (cost, password) = (self.cost, password.to_owned());
        self.run(move || {
            let hasher = hasher(cost)?;
            let Some(hash) = hash else {
                let _ = hasher.hash_password(password.as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&hash).map_err(|e| anyhow::anyhow!("stored password hash: {e}"))?;
            Ok(hasher.verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(
                ApiError::new(Code::DependencyUnavailable, "too many sign-ins at once, try again").retry_after(5)
            );
        };
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(ApiError::internal)?.map_err(ApiError::internal)
    }
}

fn hasher(cost: PasswordCost) -> anyhow::Result<Argon2<'static>> {
    let params =
        Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|e| anyhow::anyhow!("password cost: {e}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Why a password is not good enough, if it is not.
pub fn weakness(password: &str) -> Option<String> {
    let length = password.chars().count();
    if !LENGTH.contains(&length) {
        return Some(format!("a password has {} to {} characters", LENGTH.start(), LENGTH.end()));
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return Some("a password is not one character repeated".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies_and_nobody_has_none() {
        let passwords = Passwords::new(PasswordCost { memory_kib: 64, passes: 1 }, 2);
        let hash = passwords.hash("correct horse").await.unwrap();
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "each hash has its own salt");
        assert!(passwords.verify("correct horse", Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
    }

    #[test]
    fn short_and_monotonous_passwords_are_refused() {
        assert!(weakness("short").is_some() && weakness("aaaaaaaaaaaa").is_some());
        assert_eq!(weakness("ten chars!"), None);
    }
}
