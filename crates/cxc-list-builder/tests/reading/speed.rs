//! Prints how fast lists are read. Nothing is asserted on time: machines differ.
use std::fmt::Write;
use std::time::Duration;

use cxc_list_builder::file::RecordStatus;
use cxc_list_builder::mapping::{Mapping, Plan, Purpose};

use crate::support::{file, open_default};

/// Time that this thread had a processor; on a busy machine the clock on the wall tells of others.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default())
}

fn list(rows: usize, quoted: bool) -> String {
    let mut text = String::from("client id,first name,last name,mobile,email,country,city\n");
    for i in 0..rows {
        let number = 5_550_000 + i % 10_000;
        if quoted {
            writeln!(text, "\"{i}\",\"Ann\",\"O\"\"Neil\",\"+1202{number}\",\"u{i}@example.com\",\"US\",\"Rome, NY\"")
                .unwrap();
        } else {
            writeln!(text, "{i},Ann,O'Neil,+1202{number},u{i}@example.com,US,Rome").unwrap();
        }
    }
    text
}

fn measure(name: &str, text: &str, rows: usize, mapped: bool) {
    let spool = file(text.as_bytes());
    let started = busy();
    let mut reader = open_default(spool.path()).unwrap();
    let plan = Plan::new(&reader, Mapping::Auto, Purpose::Contacts).unwrap();
    let (mut records, mut devices, mut bytes) = (0, 0, 0);
    while let Some(batch) = reader.next_batch(5_000).unwrap() {
        for record in batch.records() {
            records += usize::from(record.status() == RecordStatus::Data);
            bytes += record.raw().len();
            if mapped {
                devices += plan.map(record).unwrap().devices().len();
            }
        }
    }
    let seconds = (busy() - started).as_secs_f64();
    assert_eq!((records, devices), (rows, if mapped { 2 * rows } else { 0 }));
    assert!(bytes < text.len());
    let (rate, volume) = (records as f64 / seconds / 1e6, text.len() as f64 / seconds / 1e6);
    println!("{name}: {rate:.2} M records/s, {volume:.0} MB/s");
}

#[test]
fn the_speed_of_reading_is_printed() {
    let rows = if cfg!(debug_assertions) { 10_000 } else { 2_000_000 };
    let (plain, quoted) = (list(rows, false), list(rows, true));
    measure("plain, read", &plain, rows, false);
    measure("plain, read and mapped", &plain, rows, true);
    measure("quoted, read", &quoted, rows, false);
    measure("quoted, read and mapped", &quoted, rows, true);
    let accents = plain.replace("Ann", "Zoë");
    measure("accents, read", &accents, rows, false);
    let latin = encoding_rs::WINDOWS_1252.encode(&accents).0.into_owned();
    let spool = file(&latin);
    let started = busy();
    let mut reader = open_default(spool.path()).unwrap();
    let mut records = 0;
    while let Some(batch) = reader.next_batch(5_000).unwrap() {
        records += batch.len();
    }
    assert_eq!(records, rows);
    println!("latin-1, read: {:.2} M records/s", records as f64 / (busy() - started).as_secs_f64() / 1e6);
}
