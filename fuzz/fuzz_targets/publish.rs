//! Any bytes into `publish`. See `tests/intake`.
#![no_main]

#[path = "../../tests/intake/mod.rs"]
mod intake;

libfuzzer_sys::fuzz_target!(|input: &[u8]| intake::check(input));
