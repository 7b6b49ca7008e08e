//! Requests to the REST interface of an Asterisk.
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AsteriskOptions, Inner, Originate};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers are not longer: a list of channels has half a kilobyte for each.
const MOST: usize = 16 << 20;
/// Shorter than Asterisk keeps a connection on which nothing comes, 15 s.
const IDLE: Duration = Duration::from_secs(10);
/// The ring timer of Asterisk: ours ends a call before.
const RING_SECONDS: &str = "3600";
/// How often a channel is ended that must end, and how long is waited in between.
const ENDS: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// Why Asterisk did not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// It was never asked.
    #[error("Asterisk can't be reached: {0}")]
    Unsent(String),
    /// It was asked and did not answer; it may have done it.
    #[error("Asterisk gave no answer: {0}")]
    Unclear(String),
    /// It answered that it does not.
    #[error("Asterisk refused: {0} {1}")]
    Refused(u16, String),
}

/// The interface.
pub(super) struct Rest {
    client: Client,
    base: Url,
    user: String,
    password: SecretString,
}

/// What we know things of Asterisk by.
#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

/// The channel by which audio comes to us.
#[derive(Debug, Deserialize)]
struct MediaChannel {
    #[serde(default)]
    channelvars: MediaVariables,
}

#[derive(Debug, Default, Deserialize)]
struct MediaVariables {
    #[serde(default, rename = "UNICASTRTP_LOCAL_PORT")]
    port: String,
    #[serde(default, rename = "UNICASTRTP_LOCAL_ADDRESS")]
    address: String,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(alias = "error")]
    message: String,
}

