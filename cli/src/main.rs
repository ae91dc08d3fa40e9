//! The command line: arguments to options to engine.

fn main() {}
