//! The file of a recording: two channels of 16 bits. Packets are put in their places by their timestamps, whatever order
//! they came in; where none came there is silence.
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::recording::{Heard, Store};

/// Packets may be so late, samples: 1.5 s.
const WINDOW: u32 = 12_000;
/// A timestamp that is further from the clock than this begins another stretch.
const STRAY: i64 = 8_000;
/// The file can be read after so many samples of each side, should the process end: five seconds.
const SAFE: u32 = 40_000;

/// Where the packets of a side go: a timestamp and its place.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    source: u32,
    timestamp: u32,
    place: i64,
}

/// A file that grows.
pub(super) struct Track {
    file: hound::WavWriter<BufWriter<File>>,
    part: PathBuf,
    path: PathBuf,
    /// The place of the first sample that is not written yet.
    next: u32,
    safe: u32,
    waiting: VecDeque<[i16; 2]>,
    anchors: [Option<Anchor>; 2],
}

impl Track {
    /// Makes the file and its folder.
    pub fn create(path: &Path) -> Result<Self, hound::Error> {
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        if let Some(folder) = path.parent() {
            // what people said is for nobody else on the machine
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let file = hound::WavWriter::new(BufWriter::new(file), spec)?;
        let (path, waiting) = (path.to_owned(), VecDeque::new());
        Ok(Self { file, part, path, next: 0, safe: 0, waiting, anchors: [None; 2] })
    }

    /// Takes what has come, and writes what nothing can come to any more. `now` is the clock, samples.
    pub fn write(&mut self, store: &Store, now: u32) -> Result<(), hound::Error> {
        let mut rest = store.audio.as_slice();
        for heard in &store.heard {
            let Some((audio, after)) = rest.split_at_checked(heard.len) else { break };
            rest = after;
            self.put(heard, audio);
        }
        self.flush(now.saturating_sub(WINDOW))?;
        if self.next - self.safe >= SAFE {
            self.safe = self.next;
            self.file.flush()?;
        }
        Ok(())
    }

    /// Writes the rest and gives the file its name.
    pub fn finish(mut self, now: u32) -> Result<(), hound::Error> {
        self.flush(now)?;
        self.file.finalize()?;
        std::fs::rename(&self.part, &self.path)?;
        Ok(())
    }

    fn put(&mut self, heard: &Heard, audio: &[u8]) {
        let side = heard.side as usize;
        let clock = i64::from(heard.at);
        let follows = self.anchors[side].filter(|anchor| anchor.source == heard.source).map(|anchor| {
            let step = heard.timestamp.wrapping_sub(anchor.timestamp) as i32;
            anchor.place + i64::from(step)
        });
        let place = follows.filter(|place| (place - clock).abs() < STRAY).unwrap_or(clock);
        self.anchors[side] = Some(Anchor { source: heard.source, timestamp: heard.timestamp, place });
        for (at, byte) in (place - i64::from(self.next)..).zip(audio) {
            // what is written already is too late
            let Ok(at) = usize::try_from(at) else { continue };
            if self.waiting.len() <= at {
                self.waiting.resize(at + 1, [0; 2]);
            }
            self.waiting[at][side] = heard.codec.decode(*byte);
        }
    }

    fn flush(&mut self, until: u32) -> Result<(), hound::Error> {
        while self.next < until {
            let [far, near] = self.waiting.pop_front().unwrap_or_default();
            self.file.write_sample(far)?;
            self.file.write_sample(near)?;
            self.next += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Codec;
    use super::super::recording::Side;
    use super::*;

    /// A packet whose samples all are one value.
    fn put(store: &mut Store, side: Side, at: u32, timestamp: u32, level: i16) {
        let audio = [audio_codec_algorithms::encode_ulaw(level); 160];
        store.heard.push(Heard { side, codec: Codec::Pcmu, at, source: 1, timestamp, len: 160 });
        store.audio.extend(audio);
    }

    fn written(store: &Store, until: u32) -> Vec<[i16; 2]> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b.wav");
        let mut track = Track::create(&path).unwrap();
        track.write(store, until).unwrap();
        assert!(!path.exists(), "not finished");
        track.finish(until).unwrap();
        let samples: Vec<i16> = hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
        samples.chunks_exact(2).map(|pair| [(pair[0] + 500) / 1_000, (pair[1] + 500) / 1_000]).collect()
    }

    #[test]
    fn sides_have_a_channel_each_and_packets_their_place_by_timestamp() {
        let mut store = Store::default();
        put(&mut store, Side::Far, 0, 9_000, 8_100);
        // the third before the second, and both come late
        put(&mut store, Side::Far, 700, 9_320, 16_100);
        put(&mut store, Side::Far, 710, 9_160, 4_100);
        put(&mut store, Side::Near, 320, 77, 12_100);
        let heard = written(&store, 640);
        assert_eq!(heard.len(), 640);
        assert!(heard[..160].iter().all(|pair| *pair == [8, 0]));
        assert!(heard[160..320].iter().all(|pair| *pair == [4, 0]));
        assert!(heard[320..480].iter().all(|pair| *pair == [16, 12]));
        assert!(heard[480..].iter().all(|pair| *pair == [0, 0]), "silence to the end");
    }

    #[test]
    fn a_timestamp_from_nowhere_is_put_where_it_came() {
        let mut store = Store::default();
        put(&mut store, Side::Far, 0, 0, 8_100);
        put(&mut store, Side::Far, 400, 4_000_000_000, 8_100);
        put(&mut store, Side::Far, 560, 4_000_000_160, 8_100);
        let heard = written(&store, 800);
        let sounds: Vec<bool> = heard.iter().map(|pair| pair[0] != 0).collect();
        assert!(sounds[..160].iter().all(|s| *s) && !sounds[160..400].contains(&true));
        assert!(sounds[400..720].iter().all(|s| *s) && !sounds[720..].contains(&true));
    }
}
