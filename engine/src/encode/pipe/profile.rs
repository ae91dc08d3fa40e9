//! Profiles: how a program is called, as TOML. The README describes the format.

use super::template::{self, Argument, OptionTemplate, Values};
use crate::colour::ChromaSite;
use crate::encode::settings::EncoderSettings;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;

/// Profiles that are always there, by name.
const SHIPPED: [(&str, &str); 2] =
    [("svtav1", include_str!("profiles/svtav1.toml")), ("ffmpeg", include_str!("profiles/ffmpeg.toml"))];

/// The longest profile that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// The way to call a program that reads Y4M and writes IVF.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A name that is looked for in `PATH`, or a path.
    program: String,
    /// An environment variable that names another program.
    variable: Option<String>,
    /// Folder of a Python package that may hold a newer program, as `PROGRAM-...`.
    pub(super) package: Option<String>,
    /// The way to get the program, as the end of a sentence.
    get: Option<String>,
    /// Arguments with which the program prints its version.
    #[serde(default)]
    pub(super) version: Vec<String>,
    /// Seconds without a byte read or written after which the program counts as hung.
    pub(super) silence: u32,
    arguments: Vec<Argument>,
    /// The arguments that each of the caller's own settings becomes.
    #[serde(default)]
    option: Vec<OptionTemplate>,
    /// The program's words for where chroma lies.
    #[serde(default)]
    chroma: ChromaWords,
    /// Quality 0 to 100 on the program's scale.
    quality: Scale,
    /// The program's value for each speed, 0 to 10.
    speed: [i64; 11],
    /// The program's value for a number of threads; the number itself where there is none.
    threads: Option<Scale>,
}

/// The program's words for where chroma samples lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ChromaWords {
    left: String,
    top_left: String,
}

impl Default for ChromaWords {
    fn default() -> Self {
        Self { left: "left".to_owned(), top_left: "topleft".to_owned() }
    }
}

/// Straight lines between points, whole numbers all; what lies before the first or behind the last has their value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<(i32, i32)>")]
struct Scale(Vec<(i32, i32)>);

impl TryFrom<Vec<(i32, i32)>> for Scale {
    type Error = &'static str;

    fn try_from(points: Vec<(i32, i32)>) -> std::result::Result<Self, Self::Error> {
        let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if points.is_empty() || !rising {
            Err("a scale is a list of points [ours, the program's], ours rising")
        } else {
            Ok(Self(points))
        }
    }
}

impl Scale {
    /// Interpolates the value at `at`, rounded to the nearest, halves up.
    fn at(&self, at: i32) -> i64 {
        let after = self.0.partition_point(|point| point.0 <= at);
        let (before, after) = (self.0.get(after.wrapping_sub(1)), self.0.get(after));
        match (before, after) {
            (Some(&(x0, y0)), Some(&(x1, y1))) => {
                let [x0, y0, x1, y1, at] = [x0, y0, x1, y1, at].map(i128::from);
                let (rise, run) = ((y1 - y0) * (at - x0), x1 - x0);
                let value = y0 + (2 * rise + run).div_euclid(2 * run);
                i64::try_from(value).unwrap_or(i64::MAX)
            }
            (Some(&(_, end)), None) | (None, Some(&(_, end))) => i64::from(end),
            (None, None) => 0,
        }
    }
}

