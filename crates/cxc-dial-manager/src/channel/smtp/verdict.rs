//! What an answer, or its absence, means for the message.
use std::io;

use super::reply::Reply;
use crate::channel::{GENERAL_ERROR, Outcome, WRONG_NUMBER};

/// How far the message had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before any answer to the envelope.
    Envelope,
    /// The answer to MAIL.
    Mail,
    /// The answer to RCPT.
    Recipient,
    /// The answer to DATA.
    Data,
    /// While the message was written: its final dot had not left.
    Content,
    /// The final dot had left.
    Answer,
}

/// What became of a message and of its connection.
#[derive(Debug)]
pub(super) struct Verdict {
    pub outcome: Outcome,
    /// The connection may take the next message.
    pub reusable: bool,
    /// The connection broke before anything of the message was asked or answered.
    pub untouched: bool,
    /// The server wants another sign-in: no message will pass on this account.
    pub account_fault: Option<String>,
}

impl Verdict {
    /// The connection broke or fell silent in `phase`.
    pub fn lost(phase: Phase, error: &io::Error) -> Self {
        let outcome = match phase {
            Phase::Answer => Outcome::InDoubt { detail: format!("no answer after the message was sent: {error}") },
            _ => Outcome::not_sent(format!("the connection broke before the message was sent: {error}")),
        };
        Self { outcome, reusable: false, untouched: phase == Phase::Envelope, account_fault: None }
    }

    /// The server answered in `phase`.
    pub fn of(phase: Phase, reply: &Reply) -> Self {
        let code = reply.code;
        let summary = reply.summary();
        let mut account_fault = None;
        let outcome = match code {
            200..300 if phase == Phase::Answer => Outcome::Delivered { provider_id: queue_id(reply) },
            530 | 534 | 535 | 538 => {
                account_fault = Some(summary.clone());
                Outcome::not_sent(summary)
            }
            400..500 => {
                let throttled = code == 421 || reply.enhanced() == Some("4.3.2");
                Outcome::Retry { detail: summary, after: None, throttled }
            }
            500..600 => Outcome::refused(result_of(phase, reply), summary),
            // 2xx or 3xx where none belongs
            _ if phase == Phase::Answer => Outcome::InDoubt { detail: format!("an answer out of place: {summary}") },
            _ => Outcome::not_sent(format!("an answer out of place: {summary}")),
        };
        let out_of_place = code < 400 && !(phase == Phase::Answer && code < 300);
        let reusable = code != 421 && !out_of_place && account_fault.is_none();
        Self { outcome, reusable, untouched: false, account_fault }
    }

    /// The same, but the connection must go.
    pub fn closing(mut self) -> Self {
        self.reusable = false;
        self
    }
}

// 550 may also mean "we do not like you": only what is said of the mailbox itself blames the address
fn result_of(phase: Phase, reply: &Reply) -> i16 {
    let of_mailbox = match reply.enhanced() {
        Some(status) => status.starts_with("5.1.") || status == "5.2.1",
        None => phase == Phase::Recipient && matches!(reply.code, 550 | 551 | 553),
    };
    let late = matches!(phase, Phase::Recipient | Phase::Data | Phase::Answer);
    // 5.1.7 and 5.1.8 speak of the sender
    let sender = matches!(reply.enhanced(), Some("5.1.7" | "5.1.8"));
    if of_mailbox && late && !sender { WRONG_NUMBER } else { GENERAL_ERROR }
}

// "2.0.0 Ok: queued as 4F1B2C3D": what an administrator of the server will ask for
fn queue_id(reply: &Reply) -> String {
    let text = reply.lines.first().map_or("", String::as_str);
    let id = text.rsplit_once("queued as ").map_or("", |(_, id)| id).split([' ', ';', ')']).next().unwrap_or_default();
    id.trim_end_matches('.').chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply { code, lines: vec![text.to_owned()] }
    }

    fn result(phase: Phase, code: u16, text: &str) -> i16 {
        match Verdict::of(phase, &reply(code, text)).outcome {
            Outcome::Rejected { result, .. } => result,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_mailbox_is_a_wrong_number_and_a_policy_is_not() {
        assert_eq!(result(Phase::Recipient, 550, "no such user"), WRONG_NUMBER);
        assert_eq!(result(Phase::Recipient, 550, "5.1.1 no such user"), WRONG_NUMBER);
        assert_eq!(result(Phase::Answer, 550, "5.1.1 no such user"), WRONG_NUMBER);
        assert_eq!(result(Phase::Recipient, 550, "5.7.1 listed"), GENERAL_ERROR);
        assert_eq!(result(Phase::Answer, 550, "spam"), GENERAL_ERROR);
        assert_eq!(result(Phase::Mail, 553, "5.1.8 bad sender"), GENERAL_ERROR);
        assert_eq!(result(Phase::Recipient, 552, "5.2.2 mailbox full"), GENERAL_ERROR);
    }

    #[test]
    fn silence_is_in_doubt_only_after_the_final_dot() {
        let error = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(Verdict::lost(Phase::Content, &error).outcome, Outcome::Retry { .. }));
        assert!(matches!(Verdict::lost(Phase::Answer, &error).outcome, Outcome::InDoubt { .. }));
    }

    #[test]
    fn a_wish_for_another_sign_in_blames_the_account_and_not_the_message() {
        let verdict = Verdict::of(Phase::Mail, &reply(530, "5.7.0 authentication required"));
        assert!(matches!(verdict.outcome, Outcome::Retry { .. }) && verdict.account_fault.is_some());
    }

    #[test]
    fn a_421_closes_the_connection_and_slows_the_account() {
        let verdict = Verdict::of(Phase::Mail, &reply(421, "4.7.0 too many"));
        assert!(matches!(verdict.outcome, Outcome::Retry { throttled: true, .. }) && !verdict.reusable);
    }

    #[test]
    fn the_queue_id_of_the_server_is_kept() {
        let verdict = Verdict::of(Phase::Answer, &reply(250, "2.0.0 Ok: queued as 4F1B2C3D"));
        assert_eq!(verdict.outcome, Outcome::Delivered { provider_id: "4F1B2C3D".into() });
    }
}
