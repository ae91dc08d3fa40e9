//! Our settings by the names that libavcodec's encoders have for them.

use crate::colour::ChromaSite;
use crate::encode::block_table::svt_preset;
use crate::encode::kind::LibavEncoder;
use crate::encode::settings::EncoderSettings;

/// Options that decide on the rate: where one is given, it stands in place of our constant quality.
const RATE_OPTIONS: [&str; 8] = ["b", "crf", "qp", "cq", "q", "global_quality", "rc", "rc_mode"];

/// Frames after which a key frame would come unasked: never.
const NEVER: &str = "2147483647";

/// Makes the list of an encoder's options: ours first, then what was given.
pub(super) fn options(encoder: LibavEncoder, settings: &EncoderSettings) -> Vec<(String, String)> {
    let given = &settings.options;
    let rate_is_given = given.iter().any(|(key, _)| RATE_OPTIONS.contains(&key.as_str()));
    let mut own = basics(encoder, settings);
    if !rate_is_given {
        own.extend(constant_quality(encoder, settings.quality));
    }
    let mut options: Vec<_> = own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let Some((list, parameters)) = parameters(encoder, settings) else {
        options.extend_from_slice(given);
        return options;
    };
    let (lists, others): (Vec<_>, Vec<_>) = given.iter().cloned().partition(|(key, _)| key == list);
    options.extend(others);
    options.push((list.to_owned(), merged(parameters, &lists)));
    options
}

/// Makes our options for everything but quality.
fn basics(encoder: LibavEncoder, settings: &EncoderSettings) -> Vec<(&'static str, String)> {
    let speed = usize::from(settings.speed.min(10));
    match encoder {
        LibavEncoder::SvtAv1 => vec![
            ("preset", svt_preset(settings.speed).to_string()),
            ("g", NEVER.to_owned()),
            // An unknown parameter is an error and not a warning.
            ("err_detect", "explode".to_owned()),
        ],
        LibavEncoder::Aom => vec![
            ("cpu-used", aom_cpu_used(settings.speed).to_string()),
            ("g", NEVER.to_owned()),
            // With equal distances there is no search for cuts.
            ("keyint_min", NEVER.to_owned()),
            ("threads", settings.threads.to_string()),
            ("row-mt", u8::from(settings.threads > 1).to_string()),
        ],
        LibavEncoder::Nvenc => {
            const PRESETS: [&str; 11] = ["p7", "p7", "p6", "p6", "p5", "p5", "p4", "p3", "p3", "p2", "p1"];
            vec![("preset", PRESETS[speed].to_owned()), ("g", NEVER.to_owned()), ("forced-idr", "1".to_owned())]
        }
        LibavEncoder::Qsv => {
            const PRESETS: [u8; 11] = [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7];
            // The distance has 16 bits.
            vec![("preset", PRESETS[speed].to_string()), ("g", "65535".to_owned()), ("forced_idr", "1".to_owned())]
        }
        LibavEncoder::Amf => {
            let preset = ["high_quality", "quality", "balanced", "speed"][[0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3][speed]];
            vec![("quality", preset.to_owned()), ("g", NEVER.to_owned()), ("header_insertion_mode", "gop".to_owned())]
        }
        LibavEncoder::Vaapi | LibavEncoder::VideoToolbox => vec![("g", NEVER.to_owned())],
    }
}

