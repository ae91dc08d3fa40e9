//! SVT-AV1's table of how blocks are cut, of which a process has one for all of its encoders.

use crate::geometry::Size;

/// Number of pixels from which SVT-AV1 no longer counts a picture as one of 240 lines (its `INPUT_SIZE_240p_TH`).
pub(super) const SMALL_PICTURE: u64 = 165_120;

/// SVT-AV1's table of how blocks are cut, by what it follows from: the preset, and at the slowest ones, which have superblocks of
/// 128 pixels but for small pictures, the size of the picture.
///
/// Source: `set_param_based_on_input` in `EbEncHandle.c` of 1.4.1, where the table is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockTable {
    pub(super) preset: String,
    pub(super) small: bool,
}

impl BlockTable {
    /// The table of an encoder that is opened with this speed and these options.
    pub(super) fn of(speed: u8, given: &[(String, String)], size: Size) -> Self {
        let last = |name: &str| given.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let lists = given.iter().rev().filter(|(key, _)| key == "svtav1-params");
        let listed = lists.flat_map(|(_, list)| list.rsplit(':')).find_map(|entry| entry.strip_prefix("preset="));
        let preset = listed.map(str::to_owned).or_else(|| last("preset"));
        let preset = preset.unwrap_or_else(|| svt_preset(speed).to_string());
        let has_large_superblocks = preset.parse::<i32>().is_ok_and(|preset| preset <= 2);
        let small = has_large_superblocks && u64::from(size.width) * u64::from(size.height) < SMALL_PICTURE;
        Self { preset, small }
    }
}

/// Returns SVT-AV1's preset of the same number. Those above 10 give up more than they gain, and newer versions lack
/// them.
pub(super) fn svt_preset(speed: u8) -> u8 {
    speed.min(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_blocks_follows_from_the_preset_that_counts_and_from_small_pictures_at_slow_ones() {
        let table = |speed, options: &[(&str, &str)], width, height| {
            let options: Vec<_> = options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            let BlockTable { preset, small } = BlockTable::of(speed, &options, Size { width, height });
            (preset, small)
        };
        let is = |preset: &str, small| (preset.to_owned(), small);
        assert_eq!(table(2, &[], 304, 542), is("2", true));
        assert_eq!(table(2, &[], 304, 544), is("2", false));
        assert_eq!(table(3, &[], 64, 64), is("3", false));
        assert_eq!(table(8, &[("preset", "1")], 64, 64), is("1", true));
        assert_eq!(table(8, &[("preset", "9"), ("svtav1-params", "lp=1:preset=0")], 64, 64), is("0", true));
    }
}
