//! The comment part of a line of source. Does not know block comments, which this code does not use.

/// What stands behind `//` or, in TOML and shell, `#`; the whole line in Markdown.
pub(crate) fn of_line<'a>(path: &str, line: &'a str) -> Option<&'a str> {
    match path.rsplit('.').next() {
        Some("rs" | "proto") => behind(line, "//"),
        Some("toml" | "py" | "sh") => behind(line, "#"),
        Some("md") => Some(line),
        _ => None,
    }
}

/// The text behind the first `mark` that is outside a string.
fn behind<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let outside = |at: &usize| line.get(..*at).is_some_and(|before| quotes(before).is_multiple_of(2));
    let at = line.match_indices(mark).map(|(at, _)| at).find(outside)?;
    line.get(at + mark.len()..)
}

fn quotes(text: &str) -> usize {
    let escaped = text.matches("\\\"").count() + text.matches("'\"'").count();
    text.matches('"').count().saturating_sub(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_starts_outside_strings() {
        assert_eq!(of_line("a.rs", "let x = \"http://a\"; // why"), Some(" why"));
        assert_eq!(of_line("a.rs", "let x = \"http://a\";"), None);
        assert_eq!(of_line("a.toml", "a = \"#\" # why"), Some(" why"));
    }

    #[test]
    fn code_and_unknown_files_have_none() {
        assert_eq!(of_line("a.rs", "let x = [RFC9180];"), None);
        assert_eq!(of_line("a.bin", "// [RFC9180]"), None);
    }
}
