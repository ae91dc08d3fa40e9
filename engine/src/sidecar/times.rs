//! Times as files of subtitles have them.

/// Hours that no film lasts.
const MOST_HOURS: i64 = 9999;

/// Reads `[H:]M:S` and behind one of `marks` a fraction of so many `digits` at most, as milliseconds; none for anything else. A
/// fraction counts its last unit, as in all players: `1,5` is 5 milliseconds behind the second where three digits are usual.
pub(super) fn milliseconds(text: &str, marks: &[char], digits: usize) -> Option<i64> {
    let number = |text: &str| {
        let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| plain)
    };
    let (whole, fraction) = text.split_once(marks)?;
    let mut parts = whole.split(':').rev();
    let seconds = number(parts.next()?).filter(|&seconds| seconds < 60)?;
    let minutes = number(parts.next()?).filter(|&minutes| minutes < 60)?;
    let hours = parts.next().map_or(Some(0), number).filter(|&hours| hours <= MOST_HOURS)?;
    let fraction = number(fraction).filter(|_| fraction.len() <= digits)?;
    let unit = if digits == 2 { 10 } else { 1 };
    parts.next().is_none().then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, expected) in [
            ("00:00:01,000", 1000),
            ("10:20:30.456", 37_230_456),
            ("100:00:00,000", 360_000_000),
            ("0:00:01,5", 1005),
            ("01:02.003", 62_003),
        ] {
            assert_eq!(milliseconds(text, &[',', '.'], 3), Some(expected), "{text}");
        }
        assert_eq!(milliseconds("1:02:03.45", &['.'], 2), Some(3_723_450));
        for none in [
            "",
            "1",
            "00:00:01",
            "00:60:00,000",
            "00:00:61,000",
            "-1:00:00,000",
            "0:0:0:0,0",
            "00:00:01,0000",
            "00:00:0a,000",
        ] {
            assert_eq!(milliseconds(none, &[',', '.'], 3), None, "{none}");
        }
    }
}
