//! `upright bench` as its users meet it.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::{Command, Output, Stdio};

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_upright"));
    command.args(["bench", "--runs", "2", "--ladder", "54x96", "--speed", "10", "--device", "cpu"]);
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_json_holds_every_rate_and_what_follows_from_them() {
    let output = bench(&["--duration", "0.2", "--json", "-q"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.is_empty(), "{said}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["film"]["frames"], 5, "a fifth of a second at 24 frames a second");
    assert_eq!(json["job"]["rungs"][0]["width"], 54);
    let rate = |part: &str| json[part]["median"].as_f64().unwrap();
    for part in ["decode", "scale", "encode", "convert"] {
        assert_eq!(json[part]["runs"].as_array().unwrap().len(), 2);
        assert!(rate(part) > 0.0 && json[part]["least"].as_f64().unwrap() <= rate(part));
    }
    let streams = json["real_time_streams"].as_f64().unwrap();
    assert!((streams - rate("convert") / 24.0).abs() < 1e-9);
    assert!(json["machine"]["cores"].as_u64().unwrap() >= 1);
}

#[test]
fn the_table_ends_with_what_is_sustained_in_real_time() {
    let output = bench(&["--duration", "0.1"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.lines().last().unwrap().ends_with("films of 24.00 fps: the most that this machine sustains"),
        "{table}"
    );
    for row in ["processor ", "device ", "film ", "decoding ", "scaling ", "encoding ", "whole job ", "bound by "] {
        assert!(table.lines().any(|line| line.starts_with(row)), "{row}: {table}");
    }
}

#[test]
fn standard_input_is_refused() {
    let output = bench(&["-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("read only once"));
}
