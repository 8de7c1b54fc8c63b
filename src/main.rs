//! Parses the command line, starts what it names, waits, and turns the outcome into an exit code.
fn main() {}
