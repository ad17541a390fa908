//! Printing to standard output that ends the program quietly when nobody reads any more, as `meridian ... | head` does.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
};

/// `println!` for a program at the start of a pipe.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::line(format_args!($($text)*)) };
}
pub(crate) use say;

/// Writes one line; what cannot be written to a file or terminal is nobody's to repair here.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush())
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
}