impl Profile {
    /// Parses the text of a profile.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] that says where what is wrong, with `name` in front.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let wrong = |line: String, why: &str| Error::invalid("profile", format!("{name}{line}"), one_line(why));
        let profile: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count());
            wrong(line.map(|line| format!(", line {line}")).unwrap_or_default(), error.message())
        })?;
        if profile.program.is_empty() {
            return Err(wrong(String::new(), "the program has no name"));
        }
        if profile.silence == 0 {
            return Err(wrong(String::new(), "silence is a number of seconds, at least 1"));
        }
        if profile.option.is_empty() == template::has_options(&profile.arguments) {
            return Err(wrong(String::new(), "option and the place {options} among the arguments go together"));
        }
        Ok(profile)
    }

    /// Makes the arguments of one call.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when the profile cannot carry what the settings ask for; [`Error::Misuse`] when AV1 cannot.
    pub fn arguments(&self, settings: &EncoderSettings) -> Result<Vec<String>> {
        let site = settings.colour.chroma;
        if site != ChromaSite::LEFT && site != ChromaSite::TOP_LEFT {
            return Err(Error::misuse(format!("AV1 cannot say that chroma lies at {site:?}; use left or top-left")));
        }
        if self.option.is_empty() && !settings.options.is_empty() {
            let given: Vec<_> = settings.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let rule = format!("the profile of {} takes no options of the encoder's own", self.program);
            return Err(Error::invalid("encoder options", given.join(" "), rule));
        }
        let threads = i32::try_from(settings.threads).unwrap_or(i32::MAX);
        let values = Values {
            settings,
            quality: self.quality.at(settings.quality.into()),
            speed: self.speed[usize::from(settings.speed.min(10))],
            threads: self.threads.as_ref().map_or(threads.into(), |scale| scale.at(threads)),
            chroma: if site == ChromaSite::TOP_LEFT { &self.chroma.top_left } else { &self.chroma.left },
        };
        Ok(template::expand(&self.arguments, &self.option, &values))
    }

    /// Reads the profile of a shipped name, or of a file: a name with a slash in it or with `.toml` at its end.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when there is none, or it is wrong; [`Error::Io`] when its file cannot be read.
    pub(in crate::encode) fn load(name: &str) -> Result<Self> {
        Self::parse(name, &Self::text(name)?)
    }

    /// Reads the text of a profile, as [`Profile::load`].
    pub(super) fn text(name: &str) -> Result<Cow<'static, str>> {
        if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            return Ok(Cow::Borrowed(text));
        }
        if !name.contains(std::path::is_separator) && !name.ends_with(".toml") {
            let known = names().collect::<Vec<_>>().join(", ");
            let rule = format!("unknown; there are: {known}, and any file of your own by its path");
            return Err(Error::invalid("profile", format!("{name:?}"), rule));
        }
        let mut text = String::new();
        let file = File::open(name).map_err(Error::io(name, "cannot open the profile"))?;
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(Error::io(name, "cannot read the profile"))?;
        if text.len() as u64 > LONGEST {
            return Err(Error::invalid("profile", name, format!("more than {LONGEST} bytes")));
        }
        Ok(Cow::Owned(text))
    }

    /// Tells whether the program makes key frames at the distance that it is told; else only the first frame is one.
    pub(in crate::encode) fn counts_key_frames(&self) -> bool {
        template::has_key_frame_distance(&self.arguments)
    }

    /// Returns the program's name, or what the environment says instead.
    pub(super) fn program(&self) -> String {
        self.named().unwrap_or_else(|| self.program.clone())
    }

    /// Tells whether the environment says which program.
    pub(super) fn is_named(&self) -> bool {
        self.named().is_some()
    }

    fn named(&self) -> Option<String> {
        let variable = self.variable.as_ref().and_then(|variable| std::env::var(variable).ok());
        variable.filter(|program| !program.is_empty())
    }

    /// Says that `program` is missing, and how to get it.
    pub(super) fn missing(&self, program: &str) -> String {
        let get = self.get.as_deref().unwrap_or("install it, or give its path in the profile");
        format!("there is no program {program}; {get}")
    }
}

