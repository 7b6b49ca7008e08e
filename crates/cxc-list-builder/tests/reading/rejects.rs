//! The rejects file.
use cxc_list_builder::file::{HeaderOption, ReadOptions, RecordStatus, Reject, RejectReason, RejectsWriter, open};

use crate::support::{corpus, file, open_default, read, read_bytes};

fn rejects_of(name: &str) -> String {
    let mut reader = open_default(&corpus(name)).unwrap();
    let mut writer = RejectsWriter::new(Vec::new(), &reader.header, reader.columns).unwrap();
    while let Some(batch) = reader.next_batch(100).unwrap() {
        for record in batch.records() {
            if let RecordStatus::Rejected(problem) = record.status() {
                writer.write(record, &Reject::from(problem)).unwrap();
            }
        }
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn the_original_columns_come_first_and_the_reasons_keep_their_place() {
    let expected = "name,phone,city,line_number,column,reason_code,reason_text\r\n\
        Bob,+12025550102,,3,,column_count,the line has 2 columns where the file has 3\r\n\
        Dan,+12025550104,\"Bern,extra\",5,,column_count,the line has 4 columns where the file has 3\r\n\
        Fay,,,6,,column_count,the line has 1 columns where the file has 3\r\n";
    assert_eq!(rejects_of("ragged.csv"), expected);
}

#[test]
fn a_line_that_cannot_be_split_stands_in_the_first_column() {
    let text = rejects_of("unclosed_quote.csv");
    assert!(text.contains("\"Bob,\"\"never closed,+12025550102\",,,3,,bad_value,"), "{text}");
    let text = rejects_of("one_broken_line.csv");
    assert!(text.contains("M\u{FFFD}ller,+4915550002000,22,,bad_encoding,"), "{text}");
}

#[test]
fn originals_are_written_as_they_came() {
    let mut reader = open_default(file(b"name,phone\n\"=1+1\",+12025550101\n").path()).unwrap();
    let batch = reader.next_batch(1).unwrap().unwrap();
    let mut writer = RejectsWriter::new(Vec::new(), &reader.header, reader.columns).unwrap();
    let reject = Reject { reason: RejectReason::BadDevice, column: Some(1), text: "no, \"such\" number".into() };
    writer.write(batch.get(0).unwrap(), &reject).unwrap();
    assert_eq!(writer.written(), 1);
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert!(text.ends_with("=1+1,+12025550101,2,phone,bad_device,\"no, \"\"such\"\" number\"\r\n"), "{text}");
}

#[test]
fn a_rejects_file_is_read_back_and_its_reasons_are_replaced() {
    let written = rejects_of("ragged.csv");
    let outcome = read_bytes(written.as_bytes()).unwrap();
    assert_eq!(outcome.data.len(), 3);
    assert_eq!(outcome.data[1][2], "Bern,extra");
    let reader = open_default(&corpus("rejects_again.csv")).unwrap();
    let writer = RejectsWriter::new(Vec::new(), &reader.header, reader.columns).unwrap();
    let again = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert_eq!(again, "Phone,Name,line_number,column,reason_code,reason_text\r\n");
}

#[test]
fn columns_without_names_are_numbered() {
    let options = ReadOptions { header: HeaderOption::No, ..ReadOptions::default() };
    let mut reader = open(&corpus("one_column.csv"), &options).unwrap();
    let writer = RejectsWriter::new(Vec::new(), &reader.header, reader.columns).unwrap();
    assert!(writer.finish().unwrap().starts_with(b"column 1,line_number,"));
    assert_eq!(read(&mut reader).unwrap().total(), 2);
}
