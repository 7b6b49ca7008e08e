//! What an agent reads: a line or some for each event.
use serde_json::Value;

/// The lines of an event; answers to commands that were carried out have none.
pub fn lines(event: &Value) -> Vec<String> {
    let text = |member: &str| plain(&event[member]);
    match event["type"].as_str().unwrap_or_default() {
        "hello" => hello(event),
        "session" => vec![format!("logged in as {}, phone {}", text("user"), text("phone"))],
        "state" => vec![state(event)],
        "call" => call(event),
        "talk" => vec![talk(event)],
        "call_ended" => vec![format!("call {} ended: {}", text("attempt"), text("result"))],
        "preview" => preview(event),
        "preview_ended" => vec![format!("preview ended: {}", text("reason"))],
        "no_preview" => vec![format!("no preview: {}", text("reason"))],
        "not_dialed" => vec![not_dialed(event)],
        "talk_limit" => vec!["the talk ends soon".into()],
        "error" => vec![format!("! {} ({})", text("detail"), text("code"))],
        _ => Vec::new(),
    }
}

fn hello(event: &Value) -> Vec<String> {
    let list = |of: &str, member: &str| {
        let names = event[of].as_array().into_iter().flatten();
        names.map(|one| plain(if member.is_empty() { one } else { &one[member] })).collect::<Vec<_>>().join(", ")
    };
    let said = [("reasons", list("reasons", "")), ("dispositions", list("dispositions", "code"))];
    let said = said.into_iter().filter(|(_, list)| !list.is_empty());
    said.map(|(name, list)| format!("{name}: {list}")).chain(["type ? for help".into()]).collect()
}

fn state(event: &Value) -> String {
    let mut line = format!("state: {}", plain(&event["state"]));
    for (member, before, after) in
        [("reason", " (", ")"), ("since", " since ", ""), ("deadline", " until ", ""), ("next", ", then ", "")]
    {
        if !event[member].is_null() {
            line.push_str(&format!("{before}{}{after}", plain(&event[member])));
        }
    }
    line.push_str(&format!(", phone {}", plain(&event["phone"])));
    if !event["group"].is_null() {
        line.push_str(&format!(", group {}", plain(&event["group"])));
    }
    line
}

fn call(event: &Value) -> Vec<String> {
    let who = plain(&event["person"]["name"]);
    let called = &event["called"];
    let called = if called.is_null() { String::new() } else { format!(" (called {})", plain(called)) };
    let first = format!("call {} of {}: {who}{called}", plain(&event["attempt"]), plain(&event["group"]));
    person(first, &event["person"], "dialed")
}

/// Whom the agent may call.
fn preview(event: &Value) -> Vec<String> {
    let kind = if event["callback"] == true { "callback" } else { "preview" };
    let who = plain(&event["person"]["name"]);
    person(format!("{kind} of {}: {who}", plain(&event["group"])), &event["person"], "next")
}

fn person(first: String, person: &Value, mark: &str) -> Vec<String> {
    let mut lines = vec![first];
    for number in person["numbers"].as_array().into_iter().flatten() {
        let dialed = if number["position"] == person["dialed"] { format!(" ({mark})") } else { String::new() };
        lines.push(format!("  number {}: {}{dialed}", plain(&number["position"]), plain(&number["number"])));
    }
    if !person["clientId"].is_null() {
        lines.push(format!("  client id: {}", plain(&person["clientId"])));
    }
    for (name, value) in person["fields"].as_object().into_iter().flatten() {
        lines.push(format!("  {}: {}", harmless(name), plain(value)));
    }
    lines.push(format!("  attempts before: {}", plain(&person["attemptsBefore"])));
    lines
}

/// Why a call does not come.
fn not_dialed(event: &Value) -> String {
    let until = &event["until"];
    let until = if until.is_null() { String::new() } else { format!(" until {}", plain(until)) };
    format!("not dialed: {}{until}", plain(&event["reason"]))
}

