//! Rust text as tokens. It knows as much of the language as counting needs: comments, strings, names and marks.

/// A piece of Rust text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub text: String,
    /// The line it begins on; the first is 1.
    pub line: usize,
    /// The line it ends on.
    pub last: usize,
}

impl Token {
    /// Whether it is this name, keyword or mark.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Mark) && self.text == text
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or a keyword.
    Word,
    /// A string, a character or a number.
    Literal,
    Lifetime,
    /// Punctuation: one character, but for `::`, `->` and `=>`.
    Mark,
    Doc,
    Comment,
}

/// All tokens of a text, in their order. Whatever is no Rust becomes marks.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            line += usize::from(first == '\n');
            rest = after(rest, first.len_utf8());
            continue;
        }
        let (kind, length) = measure(rest, first);
        let token = rest.get(..length).unwrap_or(rest);
        let last = line + token.matches('\n').count();
        found.push(Token {
            kind,
            text: token.to_owned(),
            line,
            last,
        });
        line = last;
        rest = after(rest, length);
    }
    found
}

fn after(text: &str, length: usize) -> &str {
    text.get(length..).unwrap_or_default()
}

/// Kind and length of the token that `rest` begins with.
fn measure(rest: &str, first: char) -> (TokenKind, usize) {
    if rest.starts_with("//") {
        let doc = is_doc(rest, "///", "////", "//!");
        return (doc, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (is_doc(rest, "/**", "/***", "/*!"), block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (TokenKind::Literal, length);
    }
    if first == '\'' {
        return character_or_lifetime(rest);
    }
    if first.is_ascii_digit() {
        return (TokenKind::Literal, number(rest));
    }
    if first.is_alphabetic() || first == '_' {
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        return (TokenKind::Word, raw + word(after(rest, raw)));
    }
    let wide = ["::", "->", "=>"].iter().any(|mark| rest.starts_with(mark));
    (TokenKind::Mark, if wide { 2 } else { first.len_utf8() })
}

fn is_doc(rest: &str, outer: &str, ruler: &str, inner: &str) -> TokenKind {
    let outer = rest.starts_with(outer) && !rest.starts_with(ruler);
    if outer || rest.starts_with(inner) {
        TokenKind::Doc
    } else {
        TokenKind::Comment
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let here = after(rest, at);
        let Some(next) = here.chars().next() else {
            return rest.len();
        };
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += next.len_utf8();
        }
    }
}

/// The length of the string that `rest` begins with, if it does.
fn string(rest: &str) -> Option<usize> {
    for prefix in ["r", "br", "cr"] {
        if let Some(behind) = rest.strip_prefix(prefix) {
            let hashes = behind.len() - behind.trim_start_matches('#').len();
            if let Some(inside) = after(behind, hashes).strip_prefix('"') {
                let end = format!("\"{}", "#".repeat(hashes));
                let begin = prefix.len() + hashes + 1;
                let length = inside.find(&end).map(|at| begin + at + end.len());
                return Some(length.unwrap_or(rest.len()));
            }
        }
    }
    let prefix = ["", "b", "c"]
        .iter()
        .find(|prefix| after(rest, prefix.len()).starts_with('"') && rest.starts_with(*prefix))?;
    Some(prefix.len() + quoted(after(rest, prefix.len()), '"'))
}

/// The length of what stands in quotes, these included; a backslash takes the next character with it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn character_or_lifetime(rest: &str) -> (TokenKind, usize) {
    let mut inside = rest.chars().skip(1);
    let (first, second) = (inside.next(), inside.next());
    if first == Some('\\') || second == Some('\'') {
        return (TokenKind::Literal, quoted(rest, '\''));
    }
    (TokenKind::Lifetime, 1 + word(after(rest, 1)))
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len())
}

/// `1..2` is two numbers, `1.5` one, and `1.max(2)` a number and a call.
fn number(rest: &str) -> usize {
    let whole = word(rest);
    let fraction = after(rest, whole).strip_prefix('.').map(word);
    match fraction {
        Some(length) if length > 0 && after(rest, whole + 1).starts_with(char::is_numeric) => {
            whole + 1 + length
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn code_becomes_names_and_marks() {
        assert_eq!(
            texts("fn a::b(x: u8) -> T { r#type => 1..2.5 }"),
            [
                "fn", "a", "::", "b", "(", "x", ":", "u8", ")", "->", "T", "{", "r#type", "=>",
                "1", ".", ".", "2.5", "}"
            ]
        );
        assert_eq!(texts("1.max(2)"), ["1", ".", "max", "(", "2", ")"]);
    }

    #[test]
    fn what_stands_in_a_string_is_no_code() {
        for text in [
            r#""fn // a \" b""#,
            r##"r#"fn " /* "#"##,
            r#"b"fn {""#,
            "'{'",
            r"'\''",
            r"'\u{7d}'",
        ] {
            assert_eq!(kinds(text), [TokenKind::Literal], "{text}");
        }
        assert_eq!(kinds("&'a str")[1], TokenKind::Lifetime);
    }

    #[test]
    fn comments_are_told_from_documentation() {
        use TokenKind::{Comment, Doc, Word};
        assert_eq!(
            kinds("//! a\n/// b\n// c\n//// d\n/* e /* f */ g */ h /** i */"),
            [Doc, Doc, Comment, Comment, Comment, Word, Doc]
        );
    }

    #[test]
    fn tokens_know_their_lines() {
        let found = tokens("a\n\"b\nc\"\nd");
        let lines: Vec<_> = found.iter().map(|token| (token.line, token.last)).collect();
        assert_eq!(lines, [(1, 1), (2, 3), (4, 4)]);
    }

    #[test]
    fn text_that_ends_too_early_is_read_to_its_end() {
        for text in ["\"a", "/* a", "r#\"a\"", "'\\", "'", "b'"] {
            let read: String = texts(text).concat();
            assert_eq!(read, text);
        }
    }
}
