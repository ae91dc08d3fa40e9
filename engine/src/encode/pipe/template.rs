//! Templates of arguments: text with placeholders in braces.

use crate::encode::settings::EncoderSettings;
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

/// The values for which placeholders stand.
pub(super) struct Values<'a> {
    pub(super) settings: &'a EncoderSettings,
    /// Quality on the program's scale.
    pub(super) quality: i64,
    /// The program's value for the speed.
    pub(super) speed: i64,
    /// The program's value for the number of threads.
    pub(super) threads: i64,
    /// The program's word for where chroma lies.
    pub(super) chroma: &'a str,
}

/// A placeholder's name, and the function that gives its value.
type Placeholder = (&'static str, fn(&Values<'_>) -> String);

#[derive(Clone, Copy, Debug)]
enum OptionPart {
    Key,
    Value,
}

const PLACEHOLDERS: [Placeholder; 14] = [
    ("width", |values| values.settings.size.width.to_string()),
    ("height", |values| values.settings.size.height.to_string()),
    ("fps_num", |values| values.settings.frame_rate.num.to_string()),
    ("fps_den", |values| values.settings.frame_rate.den.to_string()),
    ("depth", |values| values.settings.depth.bits().to_string()),
    ("quality", |values| values.quality.to_string()),
    ("speed", |values| values.speed.to_string()),
    ("threads", |values| values.threads.to_string()),
    ("primaries", |values| values.settings.colour.primaries.to_string()),
    ("transfer", |values| values.settings.colour.transfer.to_string()),
    ("matrix", |values| values.settings.colour.matrix.to_string()),
    ("full_range", |values| u8::from(values.settings.colour.full_range).to_string()),
    ("keyint", |values| {
        values.settings.key_frame_distance.map_or_else(|| "-1".to_owned(), |frames| frames.to_string())
    }),
    ("chroma", |values| values.chroma.to_owned()),
];

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
    fn fill(&self, values: &Values<'_>) -> String {
        let fill = |piece: &Piece<Placeholder>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder((_, value)) => value(values),
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

/// Tells whether there is a place for the caller's own settings.
pub(super) fn has_options(arguments: &[Argument]) -> bool {
    parts(arguments).any(|part| matches!(part, Part::Options))
}

/// Tells whether the program is told the distance of key frames.
pub(super) fn has_key_frame_distance(arguments: &[Argument]) -> bool {
    parts(arguments).any(|part| matches!(part, Part::Template(template) if template.has("keyint")))
}

fn parts(arguments: &[Argument]) -> impl Iterator<Item = &Part> {
    arguments.iter().flat_map(|argument| match argument {
        Argument::One(part) => std::slice::from_ref(part),
        Argument::Joined(Joined { joined, .. }) => joined,
    })
}

/// Makes the arguments of one call; each of the caller's own settings becomes one of every template in `option`.
pub(super) fn expand(arguments: &[Argument], option: &[OptionTemplate], values: &Values<'_>) -> Vec<String> {
    let options = values.settings.options.iter();
    let options: Vec<_> =
        options.flat_map(|(key, value)| option.iter().map(|template| template.fill(key, value))).collect();
    let part = |part: &Part| match part {
        Part::Options => options.clone(),
        Part::Template(template) => vec![template.fill(values)],
    };
    let argument = |argument: &Argument| match argument {
        Argument::One(one) => part(one),
        Argument::Joined(Joined { joined, with }) => vec![joined.iter().flat_map(part).collect::<Vec<_>>().join(with)],
    };
    arguments.iter().flat_map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_come_in_pairs() {
        for template in ["{", "}", "a}b", "{width", "{width}}", "{{width}}", "{}"] {
            assert!(Template::try_from(template.to_owned()).is_err(), "{template}");
        }
        assert!(OptionTemplate::try_from("{width}".to_owned()).is_err());
        assert!(Template::try_from("{key}".to_owned()).is_err());
    }
}
