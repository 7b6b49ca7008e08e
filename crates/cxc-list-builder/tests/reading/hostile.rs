//! Files made to hurt: endless lines, endless quotes, endless columns.
use std::time::{Duration, Instant};

use cxc_list_builder::file::{BatchStream, HeaderOption, Limits, ReadOptions, RecordStatus, open, trim};

use crate::support::{Outcome, add, file, open_default, read, read_bytes};

#[test]
fn a_line_over_the_limit_is_rejected_and_reading_goes_on() {
    let mut text = b"name,phone\nAnn,+12025550101\n".to_vec();
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend_from_slice(b"\r\nBob,+12025550102\n");
    let outcome = read_bytes(&text).unwrap();
    assert_eq!(outcome.rejected, [(3, "too_long")]);
    assert_eq!(outcome.lines, [2, 4]);
}

#[test]
fn the_limit_is_exact() {
    let of_length = |n: usize| {
        let text = format!("name,phone\n{},1\nBob,2\n", "x".repeat(n - 2));
        let mut options = ReadOptions::default();
        options.limits.record_bytes = 1_000;
        let spool = file(text.as_bytes());
        read(&mut open(spool.path(), &options).unwrap()).unwrap()
    };
    assert_eq!((of_length(1_000).data.len(), of_length(1_000).rejected.len()), (2, 0));
    assert_eq!((of_length(1_001).data.len(), of_length(1_001).rejected.len()), (1, 1));
}

#[test]
fn a_rejected_long_line_keeps_its_beginning() {
    let text = format!("name,phone\nBob,{}\n", "9".repeat(2 << 20));
    let spool = file(text.as_bytes());
    let mut reader = open_default(spool.path()).unwrap();
    let batch = reader.next_batch(10).unwrap().unwrap();
    let record = batch.get(0).unwrap();
    assert!(matches!(record.status(), RecordStatus::Rejected(_)));
    assert!(record.raw().starts_with("Bob,999") && record.raw().len() == 4096);
}

#[test]
fn ten_megabytes_behind_an_unclosed_quote_are_not_lost() {
    let mut text = "name,note,phone\nBob,\"never closed,+12025550100\n".to_owned();
    let rows = 300_000;
    for i in 0..rows {
        text.push_str(&format!("Ann{i},fine and well,+1202555{:04}\n", i % 10_000));
    }
    assert!(text.len() > 10_000_000);
    let outcome = read_bytes(text.as_bytes()).unwrap();
    assert_eq!(outcome.rejected, [(2, "bad_value")]);
    assert_eq!((outcome.data.len(), outcome.lines[0]), (rows, 3));
}

#[test]
fn quotes_made_to_be_searched_for_again_and_again_cost_little() {
    // Each line closes the quote of the one before and opens the next: read from any line, the quote
    // never closes. Searched naively, 1 MB of it are 10 GB of work.
    let text = format!("a,b\n{}", "x\",\"\"\"\n".repeat(150_000));
    let mut options = ReadOptions { delimiter: Some(','), ..ReadOptions::default() };
    options.limits.record_bytes = 64 << 10;
    let started = Instant::now();
    let spool = file(text.as_bytes());
    let outcome = read(&mut open(spool.path(), &options).unwrap()).unwrap();
    assert_eq!(outcome.total(), 150_000);
    assert!(started.elapsed() < Duration::from_secs(30), "took {:?}", started.elapsed());
    // The same with a tail that closes the last quote and then runs over the limit.
    let text = format!("a,b\n{}x\"{}\n", "x\",\"\n".repeat(180_000), "y".repeat(3 << 20));
    let started = Instant::now();
    let spool = file(text.as_bytes());
    let outcome = read(&mut open(spool.path(), &options).unwrap()).unwrap();
    assert!(outcome.total() >= 1 && started.elapsed() < Duration::from_secs(30), "took {:?}", started.elapsed());
}

/// Contacts, with these lines for some of them.
fn contacts(rows: usize, others: &[(usize, &str)]) -> String {
    let row = |i: usize| match others.iter().find(|(line, _)| *line == i) {
        Some((_, text)) => format!("{text}\n"),
        None => format!("Ann{i},fine,+1202555{i:04}\n"),
    };
    format!("name,note,phone\n{}", (2..rows + 2).map(row).collect::<String>())
}

#[test]
fn two_stray_quotes_take_in_no_lines_between_them() {
    let (opens, closes) = ("Bob,\"call,+12025550100", "Eve,end\",+12025550101");
    for far in [1, 5, 18, 19, 20, 40, 5_000] {
        for closes in [closes, "Eve,\",+12025550101", "\",end,+12025550101", "\"x\",y,+12025550101"] {
            let text = contacts(6_000, &[(10, opens), (10 + far, closes)]);
            let outcome = read_bytes(text.as_bytes()).unwrap();
            assert_eq!(outcome.total(), 6_000, "{far} {closes}");
            assert!(outcome.rejected.contains(&(10, "bad_value")), "{far} {closes}: {:?}", outcome.rejected);
            assert!(outcome.rejected.iter().all(|(line, _)| *line == 10 || *line == 10 + far as u64), "{far} {closes}");
        }
    }
}

