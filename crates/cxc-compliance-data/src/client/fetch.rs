//! Requests with a token: bounded, conditional, resumed where a connection broke, tried again after a while.
use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use secrecy::ExposeSecret;

use super::Client;

/// How often a request is made before the provider counts as out of reach.
const TRIES: u32 = 4;
/// How long one file may take in all its tries.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What came of a request for a file.
#[derive(Debug)]
pub enum Fetched {
    /// The file, and its tag.
    File(File, Option<String>),
    /// It is the one that is there already.
    Same,
    /// The provider has it no more.
    Gone,
}

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The provider can't be reached, or a connection broke.
    #[error("the provider can't be reached: {0}")]
    Unreachable(String),
    /// It gives no token.
    #[error("the token endpoint answered {0}: gcloud_auth, gcloud_id and gcloud_secret must be those of the provider")]
    Token(u16),
    /// It refuses or fails.
    #[error("the provider answered {0}")]
    Status(u16),
    /// What it answered is something else.
    #[error("the provider's answer is not {0}")]
    Answer(&'static str),
    /// It sends more than it promised.
    #[error("the provider sends more than {0} bytes")]
    TooLarge(u64),
    /// It takes too long.
    #[error("the download took longer than {} minutes", PATIENCE.as_secs() / 60)]
    TooSlow,
    /// The file can't be kept.
    #[error("the download can't be written: {0}")]
    Disk(#[from] std::io::Error),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // the words of the whole chain: "error sending request" alone helps nobody
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Unreachable(text)
    }
}

impl FetchError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status(status) | Self::Token(status) => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// The body of a small answer.
pub(super) async fn limited(response: Response, most: u64) -> Result<Vec<u8>, FetchError> {
    let (mut body, mut stream) = (Vec::new(), response.bytes_stream());
    while let Some(piece) = stream.next().await {
        body.extend_from_slice(&piece?);
        if body.len() as u64 > most {
            return Err(FetchError::TooLarge(most));
        }
    }
    Ok(body)
}

impl Client {
    /// The address of something below the manifest.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.url.trim_end_matches('/'))
    }

    /// Downloads to a file without a name, of at most so many bytes.
    pub(super) async fn fetch(&self, url: &str, tag: Option<&str>, most: u64) -> Result<Fetched, FetchError> {
        tokio::time::timeout(PATIENCE, self.fetch_patiently(url, tag, most)).await.unwrap_or(Err(FetchError::TooSlow))
    }

    async fn fetch_patiently(&self, url: &str, tag: Option<&str>, most: u64) -> Result<Fetched, FetchError> {
        let mut part = Part { file: tempfile::tempfile_in(&self.settings.temporary)?, length: 0, tag: None };
        let mut pause = self.settings.backoff;
        for _ in 1..TRIES {
            match self.attempt(url, tag, most, &mut part).await {
                Err(error) if error.is_passing() => {
                    tracing::warn!("compliance data is asked for again in {} ms: {error}", pause.as_millis());
                }
                Ok(done) => return part.done(done),
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let done = self.attempt(url, tag, most, &mut part).await?;
        part.done(done)
    }

    /// One request; what comes is added to what came before the connection broke.
    async fn attempt(&self, url: &str, tag: Option<&str>, most: u64, part: &mut Part) -> Result<Done, FetchError> {
        let mut headers = HeaderMap::new();
        let known = part.tag.clone().filter(|_| part.length > 0);
        let mut set = |name, value: &str| {
            value.parse().map(|value| headers.insert(name, value)).map_err(|_| FetchError::Answer("a tag")).map(drop)
        };
        if let Some(tag) = &known {
            set(RANGE, &format!("bytes={}-", part.length))?;
            set(IF_RANGE, tag)?;
        } else if let Some(tag) = tag {
            set(IF_NONE_MATCH, tag)?;
        }
        let response = self.send(url, headers).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Done::Same),
            StatusCode::GONE => return Ok(Done::Gone),
            StatusCode::PARTIAL_CONTENT if known.is_some() => {}
            StatusCode::OK => part.begin_anew()?,
            status => return Err(FetchError::Status(status.as_u16())),
        }
        part.tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(ToOwned::to_owned);
        let mut stream = response.bytes_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            part.length += piece.len() as u64;
            if part.length > most {
                return Err(FetchError::TooLarge(most));
            }
            part.file.write_all(&piece)?;
        }
        Ok(Done::Whole)
    }

    /// A request with the token; a token that is refused is renewed once.
    async fn send(&self, url: &str, headers: HeaderMap) -> Result<Response, FetchError> {
        let token = self.token(false).await?;
        let ask = |token: &str| self.http.get(url).headers(headers.clone()).bearer_auth(token);
        let response = ask(token.expose_secret()).send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let token = self.token(true).await?;
        Ok(ask(token.expose_secret()).send().await?)
    }
}

/// What has come so far.
struct Part {
    file: File,
    length: u64,
    tag: Option<String>,
}

#[derive(Clone, Copy)]
enum Done {
    Whole,
    Same,
    Gone,
}

impl Part {
    fn begin_anew(&mut self) -> std::io::Result<()> {
        self.length = 0;
        self.file.set_len(0)?;
        self.file.rewind()
    }

    fn done(mut self, done: Done) -> Result<Fetched, FetchError> {
        match done {
            Done::Whole => {
                self.file.rewind()?;
                Ok(Fetched::File(self.file, self.tag))
            }
            Done::Same => Ok(Fetched::Same),
            Done::Gone => Ok(Fetched::Gone),
        }
    }
}
