//! Any bytes as OBUs and as a sequence header.

use upright_engine::av1::{self, ObuKind, SequenceHeader};

/// # Panics
/// When a parser breaks what it promises.
pub(crate) fn check(data: &[u8]) {
    let mut end = 0;
    let mut whole = true;
    for obu in av1::obus(data) {
        let Ok(obu) = obu else {
            whole = false;
            break;
        };
        assert_eq!(obu.bytes, &data[end..end + obu.bytes.len()], "OBUs follow one another");
        assert!(obu.bytes.ends_with(obu.payload));
        end += obu.bytes.len();
    }
    assert_eq!(whole, end == data.len());

    let mut stripped = data.to_vec();
    assert_eq!(av1::strip_temporal_delimiters(&mut stripped).is_ok(), whole);
    if whole {
        assert!(av1::obus(&stripped).all(|obu| obu.is_ok_and(|obu| obu.kind != ObuKind::TemporalDelimiter)));
    } else {
        assert_eq!(stripped, data, "a damaged packet is left as it was");
    }

    match av1::sequence_header_of(data) {
        Ok(Some(obu)) => parse(obu.payload),
        Ok(None) | Err(_) => parse(data),
    }
}

fn parse(payload: &[u8]) {
    if let Ok(header) = SequenceHeader::parse(payload) {
        assert!(header.profile <= 2 && header.level <= 31 && (1..=32).contains(&header.operating_points));
        assert!(header.level > 7 || !header.high_tier, "low levels have no High tier");
        let sides = [header.max_frame_size.width, header.max_frame_size.height];
        assert!(sides.iter().all(|side| (1..=65536).contains(side)));
        assert_eq!(header.codec_string().len(), "av01.0.08M.08".len());
    }
}
