//! Where in the text of a JSON document a value stands.

use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One step of the way from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathStep {
    /// Into the field of an object.
    Field(&'static str),
    /// Into the element of an array, from 0.
    Element(usize),
}

/// The line, from 1, at which the value at the end of `path` begins, or the innermost there is on the way to it; none where
/// `text` is no JSON.
pub(super) fn line_of(text: &str, path: &[PathStep]) -> Option<u64> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for step in path {
        let inner = match step {
            PathStep::Field(name) => {
                let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get());
                fields.ok().and_then(|fields| fields.get(*name).copied())
            }
            PathStep::Element(index) => {
                let elements = serde_json::from_str::<Vec<&RawValue>>(value.get());
                elements.ok().and_then(|elements| elements.get(*index).copied())
            }
        };
        let Some(inner) = inner else { break };
        value = inner;
    }
    // What is borrowed from the text lies in it.
    let offset = (value.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    Some(1 + text.as_bytes().get(..offset)?.iter().filter(|&&byte| byte == b'\n').count() as u64)
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
    }
}
