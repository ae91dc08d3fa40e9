//! Masks: how much of each pixel something covers, from 0 to 255.

/// Softens a mask of rows of this width over so many pixels to each side, by three running means: a bell, about.
pub(super) fn soften(mask: &mut [u8], width: usize, radius: usize) {
    if radius == 0 || width == 0 {
        return;
    }
    let height = mask.len() / width;
    let mut line = Vec::new();
    for _ in 0..3 {
        for row in mask.chunks_mut(width) {
            line.clear();
            line.extend_from_slice(row);
            running_mean(&line, radius, |at, mean| row[at] = mean);
        }
        for column in 0..width {
            line.clear();
            line.extend((0..height).map(|row| mask[row * width + column]));
            running_mean(&line, radius, |at, mean| mask[at * width + column] = mean);
        }
    }
}

/// Takes the mean of each sample and those `radius` before and after it; beyond the ends there is nothing.
fn running_mean(line: &[u8], radius: usize, mut put: impl FnMut(usize, u8)) {
    let count = 2 * radius as u32 + 1;
    let mut sum: u32 = line.iter().take(radius).map(|sample| u32::from(*sample)).sum();
    for at in 0..line.len() {
        sum += line.get(at + radius).map_or(0, |sample| u32::from(*sample));
        put(at, ((sum + count / 2) / count) as u8);
        if let Some(left) = at.checked_sub(radius) {
            sum -= u32::from(line[left]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_softened_keeps_its_weight_and_its_middle() {
        let mut mask = vec![0; 21 * 21];
        for row in 8..13 {
            mask[row * 21 + 8..row * 21 + 13].fill(250);
        }
        let weight = |mask: &[u8]| mask.iter().map(|sample| u32::from(*sample)).sum::<u32>();
        let before = weight(&mask);
        soften(&mut mask, 21, 1);
        assert!(weight(&mask).abs_diff(before) < before / 50, "{}", weight(&mask));
        assert_eq!(mask[10 * 21 + 10], *mask.iter().max().unwrap());
        for (at, sample) in mask.iter().enumerate() {
            assert_eq!(*sample, mask[mask.len() - 1 - at]);
        }
        assert!(mask[10 * 21 + 7] > 0 && mask[10 * 21 + 4] == 0);
    }
}
