//! What sources of number intelligence answer, as they write it.
use crate::compliance::ReassignedAnswer;
use crate::device::LineType;

/// Days after which a number is asked about again.
pub const ASK_AGAIN_DAYS: i64 = 45;

/// An answer as it is stored.
pub fn name_of(answer: ReassignedAnswer) -> &'static str {
    match answer {
        ReassignedAnswer::Yes => "yes",
        ReassignedAnswer::No => "no",
        ReassignedAnswer::NoData => "no_data",
    }
}

/// Reads an answer as sources write it, in any case.
pub fn answer_of(text: &str) -> Option<ReassignedAnswer> {
    match folded(text).as_str() {
        "yes" | "true" | "y" => Some(ReassignedAnswer::Yes),
        "no" | "false" | "n" => Some(ReassignedAnswer::No),
        "no_data" | "nodata" | "unknown" => Some(ReassignedAnswer::NoData),
        _ => None,
    }
}

/// Reads a line type as sources write it.
pub fn line_type_of(text: &str) -> Option<LineType> {
    match folded(text).as_str() {
        "mobile" | "wireless" | "cell" | "cellular" => Some(LineType::Mobile),
        "landline" | "fixed" | "fixed_line" | "wireline" => Some(LineType::Fixed),
        "voip" => Some(LineType::Voip),
        "toll_free" => Some(LineType::TollFree),
        _ => None,
    }
}

fn folded(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_sources_write_them() {
        use ReassignedAnswer::{No, NoData, Yes};
        assert_eq!(["Yes", " no ", "No Data", "no_data"].map(answer_of), [Yes, No, NoData, NoData].map(Some));
        assert_eq!(answer_of("maybe"), None);
        assert_eq!((line_type_of("Wireless"), line_type_of("x")), (Some(LineType::Mobile), None));
        assert!([Yes, No, NoData].iter().all(|answer| answer_of(name_of(*answer)) == Some(*answer)));
    }
}
