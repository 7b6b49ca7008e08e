//! What an agent types: a letter or a word, and what belongs to it.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What can be typed.
pub const HELP: &str = "r, ready                 take calls
n, notready [REASON]     take none
h, hangup                end the talk
d, disposition CODE [NOTE]   say what the call came to; in wrap-up that ends it
c, callback TIME [mine]  call the person again: RFC 3339, or in so long, such as 90m, 2h or 1d; mine: by you
p, preview               ask for a record to look at
y, accept [POSITION]     call whom you look at, by the marked number or another one
reject                   do not
cancel                   give up a call that is being dialed for you
dial POSITION            in wrap-up, call the person by another number of theirs
dial NUMBER              while no call is there, call a number of the group's records
x, donotcall             the person wants no more calls
hold, resume             let the person wait, and come back
mute, unmute             be heard by nobody, and again
pause, record            leave what is said out of the recording, and record again
k, keys DIGITS           press keys for whom you talk with
t, transfer TO           give the person to a number or SIP address
a, ask TO                call a number or SIP address, and talk while the person waits ...
3, conference            ... then all three talk
g, give                  ... or the person is given to them
b, back                  ... or they are hung up
o, logout                leave; from a call, after its wrap-up
?, help                  this
";

/// Words behind which nothing stands: who types more means something else.
const ALONE: [&str; 25] = [
    "r",
    "ready",
    "p",
    "preview",
    "reject",
    "cancel",
    "h",
    "hangup",
    "x",
    "donotcall",
    "hold",
    "resume",
    "mute",
    "unmute",
    "pause",
    "record",
    "3",
    "conference",
    "g",
    "give",
    "b",
    "back",
    "o",
    "logout",
    "help",
];

/// A line that was typed.
#[derive(Debug, PartialEq)]
pub enum Typed {
    /// An empty one.
    Nothing,
    /// The words that can be typed are asked for.
    Help,
    /// A command for the server.
    Command(Value),
}

/// Reads a line.
pub fn read(line: &str, now: Timestamp) -> Result<Typed, String> {
    let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    let rest = rest.trim();
    if ALONE.contains(&word) && !rest.is_empty() {
        return Err(format!("{word} stands alone: nothing was done"));
    }
    let command = match word {
        "" => return Ok(Typed::Nothing),
        "?" | "help" => return Ok(Typed::Help),
        "r" | "ready" => json!({"type": "ready"}),
        "n" | "notready" if rest.is_empty() => json!({"type": "not_ready"}),
        "n" | "notready" => json!({"type": "not_ready", "reason": rest}),
        "dial" if rest.is_empty() => return Err("dial POSITION, or dial NUMBER".into()),
        "dial" => match rest.parse::<u8>() {
            Ok(position) => json!({"type": "dial", "position": position}),
            Err(_) => json!({"type": "dial", "number": rest}),
        },
        "p" | "preview" => json!({"type": "preview"}),
        "y" | "accept" if rest.is_empty() => json!({"type": "accept"}),
        "y" | "accept" => match rest.parse::<u8>() {
            Ok(position) => json!({"type": "accept", "position": position}),
            Err(_) => return Err("y [POSITION]".into()),
        },
        "reject" => json!({"type": "reject"}),
        "cancel" => json!({"type": "cancel"}),
        "h" | "hangup" => json!({"type": "hang_up"}),
        "x" | "donotcall" => json!({"type": "do_not_call"}),
        "hold" => json!({"type": "hold"}),
        "resume" => json!({"type": "resume_call"}),
        "mute" => json!({"type": "mute"}),
        "unmute" => json!({"type": "unmute"}),
        "pause" => json!({"type": "pause_recording"}),
        "record" => json!({"type": "resume_recording"}),
        "k" | "keys" if rest.is_empty() => return Err("k DIGITS".into()),
        "t" | "transfer" | "a" | "ask" if rest.is_empty() => {
            return Err(format!("{word} TO: a number or a SIP address"));
        }
        "k" | "keys" => json!({"type": "digits", "digits": rest}),
        "t" | "transfer" => json!({"type": "transfer", "to": rest}),
        "a" | "ask" => json!({"type": "consult", "to": rest}),
        "3" | "conference" => json!({"type": "conference"}),
        "g" | "give" => json!({"type": "complete"}),
        "b" | "back" => json!({"type": "take_back"}),
        "o" | "logout" => json!({"type": "logout"}),
        "d" | "disposition" => {
            let (code, note) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            match (code, note.trim()) {
                ("", _) => return Err("d CODE [NOTE]".into()),
                (code, "") => json!({"type": "disposition", "code": code}),
                (code, note) => json!({"type": "disposition", "code": code, "note": note}),
            }
        }
        "c" | "callback" => match rest.strip_suffix("mine").map(str::trim_end) {
            Some(rest) => json!({"type": "reschedule", "at": time(rest, now)?, "personal": true}),
            None => json!({"type": "reschedule", "at": time(rest, now)?}),
        },
        _ => return Err("no such word: type ? for those there are".into()),
    };
    Ok(Typed::Command(command))
}

