//! Templates of arguments: text with placeholders in braces.

use super::super::EncoderSettings;
use super::profile::Profile;
use crate::colour::ChromaSite;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// One element of a profile's list of arguments.
#[derive(Clone, Debug)]
pub(super) enum Argument {
    /// One argument, or all that the caller's own settings become.
    One(Part),
    /// One argument of parts with something between them.
    Joined(Joined),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Joined {
    joined: Vec<Part>,
    with: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Part {
    /// `{options}`: the place of the caller's own settings.
    Options,
    Template(Template),
}

/// Text in which placeholders stand for values of the encoder's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Template(Vec<Piece<Placeholder>>);

/// Text in which `{key}` and `{value}` stand for one of the caller's own settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct OptionTemplate(Vec<Piece<OptionPart>>);

#[derive(Clone, Debug)]
enum Piece<P> {
    Text(String),
    Placeholder(P),
}

/// A placeholder's name, and what gives that for which it stands.
type Placeholder = (&'static str, fn(&EncoderSettings, &Profile) -> String);

#[derive(Clone, Copy, Debug)]
enum OptionPart {
    Key,
    Value,
}

const PLACEHOLDERS: [Placeholder; 14] = [
    ("width", |settings, _| settings.size.width.to_string()),
    ("height", |settings, _| settings.size.height.to_string()),
    ("fps_num", |settings, _| settings.frame_rate.num.to_string()),
    ("fps_den", |settings, _| settings.frame_rate.den.to_string()),
    ("depth", |settings, _| settings.depth.bits().to_string()),
    ("quality", |settings, profile| profile.quality.at(settings.quality.into()).to_string()),
    ("speed", |settings, profile| profile.speed[usize::from(settings.speed.min(10))].to_string()),
    ("threads", |settings, profile| threads(settings.threads, profile)),
    ("primaries", |settings, _| settings.colour.primaries.to_string()),
    ("transfer", |settings, _| settings.colour.transfer.to_string()),
    ("matrix", |settings, _| settings.colour.matrix.to_string()),
    ("full_range", |settings, _| u8::from(settings.colour.full_range).to_string()),
    ("keyint", |settings, _| settings.key_frame_distance.map_or_else(|| "-1".to_owned(), |frames| frames.to_string())),
    ("chroma", |settings, profile| chroma(settings.colour.chroma, profile)),
];

fn threads(threads: usize, profile: &Profile) -> String {
    let threads = i32::try_from(threads).unwrap_or(i32::MAX);
    profile.threads.as_ref().map_or(i64::from(threads), |scale| scale.at(threads)).to_string()
}

fn chroma(site: ChromaSite, profile: &Profile) -> String {
    if site == ChromaSite::TOP_LEFT { profile.chroma.top_left.clone() } else { profile.chroma.left.clone() }
}

/// Splits a template at its braces; `known` says what a name between them stands for.
fn pieces<P>(template: &str, known: impl Fn(&str) -> Option<P>) -> Result<Vec<Piece<P>>, String> {
    let unbalanced = || format!("{template:?} has a brace without its partner");
    let mut pieces = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        rest = after;
        if !after.is_empty() {
            let (name, after) =
                after.strip_prefix('{').and_then(|inner| inner.split_once('}')).ok_or_else(unbalanced)?;
            let placeholder = known(name).ok_or_else(|| format!("{{{name}}} stands for nothing in {template:?}"))?;
            pieces.push(Piece::Placeholder(placeholder));
            rest = after;
        }
    }
    Ok(pieces)
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(template: String) -> Result<Self, String> {
        let known = |name: &str| PLACEHOLDERS.iter().find(|(known, _)| *known == name).copied();
        pieces(&template, known).map(Self)
    }
}

impl TryFrom<String> for OptionTemplate {
    type Error = String;

    fn try_from(template: String) -> Result<Self, String> {
        let known = |name: &str| match name {
            "key" => Some(OptionPart::Key),
            "value" => Some(OptionPart::Value),
            _ => None,
        };
        pieces(&template, known).map(Self)
    }
}

impl TryFrom<String> for Part {
    type Error = String;

    fn try_from(template: String) -> Result<Self, String> {
        if template == "{options}" { Ok(Self::Options) } else { template.try_into().map(Self::Template) }
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgumentVisitor)
    }
}

/// By hand, since an untagged enum would hide what is wrong inside.
struct ArgumentVisitor;

impl<'de> Visitor<'de> for ArgumentVisitor {
    type Value = Argument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or { joined = [...], with = \"...\" }")
    }

    fn visit_str<E: serde::de::Error>(self, template: &str) -> Result<Argument, E> {
        template.to_owned().try_into().map(Argument::One).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Argument, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Argument::Joined)
    }
}

impl Template {
    fn fill(&self, settings: &EncoderSettings, profile: &Profile) -> String {
        let fill = |piece: &Piece<Placeholder>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder((_, value)) => value(settings, profile),
        };
        self.0.iter().map(fill).collect()
    }

    fn has(&self, placeholder: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Placeholder((name, _)) if *name == placeholder))
    }
}

impl OptionTemplate {
    fn fill(&self, key: &str, value: &str) -> String {
        let fill = |piece: &Piece<OptionPart>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(OptionPart::Key) => key.to_owned(),
            Piece::Placeholder(OptionPart::Value) => value.to_owned(),
        };
        self.0.iter().map(fill).collect()
    }
}

/// Whether there is a place for the caller's own settings.
pub(super) fn has_options(arguments: &[Argument]) -> bool {
    parts(arguments).any(|part| matches!(part, Part::Options))
}

/// Whether the program is told the distance of key frames.
pub(super) fn has_key_frame_distance(arguments: &[Argument]) -> bool {
    parts(arguments).any(|part| matches!(part, Part::Template(template) if template.has("keyint")))
}

fn parts(arguments: &[Argument]) -> impl Iterator<Item = &Part> {
    arguments.iter().flat_map(|argument| match argument {
        Argument::One(part) => std::slice::from_ref(part),
        Argument::Joined(Joined { joined, .. }) => joined,
    })
}

/// The arguments of one call.
pub(super) fn expand(settings: &EncoderSettings, profile: &Profile) -> Vec<String> {
    let options = settings.options.iter();
    let options: Vec<_> =
        options.flat_map(|(key, value)| profile.option.iter().map(|template| template.fill(key, value))).collect();
    let part = |part: &Part| match part {
        Part::Options => options.clone(),
        Part::Template(template) => vec![template.fill(settings, profile)],
    };
    let argument = |argument: &Argument| match argument {
        Argument::One(one) => part(one),
        Argument::Joined(Joined { joined, with }) => vec![joined.iter().flat_map(part).collect::<Vec<_>>().join(with)],
    };
    profile.arguments.iter().flat_map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::settings;
    use super::*;
    use crate::frame::Depth;

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
    fn braces_come_in_pairs() {
        for template in ["{", "}", "a}b", "{width", "{width}}", "{{width}}", "{}"] {
            assert!(Template::try_from(template.to_owned()).is_err(), "{template}");
        }
        assert!(OptionTemplate::try_from("{width}".to_owned()).is_err());
        assert!(Template::try_from("{key}".to_owned()).is_err());
    }
}
