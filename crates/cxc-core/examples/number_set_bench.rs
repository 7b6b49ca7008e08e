//! Measures sets of numbers: `cargo run --release -p cxc-core --example number_set_bench [NUMBERS]`.
//!
//! The numbers are random ones of North America with an area code and an exchange that begin with 2 to 9: one in
//! sixty-four of the plan for a hundred million. A process of its own builds the file, so that the memory that is
//! measured here is that of loading and swapping.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that can't be made ends")]
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use cxc_core::number_set::{NumberSet, NumberSetBuilder};

/// Doubles are drawn again in expectation: 0.79 % of a hundred million.
const EXTRA: f64 = 0.008;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn number(&mut self) -> u64 {
        let random = self.next();
        let (area, exchange, line) = (200 + random % 800, 200 + (random >> 16) % 800, (random >> 32) % 10_000);
        10_000_000_000 + area * 10_000_000 + exchange * 10_000 + line
    }
}

fn memory(what: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0 / 1e6
}

fn build(path: &Path, count: u64) {
    let (started, mut random) = (Instant::now(), Random(42));
    let mut builder = NumberSetBuilder::new();
    for _ in 0..(count as f64 * (1.0 + EXTRA)) as u64 {
        builder.push_digits(random.number()).unwrap();
    }
    let (set, duplicates) = builder.finish().unwrap();
    println!(
        "build          {:>10.2} s      {} numbers, {duplicates} doubles, peak {:.0} MB",
        started.elapsed().as_secs_f64(),
        set.len(),
        memory("VmHWM:")
    );
    let started = Instant::now();
    set.write_to(BufWriter::with_capacity(1 << 20, File::create(path).unwrap())).unwrap();
    println!("save           {:>10.2} s", started.elapsed().as_secs_f64());
}

fn load(path: &Path) -> NumberSet {
    NumberSet::read_from(BufReader::with_capacity(1 << 18, File::open(path).unwrap())).unwrap().0
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, verb, path, count] = arguments.as_slice()
        && verb == "build"
    {
        return build(Path::new(path), count.parse().unwrap());
    }
    let count = arguments.get(1).map_or(100_000_000, |count| count.parse().unwrap());
    let path = std::env::temp_dir().join(format!("cxc-number-set-bench-{}", std::process::id()));
    let built = Command::new(&arguments[0]).arg("build").arg(&path).arg(format!("{count}")).status().unwrap();
    assert!(built.success());
    let bytes = path.metadata().unwrap().len();

    let before = memory("VmRSS:");
    let started = Instant::now();
    let set = load(&path);
    let seconds = started.elapsed().as_secs_f64();
    let resident = memory("VmRSS:") - before;
    println!("load           {seconds:>10.2} s      from the page cache, SHA-256 checked");
    println!("file           {:>10.3} bytes a number", bytes as f64 / set.len() as f64);
    println!("memory         {:>10.3} bytes a number ({resident:.0} MB)", resident * 1e6 / set.len() as f64);

    let new = load(&path);
    println!("during a swap  {:>10.0} MB resident, peak {:.0} MB", memory("VmRSS:"), memory("VmHWM:"));
    assert_eq!(new, set);
    drop(set);

    let (mut random, mut hits) = (Random(7), 0_u64);
    let asked: Vec<u64> = (0..5_000_000).map(|_| random.number()).collect();
    let started = Instant::now();
    for number in &asked {
        hits += u64::from(new.contains_digits(black_box(*number)));
    }
    let rate = asked.len() as f64 / started.elapsed().as_secs_f64();
    println!("random look-ups {:>9.0} a second, {hits} of {} held", rate, asked.len());
    std::fs::remove_file(&path).unwrap();
}