/// What an agent reads when a command was carried out that shows nothing by itself.
pub fn taken(command: &Value) -> Option<String> {
    let text = |member: &str| command[member].as_str().unwrap_or_default();
    match command["type"].as_str()? {
        "disposition" => Some(format!("noted: {}", text("code"))),
        "reschedule" if command["personal"] == true => Some(format!("noted: call again at {}, by you", text("at"))),
        "reschedule" => Some(format!("noted: call again at {}", text("at"))),
        "do_not_call" => Some("noted: no more calls to this person".into()),
        _ => None,
    }
}

/// An instant: as it stands, or in so long.
fn time(text: &str, now: Timestamp) -> Result<String, String> {
    let wrong = || "c TIME: RFC 3339, or in so long, such as 90m, 2h or 1d".to_owned();
    if text.parse::<Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    now.checked_add(SignedDuration::from_secs(number * seconds)).map(|at| at.to_string()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Value {
        match read(line, Timestamp::UNIX_EPOCH).unwrap() {
            Typed::Command(command) => command,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_letter_is_as_good_as_a_word() {
        assert_eq!(command("r"), command(" ready "));
        assert_eq!(command("n Lunch break")["reason"], "Lunch break");
        assert_eq!(command("d SALE two  of them")["note"], "two  of them");
        assert_eq!(command("t +12125550142"), json!({"type": "transfer", "to": "+12125550142"}));
        assert_eq!(command("k 1#"), json!({"type": "digits", "digits": "1#"}));
        assert_eq!(command("dial 2"), json!({"type": "dial", "position": 2}));
        assert_eq!(command("dial +12125550142")["number"], "+12125550142");
        assert_eq!(command("y"), json!({"type": "accept"}));
        assert_eq!(command("accept 2")["position"], 2);
        assert!(read("y soon", Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(command("3"), json!({"type": "conference"}));
        assert_eq!(command("disposition SALE"), json!({"type": "disposition", "code": "SALE"}));
        assert_eq!(read("", Timestamp::UNIX_EPOCH), Ok(Typed::Nothing));
    }

    #[test]
    fn words_that_stand_alone_do_nothing_with_more_behind_them() {
        for bad in ["x y", "donotcall not", "r soon", "h x", "o 1", "3 4", "cancel it", "k", "t", "dial"] {
            assert!(read(bad, Timestamp::UNIX_EPOCH).is_err(), "{bad}");
        }
        assert_eq!(command("x"), json!({"type": "do_not_call"}));
        assert_eq!(read("?", Timestamp::UNIX_EPOCH), Ok(Typed::Help));
    }

    #[test]
    fn what_was_taken_is_confirmed() {
        let said = |line: &str| taken(&command(line)).unwrap_or_default();
        assert_eq!(said("d SALE two"), "noted: SALE");
        assert_eq!(said("c 2h mine"), "noted: call again at 1970-01-01T02:00:00Z, by you");
        assert_eq!((said("x").as_str(), said("r").as_str()), ("noted: no more calls to this person", ""));
    }

    #[test]
    fn a_callback_is_at_a_time_or_in_so_long() {
        assert_eq!(command("c 2h")["at"], "1970-01-01T02:00:00Z");
        assert_eq!(command("c 2027-03-01T09:30:00Z")["at"], "2027-03-01T09:30:00Z");
        assert_eq!((&command("c 2h")["personal"], &command("c 2h mine")["personal"]), (&Value::Null, &json!(true)));
        assert_eq!(command("c 2h mine")["at"], "1970-01-01T02:00:00Z");
        for bad in ["c", "c mine", "c soon", "c 0m", "c 2", "c -1h", "c 2ü", "d", "dance"] {
            assert!(read(bad, Timestamp::UNIX_EPOCH).is_err(), "{bad}");
        }
    }
}