#[test]
fn an_address_of_some_lines_is_one_column() {
    let address = "1 Main St, Apt 2\nc/o Smith, Doe\nSpringfield, 62701-1234\r\nUSA\n";
    let text = contacts(50, &[(10, &format!("Bob,\"{address}\",+12025550100"))]);
    let outcome = read_bytes(text.as_bytes()).unwrap();
    assert_eq!((outcome.rejected.as_slice(), outcome.data.len()), ([].as_slice(), 50));
    assert_eq!(outcome.data[8][1], trim(address));
    let long = format!("Bob,\"{}\",+12025550100", "words\n".repeat(25));
    let outcome = read_bytes(contacts(50, &[(10, &long)]).as_bytes()).unwrap();
    assert_eq!((outcome.rejected[0], outcome.data.len()), ((10, "bad_value"), 49), "{:?}", outcome.rejected);
}

#[test]
fn where_each_line_speaks_for_itself_no_quote_takes_in_the_next() {
    let options = ReadOptions { limits: Limits::line_by_line(), header: HeaderOption::No, ..ReadOptions::default() };
    let spool = file(b"\"+12025550100\"\n\"+12025550101\n+12025550102\nx\"\n\"+12025550103\"\n");
    let outcome = read(&mut open(spool.path(), &options).unwrap()).unwrap();
    assert_eq!(outcome.rejected, [(2, "bad_value")]);
    assert_eq!(outcome.data.concat(), ["+12025550100", "+12025550102", "x\"", "+12025550103"]);
}

#[test]
fn endless_columns_are_counted_not_kept() {
    let mut text = b"name,phone\n".to_vec();
    text.extend(std::iter::repeat_n(b',', 900_000));
    text.extend_from_slice(b"x\nAnn,+12025550101\n");
    let outcome = read_bytes(&text).unwrap();
    assert_eq!((outcome.rejected.as_slice(), outcome.data.len()), ([(2, "column_count")].as_slice(), 1));
    let header: String = (0..1_001).map(|i| format!("c{i},")).collect();
    assert_eq!(read_bytes(header.as_bytes()).unwrap_err().code(), "bad_header");
}

#[test]
fn a_file_without_any_line_end_is_one_rejected_line() {
    let options = ReadOptions { header: HeaderOption::No, ..ReadOptions::default() };
    let spool = file("a".repeat(20 << 20).as_bytes());
    let outcome = read(&mut open(spool.path(), &options).unwrap()).unwrap();
    assert_eq!(outcome.rejected, [(1, "too_long")]);
}

#[test]
fn letters_outside_the_first_megabyte_decide_the_encoding() {
    let mut text = b"name,phone\n".to_vec();
    for i in 0..100_000 {
        text.extend_from_slice(format!("Ann{i},+1202555{:04}\n", i % 10_000).as_bytes());
    }
    text.extend_from_slice(b"J\xFCrgen,+4915550001001\nRen\xE9e,+4915550001002\nGr\xF6\xDFe,+4915550001003\n");
    let outcome = read_bytes(&text).unwrap();
    assert_eq!(outcome.rejected, []);
    assert_eq!(outcome.data.last().unwrap()[0], "Größe");
}

#[test]
fn broken_bytes_far_behind_good_ones_reject_their_lines() {
    let mut text = "name,phone\nJürgen,+4915550001001\n".as_bytes().to_vec();
    for i in 0..100_000 {
        text.extend_from_slice(format!("Ann{i},+1202555{:04}\n", i % 10_000).as_bytes());
    }
    text.extend_from_slice(b"Ren\xE9e,+4915550001002\nBob,+12025550101\n");
    let outcome = read_bytes(&text).unwrap();
    assert_eq!(outcome.rejected, [(100_003, "bad_encoding")]);
    assert_eq!(outcome.total(), 100_003);
}

#[test]
fn a_stream_reads_all_and_ends_when_dropped() {
    let text: String = (0..50_000).map(|i| format!("n{i},+1202555{:04}\n", i % 10_000)).collect();
    let spool = file(text.as_bytes());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut outcome = Outcome::default();
        let mut stream = BatchStream::spawn(open_default(spool.path()).unwrap(), 1_000, 2);
        while let Some(batch) = stream.next().await {
            add(&mut outcome, &batch.unwrap());
        }
        assert_eq!(outcome.data.len(), 50_000);
        let mut stream = BatchStream::spawn(open_default(spool.path()).unwrap(), 10, 1);
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 10);
        drop(stream);
    });
    // Ends only when the blocking thread does.
    runtime.shutdown_timeout(Duration::from_secs(20));
}
