//! What a stream does not say about its colours, guessed by the usual rules; every guess is told as an [`Assumption`].

use crate::colour::{ChromaSite, Colour, Siting, cicp};
use crate::frame::{Depth, Subsampling};
use crate::geometry::{Rational, Size};
use crate::source::Assumption;

/// The colour tags of a frame or a stream, as far as there are any that mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColourTags {
    /// H.273 codes.
    pub(crate) primaries: Option<u8>,
    pub(crate) transfer: Option<u8>,
    pub(crate) matrix: Option<u8>,
    pub(crate) full_range: Option<bool>,
    pub(crate) chroma: Option<ChromaSite>,
}

impl ColourTags {
    /// From libav's numbers for primaries, transfer, matrix, range and chroma location. Decoders put there what the
    /// bitstream says, whether anyone knows it or not.
    pub(crate) fn of_codes([primaries, transfer, matrix, range, chroma]: [u32; 5]) -> Self {
        let usable = |code: u32, name: fn(u8) -> Option<&'static str>| {
            u8::try_from(code).ok().filter(|&code| name(code).is_some())
        };
        Self {
            primaries: usable(primaries, cicp::primaries_name),
            transfer: usable(transfer, cicp::transfer_name),
            // Samples of luma and chroma cannot be red, green and blue.
            matrix: usable(matrix, cicp::matrix_name).filter(|&code| code != cicp::RGB),
            full_range: [None, Some(false), Some(true)].get(range as usize).copied().flatten(),
            chroma: chroma_site(chroma),
        }
    }

    /// These, and where there are none those of `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            primaries: self.primaries.or(other.primaries),
            transfer: self.transfer.or(other.transfer),
            matrix: self.matrix.or(other.matrix),
            full_range: self.full_range.or(other.full_range),
            chroma: self.chroma.or(other.chroma),
        }
    }
}

/// The place that libav's `AVChromaLocation` (H.273's chroma location type plus one) names.
fn chroma_site(location: u32) -> Option<ChromaSite> {
    let (x, y) = match location {
        1 => (Siting::Start, Siting::Centre),
        2 => (Siting::Centre, Siting::Centre),
        3 => (Siting::Start, Siting::Start),
        4 => (Siting::Centre, Siting::Start),
        5 => (Siting::Start, Siting::End),
        6 => (Siting::Centre, Siting::End),
        _ => return None,
    };
    Some(ChromaSite { x, y })
}

/// The tags as the decoder and the container gave them, and what the guesses rest on.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    /// H.273 codes; [`cicp::UNSPECIFIED`] where there is no usable tag.
    pub(crate) primaries: u8,
    pub(crate) transfer: u8,
    pub(crate) matrix: u8,
    pub(crate) full_range: Option<bool>,
    pub(crate) chroma: Option<ChromaSite>,
    /// Range that the pixel format has by its nature where no tag says otherwise, and why.
    pub(crate) natural_range: Option<(bool, &'static str)>,
    pub(crate) subsampling: Subsampling,
    pub(crate) depth: Depth,
    pub(crate) stored: Size,
    pub(crate) frame_rate: Rational,
}

/// Primaries, transfer and matrix that go together.
#[derive(Clone, Copy)]
struct Family {
    primaries: u8,
    transfer: u8,
    matrix: u8,
    /// libav's names of the three.
    names: [&'static str; 3],
}

const BT709: Family = Family { primaries: 1, transfer: 1, matrix: 1, names: ["bt709"; 3] };
const BT601_525: Family = Family { primaries: 6, transfer: 6, matrix: 6, names: ["smpte170m"; 3] };
const BT601_625: Family = Family { primaries: 5, transfer: 6, matrix: 5, names: ["bt470bg", "smpte170m", "bt470bg"] };
const BT470M: Family = Family { primaries: 4, transfer: 4, matrix: 4, names: ["bt470m", "gamma22", "fcc"] };
const SMPTE240M: Family = Family { primaries: 7, transfer: 7, matrix: 7, names: ["smpte240m"; 3] };
const BT2020: Family = Family { primaries: 9, transfer: 14, matrix: 9, names: ["bt2020", "bt2020-10", "bt2020nc"] };
/// BT.2020 gives its one curve two codes, by depth.
const BT2020_12: Family = Family { primaries: 9, transfer: 15, matrix: 9, names: ["bt2020", "bt2020-12", "bt2020nc"] };
/// Display P3 (primaries 12) as phones record it: BT.709's curve and matrix; likewise DCI-P3 (11).
const P3: Family = Family { primaries: 12, transfer: 1, matrix: 1, names: ["smpte432", "bt709", "bt709"] };

impl Tagged {
    /// The colour description, with what was guessed appended to `assumptions`.
    pub(crate) fn resolve(&self, assumptions: &mut Vec<Assumption>) -> Colour {
        let (family, because) = self.family();
        let mut guess = |what: &'static str, tag, value, name: &str| {
            if tag != cicp::UNSPECIFIED {
                return tag;
            }
            assumptions.push(Assumption { what: what.into(), value: name.to_owned(), because: because.clone() });
            value
        };
        let primaries = guess("primaries", self.primaries, family.primaries, family.names[0]);
        let transfer = guess("transfer", self.transfer, family.transfer, family.names[1]);
        let matrix = guess("matrix", self.matrix, family.matrix, family.names[2]);
        let full_range = self.full_range.unwrap_or_else(|| self.range(assumptions));
        let chroma = self.chroma.unwrap_or_else(|| self.chroma_site(primaries == cicp::BT2020, assumptions));
        Colour { primaries, transfer, matrix, full_range, chroma }
    }

