//! What an answer agrees on: who talks to whom, and by which way.
use rsipstack::sip::Response;
use rsipstack::sip::headers::Header;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::typed::RecordRoute;
use rsipstack::sip::{Request, Uri};

/// A call that was answered.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    pub call_id: String,
    /// The value of From in our requests.
    pub local: String,
    /// The value of To in our requests.
    pub remote: String,
    pub remote_tag: String,
    /// Where requests go.
    pub target: Uri,
    /// By which proxies, nearest first.
    pub routes: Vec<String>,
    /// The number of our last request.
    pub cseq: u32,
}

impl Dialog {
    /// The dialog that a 200 made.
    pub fn of(request: &Request, response: &Response) -> Option<Self> {
        let routes = response.headers.iter().filter_map(|header| match header {
            Header::RecordRoute(routes) => RecordRoute::parse_header_list(routes.value()).ok(),
            _ => None,
        });
        let mut routes: Vec<String> = routes.flatten().map(|route| format!("<{}>", route.uri)).collect();
        routes.reverse();
        Some(Self {
            call_id: request.call_id_header().ok()?.value().to_owned(),
            local: request.from_header().ok()?.value().to_owned(),
            remote: response.to_header().ok()?.value().to_owned(),
            remote_tag: remote_tag(response).unwrap_or_default(),
            // a 200 has to say where it is reached; without that there is no other place than the one we called
            target: match response.contact_header() {
                Ok(contact) => contact.typed().ok()?.uri,
                Err(_) => request.uri.clone(),
            },
            routes,
            cseq: request.cseq_header().ok()?.seq().ok()?,
        })
    }

    /// The dialog that our answer to a call makes, with our own tag. The routes stand in their order then.
    pub fn of_caller(invite: &Request, tag: &str) -> Option<Self> {
        let routes = invite.headers.iter().filter_map(|header| match header {
            Header::RecordRoute(routes) => RecordRoute::parse_header_list(routes.value()).ok(),
            _ => None,
        });
        let from = invite.from_header().ok()?;
        let remote_tag = from.tag().ok().flatten().map(|tag| tag.value().to_owned());
        Some(Self {
            call_id: invite.call_id_header().ok()?.value().to_owned(),
            local: format!("{};tag={tag}", invite.to_header().ok()?.value()),
            remote: from.value().to_owned(),
            remote_tag: remote_tag.unwrap_or_default(),
            target: invite.contact_header().ok()?.typed().ok()?.uri,
            routes: routes.flatten().map(|route| format!("<{}>", route.uri)).collect(),
            cseq: 0,
        })
    }

    /// Whether a request of the far end belongs to it.
    pub fn owns(&self, request: &Request) -> bool {
        let tag = request.from_header().ok().and_then(|from| from.tag().ok().flatten());
        tag.map_or(self.remote_tag.is_empty(), |tag| tag.value() == self.remote_tag)
    }
}

/// The tag of the far end.
pub(super) fn remote_tag(response: &Response) -> Option<String> {
    let tag = response.to_header().ok()?.tag().ok().flatten()?;
    Some(tag.value().to_owned())
}
