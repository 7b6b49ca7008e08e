//! What a channel account must be.
use cxc_core::call_settings::is_number;
use cxc_core::location::Country;

use super::trunk::TrunkTerms;
use super::{AccountKind, ChannelAccount, Millis, Security, SimulatorSettings, SipTransport, SmppSettings, Srtp};
use crate::channel::FieldError;

/// The longest text of any member but the certificate, characters.
const TEXT_LIMIT: usize = 255;
const CERTIFICATE_LIMIT: usize = 64 * 1024;

struct Check(Vec<FieldError>);

impl Check {
    fn must(&mut self, holds: bool, pointer: &str, code: &'static str, message: &str) {
        if !holds {
            self.0.push(FieldError::new(pointer, code, message));
        }
    }

    fn text(&mut self, value: Option<&str>, pointer: &str, limit: usize) {
        let good = value.is_none_or(|v| !v.is_empty() && v.chars().count() <= limit && !v.contains(char::is_control));
        self.must(good, pointer, "bad_text", &format!("1 to {limit} characters on one line"));
    }
}

pub(super) fn problems(account: &ChannelAccount) -> Vec<FieldError> {
    let mut check = Check(Vec::new());
    common(account, &mut check);
    match account.kind {
        AccountKind::Http => {
            check.must(
                false,
                "/kind",
                "not_available",
                "web gateways are not available yet: use smpp, smtp or simulator",
            );
        }
        AccountKind::Smtp => smtp(account, &mut check),
        AccountKind::Smpp => smpp(account, &mut check),
        AccountKind::Sip => sip(account, &mut check),
        AccountKind::Ari => ari(account, &mut check),
        AccountKind::Simulator => {
            let settings = account.simulator.clone().unwrap_or_default();
            simulator(&settings, &mut check);
        }
    }
    check.0
}

fn common(a: &ChannelAccount, check: &mut Check) {
    check.text(a.host.as_deref(), "/host", TEXT_LIMIT);
    check.must(a.port != Some(0), "/port", "out_of_range", "a port is 1 to 65535");
    check.text(a.sender.as_deref(), "/sender", TEXT_LIMIT);
    check.text(a.sender_name.as_deref(), "/senderName", 100);
    check.text(a.reply_to.as_deref(), "/replyTo", TEXT_LIMIT);
    check.text(a.helo_name.as_deref(), "/heloName", TEXT_LIMIT);
    let address = a.postal_address.as_deref().is_none_or(|t| !t.trim().is_empty() && t.chars().count() <= 500);
    check.must(address, "/postalAddress", "bad_text", "a postal address has 1 to 500 characters");
    let rate = a.rate_per_second.is_finite() && (0.01..=100_000.0).contains(&a.rate_per_second);
    check.must(rate, "/ratePerSecond", "out_of_range", "a rate is 0.01 to 100000 messages a second");
    check.must((1..=1000).contains(&a.window), "/window", "out_of_range", "a window is 1 to 1000 messages");
    check.must((1..=50).contains(&a.connections), "/connections", "out_of_range", "connections are 1 to 50");
    let timeout = (60..=30 * 24 * 3600).contains(&a.receipt_timeout_seconds);
    check.must(timeout, "/receiptTimeoutSeconds", "out_of_range", "a receipt is awaited for 60 seconds to 30 days");
    if let Some(credential) = &a.credential {
        check.text(Some(&credential.username), "/credential/username", TEXT_LIMIT);
    }
    if let Some(pem) = &a.ca_certificate {
        let good = pem.len() <= CERTIFICATE_LIMIT && pem.contains("-----BEGIN CERTIFICATE-----");
        check.must(good, "/caCertificate", "bad_certificate", "a certificate is PEM text of up to 64 KiB");
    }
    check.must(a.smpp.is_none() || a.kind == AccountKind::Smpp, "/smpp", "not_applicable", "only of kind smpp");
    check.must(a.sip.is_none() || a.kind == AccountKind::Sip, "/sip", "not_applicable", "only of kind sip");
    check.must(a.ari.is_none() || a.kind == AccountKind::Ari, "/ari", "not_applicable", "only of kind ari");
    let simulated = a.simulator.is_none() || a.kind == AccountKind::Simulator;
    check.must(simulated, "/simulator", "not_applicable", "only of kind simulator");
}

