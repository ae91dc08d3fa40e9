//! Any bytes as OBUs, as a sequence header, as a packet that gets film grain, and as one whose tiles are found.

use upright_engine::av1::{
    self, ChromaGrain, FilmGrain, GrainError, GrainWriter, LumaGrain, ObuKind, ScalingPoint, SequenceHeader, TileReader,
};

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
    check_grain(data);
    let mut at = 0;
    for tile in TileReader::default().tiles(data).into_iter().flatten() {
        assert!(at <= tile.start && tile.start < tile.end && tile.end <= data.len(), "tiles follow one another");
        at = tile.end;
    }
}

/// The packet with film grain, if it can have some.
pub(crate) fn with_grain(data: &[u8]) -> Option<Vec<u8>> {
    let mut packet = data.to_vec();
    let written = GrainWriter::new(grain(), 0).write(&mut packet);
    assert!(written.is_ok() || packet == data, "a packet that is refused is left as it was");
    written.is_ok().then_some(packet)
}

fn check_grain(data: &[u8]) {
    let Some(packet) = with_grain(data) else { return };
    let kinds = |data: &[u8]| av1::obus(data).map(|obu| obu.map(|obu| obu.kind)).collect::<Vec<_>>();
    assert_eq!(kinds(&packet), kinds(data));
    let again = GrainWriter::new(grain(), 0).write(&mut packet.clone());
    if kinds(data).contains(&Ok(ObuKind::SequenceHeader)) {
        assert_eq!(again, Err(GrainError::Present));
    } else {
        assert_eq!(packet, data, "without a sequence header there are no frames");
    }
}

fn grain() -> FilmGrain {
    let points = vec![ScalingPoint { value: 0, scaling: 20 }, ScalingPoint { value: 255, scaling: 80 }];
    let chroma = ChromaGrain { points: points.clone(), ar_coeffs: vec![3; 13], mult: 128, luma_mult: 192, offset: 256 };
    let grain = FilmGrain {
        scaling_shift: 10,
        ar_coeff_lag: 2,
        ar_coeff_shift: 7,
        grain_scale_shift: 0,
        overlap: true,
        clip_to_restricted_range: false,
        chroma_scaling_from_luma: false,
        luma: LumaGrain { points, ar_coeffs: vec![5; 12] },
        cb: chroma.clone(),
        cr: chroma,
    };
    assert_eq!(grain.check(), Ok(()));
    grain
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
