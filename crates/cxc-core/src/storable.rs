//! Text that others wrote, made fit for the store. PostgreSQL keeps no NUL, in a text or in JSON; what a carrier brings must
//! be kept whatever it holds.
use std::borrow::Cow;

/// The text without NUL characters, which mean nothing to a reader.
pub fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

/// Takes the NUL characters out of a text.
pub fn make_storable(text: &mut String) {
    text.retain(|c| c != '\0');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_taken_out_and_all_else_stays() {
        assert_eq!((storable("S\0TOP\0"), storable("h\u{e9}\n")), ("STOP".into(), "h\u{e9}\n".into()));
        let mut text = "\0a\0".to_owned();
        make_storable(&mut text);
        assert_eq!(text, "a");
    }
}
