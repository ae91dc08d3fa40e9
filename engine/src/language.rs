//! Languages, however they are spelt.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Languages that ISO 639-2 has two codes of: the bibliographic, from the English name, and the one of ISO 639-3.
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

/// A language by its code of ISO 639-3, which is the terminological one of ISO 639-2 where that has it. `zh`, `zh-Hant`, `zho`
/// and `chi` are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(String);

impl Language {
    /// The language of which nobody says which it is.
    pub const UNKNOWN: &str = "und";

    /// Reads a language tag of BCP 47, of which only the first part counts, or a code of ISO 639; none for what cannot be one. A
    /// code of three letters may be one that no standard has, as broadcasters use.
    pub fn of(tag: &str) -> Option<Self> {
        let code = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        match code.len() {
            2 => isolang::Language::from_639_1(&code).map(|language| Self(language.to_639_3().to_owned())),
            3 => {
                let found = BIBLIOGRAPHIC.into_iter().find(|(bibliographic, _)| *bibliographic == code);
                Some(Self(found.map_or(code, |(_, code)| code.to_owned())))
            }
            _ => None,
        }
    }

    /// Gives its tag of BCP 47: two letters where the language has such, else three.
    pub fn tag(&self) -> String {
        let short = isolang::Language::from_639_3(&self.0).and_then(|language| language.to_639_1());
        short.unwrap_or(&self.0).to_owned()
    }

    /// Gives its English name, where it has one.
    pub fn name(&self) -> Option<&'static str> {
        isolang::Language::from_639_3(&self.0).filter(|_| self.0 != Self::UNKNOWN).map(|language| language.to_name())
    }

    /// Gives its three letters.
    pub fn code(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = Error;

    fn from_str(tag: &str) -> Result<Self> {
        Self::of(tag)
            .ok_or_else(|| Error::invalid("language", tag, "give a code of ISO 639, such as en, eng or zh-Hant"))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_language_are_one() {
        for spellings in [
            &["zho", "chi", "zh", "ZH", "zh-Hant", "zh_TW", "CHI"][..],
            &["deu", "ger", "de", "de-AT"],
            &["eng", "en", "en-US"],
            &["fra", "fre", "fr"],
            &["qaa"],
            &["und"],
        ] {
            for spelling in spellings {
                assert_eq!(Language::of(spelling).unwrap().code(), spellings[0], "{spelling}");
            }
        }
        for (bibliographic, code) in BIBLIOGRAPHIC {
            let known = isolang::Language::from_639_3(code).and_then(|language| language.to_639_1()).unwrap();
            assert_eq!(Language::of(known), Language::of(bibliographic), "{bibliographic}");
        }
        for none in ["", "e", "xx", "english", "1", "e1", "é"] {
            assert_eq!(Language::of(none), None, "{none}");
        }
    }
}
