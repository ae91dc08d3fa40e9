//! Plans of earlier versions, as they would be written now.

use serde_json::{Map, Value, json};

/// The earliest version that is read.
pub(super) const EARLIEST: u32 = 2;

/// Brings a plan of version 2 up to date: it knew of one track of sound.
pub(super) fn from_version_2(mut plan: Value) -> Value {
    if let Some(audio) = plan.pointer_mut("/wanted/audio") {
        *audio = match audio.take() {
            Value::Null => json!([]),
            track => json!([track]),
        };
    }
    if let Some(found) = plan.get_mut("found").and_then(Value::as_object_mut) {
        let kept = kept_audio(found);
        found.insert("audio_kept".to_owned(), json!(Vec::from_iter(kept)));
        found.remove("audio_right");
        found.remove("audio_copied");
    }
    plan
}

/// The track that was kept, which was told by indices.
fn kept_audio(found: &Map<String, Value>) -> Option<Value> {
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
