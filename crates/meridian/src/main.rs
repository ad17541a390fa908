//! meridian
fn main() {}
