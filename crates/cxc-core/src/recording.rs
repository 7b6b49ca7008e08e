//! Where the recording of a call lies below the folder of recordings: by tenant and attempt. The name says until when it
//! is kept, so that nothing else must be asked to delete it. All parts are numbers: no name leads elsewhere.
use std::path::PathBuf;

use jiff::civil::Date;

/// Recordings of so many attempts share a folder, as a power of two.
const FOLDER: u32 = 12;

/// The folder in which the recording of an attempt lies.
pub fn folder(tenant: i64, attempt: i64) -> PathBuf {
    PathBuf::from(format!("{tenant:x}")).join(format!("{:x}", attempt >> FOLDER))
}

/// Where the recording of an attempt is written.
pub fn file(tenant: i64, attempt: i64, kept_until: Date) -> PathBuf {
    folder(tenant, attempt).join(format!("{attempt:x}.{}.wav", kept_until.strftime("%Y%m%d")))
}

/// Whether a file of that folder is the finished recording of an attempt.
pub fn is_of(name: &str, attempt: i64) -> bool {
    let parts = name.strip_suffix(".wav").and_then(|name| name.split_once('.'));
    parts.is_some_and(|(number, _)| number == format!("{attempt:x}"))
}

/// Until when a file is kept, finished or not; none for a file of others.
pub fn kept_until(name: &str) -> Option<Date> {
    let name = name.strip_suffix(".part").unwrap_or(name).strip_suffix(".wav")?;
    let (attempt, until) = name.split_once('.')?;
    i64::from_str_radix(attempt, 16).ok()?;
    Date::strptime("%Y%m%d", until).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_it_is_and_until_when_it_is_kept() {
        let until = Date::constant(2027, 2, 28);
        let path = file(7, 0x12_3456, until);
        assert_eq!(path, PathBuf::from("7/123/123456.20270228.wav"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(path.starts_with(folder(7, 0x12_3456)) && is_of(name, 0x12_3456));
        assert!(!is_of(name, 0x2_3456) && !is_of("123456.20270228.wav.part", 0x12_3456), "it is not finished");
        assert_eq!(kept_until(name), Some(until));
        assert_eq!(kept_until("123456.20270228.wav.part"), Some(until));
        for other in ["notes.txt", "123456.wav", "x.20270228.wav", "123456.20271399.wav", ".20270228.wav"] {
            assert_eq!(kept_until(other), None, "{other}");
        }
    }
}
