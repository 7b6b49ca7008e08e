//! What the status of an answer means for the message.
use crate::channel::{GENERAL_ERROR, WRONG_NUMBER};

pub(super) const OK: u32 = 0;
pub(super) const INVALID_COMMAND: u32 = 0x03;
pub(super) const QUEUE_FULL: u32 = 0x14;
const THROTTLED: u32 = 0x58;
/// "Receiver: temporary error": the answer to a message that could not be stored.
pub(super) const TEMPORARY: u32 = 0x64;
/// "Receiver: permanent error": the answer to a message that can't be read.
pub(super) const PERMANENT: u32 = 0x65;

/// What a status asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The centre has the message.
    Taken,
    /// The centre wants fewer messages a second.
    Slower,
    /// The centre can't take it now.
    Later,
    /// The centre will never take it; the call result.
    Never(i16),
}

pub(super) fn meaning(status: u32) -> Meaning {
    match status {
        OK => Meaning::Taken,
        THROTTLED | QUEUE_FULL => Meaning::Slower,
        // wrong bind state, system error, bind failed, temporary application error
        0x04 | 0x05 | 0x08 | 0x0D | TEMPORARY => Meaning::Later,
        // destination address, its type of number, its numbering plan
        0x0B | 0x50 | 0x51 => Meaning::Never(WRONG_NUMBER),
        _ => Meaning::Never(GENERAL_ERROR),
    }
}

/// The status as people look it up: its name, if it has one, and its number.
pub(super) fn name(status: u32) -> String {
    let name = match status {
        0x01 => "ESME_RINVMSGLEN",
        0x02 => "ESME_RINVCMDLEN",
        0x03 => "ESME_RINVCMDID",
        0x04 => "ESME_RINVBNDSTS",
        0x05 => "ESME_RALYBND",
        0x08 => "ESME_RSYSERR",
        0x0A => "ESME_RINVSRCADR",
        0x0B => "ESME_RINVDSTADR",
        0x0D => "ESME_RBINDFAIL",
        0x0E => "ESME_RINVPASWD",
        0x0F => "ESME_RINVSYSID",
        0x14 => "ESME_RMSGQFUL",
        0x45 => "ESME_RSUBMITFAIL",
        0x48 => "ESME_RINVSRCTON",
        0x49 => "ESME_RINVSRCNPI",
        0x50 => "ESME_RINVDSTTON",
        0x51 => "ESME_RINVDSTNPI",
        0x53 => "ESME_RINVSYSTYP",
        0x58 => "ESME_RTHROTTLED",
        0x61 => "ESME_RINVSCHED",
        0x62 => "ESME_RINVEXPIRY",
        0x64 => "ESME_RX_T_APPN",
        0x65 => "ESME_RX_P_APPN",
        0x66 => "ESME_RX_R_APPN",
        0xFF => "ESME_RUNKNOWNERR",
        _ => return format!("status 0x{status:08X}"),
    };
    format!("{name} (0x{status:02X})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_taken_slower_later_or_never() {
        assert_eq!(meaning(0), Meaning::Taken);
        assert_eq!(meaning(0x58), Meaning::Slower);
        assert_eq!(meaning(0x08), Meaning::Later);
        assert_eq!(meaning(0x0B), Meaning::Never(WRONG_NUMBER));
        assert_eq!(meaning(0x0499), Meaning::Never(GENERAL_ERROR));
        assert_eq!(name(0x0499), "status 0x00000499");
    }
}