fn smtp(a: &ChannelAccount, check: &mut Check) {
    check.must(a.host.is_some(), "/host", "required", "a mail server has a host");
    let addresses = [(&a.sender, "/sender"), (&a.reply_to, "/replyTo")];
    for (address, pointer) in addresses {
        let good = address.as_deref().is_none_or(|t| t.parse::<lettre::Address>().is_ok());
        check.must(good, pointer, "bad_email", "an email address looks like name@example.com");
    }
    // a password over a plain connection is read by anyone on the way
    let open = matches!(a.security, Security::None | Security::StarttlsOptional);
    let local = a.host.as_deref().is_some_and(is_this_machine);
    let safe = a.credential.is_none() || !open || local;
    check.must(safe, "/security", "password_in_clear", "with a credential security is starttls or tls");
}

fn smpp(a: &ChannelAccount, check: &mut Check) {
    check.must(a.host.is_some(), "/host", "required", "an SMS centre has a host");
    let security = matches!(a.security, Security::None | Security::Tls);
    check.must(security, "/security", "not_applicable", "SMPP is used without security or with tls");
    check.must(a.credential.is_some(), "/credential", "required", "an SMS centre asks for a system id and a password");
    if let Some(credential) = &a.credential {
        let id = credential.username.is_ascii() && credential.username.len() <= 15;
        check.must(id, "/credential/username", "too_long", "a system id has up to 15 ASCII characters");
        let password = credential.password.as_ref().map_or("", |p| p.expose_secret());
        let good = password.len() <= 64 && !password.contains('\0');
        check.must(good, "/credential/password", "too_long", "an SMPP password has up to 64 characters");
    }
    if let Some(sender) = &a.sender {
        let good = sender.is_ascii() && sender.len() <= 20;
        check.must(good, "/sender", "bad_sender", "an SMS sender is a number, a short code or up to 11 letters");
    }
    let s: SmppSettings = a.smpp.clone().unwrap_or_default();
    let system = s.system_type.is_ascii() && s.system_type.len() <= 12 && !s.system_type.contains('\0');
    check.must(system, "/smpp/systemType", "too_long", "a system type has up to 12 ASCII characters");
    let range = s.address_range.is_ascii() && s.address_range.len() <= 40 && !s.address_range.contains('\0');
    check.must(range, "/smpp/addressRange", "too_long", "an address range has up to 40 ASCII characters");
    let enquire = (5..=300).contains(&s.enquire_link_seconds);
    check.must(enquire, "/smpp/enquireLinkSeconds", "out_of_range", "5 to 300 seconds");
    let response = (1..=120).contains(&s.response_timeout_seconds);
    check.must(response, "/smpp/responseTimeoutSeconds", "out_of_range", "1 to 120 seconds");
}

fn sip(a: &ChannelAccount, check: &mut Check) {
    check.must(a.host.is_some(), "/host", "required", "a SIP trunk has a host");
    let security = a.security == Security::None;
    check.must(security, "/security", "not_applicable", "a SIP trunk by TLS has the transport tls");
    let caller = a.sender.as_deref().is_none_or(is_number);
    check.must(caller, "/sender", "bad_sender", "a caller id is a + and 8 to 15 digits");
    if let Some(credential) = &a.credential {
        let password = credential.password.is_some();
        check.must(password, "/credential/password", "required", "a SIP trunk asks for a password, too");
    }
    let s = a.sip.clone().unwrap_or_default();
    let is_read_by_none = s.transport == SipTransport::Tls || s.srtp_without_tls;
    let message = "keys of encrypted audio travel by tls; srtpWithoutTls says that the way is protected otherwise";
    check.must(s.srtp == Srtp::Off || is_read_by_none, "/sip/srtp", "keys_in_clear", message);
    let knows = !s.register || a.credential.is_some();
    check.must(knows, "/credential", "required", "a trunk where we register has a credential");
    terms("sip", &s.terms(), check);
}

fn ari(a: &ChannelAccount, check: &mut Check) {
    check.must(a.host.is_some(), "/host", "required", "an Asterisk has a host");
    let caller = a.sender.as_deref().is_none_or(is_number);
    check.must(caller, "/sender", "bad_sender", "a caller id is a + and 8 to 15 digits");
    let password = a.credential.as_ref().is_some_and(|credential| credential.password.is_some());
    check.must(password, "/credential", "required", "an Asterisk asks for a user of its ari.conf and a password");
    let s = a.ari.clone().unwrap_or_default();
    // the password lets everybody on the way call whom they like
    let is_near = a.host.as_deref().is_some_and(is_this_machine) || s.without_tls;
    let safe = a.security == Security::Tls || a.security == Security::None && is_near;
    let message = "security is tls; withoutTls says that the way is protected otherwise";
    check.must(safe, "/security", "password_in_clear", message);
    let plain = |text: &str, limit: usize| text.len() <= limit && text.bytes().all(|byte| byte.is_ascii_graphic());
    let names = s.endpoint.contains("{number}") || s.endpoint.contains("{digits}");
    let dialed = plain(&s.endpoint, 255) && s.endpoint.find('/').is_some_and(|at| at > 0) && names;
    let message = "an endpoint is what Asterisk dials, with {number} or {digits}: PJSIP/{number}@carrier";
    check.must(dialed, "/ari/endpoint", "bad_endpoint", message);
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let application = (1..=40).contains(&s.application.len()) && s.application.chars().all(named);
    check.must(application, "/ari/application", "bad_text", "1 to 40 letters, digits and underscores");
    let path = plain(&s.path, 100) && s.path.starts_with('/') && !s.path.contains(['?', '#', '%']);
    check.must(path, "/ari/path", "bad_path", "a path begins with /, such as /ari");
    terms("ari", &s.terms(), check);
}

