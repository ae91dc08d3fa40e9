//! Packets that wait on disk until their file can be put together, so that memory stays the same however long the film
//! is and however far apart its sound and picture lie.

use crate::error::{Error, Result};
use crate::geometry::Rational;
use crate::packet::Packet;
use crate::read_at::AtOffset;
use crate::timestamps::TimestampDigest;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// Buffers in memory of one writer, and of one reader.
const BUFFER: usize = 128 * 1024;
const CANNOT_SPOOL: &str = "cannot write temporary data";
const CANNOT_READ: &str = "cannot read temporary data back";

/// Takes packets, and keeps them in a nameless temporary file that is gone with the process.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    file: BufWriter<File>,
    directory: PathBuf,
    timestamps: TimestampDigest,
    bytes: u64,
}

impl SpoolWriter {
    /// A spool on the disk of `directory`.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(directory).map_err(Error::io(directory, CANNOT_SPOOL))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { file, directory: directory.to_path_buf(), timestamps: TimestampDigest::default(), bytes: 0 })
    }

    pub(crate) fn append(&mut self, packet: &Packet) -> Result<()> {
        packet.write_to(&mut self.file).map_err(Error::io(&self.directory, CANNOT_SPOOL))?;
        self.timestamps.push(packet.pts, packet.key);
        self.bytes += packet.data.len() as u64;
        Ok(())
    }

    /// An empty one beside it.
    pub(crate) fn another(&self) -> Result<Self> {
        Self::create(&self.directory)
    }

    /// Ends the writing; what it took may be read any number of times.
    pub(crate) fn seal(self) -> Result<Spool> {
        let file =
            self.file.into_inner().map_err(|error| Error::io(&self.directory, CANNOT_SPOOL)(error.into_error()))?;
        Ok(Spool { file, directory: self.directory, timestamps: self.timestamps, bytes: self.bytes })
    }
}

/// Packets on disk. Several threads may read it at once.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    directory: PathBuf,
    timestamps: TimestampDigest,
    bytes: u64,
}

impl Spool {
    /// Times and keys of its packets.
    pub(crate) fn timestamps(&self) -> &TimestampDigest {
        &self.timestamps
    }

    /// Bytes of all packets' data.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All packets, in the order in which they came.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Result<Packet>> {
        let mut reader = BufReader::with_capacity(BUFFER, AtOffset::new(&self.file, 0));
        let mut left = self.timestamps.count();
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let packet = Packet::read_from(&mut reader).map_err(Error::io(&self.directory, CANNOT_READ));
            if packet.is_err() {
                left = 0;
            }
            Some(packet)
        })
    }
}

/// Packets of several streams, each in order, by their time of presentation; those of the stream that was named first go first where
/// it is the same.
pub(crate) struct Interleaved<I: Iterator> {
    streams: Vec<(Peekable<I>, Rational)>,
}

impl<I: Iterator<Item = Result<Packet>>> Interleaved<I> {
    /// The time bases are those of the packets' timestamps.
    pub(crate) fn new(streams: impl IntoIterator<Item = (I, Rational)>) -> Self {
        Self { streams: streams.into_iter().map(|(packets, ticks)| (packets.peekable(), ticks)).collect() }
    }

    /// The stream whose packet is next: one that failed, or the earliest.
    fn earliest(&mut self) -> Option<usize> {
        let mut earliest: Option<(usize, i64, Rational)> = None;
        for (index, (packets, ticks)) in self.streams.iter_mut().enumerate() {
            let pts = match packets.peek() {
                None => continue,
                Some(Err(_)) => return Some(index),
                Some(Ok(packet)) => packet.pts,
            };
            if earliest.is_none_or(|(_, first, of_first)| is_before((pts, *ticks), (first, of_first))) {
                earliest = Some((index, pts, *ticks));
            }
        }
        earliest.map(|(index, ..)| index)
    }
}

fn is_before((one, of_one): (i64, Rational), (other, of_other): (i64, Rational)) -> bool {
    i128::from(one) * i128::from(of_one.num) * i128::from(of_other.den)
        < i128::from(other) * i128::from(of_other.num) * i128::from(of_one.den)
}

