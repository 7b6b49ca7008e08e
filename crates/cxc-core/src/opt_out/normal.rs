//! Texts as words are compared: without case, accents, marks, punctuation and emoji, in any script.
use unicode_normalization::UnicodeNormalization;

/// A text as one word: letters and digits only, small, without accents.
pub fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    letters(text).for_each(|c| push_small(&mut normal, c));
    normal
}

/// A text as words parted by one space. An apostrophe joins: `don't` is `dont`.
pub fn spaced(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut is_apart = false;
    for c in letters(text) {
        if !c.is_alphanumeric() {
            is_apart |= !is_joining(c);
            continue;
        }
        if is_apart && !normal.is_empty() {
            normal.push(' ');
        }
        is_apart = false;
        push_small(&mut normal, c);
    }
    normal
}

/// A text with letters that look like others made Latin ones: Cyrillic and Greek, small capitals, letters in boxes and
/// circles, and figures that stand for letters. Nothing where that changes nothing.
pub fn look_alike(text: &str) -> Option<String> {
    let latin: String = text.nfkc().map(|c| latin(c).unwrap_or(c)).collect();
    (latin != text).then_some(latin)
}

const LOOK_ALIKE: &str = "АаΑαᴀ@ ВвΒʙ СсϹϲᴄ ԁᴅ ЕеΕεᴇ3 ꜰ ԍɢ НнһΗʜ ІіΙιɪ1 ЈјΙᴊ КкΚκᴋ ʟ МмΜᴍ Νɴ ОоΟοᴏ0 РрΡρᴘ ԛ ʀ Ѕѕꜱ5$ ТтΤτᴛ ᴜυ νᴠ ԝᴡ ХхΧχ УуΥʏ Ζᴢ";

fn latin(c: char) -> Option<char> {
    let letter = |at: u32| u8::try_from(at).ok().map(|at| char::from(b'a' + at));
    match u32::from(c) {
        code @ (0x1f150..=0x1f169 | 0x1f170..=0x1f189) => return letter((code - 0x1f150) % 32),
        code @ 0x1f1e6..=0x1f1ff => return letter(code - 0x1f1e6),
        _ => {}
    }
    let at = LOOK_ALIKE.split(' ').position(|group| group.contains(c))?;
    u32::try_from(at).ok().and_then(letter)
}

/// The characters of a text, taken apart from their accents, letters as wide as a Chinese character made narrow.
pub(super) fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfkd().filter(|c| !is_mark(*c))
}

/// Adds a character in its small form; what is no letter or digit is left out.
pub(super) fn push_small(text: &mut String, c: char) {
    if !c.is_alphanumeric() {
        return;
    }
    for small in c.to_lowercase().filter(|small| small.is_alphanumeric()) {
        match small {
            'ß' => text.push_str("ss"),
            'æ' => text.push_str("ae"),
            'œ' => text.push_str("oe"),
            'ø' => text.push('o'),
            'đ' | 'ð' => text.push('d'),
            'ł' => text.push('l'),
            'ı' => text.push('i'),
            'ς' => text.push('σ'),
            // alef maksura and yeh are typed for each other
            'ى' => text.push('ي'),
            other => text.push(other),
        }
    }
}

/// Marks that change no word: accents, Arabic vowels and the stretching line, Hebrew points. The vowel signs of
/// Devanagari do change words and stay.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{591}'..='\u{5c7}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

fn is_joining(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '`' | '´' | '\u{2bc}') || is_sign(c)
}

/// Marks of scripts that stay part of their word without being letters: the Devanagari virama and nukta.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{93c}' | '\u{94d}' | '\u{3099}' | '\u{309a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_points_width_and_case_make_no_difference_in_any_script() {
        for (a, b) in [
            ("ARRÊT", "arre\u{302}t"),
            ("ＳＴＯＰ", "stop"),
            ("İPTAL", "iptal"),
            ("HJÆLP", "hjaelp"),
            ("ΔΙΑΚΟΠΉ", "διακοπη"),
            ("ΤΈΛΟΣ", "τελος"),
            ("إِلْغَاء", "الغاء"),
            ("הָסֵר", "הסר"),
            ("ストップ", "ｽﾄｯﾌﾟ"),
            ("중지", "\u{110c}\u{116e}\u{11bc}\u{110c}\u{1175}"),
            ("अभी", "अभी।"),
        ] {
            assert_eq!(normalise(a), normalise(b), "{a}");
        }
        assert_ne!(normalise("रोको"), normalise("रक"), "vowel signs are letters");
    }

    #[test]
    fn letters_that_look_like_latin_ones_are_read_as_those() {
        for text in ["ЅТОР", "STΟP", "ꜱᴛᴏᴘ", "🆂🆃🅾🅿", "🅢🅣🅞🅟", "🇸🇹🇴🇵", "ST0P", "5top", "$TOP"]
        {
            assert_eq!(normalise(&look_alike(text).unwrap()), "stop", "{text}");
        }
        assert_eq!(LOOK_ALIKE.split(' ').count(), 26);
        assert_eq!((look_alike("stop"), look_alike("停止")), (None, None));
    }

    #[test]
    fn words_are_parted_by_one_space_and_an_apostrophe_joins() {
        assert_eq!(spaced("  Don’t   STOP!!🙏please "), "dont stop please");
        assert_eq!(spaced("opt-out…now"), "opt out now");
        assert_eq!(spaced("🛑"), "");
    }
}
