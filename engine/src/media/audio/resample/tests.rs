use super::*;
use crate::media::testing::run;
use std::fmt::Write as _;
use tempfile::TempDir;

const RATE: i32 = 48_000;
const SAMPLES: usize = 4000;

/// Planes of the format that encoders take.
fn planes(layout: &std::ffi::CStr) -> SampleFormat {
    // SAFETY: zeros are an empty layout; libav writes every field of the local.
    let layout = unsafe {
        let mut empty: av::AVChannelLayout = std::mem::zeroed();
        assert_eq!(av::av_channel_layout_from_string(&raw mut empty, layout.as_ptr()), 0);
        empty
    };
    SampleFormat::planes(RATE, layout)
}

/// Noise at full scale, from -1 to 1, the same every time.
fn noise(channels: usize) -> Vec<Vec<f32>> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    };
    (0..channels).map(|_| (0..SAMPLES).map(|_| next()).collect()).collect()
}

fn mixed(from: SampleFormat, channels: &[Vec<f32>]) -> [Vec<f32>; 2] {
    let mut frame = AvFrame::new().unwrap();
    // SAFETY: the frame is new, and gets buffers for so many samples of every channel.
    unsafe {
        let fields = frame.as_mut_ptr();
        ((*fields).format, (*fields).sample_rate) = (from.format as c_int, from.rate);
        ((*fields).ch_layout, (*fields).nb_samples) = (from.layout, SAMPLES as c_int);
        check("av_frame_get_buffer", av::av_frame_get_buffer(fields, 0)).unwrap();
        for (index, channel) in channels.iter().enumerate() {
            ptr::copy_nonoverlapping(channel.as_ptr(), (*(*fields).extended_data.add(index)).cast(), SAMPLES);
        }
    }
    let mut resampler = Resampler::open(from, planes(c"stereo")).unwrap();
    let mut out = [Vec::new(), Vec::new()];
    resampler.push(&frame, 0..SAMPLES, &mut out).unwrap();
    resampler.drain(&mut out).unwrap();
    out
}

/// Compares with what ffmpeg's filter `pan` makes of the same by coefficients that are written down here.
#[test]
fn surround_is_mixed_to_stereo_by_the_stated_matrix() {
    let level = "0.70710678118654752";
    let cases: [(&std::ffi::CStr, usize, f64, &[&str]); 4] = [
        (c"5.1", 6, 2.414_213_562_373_095, &["B"]),
        (c"5.1(side)", 6, 2.414_213_562_373_095, &["S"]),
        (c"7.1", 8, 3.121_320_343_559_643, &["B", "S"]),
        (c"quad", 4, 1.707_106_781_186_548, &["B"]),
    ];
    let folder = TempDir::new().unwrap();
    for (layout, count, divisor, surround) in cases {
        let channels = noise(count);
        let found = mixed(planes(layout), &channels);
        let bytes: Vec<u8> =
            (0..SAMPLES).flat_map(|at| channels.iter().flat_map(move |channel| channel[at].to_le_bytes())).collect();
        let path = folder.path().join("noise.raw");
        std::fs::write(&path, bytes).unwrap();

        let mut pan = "pan=stereo".to_owned();
        for side in ["L", "R"] {
            write!(pan, "|F{side}=F{side}").unwrap();
            let centre = (count > 4).then(|| "FC".to_owned());
            let others = surround.iter().map(|place| format!("{place}{side}"));
            others.chain(centre).for_each(|channel| write!(pan, "+{level}*{channel}").unwrap());
        }
        let volume = format!("{pan},volume=1/{divisor}:precision=double");
        let (layout, path) = (layout.to_str().unwrap(), path.to_str().unwrap());
        let count = count.to_string();
        let input = ["-f", "f32le", "-ar", "48000", "-ac", &count, "-channel_layout", layout, "-i", path];
        let made = run("ffmpeg", &[&input[..], &["-af", &volume, "-f", "f32le", "-"]].concat());
        let expected: Vec<f32> = made.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        assert_eq!((found[0].len(), found[1].len(), expected.len()), (SAMPLES, SAMPLES, 2 * SAMPLES), "{layout}");
        for (at, pair) in expected.chunks(2).enumerate() {
            for (side, &expected) in pair.iter().enumerate() {
                let found = found[side][at];
                // Single precision, summed in another order.
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{layout}: {found} instead of {expected}, side {side} at {at}"
                );
                assert!(found.abs() <= 1.0, "{layout}: beyond full scale");
            }
        }
    }
}