/// Iterates over the names of the profiles that are always there.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::settings;
    use super::*;
    use crate::frame::Depth;
    use proptest::prelude::*;
    use std::path::Path;

    const SMALL: &str = "program = 'cat'\nsilence = 1\narguments = []\nquality = [[0, 9]]\n\
                         speed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";

    #[test]
    fn the_shipped_ones_can_be_read() {
        for name in names() {
            let profile = Profile::load(name).unwrap();
            assert!(profile.get.is_some() && !profile.version.is_empty(), "{name}");
            let crf: Vec<_> = (0..=100).map(|quality| profile.quality.at(quality)).collect();
            assert!(crf.windows(2).all(|pair| pair[0] >= pair[1]) && crf[0] == 63 && crf[100] >= 1, "{crf:?}");
            assert!(profile.speed.windows(2).all(|pair| pair[0] <= pair[1]), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let refusal = |text: &str| Profile::parse("own.toml", text).unwrap_err().to_string();
        let with = |line: &str| refusal(&format!("{SMALL}{line}\n"));
        assert!(Profile::parse("own.toml", SMALL).is_ok());
        for (line, words) in [
            ("speeds = 3", "own.toml, line 6: unknown field `speeds`"),
            ("version = 3", "own.toml, line 6: invalid type"),
            ("chroma = { left = 'l', topleft = 't' }", "own.toml, line 6: unknown field `topleft`"),
            ("threads = [[2, 1], [1, 1]]", "own.toml, line 6: a scale is a list of points"),
            ("=", "own.toml, line 6: "),
        ] {
            let refusal = with(line);
            assert!(refusal.contains(words) && !refusal.contains('\n'), "{refusal}");
        }
        let replaced = |from: &str, to: &str| refusal(&SMALL.replace(from, to));
        assert!(replaced("silence = 1\n", "").contains("missing field `silence`"));
        assert!(replaced("silence = 1", "silence = 0").contains("at least 1"));
        assert!(replaced("'cat'", "''").contains("no name"));
        assert!(replaced("[0, 1, 2,", "[0, 2,").contains("line 5"));
        assert!(replaced("arguments = []", "arguments = ['{oops}']").contains("{oops}"));
        assert!(replaced("arguments = []", "arguments = [3]").contains("line 3"));
        assert!(replaced("[[0, 9]]", "[]").contains("line 4"));
    }

    #[test]
    fn names_and_paths_are_told_apart() {
        let unknown = Profile::load("x265").unwrap_err().to_string();
        assert!(unknown.contains("\"x265\"") && unknown.contains("svtav1, ffmpeg"), "{unknown}");
        for missing in ["./x265", "x265.toml"] {
            assert!(matches!(Profile::load(missing), Err(Error::Io { path, .. }) if path == Path::new(missing)));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, SMALL).unwrap();
        assert_eq!(Profile::load(path.to_str().unwrap()).unwrap().program, "cat");
        std::fs::write(&path, format!("{SMALL}#{}", "x".repeat(64 << 10))).unwrap();
        assert!(Profile::load(path.to_str().unwrap()).unwrap_err().to_string().contains("65536 bytes"));
    }

    fn arguments(template: &str, settings: &EncoderSettings) -> Vec<String> {
        let text = format!(
            "program = 'x'\nsilence = 1\nquality = [[0, 100], [100, 0]]\nspeed = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1]\n\
             chroma = {{ left = 'l', top-left = 'tl' }}\nthreads = [[1, 1], [4, 2]]\n\
             option = ['-o', '{{key}}:{{value}}']\narguments = {template}"
        );
        Profile::parse("test", &text).unwrap().arguments(settings).unwrap()
    }

    #[test]
    fn placeholders_stand_for_the_settings() {
        let mut settings = settings(90, 160, Depth::Ten);
        settings.options = vec![("a".to_owned(), "{b}".to_owned()), ("c".to_owned(), "d=e".to_owned())];
        let all =
            "['{width}x{height}', 'at {fps_num}/{fps_den}', '{depth}', 'q{quality}s{speed}t{threads}', '{primaries}',
            '{transfer}', '{matrix}', '{full_range}', '{chroma}', '{keyint}', '{options}', 'end', '']";
        let expected = [
            "90x160", "at 30/1", "10", "q20s-1t1", "1", "1", "1", "0", "l", "-1", "-o", "a:{b}", "-o", "c:d=e", "end",
            "",
        ];
        assert_eq!(arguments(all, &settings), expected);
        settings.colour.chroma = ChromaSite::TOP_LEFT;
        settings.colour.full_range = true;
        settings.threads = 64;
        settings.key_frame_distance = std::num::NonZeroU32::new(48);
        assert_eq!(arguments("['{chroma}{full_range}{threads}k{keyint}', '{options}']", &settings)[0], "tl12k48");
    }

    #[test]
    fn parts_are_joined_and_options_are_parts() {
        let template = "[{ joined = ['a', 'd={depth}', '{options}', 'b'], with = ':' }]";
        let mut settings = settings(90, 160, Depth::Ten);
        assert_eq!(arguments(template, &settings), ["a:d=10:b"]);
        settings.options = vec![("k".to_owned(), "v".to_owned())];
        assert_eq!(arguments(template, &settings), ["a:d=10:-o:k:v:b"]);
    }

    #[test]
    fn scales_are_lines_between_points() {
        let scale = Scale::try_from(vec![(0, 63), (60, 35), (100, 8)]).unwrap();
        assert_eq!([-5, 0, 30, 60, 61, 80, 100, 101].map(|at| scale.at(at)), [63, 63, 49, 35, 34, 22, 8, 8]);
        assert_eq!(Scale::try_from(vec![(5, 7)]).unwrap().at(0), 7);
        assert_eq!(Scale::try_from(vec![(i32::MIN, i32::MAX), (i32::MAX, i32::MIN)]).unwrap().at(0), -1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn scales_pass_through_their_points_and_stay_between_them(
            points in proptest::collection::btree_map(any::<i32>(), any::<i32>(), 1..6),
            at in any::<i32>(),
        ) {
            let points: Vec<_> = points.into_iter().collect();
            let scale = Scale::try_from(points.clone()).unwrap();
            for &(x, y) in &points {
                prop_assert_eq!(scale.at(x), i64::from(y));
            }
            let (low, high) = (points.iter().map(|p| p.1).min().unwrap(), points.iter().map(|p| p.1).max().unwrap());
            prop_assert!((i64::from(low)..=i64::from(high)).contains(&scale.at(at)));
        }
    }
}
