//! The corpus of ugly files: small ones, each with one sin.
use cxc_list_builder::file::{Doubt, FileError, FileKind, FixedColumn, HeaderOption, ReadOptions, open};

use crate::support::{corpus, open_default, read, read_corpus};

fn columns<const N: usize>(row: &[String]) -> [&str; N] {
    let mut out = [""; N];
    for (slot, value) in out.iter_mut().zip(row) {
        *slot = value;
    }
    out
}

#[test]
fn a_file_by_german_excel_is_read_as_meant() {
    let (reader, outcome) = read_corpus("excel_semicolon.csv");
    assert_eq!((reader.kind, reader.encoding), (FileKind::Delimited(';'), "windows-1252"));
    assert_eq!(reader.header, ["Kundennummer", "Vorname", "Nachname", "Handy", "E-Mail", ""]);
    assert_eq!(outcome.data.len(), 3);
    assert_eq!(columns(&outcome.data[2]), ["=\"00019\"", "Søren", "O’Neil", "+4915550001003"]);
    assert_eq!((outcome.blank, outcome.rejected.len()), (1, 0));
    assert_eq!(outcome.lines, [3, 4, 6]);
}

#[test]
fn marks_and_no_break_spaces_are_not_part_of_names_and_values() {
    let (reader, outcome) = read_corpus("bom_and_no_break_spaces.csv");
    assert_eq!(reader.header, ["First Name", "Last Name", "Mobile Phone"]);
    assert_eq!(columns(&outcome.data[0]), ["Ann", "Smith", "+1 202 555 0101"]);
    assert_eq!(columns(&outcome.data[1]), ["Bob", "Doe, Jr.", "(202)\u{a0}555-0102"]);
}

#[test]
fn four_encodings_are_told_apart() {
    for (name, encoding, row) in [
        ("utf16le_mark_tab.txt", "UTF-16LE", ["Иван", "+74955550101", ""]),
        ("utf16be_no_mark.csv", "UTF-16BE", ["José", "+12025550101", ""]),
        ("latin1_pipe.txt", "ISO-8859-1", ["Hélène", "Lefèvre", "+33155501001"]),
        ("windows1252.csv", "windows-1252", ["O’Brien", "ob@example.com", "“quoted” – 5 €"]),
    ] {
        let (reader, outcome) = read_corpus(name);
        assert_eq!(reader.encoding, encoding, "{name}");
        assert_eq!(columns(&outcome.data[0]), row, "{name}");
        assert_eq!((outcome.data.len(), outcome.total()), (2, 2), "{name}");
    }
}

#[test]
fn every_kind_of_line_end_ends_a_line() {
    let (_, outcome) = read_corpus("mixed_line_ends.csv");
    assert_eq!(outcome.lines, [2, 3, 4, 5]);
    assert_eq!(columns(&outcome.data[3]), ["D", "+12025550104"]);
    let (_, outcome) = read_corpus("carriage_returns_only.csv");
    assert_eq!((outcome.lines.as_slice(), outcome.total()), ([2, 3].as_slice(), 2));
}

#[test]
fn a_quoted_line_break_does_not_end_a_record_but_counts_as_a_line() {
    let (_, outcome) = read_corpus("quoted_line_breaks.csv");
    assert_eq!(columns(&outcome.data[0]), ["Ann", "1 Main St\r\nSpringfield, \"IL\"", "+12025550101"]);
    assert_eq!(outcome.lines, [2, 4, 8]);
    assert_eq!(outcome.total(), 3);
}

#[test]
fn an_unclosed_quote_costs_its_line_only() {
    let (_, outcome) = read_corpus("unclosed_quote.csv");
    assert_eq!(outcome.rejected, [(3, "bad_value")]);
    assert_eq!(outcome.lines, [2, 4, 5]);
}

#[test]
fn ragged_rows_are_rejected_and_delimiters_at_the_end_forgiven() {
    let (_, outcome) = read_corpus("ragged.csv");
    assert_eq!(outcome.rejected, [(3, "column_count"), (5, "column_count"), (6, "column_count")]);
    assert_eq!(columns(&outcome.data[1]), ["Eve", "+12025550103", "Oslo"]);
    assert_eq!(outcome.data[1].len(), 3);
}

#[test]
fn a_nul_byte_rejects_its_line() {
    let (_, outcome) = read_corpus("nul_bytes.csv");
    assert_eq!((outcome.rejected.as_slice(), outcome.data.len()), ([(3, "bad_value")].as_slice(), 2));
}

#[test]
fn a_line_in_another_encoding_is_rejected_not_garbled() {
    let (reader, outcome) = read_corpus("one_broken_line.csv");
    assert_eq!(reader.encoding, "UTF-8");
    assert_eq!(outcome.rejected, [(22, "bad_encoding")]);
    assert_eq!(columns(&outcome.data[20]), ["Größe", "+4915550002001"]);
}

#[test]
fn letters_of_another_encoding_in_a_short_file_are_told() {
    let doubts = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let reader = open(file.path(), &ReadOptions::default()).unwrap();
        (reader.encoding, reader.doubts)
    };
    let mixed = doubts(b"Name,Mobile\nZo\xc3\xab,+12025550101\nJos\xe9,+12025550102\n");
    assert_eq!(mixed, ("ISO-8859-1", vec![Doubt::MixedEncoding(1)]));
    assert_eq!(doubts(b"Name,Mobile\nJos\xe9,+12025550102\n"), ("ISO-8859-1", Vec::new()));
    assert_eq!(doubts("Name,Mobile\nZoë,+12025550101\n".as_bytes()), ("UTF-8", Vec::new()));
    assert!(Doubt::OtherSheets(1).to_string().starts_with("one more sheet is not read"));
    assert!(Doubt::OtherSheets(2).to_string().starts_with("2 more sheets are not read"));
}

