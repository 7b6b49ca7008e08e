//! Limits that protect the service: a bucket per device, per client id and over all. They are no attempt caps.
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitReason {
    /// That of the device.
    Device,
    /// That of the client id; also that of the tenant.
    CustomerId,
    /// That of this instance.
    Overall,
}

impl LimitReason {
    /// As it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::CustomerId => "customerId",
            Self::Overall => "overall",
        }
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Which.
    pub reason: LimitReason,
    /// What its key is: `device`, `client_id`, `tenant` or `instance`.
    pub key_kind: &'static str,
    /// When one more fits.
    pub retry_after: Duration,
}

/// How many validations fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// A device and minute.
    pub device_per_minute: u32,
    /// A client id and minute.
    pub client_per_minute: u32,
    /// A tenant and minute; off without it.
    pub tenant_per_minute: Option<u32>,
    /// A second.
    pub overall_per_second: u32,
}

/// Many buckets, so that few requests wait for the same lock.
const SHARDS: usize = 16;

/// A shard that grows beyond this forgets what is full again.
const SWEEP_AT: usize = 4_096;

/// The buckets of this process.
pub struct Limits {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    began: Instant,
}

#[derive(Default)]
struct Shard {
    /// For each key the moment at which its bucket is full again, in nanoseconds.
    full_at: HashMap<Key, u64>,
    sweep_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Device(i64, i64),
    Client(i64, i64),
    Tenant(i64),
    Overall,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: Default::default(), began: Instant::now() }
    }
}

impl Limits {
    /// Takes one validation from the buckets, or says which one is empty.
    pub fn take(&self, tenant: i64, device: i64, client: Option<i64>, quotas: &Quotas) -> Result<(), Reached> {
        let minute = Duration::from_secs(60);
        self.bucket(Key::Device(tenant, device), quotas.device_per_minute, minute)
            .map_err(|wait| reached(LimitReason::Device, "device", wait))?;
        if let Some(client) = client {
            self.bucket(Key::Client(tenant, client), quotas.client_per_minute, minute)
                .map_err(|wait| reached(LimitReason::CustomerId, "client_id", wait))?;
        }
        if let Some(most) = quotas.tenant_per_minute {
            self.bucket(Key::Tenant(tenant), most, minute)
                .map_err(|wait| reached(LimitReason::CustomerId, "tenant", wait))?;
        }
        self.bucket(Key::Overall, quotas.overall_per_second, Duration::from_secs(1))
            .map_err(|wait| reached(LimitReason::Overall, "instance", wait))
    }

    /// A bucket of `most` that fills evenly in `time` (the generic cell rate algorithm: one number a key).
    fn bucket(&self, key: Key, most: u32, time: Duration) -> Result<(), Duration> {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let whole = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let each = whole / u64::from(most.max(1));
        let index = usize::try_from(self.hasher.hash_one(key)).unwrap_or(0) % SHARDS;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now);
        let full_at = shard.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + each;
        if next > now + whole {
            return Err(Duration::from_nanos(next - now - whole));
        }
        *full_at = next;
        Ok(())
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).full_at.len()).sum()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shard {
    /// Forgets buckets that are full: a key costs memory for a minute at most after its last validation.
    fn sweep(&mut self, now: u64) {
        if self.full_at.len() < self.sweep_at.max(SWEEP_AT) {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        self.sweep_at = self.full_at.len() * 2;
    }
}

fn reached(reason: LimitReason, key_kind: &'static str, retry_after: Duration) -> Reached {
    Reached { reason, key_kind, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTAS: Quotas =
        Quotas { device_per_minute: 3, client_per_minute: 5, tenant_per_minute: None, overall_per_second: 1_000 };

    #[test]
    fn each_bucket_ends_with_its_own_reason() {
        let limits = Limits::default();
        for _ in 0..3 {
            limits.take(1, 10, Some(20), &QUOTAS).unwrap();
        }
        let refused = limits.take(1, 10, Some(20), &QUOTAS).unwrap_err();
        assert_eq!((refused.reason, refused.key_kind), (LimitReason::Device, "device"));
        assert!(refused.retry_after > Duration::from_secs(15) && refused.retry_after <= Duration::from_secs(20));
        limits.take(1, 11, Some(20), &QUOTAS).unwrap();
        limits.take(1, 12, Some(20), &QUOTAS).unwrap();
        assert_eq!(limits.take(1, 13, Some(20), &QUOTAS).unwrap_err().key_kind, "client_id");
        limits.take(2, 10, Some(20), &QUOTAS).unwrap();
        let few = Quotas { overall_per_second: 1, ..QUOTAS };
        assert_eq!(limits.take(1, 14, None, &few).unwrap_err().reason, LimitReason::Overall);
        let tenant = Quotas { tenant_per_minute: Some(1), ..QUOTAS };
        limits.take(3, 1, None, &tenant).unwrap();
        let refused = limits.take(3, 2, None, &tenant).unwrap_err();
        assert_eq!((refused.reason, refused.key_kind), (LimitReason::CustomerId, "tenant"));
    }

    #[test]
    fn keys_that_are_full_again_are_forgotten() {
        let limits = Limits::default();
        let quick = Quotas { device_per_minute: 60_000_000, overall_per_second: 1_000_000_000, ..QUOTAS };
        for device in 0..300_000 {
            limits.take(1, device, None, &quick).unwrap();
        }
        assert!(limits.len() < SHARDS * (SWEEP_AT + 2) * 2, "{}", limits.len());
    }
}
