//! Who calls and who is called, as a trunk is told.
use cxc_dialer::engine::CallSpec;

use super::TrunkOptions;
use crate::ari::Originate;
use crate::ua::Invite;

/// The invitation of a call by a trunk. `number` has passed the last look.
pub(crate) fn addressed(spec: &CallSpec, trunk: &TrunkOptions, offer: Vec<u8>) -> Invite {
    let host = &trunk.host;
    let caller = caller(spec, trunk);
    let name = spec.caller_name.as_deref().map(quoted).unwrap_or_default();
    let known = match caller {
        Some(number) => format!("{name}<sip:{number}@{host}>"),
        None => format!("<sip:{host}>"),
    };
    let hidden = spec.private || caller.is_none();
    let from = if hidden { "\"Anonymous\" <sip:anonymous@anonymous.invalid>".to_owned() } else { known.clone() };
    let mut invite = Invite::new(&format!("sip:{}@{host}", spec.number), &from, offer);
    // RFC 3323 and 3325: the carrier knows who calls, and keeps it to itself
    if caller.is_some() && (trunk.asserted || spec.private) {
        invite.headers.push(("P-Asserted-Identity".into(), known));
    }
    if hidden {
        invite.headers.push(("Privacy".into(), "id".into()));
    }
    if let Some(identity) = spec.identity.as_deref().filter(|identity| is_one_line(identity)) {
        invite.headers.push(("Identity".into(), identity.to_owned()));
    }
    let own = trunk.headers.iter().filter(|(name, value)| is_one_line(name) && is_one_line(value));
    invite.headers.extend(own.cloned());
    invite.destination = trunk.proxy;
    invite.transport = trunk.transport;
    invite.trust = trunk.trust.clone();
    invite.credentials = trunk.credentials.clone();
    invite
}

/// The order of a call by an Asterisk. What it tells the carrier of who calls is a matter of its own settings.
pub(crate) fn originated(spec: &CallSpec, trunk: &TrunkOptions) -> Originate {
    let caller = caller(spec, trunk);
    let mut variables = Vec::new();
    if spec.private || caller.is_none() {
        variables.push(("CALLERID(pres)", "prohib".to_owned()));
        // what a channel that is dialed shows is the line that it is connected with
        variables.push(("CONNECTEDLINE(pres,i)", "prohib".to_owned()));
    }
    if let Some(identity) = spec.identity.as_deref().filter(|identity| is_one_line(identity)) {
        variables.push(("PJSIP_HEADER(add,Identity)", identity.to_owned()));
    }
    let name = spec.caller_name.as_deref().map(quoted).unwrap_or_default();
    Originate { number: spec.number.clone(), caller: caller.map(|number| format!("{name}<{number}>")), variables }
}

fn caller<'a>(spec: &'a CallSpec, trunk: &'a TrunkOptions) -> Option<&'a str> {
    spec.caller_id.as_deref().or(trunk.caller_id.as_deref()).filter(|number| is_number(number))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A line of its own would be a header of its own.
fn is_one_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_control())
}

fn quoted(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    if plain.is_empty() { plain } else { format!("\"{plain}\" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> CallSpec {
        CallSpec {
            number: "+12125550142".into(),
            caller_id: Some("+12125550100".into()),
            caller_name: Some("Example \"Ltd\"\r\nX: y".into()),
            ..CallSpec::default()
        }
    }

    fn trunk() -> TrunkOptions {
        TrunkOptions::new("one", "sip.example.com:5080", 1, 1.0, vec![])
    }

    fn header<'a>(invite: &'a Invite, name: &str) -> Option<&'a str> {
        invite.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_person_sees_the_caller_id_and_no_text_becomes_a_header() {
        let invite = addressed(&spec(), &trunk(), vec![]);
        assert_eq!(invite.to, "sip:+12125550142@sip.example.com:5080");
        assert_eq!(invite.from, "\"Example LtdX: y\" <sip:+12125550100@sip.example.com:5080>");
        assert_eq!(invite.headers, []);
        let forged = CallSpec { identity: Some("a\r\nX: y".into()), caller_id: Some("+1\r\n2".into()), ..spec() };
        let invite = addressed(&forged, &trunk(), vec![]);
        assert!(invite.headers.iter().all(|(_, value)| !value.contains('\n')) && !invite.from.contains('\n'));
        assert_eq!(header(&invite, "Identity"), None);
    }

    #[test]
    fn an_asterisk_is_told_who_calls_and_that_a_private_call_shows_nobody() {
        let call = originated(&spec(), &trunk());
        assert_eq!(call.caller.as_deref(), Some("\"Example LtdX: y\" <+12125550100>"));
        assert_eq!((call.number.as_str(), call.variables.len()), ("+12125550142", 0));
        let signed = CallSpec { private: true, identity: Some("eyJ".into()), ..spec() };
        let names: Vec<&str> = originated(&signed, &trunk()).variables.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["CALLERID(pres)", "CONNECTEDLINE(pres,i)", "PJSIP_HEADER(add,Identity)"]);
    }

    #[test]
    fn a_private_call_tells_the_carrier_alone_who_calls() {
        let invite = addressed(&CallSpec { private: true, ..spec() }, &trunk(), vec![]);
        assert!(invite.from.contains("anonymous.invalid") && !invite.from.contains("+12125550100"));
        assert_eq!(header(&invite, "Privacy"), Some("id"));
        assert!(header(&invite, "P-Asserted-Identity").unwrap().contains("+12125550100"));
    }

    #[test]
    fn a_trunk_that_trusts_us_is_told_and_a_signature_is_passed_on() {
        let spec = CallSpec { identity: Some("eyJ.abc;info=<https://example.com/c>".into()), ..spec() };
        let trunk = TrunkOptions { asserted: true, ..trunk() };
        let invite = addressed(&spec, &trunk, vec![]);
        assert!(header(&invite, "P-Asserted-Identity").is_some() && header(&invite, "Privacy").is_none());
        assert_eq!(header(&invite, "Identity"), spec.identity.as_deref());
    }

    #[test]
    fn a_call_without_a_caller_id_shows_the_one_of_the_trunk() {
        let trunk = TrunkOptions { caller_id: Some("+12125550111".into()), ..trunk() };
        let invite = addressed(&CallSpec { caller_id: None, caller_name: None, ..spec() }, &trunk, vec![]);
        assert_eq!(invite.from, "<sip:+12125550111@sip.example.com:5080>");
    }
}
