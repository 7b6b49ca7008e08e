//! Server-sent events: a comment every 15 s keeps proxies from closing the stream.
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use serde::Serialize;

const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// One event: its kind, its id for `Last-Event-ID`, its JSON.
pub fn event(kind: &str, id: &str, data: &impl Serialize) -> Event {
    let json = serde_json::to_string(data).unwrap_or_else(|_| "null".into());
    // neither may hold a line break, which the builder would panic on
    let clean = |text: &str| text.replace(['\r', '\n', '\0'], " ");
    Event::default().event(clean(kind)).id(clean(id)).data(json)
}

/// A stream of events as an answer.
pub fn answer(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = events.map(Ok::<_, Infallible>);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT_EVERY)).into_response();
    // nginx must pass each event on at once
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The id of the last event that the client has seen.
pub fn last_event_id(headers: &HeaderMap) -> Option<String> {
    headers.get("last-event-id").and_then(|v| v.to_str().ok()).map(str::to_owned).filter(|v| !v.is_empty())
}
