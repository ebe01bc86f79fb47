//! Types that are declared elsewhere than by an item of Rust: by a macro, and by WIT.

use super::lexer::{Token, TokenKind};

/// A type that a file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    pub name: String,
    pub line: usize,
    /// Whether any other file may use it (`pub`, `pub(crate)`, `pub(super)` …).
    pub public: bool,
}

/// What stands before the name of a type.
const KEYWORDS: [&str; 5] = ["struct", "enum", "union", "type", "trait"];

/// What stands before the name of a type in WIT.
const WIT_KEYWORDS: [&str; 6] = ["record", "enum", "variant", "flags", "resource", "type"];

/// The public types that macros of a file declare, from its code without comments and attributes. A macro either has
/// the name of its type in its body, or takes it: then the names are the words that begin its invocations.
pub fn by_macros(code: &[Token]) -> Vec<TypeName> {
    let mut found = Vec::new();
    let starts = code.iter().enumerate();
    for (at, _) in starts.filter(|(_, token)| token.is("macro_rules")) {
        let (Some(name), Some(body)) = (code.get(at + 2), group(code, at + 3)) else {
            continue;
        };
        let mut takes_name = false;
        for (index, _) in body.iter().enumerate().filter(|(_, token)| token.is("pub")) {
            let [keyword, next] = body.get(index + 1..index + 3).unwrap_or_default() else {
                continue;
            };
            if !KEYWORDS.iter().any(|word| keyword.is(word)) {
                continue;
            }
            if next.kind == TokenKind::Word {
                found.push(public(&next.text, next.line));
            } else {
                takes_name = true;
            }
        }
        if takes_name {
            found.extend(taken(code, &name.text));
        }
    }
    found
}

/// The words that begin the invocations of a macro.
fn taken(code: &[Token], name: &str) -> Vec<TypeName> {
    let mut found = Vec::new();
    for (at, token) in code.iter().enumerate() {
        let is_invoked = token.is(name) && code.get(at + 1).is_some_and(|next| next.is("!"));
        let arguments = group(code, at + 2).filter(|_| is_invoked);
        let words = arguments.into_iter().flatten();
        let names = words.take_while(|token| token.kind == TokenKind::Word);
        found.extend(names.map(|token| public(&token.text, token.line)));
    }
    found
}

/// What stands between the bracket at `open` and the one that closes it.
fn group(code: &[Token], open: usize) -> Option<&[Token]> {
    let is_one = |token: &Token, marks: [&str; 3]| marks.iter().any(|mark| token.is(mark));
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate().skip(open) {
        if is_one(token, ["(", "[", "{"]) {
            depth += 1;
        } else if is_one(token, [")", "]", "}"]) {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 {
            return code.get(open + 1..index);
        }
    }
    None
}

/// The types of a WIT file, by the names that Rust has for them.
pub fn by_wit(text: &str) -> Vec<TypeName> {
    let lines = text.lines().enumerate();
    let types = lines.filter_map(|(index, line)| {
        let mut words = line.split_whitespace();
        let keyword = words.next()?;
        let name = words.next()?.trim_end_matches([';', '{']);
        let is_type = WIT_KEYWORDS.contains(&keyword);
        is_type.then(|| public(&in_rust(name), index + 1))
    });
    types.collect()
}

/// `transfer-mode` is `TransferMode`.
fn in_rust(name: &str) -> String {
    let parts = name.trim_start_matches('%').split('-').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}

fn public(name: &str, line: usize) -> TypeName {
    TypeName {
        name: name.to_owned(),
        line,
        public: true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn names(found: Vec<TypeName>) -> Vec<(String, usize)> {
        let names = found.into_iter().map(|found| (found.name, found.line));
        names.collect()
    }

    fn expected<const N: usize>(names: [(&str, usize); N]) -> Vec<(String, usize)> {
        names.map(|(name, line)| (name.to_owned(), line)).to_vec()
    }

    #[test]
    fn a_macro_has_the_name_of_its_type_or_takes_it() {
        let text = "macro_rules! one { ($v:ident) => { pub enum A { $v } struct Own; }; }\none! { B }\n\
                    macro_rules! each { ($n:ident) => { pub struct $n(u8); }; }\neach!(C, \"c\", LIMIT);\n\
                    each! { D { x = 1 } }\neach! { E F }\nmacro_rules! none { ($n:ident) => { fn $n() {} }; } none!(G);";
        let found = names(by_macros(&tokens(text)));
        assert_eq!(
            found,
            expected([("A", 1), ("C", 4), ("D", 5), ("E", 6), ("F", 6)])
        );
    }

    #[test]
    fn types_of_wit_have_the_names_of_rust() {
        let text = "interface types {\n  enum transfer-mode {\n    a,\n  }\n  record file { type-of: u8 }\n  type %id = u8;\n  use a.{b};\n}";
        let found = names(by_wit(text));
        assert_eq!(
            found,
            expected([("TransferMode", 2), ("File", 5), ("Id", 6)])
        );
    }
}
