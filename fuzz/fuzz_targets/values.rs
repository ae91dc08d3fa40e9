#![no_main]

#[path = "../../cli/src/values.rs"]
mod values;

#[path = "../targets/values.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
