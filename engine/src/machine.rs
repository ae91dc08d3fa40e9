//! The machine that this runs on.

use schemars::JsonSchema;
use serde::Serialize;
use std::{env, fs, thread};

/// Facts about a machine, without which a speed means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Machine {
    /// Model of the processor as its maker names it, or its architecture where the system does not say.
    pub processor: String,
    /// For instance `x86_64`.
    pub architecture: &'static str,
    /// The widest instruction set for arrays of numbers, of those that the program and its encoders use.
    pub simd: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory, where the system says.
    pub memory_bytes: Option<u64>,
    /// The operating system.
    pub system: String,
}

impl Machine {
    /// Describes this one. Model, memory and the system's name are read where Linux has them; elsewhere they stay
    /// general.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| env::consts::ARCH.to_owned()),
            architecture: env::consts::ARCH,
            simd: simd(),
            cores: cores(),
            memory_bytes: value(&read("/proc/meminfo"), "MemTotal").and_then(|text| bytes(&text)),
            system: value(&read("/etc/os-release"), "PRETTY_NAME").unwrap_or_else(|| env::consts::OS.to_owned()),
        }
    }
}

/// Counts the cores that this process may use; 1 where the system does not say.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Names the widest instruction set for arrays of numbers that this machine has, of those that the program and its
/// encoders use.
pub fn simd() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            "AVX-512"
        } else if is_x86_feature_detected!("avx2") {
            "AVX2"
        } else if is_x86_feature_detected!("sse4.1") {
            "SSE4.1"
        } else {
            "SSE2"
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        "NEON"
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        "none known"
    }
}

/// Finds the first value of a key in lines like `key : value` and `KEY="value"`.
fn value(text: &str, key: &str) -> Option<String> {
    let values = text.lines().filter_map(|line| line.split_once([':', '=']));
    let value = values.into_iter().find(|(name, _)| name.trim() == key)?.1;
    Some(value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

/// Reads `1234 kB` as bytes.
fn bytes(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_keys() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 207\nmodel name\t: Some(R) CPU @ 2:00\n\nmodel name : other\n";
        assert_eq!(value(cpuinfo, "model name").unwrap(), "Some(R) CPU @ 2:00");
        assert_eq!(value("NAME=a\nPRETTY_NAME=\"Debian 12\"\n", "PRETTY_NAME").unwrap(), "Debian 12");
        assert_eq!(value(cpuinfo, "flags"), None);
        assert_eq!(bytes("24689208 kB"), Some(24_689_208 * 1024));
        assert_eq!(bytes("many"), None);
    }

    #[test]
    fn this_machine_has_a_processor() {
        let machine = Machine::here();
        assert!(machine.cores >= 1 && !machine.processor.is_empty() && !machine.system.is_empty());
        if cfg!(target_os = "linux") {
            assert!(machine.memory_bytes.is_some_and(|bytes| bytes > 1 << 28), "{machine:?}");
        }
    }
}