    /// The family that the tags there are belong to, else the one that the size suggests; and why.
    fn family(&self) -> (Family, String) {
        let bt2020 = if self.depth == Depth::Twelve { BT2020_12 } else { BT2020 };
        let by_primaries = match self.primaries {
            1 => Some(BT709),
            4 => Some(BT470M),
            5 => Some(BT601_625),
            6 => Some(BT601_525),
            7 => Some(SMPTE240M),
            9 => Some(bt2020),
            11 | 12 => Some(P3),
            _ => None,
        };
        let by_matrix = match self.matrix {
            1 => Some(BT709),
            4 => Some(BT470M),
            5 => Some(BT601_625),
            6 => Some(BT601_525),
            7 => Some(SMPTE240M),
            9 | 10 | 14 => Some(bt2020),
            _ => None,
        };
        // BT.601 and BT.709 share a curve, and have a code each that is often mixed up: neither says much.
        let by_transfer = match self.transfer {
            7 => Some(SMPTE240M),
            14 | 15 | cicp::PQ | cicp::HLG => Some(bt2020),
            _ => None,
        };
        if let Some(family) = by_primaries {
            return (family, "it goes with the tagged primaries".to_owned());
        }
        if let Some(family) = by_matrix {
            return (family, "it goes with the tagged matrix".to_owned());
        }
        if let Some(family) = by_transfer {
            return (family, "it goes with the tagged transfer".to_owned());
        }
        if self.matrix == cicp::RGB {
            return (BT709, "untagged RGB is taken for BT.709".to_owned());
        }
        self.family_by_size()
    }

    fn family_by_size(&self) -> (Family, String) {
        let Size { width, height } = self.stored;
        let rate = self.frame_rate;
        if width >= 1280 || height >= 720 {
            (BT709, format!("untagged, and {} is high definition", self.stored))
        } else if height == 576 || [25, 50].contains(&rate.num) && rate.den == 1 {
            (BT601_625, format!("untagged, and {} at {rate} frames a second is of the 625-line world", self.stored))
        } else {
            (BT601_525, format!("untagged, and {} is standard definition", self.stored))
        }
    }

    fn range(&self, assumptions: &mut Vec<Assumption>) -> bool {
        let (full, because) = self.natural_range.unwrap_or((false, "untagged"));
        let value = if full { "full" } else { "limited" }.to_owned();
        assumptions.push(Assumption { what: "range".into(), value, because: because.to_owned() });
        full
    }

