//! What Asterisk says of channels.
use serde::Deserialize;

/// What is heard of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The far end's system works on it.
    Proceeds,
    /// It rings, or has early media.
    Rings,
    /// Its far end has answered.
    IsUp,
    /// It is ours: what we ask for is done with it.
    Started {
        /// The far end has answered.
        is_up: bool,
    },
    /// A key was pressed.
    Digit(char),
    /// It is over: the Q.850 cause and its name.
    Destroyed(u8, String),
    /// Nothing will be heard of it any more: the connection is gone.
    Lost,
}

/// An event as far as it matters here. Names and forms are those of Asterisk 16 and later.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    channel: Option<Channel>,
    /// Who is dialed.
    #[serde(default)]
    peer: Option<Channel>,
    #[serde(default)]
    dialstatus: String,
    #[serde(default)]
    digit: String,
    #[serde(default)]
    cause: u8,
    #[serde(default)]
    cause_txt: String,
}

#[derive(Debug, Deserialize)]
struct Channel {
    id: String,
    #[serde(default)]
    state: String,
}

impl Event {
    /// Of which channel it is, and what it says of it.
    pub fn heard(self) -> Option<(String, Heard)> {
        let channel = self.channel;
        let of = |channel: Option<Channel>, heard| channel.map(|channel| (channel.id, heard));
        match self.kind.as_str() {
            "ChannelStateChange" => {
                let channel = channel?;
                let heard = match channel.state.as_str() {
                    "Ringing" => Heard::Rings,
                    "Up" => Heard::IsUp,
                    _ => return None,
                };
                Some((channel.id, heard))
            }
            "Dial" => match self.dialstatus.as_str() {
                "PROCEEDING" => of(self.peer, Heard::Proceeds),
                "RINGING" | "PROGRESS" => of(self.peer, Heard::Rings),
                _ => None,
            },
            "StasisStart" => {
                let channel = channel?;
                let is_up = channel.state == "Up";
                Some((channel.id, Heard::Started { is_up }))
            }
            "ChannelDtmfReceived" => of(channel, Heard::Digit(self.digit.chars().next()?)),
            "ChannelDestroyed" => of(channel, Heard::Destroyed(self.cause, self.cause_txt)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Option<(String, Heard)> {
        serde_json::from_str::<Event>(text).unwrap().heard()
    }

    #[test]
    fn events_are_told_by_the_channel_that_they_are_of() {
        let of = |heard| Some(("a-1".to_owned(), heard));
        let channel = r#""channel":{"id":"a-1","name":"PJSIP/x","state":"Up","caller":{"number":"1"}}"#;
        let say = |kind: &str, more: &str| heard(&format!(r#"{{"type":"{kind}",{channel}{more}}}"#));
        assert_eq!(say("ChannelStateChange", ""), of(Heard::IsUp));
        assert_eq!(say("StasisStart", r#","args":["x"]"#), of(Heard::Started { is_up: true }));
        assert_eq!(say("ChannelDtmfReceived", r#","digit":"*","duration_ms":80"#), of(Heard::Digit('*')));
        let destroyed = say("ChannelDestroyed", r#","cause":17,"cause_txt":"User busy""#);
        assert_eq!(destroyed, of(Heard::Destroyed(17, "User busy".into())));
        assert_eq!(say("ChannelVarset", r#","variable":"A","value":"b""#), None);
        let dial = |status: &str| {
            heard(&format!(r#"{{"type":"Dial","dialstatus":"{status}","peer":{{"id":"a-1","state":"Down"}}}}"#))
        };
        assert_eq!((dial("PROGRESS"), dial("PROCEEDING")), (of(Heard::Rings), of(Heard::Proceeds)));
        assert_eq!(dial("ANSWER"), None);
    }

    #[test]
    fn what_is_no_event_is_none() {
        for text in ["", "[]", "{}", r#"{"type":1}"#, r#"{"type":"StasisStart","channel":{}}"#] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
        assert_eq!(heard(r#"{"type":"StasisStart"}"#), None);
    }
}
