//! Presets that are always there.

use clap::builder::{OsStringValueParser, PossibleValue, TypedValueParser};
use clap::error::Result;
use clap::{Arg, Command};
use std::ffi::{OsStr, OsString};

/// A preset that is always there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    /// What it is for, in a few words.
    pub(crate) about: &'static str,
    /// As TOML.
    pub(crate) text: &'static str,
}

/// All of them.
pub(crate) const SHIPPED: [Shipped; 3] = [
    Shipped {
        name: "vertical",
        about: "what is done without a preset: the defaults of all options",
        text: include_str!("../presets/vertical.toml"),
    },
    Shipped {
        name: "feed",
        about: "packages of short segments, the first of one second, for feeds that are swiped through",
        text: include_str!("../presets/feed.toml"),
    },
    Shipped {
        name: "archive",
        about: "one file of high quality in 10 bits, its sound untouched",
        text: include_str!("../presets/archive.toml"),
    },
];

/// Takes the name of a preset or a path; shells complete the names.
#[derive(Clone, Debug)]
pub(crate) struct PresetParser;

impl TypedValueParser for PresetParser {
    type Value = OsString;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<OsString> {
        OsStringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(SHIPPED.iter().map(|shipped| PossibleValue::new(shipped.name).help(shipped.about))))
    }
}