/// What each trunk must be.
fn terms(of: &str, s: &TrunkTerms<'_>, check: &mut Check) {
    let at = |member: &str| format!("/{of}/{member}");
    check.must((1..=10_000).contains(&s.channels), &at("channels"), "out_of_range", "channels are 1 to 10,000");
    let known = !s.countries.is_empty() && s.countries.iter().all(|code| Country::parse(code).is_ok());
    check.must(known, &at("countries"), "required", "a trunk names the countries that may be called: [\"US\"]");
    for (cost, member) in [(s.cost_per_minute, "costPerMinute"), (s.cost_per_call, "costPerCall")] {
        check.must((0.0..=1e6).contains(&cost), &at(member), "out_of_range", "a cost is 0 to 1,000,000");
    }
    let cap = s.spend_per_day.is_none_or(|cap| (0.0..=1e9).contains(&cap));
    check.must(cap, &at("spendPerDay"), "out_of_range", "a day may cost 0 to 1,000,000,000");
    let counts = s.spend_per_day.is_none() || s.cost_per_minute > 0.0 || s.cost_per_call > 0.0;
    check.must(counts, &at("costPerMinute"), "required", "a cap needs what calls cost");
    check.must(s.alternates.len() <= 5, &at("alternates"), "too_many", "a trunk has at most 5 alternates");
    let is_once = |(nth, id): (usize, &uuid::Uuid)| !s.alternates.iter().take(nth).any(|before| before == id);
    let once = s.alternates.iter().enumerate().all(is_once);
    check.must(once, &at("alternates"), "used_twice", "each alternate once");
}

