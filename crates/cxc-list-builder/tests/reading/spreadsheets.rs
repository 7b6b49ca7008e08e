//! XLSX and XLS workbooks.
use std::io::{Cursor, Write};

use cxc_list_builder::file::{FileKind, Limits, Packing, ReadOptions, open};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{corpus, file, open_default, read, read_bytes, read_corpus};

const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
const RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const BOOK: &str = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Old" sheetId="1" state="hidden" r:id="r2"/><sheet name="People" sheetId="2" r:id="r1"/></sheets></workbook>"#;
const BOOK_RELS: &str = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/></Relationships>"#;

/// A style for dates, one for times of day and one for spans of time.
const STYLES: &str = r#"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="21"/><xf numFmtId="46"/></cellXfs></styleSheet>"#;

/// A workbook with this sheet and these shared texts.
pub fn workbook(sheet: &str, strings: &str) -> Vec<u8> {
    let sheet = format!(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{sheet}</sheetData></worksheet>"#
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", RELS),
        ("xl/workbook.xml", BOOK),
        ("xl/_rels/workbook.xml.rels", BOOK_RELS),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", STYLES),
        ("xl/worksheets/sheet1.xml", &sheet),
        ("xl/worksheets/sheet2.xml", "<worksheet><sheetData/></worksheet>"),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn strings(count: usize, texts: &[&str]) -> String {
    let items: String = texts.iter().map(|t| format!("<si><t>{t}</t></si>")).collect();
    format!(
        r#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="{count}" uniqueCount="{count}">{items}</sst>"#
    )
}

fn people() -> Vec<u8> {
    let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>
        <row r="2"><c r="A2" t="s"><v>3</v></c><c r="B2"><v>12025550101</v></c><c r="C2"><v>1.5</v></c></row>
        <row r="4"><c r="A4" t="inlineStr"><is><t>Bob</t></is></c><c r="B4" t="inlineStr"><is><t>+12025550102</t></is></c></row>
        <row r="5"><c r="B5" t="e"><v>#N/A</v></c><c r="C5" t="b"><v>1</v></c></row>"#;
    workbook(rows, &strings(4, &["Name", "Phone", "Note", "Ann &quot;A&quot;,&#10;x"]))
}

#[test]
fn the_first_visible_sheet_is_read_row_by_row() {
    let spool = file(&people());
    let mut reader = open_default(spool.path()).unwrap();
    assert_eq!(reader.kind, FileKind::Spreadsheet);
    assert_eq!(reader.header, ["Name", "Phone", "Note"]);
    let outcome = read(&mut reader).unwrap();
    assert_eq!(outcome.data[0], ["Ann \"A\",\nx", "12025550101", "1.5"]);
    assert_eq!(outcome.data[1], ["Bob", "+12025550102"], "a row ends at its last cell");
    assert_eq!(outcome.data[2], ["", "", "TRUE"]);
    assert_eq!((outcome.lines.as_slice(), outcome.blank), ([2, 4, 5].as_slice(), 1));
    let notes = reader.notes.join("\n");
    assert!(notes.contains("the sheet \"People\" is read") && notes.contains("1 cells hold an error"), "{notes}");
}

#[test]
fn a_time_of_day_has_no_day() {
    let rows = r#"<row r="1"><c r="A1"><v>12025550101</v></c><c r="B1" s="2"><v>0.127777777777778</v></c>
        <c r="C1" s="1"><v>45000</v></c><c r="D1" s="1"><v>45000.5</v></c><c r="E1" s="3"><v>1.5</v></c></row>"#;
    let outcome = read_bytes(&workbook(rows, &strings(0, &[]))).unwrap();
    assert_eq!(outcome.data[0], ["12025550101", "03:04:00", "2023-03-15", "2023-03-15T12:00:00", "36:00:00"]);
}

#[test]
fn rows_behind_the_last_value_are_no_lines() {
    let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
        <row r="3"><c r="A3" t="s"><v>2</v></c><c r="B3"><v>12025550101</v></c></row>
        <row r="4"><c r="A4" s="1"/><c r="B4" t="s"><v>3</v></c></row>
        <row r="1048576"><c r="A1048576" t="s"><v>3</v></c><c r="B1048576" t="e"><v>#N/A</v></c></row>"#;
    let spool = file(&workbook(rows, &strings(4, &["Name", "Phone", "Ann", " "])));
    let mut reader = open_default(spool.path()).unwrap();
    let outcome = read(&mut reader).unwrap();
    assert_eq!((outcome.data.len(), outcome.blank, outcome.lines.as_slice()), (1, 1, [3].as_slice()));
    assert!(reader.notes.join("\n").contains("1 cells hold an error"), "{:?}", reader.notes);
}

#[test]
fn a_damaged_workbook_says_what_helps() {
    let mut bad = std::fs::read(corpus("workbook.xls")).unwrap();
    bad.truncate(2_000);
    let error = read_bytes(&bad).unwrap_err();
    assert_eq!(error.to_string(), "the file is damaged: the workbook cannot be read; save it again, as XLSX or as CSV");
}

#[test]
fn an_old_workbook_is_read_too() {
    let (reader, outcome) = read_corpus("workbook.xls");
    assert_eq!((reader.kind, reader.header.join(",").as_str()), (FileKind::Spreadsheet, "Name,Telefon,Nr"));
    assert_eq!(outcome.data[0], ["Jürgen, \"J\"", "4915550001001", "17"]);
    assert_eq!(outcome.data[1], ["Ann", "+12025550101", "18.5"]);
}

#[test]
fn a_workbook_in_a_zip_is_read() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("people.xlsx", SimpleFileOptions::default()).unwrap();
    zip.write_all(&people()).unwrap();
    let spool = file(&zip.finish().unwrap().into_inner());
    let mut reader = open_default(spool.path()).unwrap();
    assert_eq!((reader.kind, reader.packing), (FileKind::Spreadsheet, Packing::Zip));
    assert_eq!(read(&mut reader).unwrap().data.len(), 3);
}

#[test]
fn a_workbook_over_its_limit_is_refused_before_it_is_loaded() {
    let rows = "<row><c t=\"inlineStr\"><is><t>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</t></is></c></row>".repeat(40_000);
    let spool = file(&workbook(&rows, &strings(0, &[])));
    let limits = Limits { spreadsheet: 1_000_000, ..Limits::default() };
    let error = open(spool.path(), &ReadOptions { limits, ..ReadOptions::default() }).err().unwrap();
    assert_eq!(error.code(), "file_too_large", "{error}");
}

#[test]
fn a_text_in_many_cells_cannot_fill_the_disk() {
    let long = "x".repeat(100_000);
    let rows = "<row><c t=\"s\"><v>0</v></c></row>".repeat(5_000);
    let spool = file(&workbook(&rows, &strings(1, &[&long])));
    let limits = Limits { spreadsheet: 1_000_000, ..Limits::default() };
    let error = open(spool.path(), &ReadOptions { limits, ..ReadOptions::default() }).err().unwrap();
    assert_eq!(error.code(), "file_too_large", "{error}");
}

#[test]
fn a_workbook_that_declares_endless_texts_takes_no_memory() {
    let error = read_bytes(&workbook("", &strings(4_000_000_000_000, &["a"]))).unwrap_err();
    assert_eq!(error.code(), "file_damaged", "{error}");
}

#[test]
fn a_broken_workbook_is_damaged_not_a_crash() {
    let good = std::fs::read(corpus("workbook.xls")).unwrap();
    for at in (0..good.len()).step_by(37) {
        let mut bad = good.clone();
        bad[at] ^= 0xFF;
        if let Ok(mut reader) = open_default(file(&bad).path()) {
            let _ = read(&mut reader);
        }
    }
    for bad in [
        "<row r=\"2\"><c r=\"A2\"><v>1</v></c></row><row r=\"1\"><c r=\"A1\"><v>1</v></c></row>",
        "<row><c",
        "<row r=\"x\"/>",
    ] {
        let error = read_bytes(&workbook(bad, &strings(0, &[]))).unwrap_err();
        assert!(matches!(error.code(), "file_damaged" | "file_empty"), "{bad}: {error}");
    }
}
