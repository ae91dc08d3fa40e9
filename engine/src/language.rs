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

    /// Gives the whole of a tag of BCP 47 in its usual form: `zh-Hans` of `chi_hans`, `pt-BR` of `pt-br`. What follows a part that
    /// cannot be one is left out; none where the first is no language.
    pub fn whole_tag(tag: &str) -> Option<String> {
        let language = Self::of(tag)?.tag();
        Some(subtags(tag).fold(language, |whole, part| format!("{whole}-{part}")))
    }

    /// Tells whether a text is a tag of BCP 47, or a code of ISO 639, of a language that there is.
    pub fn is_tag(text: &str) -> bool {
        let is_known = |language: Self| isolang::Language::from_639_3(language.code()).is_some();
        Self::of(text).is_some_and(is_known) && subtags(text).count() == text.matches(['-', '_']).count()
    }

    /// Gives its three letters, and what a tag has behind the language, with hyphens between them.
    pub(crate) fn whole_code(tag: &str) -> Option<String> {
        Some(subtags(tag).fold(Self::of(tag)?.0, |whole, part| format!("{whole}-{part}")))
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

/// The parts of a tag behind the language, as far as they can be such: a script begins with a capital, a country has only such
/// (RFC 5646, 2.1.1).
fn subtags(tag: &str) -> impl Iterator<Item = String> {
    let can_be = |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.split(['-', '_']).skip(1).take_while(can_be).map(|part| match part.len() {
        2 => part.to_ascii_uppercase(),
        4 if !part.starts_with(|first: char| first.is_ascii_digit()) => {
            part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase()
        }
        _ => part.to_ascii_lowercase(),
    })
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

    #[test]
    fn tags_have_their_usual_form() {
        for (tag, whole, code) in [
            ("chi_hans", "zh-Hans", "zho-Hans"),
            ("pt-br", "pt-BR", "por-BR"),
            ("es-419", "es-419", "spa-419"),
            ("eng", "en", "eng"),
            ("yue-Hant-hk", "yue-Hant-HK", "yue-Hant-HK"),
            ("en-../../x", "en", "eng"),
        ] {
            assert_eq!(Language::whole_tag(tag).unwrap(), whole, "{tag}");
            assert_eq!(Language::whole_code(tag).unwrap(), code, "{tag}");
            assert_eq!(Language::is_tag(tag), !tag.contains('.'), "{tag}");
        }
        for none in ["", "english", "qqq", "x-y", "en-", "en-a b"] {
            assert!(!Language::is_tag(none), "{none}");
        }
    }
}
