//! The sending engine: one actor per channel account, started here under a lease.
mod account;
mod batch;
mod demand;
mod evidence;
pub(crate) mod fields;
mod housekeeping;
mod inbound;
mod lanes;
mod limits;
mod named;
mod outbox;
mod outcome;
mod pace;
mod plan;
mod prepare;
mod previews;
mod queue;
mod recover;
mod render;
mod reply;
mod shares;
mod status;
mod supervisor;
mod written;

use std::sync::Arc;
use std::time::Duration;

use cxc_core::Micros;
use cxc_core::compliance::{IntervalCache, Zones};
use cxc_server::App;
use cxc_store::judge::Judge;

use crate::channel::voice::CallKit;
use crate::content::UnsubscribeKey;
use crate::metrics::DialMetrics;

pub use demand::{Demand, Named, Refusal};
pub use evidence::EvidenceKit;
pub(crate) use outcome::after_call;
pub use plan::{GroupPlan, Plans};
pub use previews::{Fate, Offer};
pub(crate) use render::screen_pop;
pub use supervisor::supervise;

/// The longest life of the lease of a trunk.
const LONGEST_OF_CALLS: Duration = Duration::from_secs(6);

/// What every sender of this process shares.
#[derive(Clone)]
pub struct SenderContext {
    /// Database, clock, configuration.
    pub app: App,
    /// This process, as leases know it.
    pub holder: Arc<str>,
    /// The time zone database of the process.
    pub zones: Zones,
    /// Interned locations.
    pub locations: Arc<cxc_store::location::Locations>,
    /// Words by which people opt out, where a tenant has none of its own.
    pub keywords: Arc<cxc_core::opt_out::Keywords>,
    /// The installation's secret for unsubscribe links.
    pub links: UnsubscribeKey,
    /// What decisions are kept with.
    pub evidence: Arc<EvidenceKit>,
    /// The component's metrics.
    pub metrics: Arc<DialMetrics>,
    /// What calls are placed with: who has it sends by trunks, who has not by all other accounts.
    pub calls: Option<Arc<CallKit>>,
}

impl SenderContext {
    /// Now, in microseconds.
    pub fn now(&self) -> Micros {
        self.app.now()
    }

    /// A judge with a cache of its own.
    pub fn judge(&self) -> Judge {
        let cache = IntervalCache::new(self.zones.clone(), IntervalCache::CAPACITY);
        Judge::new(cache, Arc::clone(&self.locations), self.app.hash_key)
            .with_numbers(self.app.numbers.clone())
            .watching_clock(self.app.clock.is_of_machine())
    }

    /// How long the lease of a sender lives; it is renewed at a third of that. Nobody waits long for calls: agents are idle
    /// meanwhile.
    pub fn lease(&self) -> Duration {
        let life = self.app.config.sender_lease;
        if self.calls.is_some() { life.min(LONGEST_OF_CALLS) } else { life }
    }

    /// The same in microseconds.
    pub fn lease_micros(&self) -> Micros {
        Micros::try_from(self.lease().as_micros()).unwrap_or(Micros::MAX / 2)
    }
}
