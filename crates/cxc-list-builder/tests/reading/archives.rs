//! ZIP and gzip: one list, and no tricks.
use std::io::{Cursor, Write};

use cxc_list_builder::file::{FileError, Limits, Packing, ReadOptions, open};
use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::support::{Outcome, file, open_default, read, read_bytes};

const LIST: &str = "name,phone\nAnn,+12025550101\nBob,+12025550102\n";

fn zip_of(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let error = read_bytes(bytes).unwrap_err();
    assert_eq!(error.code(), "archive_refused", "{error}");
    error.to_string()
}

#[test]
fn a_list_in_a_zip_is_read_like_the_list() {
    let plain = read_bytes(LIST.as_bytes()).unwrap();
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
        let spool = file(&zip_of(&[("people.csv", LIST.as_bytes())], method));
        let mut reader = open_default(spool.path()).unwrap();
        assert_eq!(reader.packing, Packing::Zip);
        assert_eq!(read(&mut reader).unwrap(), plain);
    }
    assert_eq!(read_bytes(&gzip_of(LIST.as_bytes())).unwrap(), plain);
}

#[test]
fn what_a_mac_adds_to_a_zip_is_not_a_second_list() {
    let bytes =
        zip_of(&[("people.csv", LIST.as_bytes()), ("__MACOSX/._people.csv", b"x")], CompressionMethod::Deflated);
    assert_eq!(read_bytes(&bytes).unwrap().data.len(), 2);
}

#[test]
fn a_zip_has_exactly_one_list() {
    let deflated = CompressionMethod::Deflated;
    assert!(refused(&zip_of(&[("a.csv", b"x"), ("b.csv", b"y")], deflated)).contains("more than one member"));
    assert!(refused(&zip_of(&[], deflated)).contains("no member"));
}

#[test]
fn a_path_in_a_zip_is_refused() {
    for name in ["../list.csv", "/etc/list.csv", "folder/list.csv", "..\\list.csv", "C:list.csv"] {
        let why = refused(&zip_of(&[(name, LIST.as_bytes())], CompressionMethod::Deflated));
        assert!(why.contains("has a path for a name"), "{name}: {why}");
    }
}

#[test]
fn an_archive_in_an_archive_is_refused() {
    let inner = zip_of(&[("list.csv", LIST.as_bytes())], CompressionMethod::Deflated);
    assert!(refused(&zip_of(&[("inner.zip", &inner)], CompressionMethod::Deflated)).contains("further archive"));
    assert!(refused(&gzip_of(&inner)).contains("further archive"));
    assert!(refused(&gzip_of(&gzip_of(LIST.as_bytes()))).contains("further archive"));
}

#[test]
fn a_bomb_stops_at_its_ratio() {
    let line = "name,phone\n".to_owned() + &"0".repeat(99) + "\n";
    let text = line.repeat(20_000);
    let limits = Limits { ratio_after: 1_000_000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    for bytes in [gzip_of(text.as_bytes()), zip_of(&[("list.csv", text.as_bytes())], CompressionMethod::Deflated)] {
        assert!(bytes.len() < 20_000, "2 MB of text in {} bytes", bytes.len());
        let spool = file(&bytes);
        let error = open(spool.path(), &options).and_then(|mut r| read(&mut r)).unwrap_err();
        assert!(matches!(error, FileError::Bomb { ratio: 100 }), "{error}");
    }
}

#[test]
fn an_archive_may_not_unpack_to_more_than_its_limit() {
    let text: String = (0..20_000).map(|i| format!("{i},{}\n", i * 7_919 % 10_007)).collect();
    let spool = file(&gzip_of(text.as_bytes()));
    let limits = Limits { unpacked: 100_000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let error = open(spool.path(), &options).and_then(|mut r| read(&mut r)).unwrap_err();
    assert_eq!(error.code(), "file_too_large", "{error}");
}

#[test]
fn a_damaged_archive_ends_with_an_error() {
    let text: String = (0..40_000).map(|i| format!("n{i},+1202555{:04}\n", i % 10_000)).collect();
    let good = zip_of(&[("list.csv", text.as_bytes())], CompressionMethod::Deflated);
    let packed = gzip_of(text.as_bytes());
    for end in [10, 100, good.len() / 2] {
        assert_eq!(read_bytes(&good[..end]).unwrap_err().code(), "archive_refused", "cut at {end}");
    }
    let codes = ["file_damaged", "file_empty"];
    for end in [11, 100, packed.len() / 2, packed.len() - 1] {
        let error = read_bytes(&packed[..end]).unwrap_err();
        assert!(codes.contains(&error.code()), "cut at {end}: {error}");
    }
    let mut flipped = zip_of(&[("list.csv", LIST.as_bytes())], CompressionMethod::Stored);
    let at = flipped.windows(3).position(|w| w == b"Ann").unwrap();
    flipped[at] = b'X';
    assert_eq!(read_bytes(&flipped).unwrap_err().code(), "file_damaged", "the checksum tells");
}

#[test]
fn progress_runs_up_to_the_packed_size() {
    let text: String = (0..60_000).map(|i| format!("n{i},+1202555{:04}\n", i % 10_000)).collect();
    let spool = file(&gzip_of(text.as_bytes()));
    let mut reader = open_default(spool.path()).unwrap();
    let (mut last, mut outcome) = (0, Outcome::default());
    while let Some(batch) = reader.next_batch(10_000).unwrap() {
        assert!(batch.bytes_read >= last && batch.bytes_read <= reader.total_bytes);
        last = batch.bytes_read;
        crate::support::add(&mut outcome, &batch);
    }
    assert_eq!((last, outcome.data.len()), (reader.total_bytes, 60_000));
}
