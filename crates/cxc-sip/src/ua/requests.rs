//! The requests of a call.
use std::net::SocketAddr;

use rsipstack::sip::headers::{Header, Headers};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, Request, Uri, Version};
use rsipstack::transaction::{BRANCH_LEN, TO_TAG_LEN, random_text};

use super::dialog::Dialog;
use super::endpoint::Endpoint;
use super::flow::Own;
use super::register::{Binding, Registration};
use super::{Invite, Transport, UaError};

pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

fn via(own: Own) -> Header {
    let name = match own.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    };
    let branch = random_text(BRANCH_LEN);
    Header::Via(format!("SIP/2.0/{name} {};branch=z9hG4bK{branch};rport", own.address).into())
}

/// Where we are reached during a call, or as somebody.
pub(super) fn contact(own: Own, user: Option<&str>) -> String {
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let transport = match own.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
    };
    format!("<sip:{user}{}{transport}>", own.address)
}

fn request(method: Method, uri: Uri, headers: Vec<Header>, body: Vec<u8>) -> Request {
    Request { method, uri, version: Version::V2, headers: Headers(headers), body }
}

/// The first request of a call.
pub(super) fn invite(endpoint: &Endpoint, invite: &Invite) -> Result<Request, UaError> {
    let uri = Uri::try_from(invite.to.as_str()).map_err(|error| UaError::Library(error.to_string()))?;
    let call_id = format!("{}{}", invite.call_id_prefix, random_text(24));
    let own = endpoint.own(invite.transport, None);
    let mut headers = vec![
        via(own),
        Header::MaxForwards("70".into()),
        Header::From(format!("{};tag={}", invite.from, random_text(TO_TAG_LEN)).into()),
        Header::To(format!("<{uri}>").into()),
        Header::CallId(call_id.into()),
        Header::CSeq("1 INVITE".into()),
        Header::Contact(contact(own, None).into()),
        Header::Allow(ALLOW.into()),
        Header::Supported("timer".into()),
        Header::UserAgent(endpoint.library.user_agent.clone().into()),
    ];
    headers.extend(invite.headers.iter().map(|(name, value)| Header::Other(name.clone(), value.clone())));
    if !invite.offer.is_empty() {
        headers.push(Header::ContentType("application/sdp".into()));
    }
    Ok(request(Method::Invite, uri, headers, invite.offer.clone()))
}

/// Tells a registrar where we are, or, for no time, that we are not there.
pub(super) fn register(
    endpoint: &Endpoint,
    registration: &Registration,
    (uri, own): (Uri, &str),
    binding: &Binding,
) -> Request {
    let us = endpoint.own(registration.transport, None);
    let contact = contact(us, Some(&registration.user));
    let headers = vec![
        via(us),
        Header::MaxForwards("70".into()),
        Header::From(format!("{own};tag={}", binding.tag).into()),
        Header::To(own.to_owned().into()),
        Header::CallId(binding.call_id.clone().into()),
        Header::CSeq(format!("{} REGISTER", binding.cseq).into()),
        Header::Contact(contact.into()),
        Header::Expires(binding.expires.to_string().into()),
        Header::UserAgent(endpoint.library.user_agent.clone().into()),
    ];
    request(Method::Register, uri, headers, vec![])
}

/// Says that we are reached at another place.
pub(super) fn moved(request: &mut Request, from: SocketAddr, to: SocketAddr) {
    let (from, to) = (from.to_string(), to.to_string());
    for header in &mut request.headers.0 {
        match header {
            Header::Via(via) => *via = via.value().replacen(&from, &to, 1).into(),
            Header::Contact(contact) => *contact = contact.value().replacen(&from, &to, 1).into(),
            _ => (),
        }
    }
}

/// Takes a request back: the same but for its method (RFC 3261, 9.1).
pub(super) fn cancel(of: &Request) -> Option<Request> {
    let seq = of.cseq_header().ok()?.seq().ok()?;
    let mut headers: Vec<Header> = of
        .headers
        .iter()
        .filter(|header| {
            let name = header.name();
            ["Max-Forwards", "From", "To", "Call-ID", "Route"].iter().any(|kept| name.eq_ignore_ascii_case(kept))
        })
        .cloned()
        .collect();
    let via = of.headers.iter().find(|header| matches!(header, Header::Via(_)))?;
    headers.insert(0, via.clone());
    headers.push(Header::CSeq(format!("{seq} CANCEL").into()));
    Some(request(Method::Cancel, of.uri.clone(), headers, vec![]))
}

/// A request within an answered call.
pub(super) fn within(
    endpoint: &Endpoint,
    own: Own,
    dialog: &mut Dialog,
    (method, more, body): (Method, Vec<Header>, Vec<u8>),
) -> Request {
    dialog.cseq += 1;
    let mut headers = vec![
        via(own),
        Header::MaxForwards("70".into()),
        Header::From(dialog.local.clone().into()),
        Header::To(dialog.remote.clone().into()),
        Header::CallId(dialog.call_id.clone().into()),
        Header::CSeq(format!("{} {method}", dialog.cseq).into()),
        Header::UserAgent(endpoint.library.user_agent.clone().into()),
    ];
    headers.extend(dialog.routes.iter().map(|route| Header::Route(route.clone().into())));
    headers.extend(more);
    request(method, dialog.target.clone(), headers, body)
}