    fn chroma_site(&self, bt2020: bool, assumptions: &mut Vec<Assumption>) -> ChromaSite {
        let (site, name, because) = match self.subsampling {
            Subsampling::CS444 => return ChromaSite::LEFT,
            Subsampling::CS420 if bt2020 => (ChromaSite::TOP_LEFT, "top left", "untagged BT.2020"),
            _ => (ChromaSite::LEFT, "left", "untagged"),
        };
        assumptions.push(Assumption {
            what: "chroma location".into(),
            value: name.to_owned(),
            because: because.to_owned(),
        });
        site
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untagged(width: u32, height: u32) -> Tagged {
        Tagged {
            primaries: 2,
            transfer: 2,
            matrix: 2,
            full_range: None,
            chroma: None,
            natural_range: None,
            subsampling: Subsampling::CS420,
            depth: Depth::Eight,
            stored: Size { width, height },
            frame_rate: Rational::new(24, 1),
        }
    }

    fn codes(tagged: &Tagged) -> (u8, u8, u8) {
        let colour = tagged.resolve(&mut Vec::new());
        (colour.primaries, colour.transfer, colour.matrix)
    }

    #[test]
    fn codes_that_mean_nothing_are_no_tags() {
        assert_eq!(ColourTags::of_codes([2, 2, 2, 0, 0]), ColourTags::default());
        for reserved in [0, 3, 13, 21, 23, 255, 256, u32::MAX] {
            let tags =
                ColourTags::of_codes([reserved, reserved.max(19), reserved.max(18), reserved.max(3), reserved.max(7)]);
            assert_eq!(tags, ColourTags { primaries: tags.primaries, ..ColourTags::default() }, "{reserved}");
            assert_eq!(tags.primaries, None, "{reserved}");
        }
        let tags = ColourTags::of_codes([22, 18, 17, 2, 3]);
        assert_eq!((tags.primaries, tags.transfer, tags.matrix), (Some(22), Some(18), Some(17)));
        assert_eq!((tags.full_range, tags.chroma), (Some(true), Some(ChromaSite::TOP_LEFT)));
        let other = ColourTags { primaries: Some(1), ..ColourTags::default() };
        assert_eq!(other.or(tags), ColourTags { primaries: Some(1), ..tags });
    }

    #[test]
    fn untagged_colour_goes_by_size() {
        assert_eq!(codes(&untagged(1920, 1080)), (1, 1, 1));
        assert_eq!(codes(&untagged(1280, 534)), (1, 1, 1), "a scope picture of a 720p master");
        assert_eq!(codes(&untagged(608, 720)), (1, 1, 1));
        assert_eq!(codes(&untagged(720, 480)), (6, 6, 6));
        assert_eq!(codes(&untagged(720, 576)), (5, 6, 5));
        let pal = Tagged { frame_rate: Rational::new(25, 1), ..untagged(640, 360) };
        assert_eq!(codes(&pal), (5, 6, 5));
    }

    #[test]
    fn one_tag_brings_its_family() {
        assert_eq!(codes(&Tagged { primaries: 9, ..untagged(720, 480) }), (9, 14, 9));
        assert_eq!(codes(&Tagged { primaries: 9, depth: Depth::Twelve, ..untagged(720, 480) }), (9, 15, 9));
        assert_eq!(codes(&Tagged { transfer: cicp::PQ, ..untagged(720, 480) }), (9, 16, 9));
        assert_eq!(codes(&Tagged { matrix: 6, ..untagged(1920, 1080) }), (6, 6, 6));
        assert_eq!(codes(&Tagged { primaries: 12, ..untagged(720, 480) }), (12, 1, 1));
        assert_eq!(codes(&Tagged { transfer: 1, ..untagged(720, 480) }), (6, 1, 6), "the curve alone says little");
        assert_eq!(codes(&Tagged { primaries: 5, matrix: 1, ..untagged(720, 480) }), (5, 6, 1), "tags are kept");
    }

    #[test]
    fn every_guess_is_told_and_no_tag_is() {
        let mut assumptions = Vec::new();
        untagged(1920, 1080).resolve(&mut assumptions);
        let whats: Vec<_> = assumptions.iter().map(|assumption| &*assumption.what).collect();
        assert_eq!(whats, ["primaries", "transfer", "matrix", "range", "chroma location"]);
        let mut assumptions = Vec::new();
        let tagged = Tagged {
            primaries: 1,
            transfer: 1,
            matrix: 1,
            full_range: Some(false),
            chroma: Some(ChromaSite::LEFT),
            ..untagged(1920, 1080)
        };
        tagged.resolve(&mut assumptions);
        assert_eq!(assumptions, []);
    }

    #[test]
    fn range_and_chroma_location_follow_the_format() {
        let resolve = |tagged: Tagged| tagged.resolve(&mut Vec::new());
        assert!(!resolve(untagged(1920, 1080)).full_range);
        assert!(resolve(Tagged { natural_range: Some((true, "gray")), ..untagged(1920, 1080) }).full_range);
        assert_eq!(resolve(untagged(1920, 1080)).chroma, ChromaSite::LEFT);
        assert_eq!(resolve(Tagged { primaries: 9, ..untagged(1920, 1080) }).chroma, ChromaSite::TOP_LEFT);
        let wide = Tagged { primaries: 9, subsampling: Subsampling::CS422, ..untagged(1920, 1080) };
        assert_eq!(resolve(wide).chroma, ChromaSite::LEFT);
    }
}
