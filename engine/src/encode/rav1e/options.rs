//! rav1e's settings by the names that its command has for them.

use crate::error::{Error, Result};
use std::str::FromStr;
use upright_rav1e::{EncoderConfig, Tune};

/// The names that are known. Others of the command are decided elsewhere, or would make what cannot be joined.
const NAMES: [&str; 9] = [
    "quantizer",
    "min-quantizer",
    "bitrate",
    "tiles",
    "tile-rows",
    "tile-cols",
    "low-latency",
    "tune",
    "rdo-lookahead-frames",
];

/// Changes `config` as `options` say, later ones over earlier ones.
///
/// # Errors
/// [`Error::InvalidOption`] for a name that is not known or a value that it cannot have.
pub(super) fn apply(options: &[(String, String)], config: &mut EncoderConfig) -> Result<()> {
    for (name, value) in options {
        match name.as_str() {
            "quantizer" => config.quantizer = usize::from(parsed::<u8>(name, value, "0 (best) to 255")?),
            "min-quantizer" => config.min_quantizer = parsed(name, value, "0 (best) to 255")?,
            "bitrate" => {
                let kilobits = parsed::<u16>(name, value, "kilobits a second, below 65536; 0 for constant quality")?;
                config.bitrate = i32::from(kilobits) * 1000;
            }
            "tiles" => {
                (config.tile_rows, config.tile_cols) = (0, 0);
                config.tiles = usize::from(parsed::<u8>(name, value, "a number below 256")?);
            }
            // Rows and columns hold only where no number of tiles is given.
            "tile-rows" => (config.tiles, config.tile_rows) = (0, power_of_two(name, value)?),
            "tile-cols" => (config.tiles, config.tile_cols) = (0, power_of_two(name, value)?),
            "low-latency" => config.low_latency = parsed(name, value, "true or false")?,
            "tune" => {
                config.tune = match value.to_lowercase().as_str() {
                    "psnr" => Tune::Psnr,
                    "psychovisual" => Tune::Psychovisual,
                    _ => return Err(refusal(name, value, "Psnr or Psychovisual")),
                }
            }
            "rdo-lookahead-frames" => {
                let allowed = "a number of frames from 1 to 250";
                let frames = parsed::<u8>(name, value, allowed)?;
                if !(1..=250).contains(&frames) {
                    return Err(refusal(name, value, allowed));
                }
                config.speed_settings.rdo_lookahead_frames = usize::from(frames);
            }
            _ => {
                let known = NAMES.join(", ");
                let rule = format!("rav1e has none of this name here; those it has are: {known}");
                return Err(Error::invalid("encoder option", format!("{name:?}"), rule));
            }
        }
    }
    Ok(())
}

fn power_of_two(name: &str, value: &str) -> Result<usize> {
    let allowed = "a power of two up to 64";
    let number = usize::from(parsed::<u8>(name, value, allowed)?);
    if number.is_power_of_two() && number <= 64 { Ok(number) } else { Err(refusal(name, value, allowed)) }
}

fn parsed<T: FromStr>(name: &str, value: &str, allowed: &str) -> Result<T> {
    value.parse().map_err(|_| refusal(name, value, allowed))
}

fn refusal(name: &str, value: &str, allowed: &str) -> Error {
    Error::invalid(
        "encoder option",
        format!("{name}={value:?}"),
        format!("rav1e does not take this value; give {allowed}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(options: &[(&str, &str)]) -> Result<EncoderConfig> {
        let options: Vec<_> = options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut config = EncoderConfig { tiles: 4, ..EncoderConfig::default() };
        apply(&options, &mut config).map(|()| config)
    }

    #[test]
    fn each_name_reaches_its_setting() {
        let config = applied(&[
            ("quantizer", "77"),
            ("min-quantizer", "9"),
            ("bitrate", "1500"),
            ("tile-rows", "2"),
            ("tile-cols", "4"),
            ("low-latency", "true"),
            ("tune", "Psnr"),
            ("rdo-lookahead-frames", "25"),
        ])
        .unwrap();
        assert_eq!((config.quantizer, config.min_quantizer, config.bitrate), (77, 9, 1_500_000));
        assert_eq!((config.tiles, config.tile_rows, config.tile_cols), (0, 2, 4));
        assert_eq!((config.low_latency, config.tune), (true, Tune::Psnr));
        assert_eq!(config.speed_settings.rdo_lookahead_frames, 25);
        assert_eq!(applied(&[("tiles", "8")]).unwrap().tiles, 8);
    }

    #[test]
    fn every_name_is_listed_and_every_wrong_value_named() {
        for name in NAMES {
            let message = applied(&[(name, "7.5 apples")]).err().unwrap().to_string();
            assert!(message.contains(name) && message.contains("7.5 apples"), "{message}");
        }
        for (name, value) in [("tile-rows", "3"), ("rdo-lookahead-frames", "0"), ("quantizer", "256")] {
            assert!(applied(&[(name, value)]).is_err(), "{name}");
        }
        let unknown = applied(&[("keyint", "5")]).err().unwrap().to_string();
        assert!(NAMES.iter().all(|name| unknown.contains(name)) && unknown.contains("keyint"), "{unknown}");
    }
}
