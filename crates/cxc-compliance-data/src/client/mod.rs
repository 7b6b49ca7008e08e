//! The client: asks a provider for what is new, checks all of it, and puts it in use.
mod cycle;
mod dnc;
mod fetch;
mod lists;
mod tables;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cxc_server::{Clock, Ids};
use secrecy::SecretString;

pub use cycle::{CycleError, LastCheck, Outcome};
pub use fetch::{FetchError, Fetched};

use self::token::Token;

/// A file that does not shrink by compression is a little larger.
const OVERHEAD: u64 = 64 << 10;

/// Where the provider is, and who asks.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// The address of the manifest; files are below it.
    pub url: String,
    /// The address that gives tokens.
    pub auth: String,
    /// Who asks.
    pub id: String,
    /// The secret of who asks; it is never shown.
    pub secret: SecretString,
    /// How long to wait before a failed request is tried again; it doubles each time.
    pub backoff: Duration,
    /// The folder for files while they are downloaded.
    pub temporary: std::path::PathBuf,
}

/// A client of one provider, with its connections and its token.
pub struct Client {
    settings: ProviderSettings,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    token: tokio::sync::Mutex<Option<Token>>,
    downloaded: AtomicU64,
    ids: Ids,
    /// Names this process as the holder of the lease.
    holder: String,
}

impl Client {
    /// A client that has not asked anything yet.
    pub fn new(settings: ProviderSettings, clock: Arc<dyn Clock>, holder: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            // a redirect could carry the token elsewhere
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        let ids = Ids::new(Arc::clone(&clock));
        Ok(Self {
            settings,
            http,
            clock,
            token: tokio::sync::Mutex::default(),
            downloaded: AtomicU64::new(0),
            ids,
            holder,
        })
    }

    /// How many files were downloaded since the last question.
    pub fn take_downloaded(&self) -> u64 {
        self.downloaded.swap(0, Ordering::Relaxed)
    }

    fn count_download(&self) {
        self.downloaded.fetch_add(1, Ordering::Relaxed);
    }
}