/// How the talk stands.
fn talk(event: &Value) -> String {
    let mut parts = Vec::new();
    for (member, word) in [("held", "the person waits"), ("muted", "mute")] {
        if event[member] == true {
            parts.push(word.to_owned());
        }
    }
    if !event["third"].is_null() {
        parts.push(format!("{} {}", plain(&event["third"]["state"]), plain(&event["third"]["to"])));
    }
    if !event["failed"].is_null() {
        let why = if event["failed"] == "DialError" { " (no trunk may dial it)" } else { "" };
        parts.push(format!("the other is not there: {}{why}", plain(&event["failed"])));
    }
    if !event["supervisor"].is_null() {
        parts.push(format!("supervisor {}", plain(&event["supervisor"])));
    }
    if parts.is_empty() {
        parts.push("both hear each other".into());
    }
    match event["recorded"].as_bool() {
        Some(true) => parts.push("recorded".into()),
        Some(false) => parts.push("recording paused".into()),
        None => (),
    }
    format!("talk: {}", parts.join(", "))
}

/// A value as text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

/// Contacts come out of files of others: nothing in them may steer the terminal.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_unseen(c) { ' ' } else { c }).collect()
}

/// What turns the direction of a text around, ends a line or hides in it.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_is_a_line() {
        let event = json!({"type": "state", "state": "wrap_up", "since": "a", "deadline": "b", "next": "logged_out",
            "phone": "connected", "group": "g"});
        assert_eq!(lines(&event), ["state: wrap_up since a until b, then logged_out, phone connected, group g"]);
    }

    #[test]
    fn a_talk_is_a_line() {
        let plain = json!({"type": "talk", "held": false, "muted": false, "digits": true});
        assert_eq!(lines(&plain), ["talk: both hear each other"]);
        let third = json!({"type": "talk", "held": true, "muted": true, "digits": true,
            "third": {"to": "sip:bob@h", "state": "calling"}, "supervisor": "whisper"});
        assert_eq!(lines(&third), ["talk: the person waits, mute, calling sip:bob@h, supervisor whisper"]);
    }

    #[test]
    fn whom_an_agent_may_call_is_shown_as_whom_they_talk_with() {
        let person = json!({"name": "Ann", "numbers": [{"position": 1, "number": "+12125550142"}], "dialed": 1,
            "fields": {}, "attemptsBefore": 0});
        let shown = |callback| lines(&json!({"type": "preview", "group": "g", "callback": callback, "person": person}));
        assert_eq!(shown(false)[..2], ["preview of g: Ann", "  number 1: +12125550142 (next)"]);
        assert_eq!(shown(true)[0], "callback of g: Ann");
    }

    #[test]
    fn a_call_that_came_in_says_which_number_was_called() {
        let person = json!({"name": "", "numbers": [{"position": 1, "number": "+12125550142"}], "dialed": 1,
            "fields": {}, "attemptsBefore": 0});
        let event = json!({"type": "call", "attempt": "7", "group": "g", "direction": "in", "called": "+12125550100",
            "person": person});
        assert_eq!(lines(&event)[0], "call 7 of g:  (called +12125550100)");
    }

    #[test]
    fn what_contacts_hold_does_not_steer_the_terminal() {
        let event = json!({"type": "call", "attempt": "1", "group": "g", "person": {"name": "\u{1b}[2JAnn",
            "numbers": [{"position": 1, "number": "+12125550142"}], "dialed": 1, "attemptsBefore": 2,
            "fields": {"c_other\n1": "x\r", "note": "a\u{202e}b\u{2066}c"}}});
        let shown = lines(&event);
        assert!(shown.contains(&"  note: a b c".to_owned()), "{shown:?}");
        assert_eq!(shown[1], "  number 1: +12125550142 (dialed)");
        assert!(shown.iter().all(|line| !line.contains(char::is_control)), "{shown:?}");
    }
}
