//! Files of stills: JPEG, as large as manifests say.

use super::findings::{Findings, Rule};
use super::tracks::Tracks;
use crate::control::Control;
use crate::error::Result;

/// Bytes at the beginning of a JPEG file in which its size is looked for.
const HEADER: u64 = 64 << 10;

/// Checks a file of stills, which `by` names, and which has these sides in pixels.
pub(super) fn check(
    file: &str,
    by: &str,
    sides: [f64; 2],
    tracks: &Tracks,
    findings: &mut Findings,
    control: &Control,
) -> Result<()> {
    let Some((mut media, size)) = tracks.place.open(file, control)? else {
        findings.add(Rule::FileMissing, file, format!("is named by {by} and not there"));
        return Ok(());
    };
    let mut header = vec![0; usize::try_from(size.min(HEADER)).unwrap_or(0)];
    let found = media.read_at(0, &mut header).ok().and_then(|()| jpeg_size(&header));
    let kept = found.is_some_and(|found| found.map(f64::from) == sides);
    findings.rule(kept, Rule::Thumbnails, file, || {
        let is = found.map_or_else(|| "no JPEG file".to_owned(), |[width, height]| format!("{width}x{height}"));
        format!("it is {is}, and {by} says {}x{}", sides[0], sides[1])
    });
    Ok(())
}

/// Gives width and height of a JPEG file (ITU-T T.81, B.2): those in its frame header.
fn jpeg_size(bytes: &[u8]) -> Option<[u16; 2]> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let segment = rest.get(2..2 + usize::from(u16::from_be_bytes([high, low])))?;
        // Any frame header, but for tables of codes and of arithmetic coding.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let side = |at: usize| Some(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?]));
            return Some([side(5)?, side(3)?]);
        }
        rest = &rest[2 + segment.len()..];
    }
}

/// Reads two numbers with an x between them.
pub(super) fn tiles(text: &str) -> Option<[f64; 2]> {
    let (columns, rows) = text.split_once('x')?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0).map(f64::from);
    Some([number(columns)?, number(rows)?])
}

/// Tells whether a grid divides sides into whole pixels.
pub(super) fn are_whole(sides: [f64; 2], grid: [f64; 2]) -> bool {
    sides.iter().zip(grid).all(|(side, parts)| *side > 0.0 && side % parts == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_what_is_cut_off_is_none() {
        let file = [
            &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2][..],
            &[0xff, 0xc4, 0, 3, 9],
            &[0xff, 0xc0, 0, 11, 8, 5, 0, 2, 0xd0, 1, 1, 0x11, 0],
        ];
        let file = file.concat();
        assert_eq!(jpeg_size(&file), Some([720, 1280]));
        assert!((0..file.len()).all(|length| jpeg_size(&file[..length]).is_none()));
        assert_eq!((tiles("5x4"), tiles("5"), tiles("0x4")), (Some([5.0, 4.0]), None, None));
        assert!(are_whole([720.0, 1280.0], [5.0, 5.0]) && !are_whole([720.0, 1281.0], [5.0, 5.0]));
    }
}
