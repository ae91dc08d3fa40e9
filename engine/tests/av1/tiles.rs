//! Where tiles lie, against `trace_headers`, which reads as far as they begin.

use crate::ffmpeg::Stream;
use crate::headers::units;
use upright_engine::av1::{self, TileReader};

const SMALL: &str = "-f lavfi -i testsrc2=s=128x192:r=25 -frames:v 12 -pix_fmt yuv420p";
const LARGE: &str = "-f lavfi -i testsrc2=s=320x256:r=25 -frames:v 4 -pix_fmt yuv420p";

/// Compares the tiles of what `ffmpeg` makes of `arguments`; gives how many the frame with the most has.
fn most_tiles(arguments: &str) -> usize {
    let stream = Stream::generate(arguments);
    let mut traced = stream.trace_tiles().into_iter();
    let mut reader = TileReader::default();
    let mut most = 0;
    for unit in units(&stream) {
        let tiles = reader.tiles(&unit).unwrap_or_else(|error| panic!("{arguments}: {error}"));
        let mut rest = tiles.iter().peekable();
        let mut begin = 0;
        for obu in av1::obus(&unit) {
            let end = begin + obu.unwrap().bytes.len();
            let (header, size_bytes) = traced.next().unwrap();
            let mut at = begin + header;
            let mut count = 0;
            while let Some(tile) = rest.next_if(|tile| tile.start < end) {
                // In front of all but the last is its size.
                let size = if tile.end == end { 0 } else { size_bytes.unwrap() };
                assert_eq!(tile.start, at + size, "{arguments}");
                if size > 0 {
                    let told = unit[at..tile.start].iter().rev().fold(0, |told, &byte| told << 8 | usize::from(byte));
                    assert_eq!(told + 1, tile.len(), "{arguments}");
                }
                (at, count) = (tile.end, count + 1);
            }
            assert_eq!((count > 0, size_bytes.is_none() || at == end), (size_bytes.is_some(), true), "{arguments}");
            most = most.max(count);
            begin = end;
        }
        assert_eq!(rest.next(), None, "{arguments}");
    }
    assert_eq!(traced.next(), None, "{arguments}");
    most
}

#[test]
fn tiles_of_svt_begin_where_traced_headers_end() {
    for (source, options, tiles) in [
        (SMALL, "", 1),
        (SMALL, ":superres-mode=2", 1),
        (LARGE, ":tile-columns=1:tile-rows=1", 4),
        (LARGE, ":tile-columns=1:tile-rows=1:film-grain=8", 4),
    ] {
        let arguments = format!("{source} -c:v libsvtav1 -preset 10 -svtav1-params lp=1{options}");
        assert_eq!(most_tiles(&arguments), tiles, "{arguments}");
    }
}

#[test]
fn tiles_of_libaom_begin_where_traced_headers_end() {
    for (source, options, tiles) in [
        // Sizes that are not even, tile groups in OBUs of their own, grain, frames that are shown later.
        (LARGE, "-aom-params sb-size=64:tile-width=1,3:tile-height=2", 6),
        (LARGE, "-aom-params sb-size=64:num-tile-groups=2 -tile-columns 1 -tile-rows 1", 2),
        (LARGE, "-tile-columns 2 -tile-rows 1 -aom-params sb-size=64", 8),
        (SMALL, "-denoise-noise-level 20 -usage good", 1),
        (SMALL, "-error-resilience default -lag-in-frames 8 -usage good", 1),
        (SMALL, "-aom-params lossless=1", 1),
    ] {
        let arguments = format!("{source} {options} -c:v libaom-av1 -threads 1 -cpu-used 8");
        assert_eq!(most_tiles(&arguments), tiles, "{arguments}");
    }
}
