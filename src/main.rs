//! Noncello, one binary.
fn main() {}
