//! Where in the text of a JSON document a value stands.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;

/// One step of the way from a value to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStep<'a> {
    /// Into the field of an object.
    Field(&'a str),
    /// Into the element of an array, from 0.
    Element(usize),
}

/// The line, from 1, at which the value at the end of `path` begins, or the innermost there is on the way to it; none where
/// `text` is no JSON.
pub fn line_of(text: &str, path: &[PathStep<'_>]) -> Option<u64> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for &step in path {
        let Some(inner) = inside(value, step) else { break };
        value = inner;
    }
    Some(1 + text.as_bytes().get(..bytes_of(text, value).start)?.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

/// The bytes of `text` that are the value at the end of `path`; none where there is none, or `text` is no JSON.
pub(crate) fn range_of(text: &str, path: &[PathStep<'_>]) -> Option<Range<usize>> {
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    let value = path.iter().try_fold(whole, |value, &step| inside(value, step))?;
    Some(bytes_of(text, value))
}

/// The value one step inside another.
fn inside<'a>(value: &'a RawValue, step: PathStep<'_>) -> Option<&'a RawValue> {
    match step {
        PathStep::Field(name) => {
            serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()).ok()?.get(name).copied()
        }
        PathStep::Element(index) => serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(index).copied(),
    }
}

/// Where a value lies in the text that it is borrowed from.
fn bytes_of(text: &str, value: &RawValue) -> Range<usize> {
    let start = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start.saturating_add(value.get().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let text = "{\n \"a\": [\n  1,\n  {\"b\":\n   2}],\n \"c\": {\"\\u0064\": [0,\n 5]}}";
        let line = |path: &[PathStep]| line_of(text, path);
        use PathStep::{Element, Field};
        assert_eq!(line(&[]), Some(1));
        assert_eq!(line(&[Field("a")]), Some(2));
        assert_eq!(line(&[Field("a"), Element(1), Field("b")]), Some(5));
        assert_eq!(line(&[Field("c"), Field("d"), Element(1)]), Some(7), "names may be escaped");
        assert_eq!(line(&[Field("a"), Element(9), Field("b")]), Some(2), "the nearest there is");
        assert_eq!(line_of("{", &[]), None);
        assert_eq!(range_of(text, &[Field("a"), Element(1)]).map(|range| &text[range]), Some("{\"b\":\n   2}"));
        assert_eq!(range_of(text, &[Field("a"), Element(9)]), None);
    }
}
