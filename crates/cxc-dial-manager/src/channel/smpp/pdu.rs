//! The few PDUs of SMPP 3.4 that a sender of messages needs, read and written without copies of copies.
use thiserror::Error;

pub(super) const GENERIC_NACK: u32 = 0x8000_0000;
pub(super) const BIND_TRANSCEIVER: u32 = 0x09;
pub(super) const SUBMIT_SM: u32 = 0x04;
pub(super) const DELIVER_SM: u32 = 0x05;
pub(super) const UNBIND: u32 = 0x06;
pub(super) const ENQUIRE_LINK: u32 = 0x15;
pub(super) const ALERT_NOTIFICATION: u32 = 0x102;
/// Added to a request's id in its answer.
pub(super) const RESPONSE: u32 = 0x8000_0000;

pub(super) const TAG_RECEIPTED_MESSAGE_ID: u16 = 0x001E;
pub(super) const TAG_USER_MESSAGE_REFERENCE: u16 = 0x0204;
pub(super) const TAG_SAR_REFERENCE: u16 = 0x020C;
pub(super) const TAG_SAR_TOTAL: u16 = 0x020E;
pub(super) const TAG_SAR_NUMBER: u16 = 0x020F;
pub(super) const TAG_NETWORK_ERROR_CODE: u16 = 0x0423;
pub(super) const TAG_MESSAGE_PAYLOAD: u16 = 0x0424;
pub(super) const TAG_MESSAGE_STATE: u16 = 0x0427;

/// The esm_class bit that says: a user data header comes first.
pub(super) const HAS_HEADER: u8 = 0x40;
/// A PDU is never longer: a message_payload of 64 KiB and its envelope.
const LENGTH_LIMIT: usize = 66 * 1024;
const HEADER: usize = 16;

/// What is not SMPP.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum PduError {
    #[error("a PDU has 16 to 67584 bytes")]
    Length,
    #[error("a PDU ends within a field")]
    Short,
}

/// A PDU's fixed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub id: u32,
    pub status: u32,
    pub sequence: u32,
}

/// A whole PDU: its header, its body, its length.
pub(super) type Whole<'a> = (Header, &'a [u8], usize);

/// The first PDU in `buffer`; `None` if it is not all there yet.
pub(super) fn first(buffer: &[u8]) -> Result<Option<Whole<'_>>, PduError> {
    let word = |at: usize| buffer.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    let Some(length) = word(0) else { return Ok(None) };
    let length = length as usize;
    if !(HEADER..=LENGTH_LIMIT).contains(&length) {
        return Err(PduError::Length);
    }
    let (Some(id), Some(status), Some(sequence)) = (word(4), word(8), word(12)) else { return Ok(None) };
    Ok(buffer.get(HEADER..length).map(|body| (Header { id, status, sequence }, body, length)))
}

/// An address with its type of number and numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub ton: u8,
    pub npi: u8,
    pub text: &'a str,
}

/// One submit_sm.
pub(super) struct Submit<'a> {
    pub source: Address<'a>,
    pub destination: Address<'a>,
    pub has_header: bool,
    pub data_coding: u8,
    pub receipt: bool,
    pub reference: Option<u16>,
    /// Header and text; in `message_payload` if it does not fit or if asked for.
    pub message: &'a [u8],
    pub as_payload: bool,
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>, id: u32, status: u32, sequence: u32) -> Self {
        let start = out.len();
        for word in [0, id, status, sequence] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        Self { out, start }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        // a NUL inside would end the field early and shift all others
        self.out.extend(text.bytes().filter(|b| *b != 0));
        self.out.push(0);
    }

    fn tag(&mut self, tag: u16, value: &[u8]) {
        self.bytes(&tag.to_be_bytes());
        self.bytes(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.bytes(value);
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let length = u32::try_from(self.out.len() - self.start).unwrap_or(u32::MAX).to_be_bytes();
        self.out[self.start..self.start + 4].copy_from_slice(&length);
    }
}

/// What a bind says about us.
pub(super) struct Bind<'a> {
    pub system_id: &'a str,
    pub password: &'a str,
    pub system_type: &'a str,
    pub address_range: &'a str,
}

