//! Delivery receipts: optional parameters first, the customary text otherwise.
use super::pdu::{
    Deliver, TAG_MESSAGE_STATE, TAG_NETWORK_ERROR_CODE, TAG_RECEIPTED_MESSAGE_ID, TAG_USER_MESSAGE_REFERENCE,
};
use crate::channel::ReceiptState;

/// What a receipt says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub id: String,
    pub reference: Option<u16>,
    pub state: ReceiptState,
}

/// Whether a deliver_sm is a receipt or an interim notice, and not a person's message.
pub(super) fn is_receipt(deliver: &Deliver<'_>) -> bool {
    matches!(deliver.esm_class & 0x3C, 0x04 | 0x20) || deliver.tag(TAG_RECEIPTED_MESSAGE_ID).is_some()
}

/// Reads a receipt; `None` if it names no message.
pub(super) fn read(deliver: &Deliver<'_>) -> Option<Receipt> {
    let text = String::from_utf8_lossy(deliver.message);
    let tagged = deliver.tag(TAG_RECEIPTED_MESSAGE_ID).map(super::pdu::read_message_id).filter(|id| !id.is_empty());
    let id = tagged.or_else(|| field(&text, "id").map(str::to_owned))?;
    let error = field(&text, "err").map(str::to_owned).or_else(|| network_error(deliver)).unwrap_or_default();
    let number = deliver.number(TAG_MESSAGE_STATE);
    let state = match number {
        Some(number) => state_of_number(number, &error),
        None => state_of_word(field(&text, "stat").unwrap_or_default(), &error),
    };
    let reference = deliver.number(TAG_USER_MESSAGE_REFERENCE);
    Some(Receipt { id: id.chars().take(65).collect(), reference, state })
}

// "id:123 sub:001 dlvrd:001 submit date:2601010101 done date:2601010102 stat:DELIVRD err:000 text:..."
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    // what follows "text:" was written by us or by anyone
    let head = match text.to_ascii_lowercase().find("text:") {
        Some(end) => &text[..end],
        None => text,
    };
    head.split([' ', '\r', '\n']).find_map(|word| {
        let (key, value) = word.split_once(':')?;
        (key.eq_ignore_ascii_case(name) && !value.is_empty()).then_some(value)
    })
}

fn network_error(deliver: &Deliver<'_>) -> Option<String> {
    match deliver.tag(TAG_NETWORK_ERROR_CODE)? {
        [_, high, low] => Some(format!("{:03}", u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn state_of_number(number: u16, error: &str) -> ReceiptState {
    let word = match number {
        0 => "SCHEDULED",
        1 => "ENROUTE",
        2 => "DELIVRD",
        3 => "EXPIRED",
        4 => "DELETED",
        5 => "UNDELIV",
        6 => "ACCEPTD",
        8 => "REJECTD",
        9 => "SKIPPED",
        _ => "UNKNOWN",
    };
    state_of_word(word, error)
}

fn state_of_word(word: &str, error: &str) -> ReceiptState {
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "DELIVRD" | "DELIVERED" => ReceiptState::Delivered,
        "ENROUTE" | "ACCEPTD" | "ACCEPTED" | "BUFFERED" | "SCHEDULED" => ReceiptState::Buffered,
        "EXPIRED" | "DELETED" | "SKIPPED" => failed(false, &upper, error),
        "UNDELIV" | "REJECTD" => failed(is_unknown_subscriber(error), &upper, error),
        _ => ReceiptState::Unknown,
    }
}

fn failed(permanent: bool, word: &str, error: &str) -> ReceiptState {
    let code: String = format!("{word} {error}").trim().chars().filter(|c| !c.is_control()).take(40).collect();
    ReceiptState::Failed { permanent, code }
}

// 001 "unknown subscriber" is the one error code on which centres agree
fn is_unknown_subscriber(error: &str) -> bool {
    error == "001" || error == "1"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdu(text: &str, tags: &[smpp34::Tlv]) -> Vec<u8> {
        smpp34::deliver_sm::new(
            1,
            String::new(),
            1,
            1,
            "12025550123".into(),
            0,
            0,
            "4455".into(),
            4,
            0,
            0,
            String::new(),
            String::new(),
            0,
            0,
            0,
            0,
            text.as_bytes().to_vec(),
        )
        .with_tlvs(tags.to_vec())
        .encode()
    }

    fn receipt(text: &str, tags: &[smpp34::Tlv]) -> Option<Receipt> {
        let pdu = pdu(text, tags);
        let deliver = Deliver::read(&pdu[16..]).unwrap();
        assert!(is_receipt(&deliver));
        read(&deliver)
    }

    const TEXT: &str = "id:7f sub:001 dlvrd:001 submit date:2611220101 done date:2611220102 stat:DELIVRD err:000 text:id:9 stat:UNDELIV";

    #[test]
    fn the_customary_text_is_read_and_the_message_within_it_is_not() {
        let read = receipt(TEXT, &[]).unwrap();
        assert_eq!(read, Receipt { id: "7f".into(), reference: None, state: ReceiptState::Delivered });
    }

    #[test]
    fn optional_parameters_win_over_the_text() {
        use smpp34::{Tlv, TlvTag};
        let tags = [
            Tlv::from_c_string(TlvTag::ReceiptedMessageId, "abc"),
            Tlv::from_u8(TlvTag::MessageStateTlv, 5),
            Tlv::from_u16(TlvTag::UserMessageReference, 513),
        ];
        let read = receipt(TEXT, &tags).unwrap();
        let state = ReceiptState::Failed { permanent: false, code: "UNDELIV 000".into() };
        assert_eq!(read, Receipt { id: "abc".into(), reference: Some(513), state });
    }

    #[test]
    fn only_an_unknown_subscriber_is_a_permanent_failure() {
        let state = |text: &str| receipt(text, &[]).unwrap().state;
        assert!(matches!(state("id:1 stat:UNDELIV err:001"), ReceiptState::Failed { permanent: true, .. }));
        assert!(matches!(state("id:1 stat:EXPIRED err:001"), ReceiptState::Failed { permanent: false, .. }));
        assert_eq!(state("ID:1 STAT:acceptd"), ReceiptState::Buffered);
        assert_eq!(state("id:1 stat:nonsense"), ReceiptState::Unknown);
    }

    #[test]
    fn a_receipt_without_an_id_is_none() {
        assert_eq!(receipt("stat:DELIVRD", &[]), None);
        assert_eq!(receipt("", &[]), None);
    }
}
