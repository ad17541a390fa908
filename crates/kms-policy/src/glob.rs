//! Matching of a text by a pattern with `*` and `?`, in time that hostile patterns cannot blow up.
//!
//! The pattern is cut at its `*`. The first piece must begin the text and the last must end it; those between are looked
//! for from left to right, which is right because an earlier hit never leaves less text for the rest. A piece without `?`
//! is found by the standard library's two-way search, in linear time. One with `?` is compared at all positions at once,
//! one character of the piece after the other. Nothing is allocated beyond a few times the text.

use std::borrow::Cow;

/// A part of a pattern, with its variables replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// This text.
    Literal(Cow<'a, str>),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Many,
}

impl Piece<'_> {
    /// The least bytes of text that it takes.
    fn least_bytes(&self) -> usize {
        match self {
            Self::Literal(text) => text.len(),
            Self::One => 1,
            Self::Many => 0,
        }
    }
}

/// True when the pieces match the whole of `text`.
pub(crate) fn matches(pieces: &[Piece<'_>], text: &str) -> bool {
    if is_too_long(pieces, text) {
        return false;
    }
    let mut segments = pieces.split(|piece| *piece == Piece::Many);
    let Some(rest) = segments.next().and_then(|head| after_prefix(head, text)) else { return false };
    let Some(tail) = segments.next_back() else { return rest.is_empty() };
    let found = segments.try_fold(rest, |rest, segment| after_first(segment, rest));
    found.is_some_and(|rest| has_suffix(tail, rest))
}

/// What a variable expands to is only looked at as far as the text could hold it.
fn is_too_long(pieces: &[Piece<'_>], text: &str) -> bool {
    let mut room = text.len();
    pieces.iter().any(|piece| match room.checked_sub(piece.least_bytes()) {
        Some(left) => {
            room = left;
            false
        }
        None => true,
    })
}

fn after_prefix<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    segment.iter().try_fold(text, |rest, piece| match piece {
        Piece::Literal(literal) => rest.strip_prefix(&**literal),
        Piece::One => {
            let mut chars = rest.chars();
            chars.next().map(|_| chars.as_str())
        }
        Piece::Many => Some(rest),
    })
}

fn has_suffix(segment: &[Piece<'_>], text: &str) -> bool {
    let rest = segment.iter().rev().try_fold(text, |rest, piece| match piece {
        Piece::Literal(literal) => rest.strip_suffix(&**literal),
        Piece::One => {
            let mut chars = rest.chars();
            chars.next_back().map(|_| chars.as_str())
        }
        Piece::Many => Some(rest),
    });
    rest.is_some()
}

/// What follows the leftmost place where the segment fits.
fn after_first<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    match segment {
        [] => Some(text),
        [Piece::Literal(literal)] => text.split_once(&**literal).map(|(_, after)| after),
        _ if segment.contains(&Piece::One) => after_first_with_gaps(segment, text),
        _ => {
            let literal: String = segment.iter().map(literal).collect();
            text.split_once(literal.as_str()).map(|(_, after)| after)
        }
    }
}

fn literal<'a>(piece: &'a Piece<'_>) -> &'a str {
    match piece {
        Piece::Literal(text) => text,
        Piece::One | Piece::Many => "",
    }
}

fn after_first_with_gaps<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    let wanted = characters(segment);
    let chars: Vec<char> = text.chars().collect();
    let mut fits = vec![true; (chars.len() + 1).checked_sub(wanted.len())?];
    for (offset, wanted) in wanted.iter().enumerate() {
        if let Some(wanted) = wanted {
            let shifted = chars.get(offset..).unwrap_or_default();
            fits.iter_mut().zip(shifted).for_each(|(fits, c)| *fits &= c == wanted);
        }
    }
    let end = fits.iter().position(|fits| *fits)? + wanted.len();
    let (at, _) = text.char_indices().nth(end).unwrap_or((text.len(), ' '));
    text.get(at..)
}

/// One character per place; none where any will do.
fn characters(segment: &[Piece<'_>]) -> Vec<Option<char>> {
    let mut characters = Vec::new();
    for piece in segment {
        match piece {
            Piece::Literal(literal) => characters.extend(literal.chars().map(Some)),
            Piece::One => characters.push(None),
            Piece::Many => {}
        }
    }
    characters
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(pattern: &str) -> Vec<Piece<'_>> {
        let one = |(at, c): (usize, char)| match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            _ => Piece::Literal(pattern[at..at + c.len_utf8()].into()),
        };
        pattern.char_indices().map(one).collect()
    }

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text) in [
            ("*", ""),
            ("", ""),
            ("a*c", "abbc"),
            ("a*c", "ac"),
            ("?b*", "ab"),
            ("*a*b", "xaxbxb"),
            ("*a?c*", "abacc"),
            ("*??*", "äö"),
            ("a**b", "ab"),
        ] {
            assert!(matches(&pieces(pattern), text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a", "ab"), ("?", ""), ("a*c", "acd"), ("*ab", "ba"), ("a*a", "a"), ("*?", "")]
        {
            assert!(!matches(&pieces(pattern), text), "{pattern} {text}");
        }
    }

    fn slow(p: &[char], t: &[char]) -> bool {
        match p.split_first() {
            None => t.is_empty(),
            Some(('*', rest)) => (0..=t.len()).any(|n| slow(rest, &t[n..])),
            Some((c, rest)) => {
                t.split_first().is_some_and(|(x, tail)| (c == x || *c == '?') && slow(rest, tail))
            }
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_a_plain_recursion(pattern in "[abä*?]{0,9}", text in "[abä]{0,9}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pieces(&pattern), &text), slow(&p, &t));
        }
    }
}