pub(super) fn write_bind(out: &mut Vec<u8>, sequence: u32, bind: &Bind<'_>) {
    let mut w = Writer::new(out, BIND_TRANSCEIVER, 0, sequence);
    w.text(bind.system_id);
    w.text(bind.password);
    w.text(bind.system_type);
    w.bytes(&[0x34, 0, 0]);
    w.text(bind.address_range);
}

/// A PDU of a header only: enquire_link, unbind, their answers, a nack.
pub(super) fn write_bare(out: &mut Vec<u8>, id: u32, status: u32, sequence: u32) {
    drop(Writer::new(out, id, status, sequence));
}

pub(super) fn write_deliver_answer(out: &mut Vec<u8>, status: u32, sequence: u32) {
    // its message_id is unused and empty
    Writer::new(out, DELIVER_SM | RESPONSE, status, sequence).bytes(&[0]);
}

pub(super) fn write_submit(out: &mut Vec<u8>, sequence: u32, submit: &Submit<'_>) {
    let mut w = Writer::new(out, SUBMIT_SM, 0, sequence);
    w.text("");
    for address in [submit.source, submit.destination] {
        w.bytes(&[address.ton, address.npi]);
        w.text(address.text);
    }
    let esm_class = if submit.has_header { HAS_HEADER } else { 0 };
    // protocol_id, priority, no schedule, no validity
    w.bytes(&[esm_class, 0, 0, 0, 0]);
    w.bytes(&[u8::from(submit.receipt), 0, submit.data_coding, 0]);
    match u8::try_from(submit.message.len()) {
        Ok(length) if length < 255 && !submit.as_payload => {
            w.bytes(&[length]);
            w.bytes(submit.message);
        }
        _ => {
            w.bytes(&[0]);
            w.tag(TAG_MESSAGE_PAYLOAD, submit.message);
        }
    }
    if let Some(reference) = submit.reference {
        w.tag(TAG_USER_MESSAGE_REFERENCE, &reference.to_be_bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, PduError> {
        let (first, rest) = self.0.split_first().ok_or(PduError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], PduError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(PduError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    // ids and addresses are ASCII; anything else is kept readable, not refused
    fn text(&mut self) -> Result<String, PduError> {
        let end = self.0.iter().position(|b| *b == 0).ok_or(PduError::Short)?;
        let text = self.0[..end].iter().take(255).map(|b| char::from(*b)).collect();
        self.0 = &self.0[end + 1..];
        Ok(text)
    }
}

/// The message id in the body of an answer; empty if there is none.
pub(super) fn read_message_id(body: &[u8]) -> String {
    // some centres leave the NUL or the whole field out
    let end = body.iter().position(|b| *b == 0).unwrap_or(body.len());
    body[..end].iter().take(255).map(|b| char::from(*b)).collect()
}

/// An address that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InAddress {
    pub ton: u8,
    pub text: String,
}

/// A deliver_sm.
#[derive(Debug)]
pub(super) struct Deliver<'a> {
    pub source: InAddress,
    pub destination: InAddress,
    pub esm_class: u8,
    pub data_coding: u8,
    pub message: &'a [u8],
    tags: &'a [u8],
}

impl<'a> Deliver<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, PduError> {
        let mut r = Reader(body);
        r.text()?;
        let source = Self::address(&mut r)?;
        let destination = Self::address(&mut r)?;
        let esm_class = r.byte()?;
        r.bytes(2)?;
        r.text()?;
        r.text()?;
        r.bytes(2)?;
        let data_coding = r.byte()?;
        r.byte()?;
        let length = r.byte()?;
        let message = r.bytes(length.into())?;
        let mut deliver = Self { source, destination, esm_class, data_coding, message, tags: r.0 };
        if message.is_empty() {
            deliver.message = deliver.tag(TAG_MESSAGE_PAYLOAD).unwrap_or_default();
        }
        Ok(deliver)
    }

    fn address(r: &mut Reader<'_>) -> Result<InAddress, PduError> {
        let ton = r.byte()?;
        r.byte()?;
        Ok(InAddress { ton, text: r.text()? })
    }

    /// The value of an optional parameter.
    pub fn tag(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut r = Reader(self.tags);
        loop {
            let tag = u16::from_be_bytes(r.bytes(2).ok()?.try_into().ok()?);
            let length = u16::from_be_bytes(r.bytes(2).ok()?.try_into().ok()?);
            let value = r.bytes(length.into()).ok()?;
            if tag == wanted {
                return Some(value);
            }
        }
    }

    /// An optional parameter that is a number of one or two bytes.
    pub fn number(&self, wanted: u16) -> Option<u16> {
        match self.tag(wanted)? {
            [one] => Some(u16::from(*one)),
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(message: &[u8], as_payload: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let submit = Submit {
            source: Address { ton: 5, npi: 0, text: "Acme" },
            destination: Address { ton: 1, npi: 1, text: "12025550123" },
            has_header: false,
            data_coding: 8,
            receipt: true,
            reference: Some(0x1234),
            message,
            as_payload,
        };
        write_submit(&mut out, 7, &submit);
        out
    }

    // the second opinion: another implementation reads what we write
    fn read_by_smpp34(pdu: &[u8]) -> smpp34::submit_sm {
        smpp34::submit_sm::decode(smpp34::CommandHeader::decode(pdu).unwrap(), pdu).unwrap()
    }

    #[test]
    fn another_implementation_reads_our_submit() {
        let pdu = submit(b"hello", false);
        let read = read_by_smpp34(&pdu);
        assert_eq!((read.source_addr.as_str(), read.source_addr_ton), ("Acme", 5));
        assert_eq!((read.destination_addr.as_str(), read.dest_addr_npi), ("12025550123", 1));
        assert_eq!((read.registered_delivery, read.data_coding), (1, 8));
        assert_eq!(read.short_message, b"hello");
        assert_eq!(read.tlvs.len(), 1);
        assert_eq!(read.tlvs[0].as_u16(), Some(0x1234));
    }

    #[test]
    fn a_long_message_travels_as_payload() {
        let read = read_by_smpp34(&submit(&[b'x'; 700], false));
        assert!(read.short_message.is_empty());
        assert_eq!(read.tlvs[0].value.len(), 700);
        assert_eq!(read_by_smpp34(&submit(b"x", true)).sm_length, 0);
    }

    #[test]
    fn we_read_the_deliver_of_another_implementation() {
        let deliver = smpp34::deliver_sm::new(
            9,
            String::new(),
            1,
            1,
            "12025550123".into(),
            0,
            0,
            "4455".into(),
            0,
            0,
            0,
            String::new(),
            String::new(),
            0,
            0,
            0,
            0,
            b"STOP".to_vec(),
        );
        let pdu = deliver.with_tlvs([smpp34::Tlv::from_u16(smpp34::TlvTag::UserMessageReference, 77)]).encode();
        let (header, body, length) = first(&pdu).unwrap().unwrap();
        assert_eq!((header.id, header.sequence, length), (DELIVER_SM, 9, pdu.len()));
        let read = Deliver::read(body).unwrap();
        assert_eq!((read.source.text.as_str(), read.destination.text.as_str()), ("12025550123", "4455"));
        assert_eq!(read.message, b"STOP");
        assert_eq!(read.number(TAG_USER_MESSAGE_REFERENCE), Some(77));
        assert_eq!(read.number(TAG_MESSAGE_STATE), None);
    }

    #[test]
    fn a_pdu_cut_anywhere_is_waited_for_and_a_broken_one_is_refused() {
        let pdu = submit(b"hello", false);
        for end in 0..pdu.len() {
            assert_eq!(first(&pdu[..end]).unwrap().map(|f| f.2), None);
        }
        assert_eq!(first(&[0, 0, 0, 3]).err(), Some(PduError::Length));
        assert_eq!(first(&[0xFF; 16]).err(), Some(PduError::Length));
        let (_, body, _) = first(&pdu).unwrap().unwrap();
        for end in 0..body.len() - 20 {
            assert!(Deliver::read(&body[..end.min(20)]).is_err());
        }
    }

    #[test]
    fn a_nul_in_an_address_can_not_shift_the_fields() {
        let mut out = Vec::new();
        let bind = Bind { system_id: "us\0er", password: "p", system_type: "", address_range: "" };
        write_bind(&mut out, 1, &bind);
        assert_eq!(&out[16..22], b"user\0p");
    }
}
