//! Which part of a file a request asks for (RFC 9110, section 14).
use axum::http::{HeaderMap, HeaderValue, header};
use http_range_header::parse_range_header;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From a byte to another, both included.
    Bytes(u64, u64),
    /// Nothing that the file has.
    Unsatisfiable,
}

impl Part {
    /// The part of a file of so many bytes, if it is still the one that the tag of `If-Range` names. A range that can't be
    /// read is no range; of several ranges the whole is sent, as a server may.
    pub fn of(headers: &HeaderMap, tag: &str, length: u64) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if text(header::IF_RANGE).is_some_and(|known| known != tag) {
            return Self::Whole;
        }
        let Some(Ok(ranges)) = text(header::RANGE).map(|text| parse_range_header(text.trim_end())) else {
            return Self::Whole;
        };
        match ranges.validate(length).as_deref() {
            Ok([range]) => Self::Bytes(*range.start(), *range.end()),
            Ok([]) | Err(_) => Self::Unsatisfiable,
            Ok(_) => Self::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_range_is_read_and_what_is_none_is_the_whole() {
        let of = |range: &str, length| {
            let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
            Part::of(&headers, "\"tag\"", length)
        };
        for (range, part) in [
            ("bytes=2-4", Part::Bytes(2, 4)),
            ("bytes=2-", Part::Bytes(2, 9)),
            ("bytes=0-0", Part::Bytes(0, 0)),
            ("bytes=-3", Part::Bytes(7, 9)),
            ("bytes=-30", Part::Bytes(0, 9)),
            ("bytes=8-20", Part::Bytes(8, 9)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-12", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=0-1,4-5", Part::Whole),
            ("bytes=4-2", Part::Whole),
            ("bytes=x-2", Part::Whole),
            ("lines=1-2", Part::Whole),
        ] {
            assert_eq!(of(range, 10), part, "{range}");
        }
        assert_eq!(of("bytes=0-", 0), Part::Unsatisfiable);
        let other = [(header::RANGE, "bytes=2-4".parse().unwrap()), (header::IF_RANGE, "\"other\"".parse().unwrap())];
        assert_eq!(Part::of(&HeaderMap::from_iter(other), "\"tag\"", 10), Part::Whole);
    }
}