impl<I: Iterator<Item = Result<Packet>>> Iterator for Interleaved<I> {
    /// A packet, and which stream it is of.
    type Item = Result<(usize, Packet)>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.earliest()?;
        self.streams[index].0.next().map(|packet| packet.map(|packet| (index, packet)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packets() -> impl Strategy<Value = Vec<Packet>> {
        let packet = (prop::collection::vec(any::<u8>(), 0..300), any::<i64>(), any::<i64>(), any::<bool>());
        let packet = packet.prop_map(|(data, pts, duration, key)| Packet { data, pts, duration, key });
        prop::collection::vec(packet, 0..50)
    }

    fn spooled(packets: &[Packet]) -> Spool {
        let mut writer = SpoolWriter::create(&std::env::temp_dir()).unwrap();
        packets.iter().for_each(|packet| writer.append(packet).unwrap());
        writer.seal().unwrap()
    }

    proptest! {
        #[test]
        fn packets_come_back_as_they_were(packets in packets()) {
            let spool = spooled(&packets);
            for _ in 0..2 {
                prop_assert_eq!(spool.packets().collect::<Result<Vec<_>>>().unwrap(), packets.clone());
            }
            prop_assert_eq!(spool.timestamps().count(), packets.len() as u64);
            prop_assert_eq!(spool.timestamps().keys(), packets.iter().filter(|packet| packet.key).count() as u64);
            prop_assert_eq!(spool.bytes(), packets.iter().map(|packet| packet.data.len() as u64).sum::<u64>());
        }
    }

    fn numbered(pts: i64, length: usize) -> Packet {
        Packet { data: vec![0; length], pts, duration: 1, key: pts % 10 == 0 }
    }

    #[test]
    fn readers_do_not_disturb_one_another() {
        let packets: Vec<_> = (0..2000).map(|pts| numbered(pts, 777)).collect();
        let spool = spooled(&packets);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    assert!(spool.packets().map(Result::unwrap).eq(packets.iter().cloned()));
                });
            }
        });
    }

    #[test]
    fn a_spool_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = SpoolWriter::create(directory.path()).unwrap();
        writer.append(&numbered(0, 1 << 20)).unwrap();
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_spool_that_lost_its_end_says_so_once() {
        let spool = spooled(&[numbered(0, 100), numbered(1, 100)]);
        spool.file.set_len(200).unwrap();
        let mut packets = spool.packets();
        assert_eq!(packets.next().unwrap().unwrap(), numbered(0, 100));
        assert!(matches!(packets.next(), Some(Err(Error::Io { .. }))));
        assert!(packets.next().is_none());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = SpoolWriter::create(Path::new("/nowhere/at all")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/at all: cannot write"), "{error}");
    }

    fn order<const N: usize>(streams: [(&[i64], Rational); N]) -> String {
        let packets = |times: &[i64]| times.iter().map(|&pts| Ok(numbered(pts, 1))).collect::<Vec<_>>().into_iter();
        Interleaved::new(streams.map(|(times, ticks)| (packets(times), ticks)))
            .map(|packet| {
                let (stream, packet) = packet.unwrap();
                format!("{}{} ", ["v", "a", "b"][stream], packet.pts)
            })
            .collect()
    }

    #[test]
    fn streams_are_interleaved_by_time_and_video_goes_first() {
        let (second, half) = (Rational::new(1, 1), Rational::new(1, 2));
        let order_of_two = |video: &[i64], audio: &[i64]| order([(video, second), (audio, half)]);
        assert_eq!(order_of_two(&[0, 1, 2], &[-1, 0, 1, 2, 3, 9]), "a-1 v0 a0 a1 v1 a2 a3 v2 a9 ");
        assert_eq!(order_of_two(&[0, 1], &[]), "v0 v1 ");
        assert_eq!(order_of_two(&[], &[0, 1]), "a0 a1 ");
        let three: [(&[i64], _); 3] = [(&[0, 2], second), (&[0, 3], half), (&[0, 1, 2], second)];
        assert_eq!(order(three), "v0 a0 b0 b1 a3 v2 b2 ");
        let far: [(&[i64], _); 2] = [(&[i64::MAX], Rational::new(1, i64::MAX)), (&[i64::MIN], half)];
        assert_eq!(order(far), "a-9223372036854775808 v9223372036854775807 ");
    }

    #[test]
    fn an_error_of_any_stream_comes_out() {
        let [fail, fine] = [|| Err(Error::Cancelled), || Ok(numbered(0, 1))]
            .map(|it: fn() -> Result<Packet>| move || std::iter::once(it()));
        let tick = Rational::new(1, 1);
        for streams in [[fail(), fine()], [fine(), fail()]] {
            assert!(Interleaved::new(streams.map(|stream| (stream, tick))).any(|packet| packet.is_err()));
        }
    }
}
