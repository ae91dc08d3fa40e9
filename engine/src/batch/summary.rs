//! What came of a batch, as a document: `summary.json` in the output folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the document's form.
pub const VERSION: u32 = 1;

/// What came of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// [`VERSION`].
    pub version: u32,
    /// Version of the program.
    pub upright: String,
    /// Whether the batch has come to its end; one that was stopped has not.
    pub ended: bool,
    /// Seconds that it took, this time.
    pub wall_seconds: f64,
    /// The part of that time, from 0 to 1, in which cores were at work for it; absent where the system does not say.
    pub cores_busy: Option<f64>,
    /// The films, in their order.
    pub titles: Vec<TitleSummary>,
}

/// What came of a film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TitleSummary {
    /// Its name: the folder of its renditions in the output folder.
    pub name: String,
    /// The film; what of its name is no text is replaced.
    pub input: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Exit code of the step that failed; absent where none did, or a signal has ended it.
    pub exit: Option<i32>,
    /// Why it failed, and what to do.
    pub error: Option<String>,
    /// What its steps have warned of.
    pub warnings: Vec<String>,
    /// Frames, once it has a plan.
    pub frames: Option<u64>,
    /// Segments, once it has a plan; and of these, those that were encoded this time.
    pub segments: Option<usize>,
    /// See `segments`.
    pub encoded: usize,
    /// Times that a step was tried again.
    pub retries: u32,
    /// Seconds of all its steps, this time.
    pub seconds: f64,
}

/// What came of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its renditions are there.
    Done,
    /// They were there already, whole.
    WasDone,
    /// A step failed.
    Failed,
    /// The batch was stopped before.
    Unfinished,
}

impl Summary {
    /// Tells whether all films are there.
    pub fn is_complete(&self) -> bool {
        self.titles.iter().all(|title| matches!(title.outcome, Outcome::Done | Outcome::WasDone))
    }

    /// Counts the films of an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.titles.iter().filter(|title| title.outcome == outcome).count()
    }

    /// Makes the schema of the document.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn summary() -> Summary {
        let title = |name: &str, outcome, exit, error: Option<&str>| TitleSummary {
            name: name.to_owned(),
            input: format!("season/{name}"),
            outcome,
            exit,
            error: error.map(str::to_owned),
            warnings: vec!["3 damaged frames".to_owned()],
            frames: Some(1000),
            segments: Some(20),
            encoded: 12,
            retries: 1,
            seconds: 61.5,
        };
        let titles = vec![
            title("s1/e1", Outcome::Done, None, None),
            title("s1/e2", Outcome::Failed, Some(65), Some("not a video")),
            title("s1/e3", Outcome::WasDone, None, None),
        ];
        let upright = "0.1.0".to_owned();
        Summary { version: VERSION, upright, ended: true, wall_seconds: 70.0, cores_busy: Some(0.98), titles }
    }

    #[test]
    fn one_that_failed_is_not_all() {
        let mut all = summary();
        assert!(!all.is_complete() && all.count(Outcome::Failed) == 1);
        all.titles.remove(1);
        assert!(all.is_complete());
        all.titles[0].outcome = Outcome::Unfinished;
        assert!(!all.is_complete());
    }

    #[test]
    fn the_committed_schema_is_that_of_the_type_and_summaries_keep_it() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/summary.schema.json");
        let schema = Summary::json_schema();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPRIGHT_UPDATE_SCHEMA").is_some() {
            fs::write(path, &text).unwrap();
        }
        assert!(fs::read_to_string(path).unwrap() == text, "docs/summary.schema.json is not that of the type");
        let schema = jsonschema::validator_for(&schema).unwrap();
        let value = serde_json::to_value(summary()).unwrap();
        assert!(schema.is_valid(&value));
        assert_eq!(serde_json::from_value::<Summary>(value.clone()).unwrap(), summary());
        let mut wrong = value;
        wrong["titles"][0]["outcome"] = "perhaps".into();
        assert!(!schema.is_valid(&wrong));
    }
}
