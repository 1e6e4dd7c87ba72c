//! The `tabtape` command.
fn main() {}
