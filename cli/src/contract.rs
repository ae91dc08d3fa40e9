//! The contract with programs that read what this one writes: the schemas in `docs/`, which are made from the types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use std::fs;
use upright_engine::analyse::Analysis;
use upright_engine::batch::Record;
use upright_engine::pipeline::Report;

/// Checks that `docs/NAME.schema.json` is the schema of a type as it is written; it is written anew where
/// `UPRIGHT_UPDATE_SCHEMA` is set.
pub(crate) fn assert_kept<T: JsonSchema>(name: &str, title: &str) {
    assert_committed::<T>(SchemaSettings::draft2020_12().for_serialize(), name, title);
}

/// Does as [`assert_kept`] for a type as it is read, whose fields may be left out where they have defaults.
pub(crate) fn assert_read<T: JsonSchema>(name: &str, title: &str) {
    assert_committed::<T>(SchemaSettings::draft2020_12().for_deserialize(), name, title);
}

fn assert_committed<T: JsonSchema>(settings: SchemaSettings, name: &str, title: &str) {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    // What the type is called and said to be in the program.
    schema.remove("description");
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = format!("{}/../docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPRIGHT_UPDATE_SCHEMA").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{name}.schema.json is not that of the type; set UPRIGHT_UPDATE_SCHEMA=1 and look");
}

#[test]
fn the_committed_schemas_are_those_of_the_engines_types() {
    assert_kept::<Report>("report", "report.json, which lies beside the renditions");
    assert_kept::<Analysis>("analysis", "FILM.analysis.json: what was seen in a film");
    assert_kept::<Record>("journal", "A record of the journal of a batch, which stands behind its sum in a line");
}