/// Converts the one scale of quality (0 worst to 100 best) to each encoder's own. Those of hardware are guesses: nobody
/// has measured them.
fn constant_quality(encoder: LibavEncoder, quality: u8) -> Vec<(&'static str, String)> {
    match encoder {
        LibavEncoder::SvtAv1 => vec![("crf", crf(quality).to_string())],
        LibavEncoder::Aom => vec![("crf", crf(quality).to_string()), ("b", "0".to_owned())],
        LibavEncoder::Nvenc => {
            vec![("rc", "vbr".to_owned()), ("cq", crf(quality).to_string()), ("b", "0".to_owned())]
        }
        LibavEncoder::Qsv => vec![("global_quality", (51 - quality.min(100) / 2).to_string())],
        LibavEncoder::Vaapi => {
            vec![("rc_mode", "CQP".to_owned()), ("global_quality", quantiser_index(quality).to_string())]
        }
        LibavEncoder::Amf => {
            let index = quantiser_index(quality).to_string();
            vec![("rc", "cqp".to_owned()), ("qp_i", index.clone()), ("qp_p", index)]
        }
        // In units of FF_QP2LAMBDA.
        LibavEncoder::VideoToolbox => vec![
            ("flags", "+qscale".to_owned()),
            ("global_quality", (118 * u32::from(quality.clamp(1, 100))).to_string()),
        ],
    }
}

/// Returns the name of the option that holds a list of the library's own parameters, and ours in it.
fn parameters(
    encoder: LibavEncoder,
    settings: &EncoderSettings,
) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    match encoder {
        LibavEncoder::SvtAv1 => Some((
            "svtav1-params",
            vec![
                ("lp", settings.threads.to_string()),
                ("scd", "0".to_owned()),
                // Without it key frames that are asked for are not made.
                ("enable-force-key-frames", "1".to_owned()),
            ],
        )),
        LibavEncoder::Aom => {
            let site = if settings.colour.chroma == ChromaSite::TOP_LEFT { "colocated" } else { "vertical" };
            Some(("aom-params", vec![("chroma-sample-position", site.to_owned())]))
        }
        _ => None,
    }
}

/// Joins parameters as `key=value:key=value`: ours that are not given, then those given.
fn merged(own: Vec<(&'static str, String)>, lists: &[(String, String)]) -> String {
    let given: Vec<_> = lists.iter().flat_map(|(_, list)| list.split(':')).filter(|entry| !entry.is_empty()).collect();
    let is_given = |key: &str| given.iter().any(|entry| entry.split('=').next() == Some(key));
    let own = own.into_iter().filter(|(key, _)| !is_given(key)).map(|(key, value)| format!("{key}={value}"));
    own.chain(given.iter().map(|&entry| entry.to_owned())).collect::<Vec<_>>().join(":")
}

/// Returns libaom's speed of the same number, which ends at 6 but for real time.
fn aom_cpu_used(speed: u8) -> u8 {
    speed.min(6)
}

/// Computes SVT-AV1's and libaom's constant rate factor, 1 (best) to 63: the line through what gives rav1e's VMAF, as
/// measured in benches/results/quality.md.
fn crf(quality: u8) -> u8 {
    let hundredths = 7200 - 64 * u16::from(quality.min(100));
    u8::try_from((hundredths + 50) / 100).unwrap_or(63).clamp(1, 63)
}

/// Computes AV1's `base_q_idx`, on rav1e's scale.
fn quantiser_index(quality: u8) -> u8 {
    220 - 2 * quality.min(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_a_falling_factor_within_range() {
        assert_eq!([0, 30, 45, 60, 75, 90, 100].map(crf), [63, 53, 43, 34, 24, 14, 8]);
        assert!((0..100).all(|quality| crf(quality) >= crf(quality + 1)));
        assert_eq!([0, 60, 100].map(quantiser_index), [220, 100, 20]);
    }

    #[test]
    fn given_parameters_take_the_place_of_ours() {
        let own = || vec![("lp", "1".to_owned()), ("scd", "0".to_owned())];
        let lists = |lists: &[&str]| lists.iter().map(|list| (String::new(), (*list).to_owned())).collect::<Vec<_>>();
        assert_eq!(merged(own(), &[]), "lp=1:scd=0");
        assert_eq!(merged(own(), &lists(&["tune=0", "lp=4:film-grain=8"])), "scd=0:tune=0:lp=4:film-grain=8");
    }
}