#[test]
fn forcing_a_wrong_encoding_is_an_error_or_rejects_the_lines_it_breaks() {
    let forced = |name: &str, encoding: &str| {
        let options = ReadOptions { encoding: Some(encoding.into()), ..ReadOptions::default() };
        open(&corpus(name), &options)
    };
    assert!(matches!(forced("ragged.csv", "UTF-16"), Err(FileError::WrongEncoding { .. })));
    assert!(matches!(forced("utf16be_no_mark.csv", "UTF-8"), Err(FileError::WrongEncoding { .. })));
    assert!(matches!(forced("ragged.csv", "EBCDIC-9000"), Err(FileError::UnknownEncoding(_))));
    assert!(matches!(forced("latin1_pipe.txt", "UTF-8"), Err(FileError::Header(_))), "the header has accents");
    let outcome = read(&mut forced("windows1252.csv", "UTF-8").unwrap()).unwrap();
    assert_eq!(outcome.rejected, [(2, "bad_encoding"), (3, "bad_encoding")]);
    let (reader, _) = (forced("bom_and_no_break_spaces.csv", "latin1").unwrap(), ());
    assert_eq!(reader.encoding, "UTF-8", "a byte-order mark wins");
}

#[test]
fn blank_lines_are_counted_as_blank() {
    let (reader, outcome) = read_corpus("blank_lines.csv");
    assert_eq!(reader.header, ["name", "phone"]);
    assert_eq!((outcome.data.len(), outcome.blank, outcome.rejected.len()), (2, 6, 0));
    assert_eq!(outcome.lines, [5, 9]);
}

#[test]
fn delimiters_are_detected_in_text_files() {
    let (reader, outcome) = read_corpus("colon.txt");
    assert_eq!(reader.kind, FileKind::Delimited(':'));
    assert_eq!(columns(&outcome.data[1]), ["Bob", "+12025550102", "Oslo"]);
    let (reader, outcome) = read_corpus("one_column.csv");
    assert_eq!((reader.header.len(), reader.columns, outcome.data.len()), (0, 1, 2));
}

#[test]
fn a_file_without_a_header_loses_no_line() {
    let (reader, outcome) = read_corpus("no_header.csv");
    assert!(reader.header.is_empty());
    assert_eq!((reader.columns, outcome.data.len()), (4, 3));
    let options = ReadOptions { header: HeaderOption::Yes, ..ReadOptions::default() };
    let mut forced = open(&corpus("no_header.csv"), &options).unwrap();
    assert_eq!((forced.header[1].clone().as_str(), read(&mut forced).unwrap().data.len()), ("Ann", 2));
    let options = ReadOptions { header: HeaderOption::No, ..ReadOptions::default() };
    let mut forced = open(&corpus("colon.txt"), &options).unwrap();
    assert_eq!((forced.header.len(), read(&mut forced).unwrap().data.len()), (0, 3));
}

#[test]
fn fixed_positions_are_characters() {
    let column = |name: &str, start, length| FixedColumn { name: name.into(), start, length };
    let fixed = vec![column("id", 1, 4), column("name", 5, 10), column("phone", 15, 14), column("country", 29, 2)];
    let options = ReadOptions { fixed: Some(fixed), ..ReadOptions::default() };
    let mut reader = open(&corpus("fixed_positions.txt"), &options).unwrap();
    let outcome = read(&mut reader).unwrap();
    assert_eq!(columns(&outcome.data[0]), ["0001", "Jürgen", "+4915550001001", "DE"]);
    assert_eq!(columns(&outcome.data[2]), ["0003", "Bob", "+12025550102", ""]);
    assert_eq!((outcome.data.len(), outcome.blank), (3, 1));
}

#[test]
fn stray_quotes_stay_in_their_column() {
    let (_, outcome) = read_corpus("stray_quotes.csv");
    assert_eq!(columns(&outcome.data[0]), ["Ann", "5\" pipe", "+12025550101"]);
    assert_eq!(columns(&outcome.data[1]), ["Bob Smith", "6\" pipe", "+12025550102"]);
    assert_eq!(columns(&outcome.data[2]), ["Eve", "a, b", "+12025550103"]);
}

#[test]
fn what_is_no_list_is_refused_with_its_kind() {
    for (name, code) in [
        ("empty.csv", "file_empty"),
        ("only_a_mark.csv", "file_empty"),
        ("only_blank_lines.csv", "file_empty"),
        ("picture.csv", "file_unsupported"),
        ("document.csv", "file_unsupported"),
        ("noise.csv", "file_binary"),
        ("encrypted.zip", "archive_refused"),
        ("missing.csv", "file_unreadable"),
    ] {
        let error = open_default(&corpus(name)).err().unwrap_or_else(|| panic!("{name} was opened"));
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let (reader, outcome) = read_corpus("header_only.csv");
    assert_eq!((reader.header.len(), outcome.total()), (2, 0));
}
