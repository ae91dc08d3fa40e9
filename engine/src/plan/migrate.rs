//! Plans of earlier versions, as they would be written now.

use crate::locate::{self, PathStep::Field};
use serde_json::{Value, json};

/// The earliest version that is read.
pub(super) const EARLIEST: u32 = 2;

/// Brings a plan of version 2 up to date: it knew of one track of sound. All else stays as it is written, on the same lines, so
/// that what is wrong is found where it stands.
pub(super) fn from_version_2(text: &str) -> String {
    let mut text = text.to_owned();
    let wanted = [Field("wanted"), Field("audio")];
    if let Some(range) = locate::range_of(&text, &wanted) {
        let track = text.get(range.clone()).unwrap_or_default();
        let list = if track == "null" { "[]".to_owned() } else { format!("[{track}]") };
        text.replace_range(range, &list);
    }
    let found = [Field("found"), Field("audio_kept")];
    if let Some(range) = locate::range_of(&text, &found) {
        let kept = serde_json::from_str(&text).ok().and_then(|plan| kept_audio(&plan));
        text.replace_range(range, &json!(Vec::from_iter(kept)).to_string());
    }
    text
}

/// The track that was kept, which was told by indices.
fn kept_audio(plan: &Value) -> Option<Value> {
    let found = plan.get("found")?;
    let track = |field: &str| {
        let index = usize::try_from(found.get(field)?.as_u64()?).ok()?;
        found.get("audio")?.get(index)?.get("track").cloned()
    };
    let mut kept = json!({ "track": track("audio_kept")?, "copied": found.get("audio_copied")? });
    if let Some(right) = track("audio_right") {
        kept["right"] = right;
    }
    Some(kept)
}
