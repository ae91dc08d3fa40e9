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

/// A packet of one of the two streams of a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Either {
    Video(Packet),
    Audio(Packet),
}

/// Packets of two streams, each in order, by their time of presentation; video first where both are the same.
pub(crate) struct Interleaved<V: Iterator, A: Iterator> {
    video: Peekable<V>,
    audio: Peekable<A>,
    video_ticks: Rational,
    audio_ticks: Rational,
}

impl<V, A> Interleaved<V, A>
where
    V: Iterator<Item = Result<Packet>>,
    A: Iterator<Item = Result<Packet>>,
{
    /// The time bases are those of the packets' timestamps.
    pub(crate) fn new(video: V, video_ticks: Rational, audio: A, audio_ticks: Rational) -> Self {
        Self { video: video.peekable(), audio: audio.peekable(), video_ticks, audio_ticks }
    }

    fn audio_is_next(&mut self) -> bool {
        match (self.video.peek(), self.audio.peek()) {
            (Some(Ok(video)), Some(Ok(audio))) => {
                let (v, a) = (self.video_ticks, self.audio_ticks);
                let video = i128::from(video.pts) * i128::from(v.num) * i128::from(a.den);
                let audio = i128::from(audio.pts) * i128::from(a.num) * i128::from(v.den);
                audio < video
            }
            (Some(Err(_)), _) | (_, None) => false,
            (_, Some(_)) => true,
        }
    }
}

impl<V, A> Iterator for Interleaved<V, A>
where
    V: Iterator<Item = Result<Packet>>,
    A: Iterator<Item = Result<Packet>>,
{
    type Item = Result<Either>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.audio_is_next() {
            self.audio.next().map(|packet| packet.map(Either::Audio))
        } else {
            self.video.next().map(|packet| packet.map(Either::Video))
        }
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

    fn order(video: &[i64], audio: &[i64], video_ticks: Rational, audio_ticks: Rational) -> String {
        let packets = |times: &[i64]| times.iter().map(|&pts| Ok(numbered(pts, 1))).collect::<Vec<_>>().into_iter();
        Interleaved::new(packets(video), video_ticks, packets(audio), audio_ticks)
            .map(|packet| match packet.unwrap() {
                Either::Video(packet) => format!("v{} ", packet.pts),
                Either::Audio(packet) => format!("a{} ", packet.pts),
            })
            .collect()
    }

    #[test]
    fn streams_are_interleaved_by_time_and_video_goes_first() {
        let (second, half) = (Rational::new(1, 1), Rational::new(1, 2));
        assert_eq!(order(&[0, 1, 2], &[-1, 0, 1, 2, 3, 9], second, half), "a-1 v0 a0 a1 v1 a2 a3 v2 a9 ");
        assert_eq!(order(&[0, 1], &[], second, half), "v0 v1 ");
        assert_eq!(order(&[], &[0, 1], second, half), "a0 a1 ");
        assert_eq!(
            order(&[i64::MAX], &[i64::MIN], Rational::new(1, i64::MAX), half),
            "a-9223372036854775808 v9223372036854775807 "
        );
    }

    #[test]
    fn an_error_of_either_stream_comes_out() {
        let fail = || std::iter::once(Err(Error::Cancelled));
        let fine = || std::iter::once(Ok(numbered(0, 1)));
        let tick = Rational::new(1, 1);
        assert!(Interleaved::new(fail(), tick, fine(), tick).any(|packet| packet.is_err()));
        assert!(Interleaved::new(fine(), tick, fail(), tick).any(|packet| packet.is_err()));
    }
}