fn simulator(s: &SimulatorSettings, check: &mut Check) {
    let answers = [
        (s.bad_address, "/simulator/badAddress"),
        (s.refused, "/simulator/refused"),
        (s.temporary, "/simulator/temporary"),
        (s.throttled, "/simulator/throttled"),
        (s.unanswered, "/simulator/unanswered"),
    ];
    let receipts = [(s.undelivered, "/simulator/undelivered"), (s.receipt_lost, "/simulator/receiptLost")];
    let people = [(s.replies, "/simulator/replies"), (s.opt_outs, "/simulator/optOuts"), (s.helps, "/simulator/helps")];
    for group in [&answers[..], &receipts[..], &people[..]] {
        for (share, pointer) in group {
            check.must((0.0..=1.0).contains(share), pointer, "out_of_range", "a share is 0 to 1");
        }
        let sum: f64 = group.iter().map(|(share, _)| share).sum();
        check.must(sum <= 1.0 + 1e-9, group[0].1, "out_of_range", "shares of one kind add up to 1 at most");
    }
    let spans = [
        (s.delay, "/simulator/delay"),
        (s.receipt_delay, "/simulator/receiptDelay"),
        (s.reply_delay, "/simulator/replyDelay"),
    ];
    for (Millis { min, max }, pointer) in spans {
        check.must(min <= max && max <= 3_600_000, pointer, "out_of_range", "min is at most max, max at most one hour");
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(text: &str) -> Vec<String> {
        let account: ChannelAccount = serde_json::from_str(text).unwrap();
        problems(&account).into_iter().map(|p| p.pointer).collect()
    }

    #[test]
    fn a_good_account_of_each_kind_has_no_problem() {
        assert!(pointers(r#"{"kind":"smtp","host":"127.0.0.1","sender":"a@example.com"}"#).is_empty());
        let smpp = r#"{"kind":"smpp","host":"h","sender":"Acme","credential":{"username":"u","password":"p"}}"#;
        assert!(pointers(smpp).is_empty());
        assert!(pointers(r#"{"kind":"simulator"}"#).is_empty());
    }

    #[test]
    fn a_password_is_not_sent_in_clear_to_another_machine() {
        let text = r#"{"kind":"smtp","host":"mail.example.com","credential":{"username":"u","password":"p"}}"#;
        assert_eq!(pointers(text), ["/security"]);
        assert!(pointers(&text.replace("mail.example.com", "127.0.0.1")).is_empty());
    }

    #[test]
    fn a_web_gateway_is_refused_as_not_yet_available() {
        assert_eq!(pointers(r#"{"kind":"http","host":"h"}"#), ["/kind"]);
    }

    #[test]
    fn a_trunk_says_which_countries_may_be_called() {
        let trunk = r#"{"kind":"sip","host":"sip.example.com","sender":"+12125550100","sip":{"countries":["US"]}}"#;
        assert!(pointers(trunk).is_empty());
        assert_eq!(pointers(r#"{"kind":"sip","host":"sip.example.com"}"#), ["/sip/countries"]);
        assert_eq!(pointers(&trunk.replace("US", "XX")), ["/sip/countries"]);
        assert_eq!(pointers(&trunk.replace("+1212", "1212")), ["/sender"]);
        assert_eq!(pointers(r#"{"kind":"simulator","sip":{"countries":["US"]}}"#), ["/sip"]);
        let spends = |more: &str| pointers(&trunk.replace("[\"US\"]", &format!("[\"US\"],{more}")));
        assert!(spends(r#""spendPerDay":25.5,"costPerMinute":0.012"#).is_empty());
        assert_eq!(spends(r#""spendPerDay":25"#), ["/sip/costPerMinute"]);
        assert_eq!(spends(r#""costPerMinute":-1,"costPerCall":2000000"#), ["/sip/costPerMinute", "/sip/costPerCall"]);
    }

    #[test]
    fn an_asterisk_is_told_what_to_dial_and_gets_its_password_by_tls() {
        let text = r#"{"kind":"ari","host":"pbx.example.com","security":"tls","credential":{"username":"u","password":"p"},
            "ari":{"endpoint":"PJSIP/{number}@carrier","countries":["US"]}}"#;
        assert!(pointers(text).is_empty());
        let plain = text.replace(r#""security":"tls","#, "");
        assert_eq!(pointers(&plain), ["/security"]);
        assert!(pointers(&plain.replace("pbx.example.com", "127.0.0.1")).is_empty());
        assert!(pointers(&plain.replace(r#""ari":{"#, r#""ari":{"withoutTls":true,"#)).is_empty());
        for endpoint in ["PJSIP/100@carrier", "{number}", "PJSIP/{number}@a b", "/{number}", ""] {
            assert_eq!(pointers(&text.replace("PJSIP/{number}@carrier", endpoint)), ["/ari/endpoint"], "{endpoint}");
        }
        assert_eq!(pointers(&text.replace(r#"["US"]"#, "[]")), ["/ari/countries"]);
        let named = |more: &str| pointers(&text.replace(r#""ari":{"#, &format!(r#""ari":{{{more},"#)));
        assert_eq!(named(r#""application":"a-b""#), ["/ari/application"]);
        assert_eq!(named(r#""path":"ari""#), ["/ari/path"]);
        let silent = r#"{"kind":"ari","host":"127.0.0.1","ari":{"endpoint":"SIP/{digits}","countries":["US"]}}"#;
        assert_eq!(pointers(silent), ["/credential"]);
    }

    #[test]
    fn keys_of_encrypted_audio_do_not_travel_in_the_clear_unasked() {
        let trunk =
            |more: &str| pointers(&format!(r#"{{"kind":"sip","host":"h","sip":{{"countries":["US"],{more}}}}}"#));
        assert!(trunk(r#""transport":"tls""#).is_empty());
        assert!(trunk(r#""transport":"tls","srtp":"required""#).is_empty());
        assert_eq!(trunk(r#""transport":"tcp","srtp":"required""#), ["/sip/srtp"]);
        assert!(trunk(r#""srtp":"required","srtpWithoutTls":true"#).is_empty());
        assert_eq!(pointers(r#"{"kind":"sip","host":"h","security":"tls","sip":{"countries":["US"]}}"#), ["/security"]);
    }

    #[test]
    fn line_breaks_and_impossible_numbers_are_refused() {
        let text = r#"{"kind":"smtp","host":"h\r\nx","sender":"nobody","window":0,"ratePerSecond":-1}"#;
        assert_eq!(pointers(text), ["/host", "/ratePerSecond", "/window", "/sender"]);
    }

    #[test]
    fn simulated_shares_add_up_to_one_at_most() {
        let text = r#"{"kind":"simulator","simulator":{"refused":0.7,"temporary":0.6}}"#;
        assert_eq!(pointers(text), ["/simulator/badAddress"]);
    }
}
