//! Arbitrary files: nothing panics, nothing loops, every record is accounted for.
use std::io::Write;

use cxc_list_builder::file::{FixedColumn, HeaderOption, ReadOptions, RecordStatus, open};
use cxc_list_builder::mapping::{Mapping, Plan, Purpose};
use proptest::prelude::*;

use crate::support::{file, read};

/// Reads and maps; the batches cover the file line by line.
fn survive(bytes: &[u8], options: &ReadOptions) {
    let spool = file(bytes);
    let Ok(mut reader) = open(spool.path(), options) else { return };
    let plan = Plan::new(&reader, Mapping::Auto, Purpose::Contacts);
    let (mut records, mut last) = (0, 0);
    while let Ok(Some(batch)) = reader.next_batch(4) {
        for record in batch.records() {
            records += 1;
            assert!(record.line_number() > last, "lines go up");
            last = record.line_number();
            if record.status() == RecordStatus::Data
                && let Ok(plan) = &plan
                && let Ok(row) = plan.map(record)
            {
                assert!(!row.devices().is_empty());
                assert!(row.custom().all(|(_, value)| !value.is_empty()));
            }
        }
        assert!(records <= bytes.len() + 1, "no more records than bytes");
    }
}

fn lists() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b",".to_vec()),
        Just(b";".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\t".to_vec()),
        Just(b" ".to_vec()),
        Just(vec![0]),
        Just(vec![0xFF]),
        Just("é".as_bytes().to_vec()),
        Just(b"ann@example.com".to_vec()),
        Just(b"+12025550101".to_vec()),
        Just(b"name".to_vec()),
        Just(b"phone".to_vec()),
        Just(vec![0xEF, 0xBB, 0xBF]),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        survive(&bytes, &ReadOptions::default());
    }

    #[test]
    fn things_like_lists_are_survived(bytes in lists(), limit in 1_usize..60, header in 0_usize..3) {
        let header = [HeaderOption::Auto, HeaderOption::Yes, HeaderOption::No][header];
        let mut options = ReadOptions { header, ..ReadOptions::default() };
        survive(&bytes, &options);
        options.limits.record_bytes = limit;
        survive(&bytes, &options);
        let column = |start, length| FixedColumn { name: "c".into(), start, length };
        options.fixed = Some(vec![column(1, 3), column(2, 40), column(900, 1)]);
        survive(&bytes, &options);
    }

    #[test]
    fn arbitrary_bytes_in_any_encoding_are_survived(bytes in lists(), which in 0_usize..6) {
        let names = ["UTF-8", "UTF-16LE", "UTF-16BE", "latin1", "shift_jis", "gb18030"];
        let encoding = Some(names[which].to_owned());
        survive(&bytes, &ReadOptions { encoding, ..ReadOptions::default() });
    }

    #[test]
    fn what_a_csv_library_writes_is_read_back(
        rows in proptest::collection::vec(proptest::collection::vec("[a-z,;\"'\n\r é|]{0,8}", 3), 1..20),
        always in any::<bool>(),
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut out = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
        out.write_record(["first", "second", "phone"]).unwrap();
        for row in &rows {
            out.write_record(row).unwrap();
        }
        let spool = file(&out.into_inner().unwrap());
        let options = ReadOptions { delimiter: Some(','), header: HeaderOption::Yes, ..ReadOptions::default() };
        let outcome = read(&mut open(spool.path(), &options).unwrap()).unwrap();
        let trimmed = |row: &Vec<String>| row.iter().map(|v| cxc_core::csv_cell::unguard(v).trim().to_owned()).collect::<Vec<_>>();
        let filled: Vec<_> = rows.iter().map(trimmed).filter(|r| r.iter().any(|v| !v.is_empty())).collect();
        prop_assert_eq!(outcome.data, filled);
        prop_assert_eq!(outcome.blank + outcome.lines.len(), rows.len());
    }

    #[test]
    fn batches_do_not_change_what_is_read(bytes in lists(), max in 1_usize..9) {
        let spool = file(&bytes);
        let texts = |max: usize| {
            let mut reader = open(spool.path(), &ReadOptions::default()).ok()?;
            let mut out = Vec::new();
            while let Some(batch) = reader.next_batch(max).ok()? {
                out.extend(batch.records().map(|r| (r.line_number(), r.status(), r.raw().to_owned())));
            }
            Some(out)
        };
        prop_assert_eq!(texts(max), texts(1_000));
    }

    #[test]
    fn a_damaged_zip_is_survived(at in 0_usize..400, with in any::<u8>(), cut in 0_usize..400) {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("list.csv", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all("name,phone\nAnn,+12025550101\n".repeat(9).as_bytes()).unwrap();
        let mut bytes = zip.finish().unwrap().into_inner();
        let n = bytes.len();
        bytes[at % n] = with;
        survive(&bytes, &ReadOptions::default());
        bytes.truncate(cut % n);
        survive(&bytes, &ReadOptions::default());
    }
}
