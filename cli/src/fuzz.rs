//! The fuzz target of the command line's values, over its seeds and damage to them, in every test run.

#[path = "../../fuzz/mutation.rs"]
mod mutation;
#[path = "../../fuzz/targets/values.rs"]
mod target;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..mutation::config() })]

    #[test]
    fn values_survive(data in mutation::damaged(mutation::seeds("values"))) {
        target::check(&data);
    }
}