impl Rest {
    pub fn new(options: &AsteriskOptions) -> Result<Self, RestError> {
        let unusable = |error: String| RestError::Unsent(error);
        let scheme = if options.is_secure { "https" } else { "http" };
        let host = if options.host.contains(':') { format!("[{}]", options.host) } else { options.host.clone() };
        let base = format!("{scheme}://{host}:{}{}", options.place.port(), options.path.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|error| unusable(format!("{base} is no address: {error}")))?;
        let tls = options.trust.connector().config();
        let client = Client::builder()
            .tls_backend_preconfigured((**tls).clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .resolve(&options.host, options.place)
            .timeout(PATIENCE)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .user_agent("cxc")
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let (user, password) = (options.credentials.user.clone(), options.credentials.password.clone());
        Ok(Self { client, base, user, password })
    }

    /// An address of the interface.
    pub fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks for something; answers the body.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Vec<u8>, RestError> {
        let request = self.client.request(method, self.url(path, query));
        let request = request.basic_auth(&self.user, Some(self.password.expose_secret()));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if answer.len() + chunk.len() > MOST {
                return Err(RestError::Unclear("its answer is too long".into()));
            }
            answer.extend_from_slice(&chunk);
        }
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer)) }
    }

    async fn list(&self, of: &str) -> Result<Vec<String>, RestError> {
        let answer = self.ask(Method::GET, &[of], &[], None).await?;
        let named: Vec<Named> =
            serde_json::from_slice(&answer).map_err(|error| RestError::Unclear(format!("a list of {of}: {error}")))?;
        Ok(named.into_iter().map(|named| named.id).collect())
    }

    async fn remove(&self, of: &str, id: &str) -> Result<(), RestError> {
        match self.ask(Method::DELETE, &[of, id], &[], None).await {
            // it is gone, and that is what was asked for
            Ok(_) | Err(RestError::Refused(404, _)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn failure(error: reqwest::Error) -> RestError {
    let is_unsent = error.is_connect() || error.is_builder();
    // without its address: that would name who is called
    let error = error.without_url();
    let (mut text, mut cause) = (error.to_string(), std::error::Error::source(&error));
    while let Some(at) = cause {
        text = format!("{text}: {at}");
        cause = at.source();
    }
    text.truncate(text.floor_char_boundary(200));
    if is_unsent { RestError::Unsent(text) } else { RestError::Unclear(text) }
}

fn refusal(status: StatusCode, answer: &[u8]) -> RestError {
    let message = serde_json::from_slice(answer).map_or_else(|_| String::new(), |Refusal { message }| message);
    let plain: String = message.chars().filter(|c| !c.is_control()).take(100).collect();
    RestError::Refused(status.as_u16(), plain)
}

impl Inner {
    /// Calls a number; the channel has our id, so that it can be ended whatever comes of the request.
    pub(super) async fn originate(&self, channel: &str, call: &Originate) -> Result<(), RestError> {
        let endpoint = self.endpoint(&call.number);
        let application = &self.options.application;
        let mut query =
            vec![("endpoint", endpoint.as_str()), ("app", application), ("timeout", RING_SECONDS), ("appArgs", "call")];
        if let Some(caller) = &call.caller {
            query.push(("callerId", caller));
        }
        let variables: serde_json::Map<String, Value> =
            call.variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let body = (!variables.is_empty()).then(|| json!({ "variables": variables }));
        self.rest.ask(Method::POST, &["channels", channel], &query, body.as_ref()).await.map(|_| ())
    }

    /// A channel whose audio comes to a port of ours; answers where it takes audio itself.
    pub(super) async fn open_media(&self, channel: &str, ours: SocketAddr) -> Result<SocketAddr, RestError> {
        let (ours, application) = (ours.to_string(), &self.options.application);
        let query = [
            ("channelId", channel),
            ("app", application),
            ("external_host", &ours),
            ("format", self.format()),
            ("direction", "both"),
        ];
        let answer = self.rest.ask(Method::POST, &["channels", "externalMedia"], &query, None).await?;
        let MediaChannel { channelvars: MediaVariables { port, address } } =
            serde_json::from_slice(&answer).map_err(|error| RestError::Unclear(error.to_string()))?;
        let found = address.parse::<IpAddr>().ok().zip(port.parse::<u16>().ok()).map(SocketAddr::from);
        found.ok_or_else(|| RestError::Unclear("it does not say where it takes audio".into()))
    }

    /// A bridge for two channels.
    pub(super) async fn open_bridge(&self, bridge: &str) -> Result<(), RestError> {
        self.rest.ask(Method::POST, &["bridges", bridge], &[("type", "mixing")], None).await.map(|_| ())
    }

    /// Puts a channel in a bridge.
    pub(super) async fn join(&self, bridge: &str, channel: &str) -> Result<(), RestError> {
        // a carrier that is told again who is connected gets another INVITE for that; Asterisk 16 does not know the word
        let query = [("channel", channel), ("inhibitConnectedLineUpdates", "true")];
        self.rest.ask(Method::POST, &["bridges", bridge, "addChannel"], &query, None).await.map(|_| ())
    }

    /// Presses keys for the far end of a channel.
    pub(super) async fn press(&self, channel: &str, keys: &str) -> Result<(), RestError> {
        self.rest.ask(Method::POST, &["channels", channel, "dtmf"], &[("dtmf", keys)], None).await.map(|_| ())
    }

    /// Ends a channel, or sees that it has ended.
    pub(super) async fn end(&self, channel: &str) -> Result<(), RestError> {
        self.rest.remove("channels", channel).await
    }

    /// Ends a channel that must not go on, if need be in several attempts; what is left is ended when Asterisk is there again.
    pub(super) async fn end_surely(&self, channel: &str) {
        for turn in 1..=ENDS {
            match self.end(channel).await {
                Ok(()) => return,
                Err(_) if turn < ENDS => tokio::time::sleep(BETWEEN).await,
                Err(error) => tracing::warn!(%error, "a channel of Asterisk could not be ended"),
            }
        }
    }

    pub(super) async fn close_bridge(&self, bridge: &str) {
        if let Err(error) = self.rest.remove("bridges", bridge).await {
            tracing::debug!(%error, "a bridge of Asterisk could not be closed");
        }
    }

    /// Ends channels and bridges of ours that nobody follows: of calls whose connection was lost, and of a former process.
    pub(super) async fn sweep(&self) -> Result<usize, RestError> {
        let prefix = self.prefix();
        let mut ended = 0;
        for channel in self.rest.list("channels").await? {
            let is_followed = self.legs().keys().any(|leg| channel.starts_with(leg.as_str()));
            if channel.starts_with(&prefix) && !is_followed {
                self.end(&channel).await?;
                ended += 1;
            }
        }
        for bridge in self.rest.list("bridges").await? {
            let is_followed = self.legs().keys().any(|leg| bridge.starts_with(leg.as_str()));
            if bridge.starts_with(&prefix) && !is_followed {
                self.close_bridge(&bridge).await;
            }
        }
        Ok(ended)
    }
}
