//! Parts code into what is built for the product and what only tests are built from, by its attributes.

use super::lexer::{Token, TokenKind};

/// A file's code in two parts.
#[derive(Debug, Default)]
pub struct Split {
    /// Without attributes.
    pub product: Vec<Token>,
    /// Each item of tests, its attributes included.
    pub tests: Vec<Vec<Token>>,
    /// Modules of tests that have files of their own.
    pub test_modules: Vec<String>,
}

/// Items whose own end is a semicolon, whatever braces come before.
const UNTIL_SEMICOLON: [&str; 5] = ["use", "const", "static", "let", "type"];
/// All that an item may begin with.
const ITEMS: [&str; 9] = [
    "fn",
    "mod",
    "impl",
    "struct",
    "enum",
    "trait",
    "macro_rules",
    "extern",
    "union",
];

/// Parts `code`, which has no comments in it.
pub fn split(code: &[Token]) -> Split {
    let mut parts = Split::default();
    let mut at = 0;
    while let Some(token) = code.get(at) {
        let Some(end) = attribute(code, at) else {
            parts.product.push(token.clone());
            at += 1;
            continue;
        };
        let of_tests = code.get(at..end).is_some_and(is_for_tests);
        if !of_tests {
            at = end;
            continue;
        }
        let whole_file = code.get(at + 1).is_some_and(|token| token.is("!"));
        let end = if whole_file {
            code.len()
        } else {
            item(code, end)
        };
        let taken = code.get(at..end).unwrap_or_default();
        parts.test_modules.extend(file_module(taken));
        parts.tests.push(taken.to_vec());
        at = end;
    }
    parts
}

/// Where the attribute ends that begins at `at`.
fn attribute(code: &[Token], at: usize) -> Option<usize> {
    let hash = code.get(at)?.is("#");
    let inner = usize::from(code.get(at + 1)?.is("!"));
    let bracket = code.get(at + 1 + inner)?.is("[");
    (hash && bracket).then(|| closing(code, at + 1 + inner))
}

/// The place behind the bracket that closes the one at `at`.
fn closing(code: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in code.iter().enumerate().skip(at) {
        if token.kind == TokenKind::Mark {
            match token.text.as_str() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; a feature beside `any(test` is product.
fn is_for_tests(attribute: &[Token]) -> bool {
    let text: String = attribute.iter().map(|token| token.text.as_str()).collect();
    let inside = text.trim_start_matches(['#', '!', '[']);
    let starts = ["test]", "tokio::test", "cfg(test)", "cfg(all(test,"];
    starts.iter().any(|start| inside.starts_with(start))
}

/// Where the item, field or arm ends that begins at `at`, its further attributes included.
fn item(code: &[Token], mut at: usize) -> usize {
    while let Some(end) = attribute(code, at) {
        at = end;
    }
    let keyword = code.get(at..).unwrap_or_default().iter().find(|token| {
        UNTIL_SEMICOLON.contains(&token.text.as_str())
            || ITEMS.contains(&token.text.as_str())
            || token.is(",")
    });
    let is_item = keyword.is_some_and(|token| !token.is(","));
    let semicolon = keyword.is_some_and(|token| UNTIL_SEMICOLON.contains(&token.text.as_str()))
        && !is_const_fn(code, at);
    while let Some(token) = code.get(at) {
        match token.text.as_str() {
            _ if token.kind != TokenKind::Mark => at += 1,
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            ")" | "]" | "}" => return at,
            "{" => {
                at = closing(code, at);
                if !semicolon {
                    return at;
                }
            }
            "(" | "[" => at = closing(code, at),
            _ => at += 1,
        }
    }
    code.len()
}

/// `const fn` ends with its body.
fn is_const_fn(code: &[Token], at: usize) -> bool {
    let head = code.get(at..).unwrap_or_default().iter();
    head.take_while(|token| !token.is("{") && !token.is("="))
        .any(|token| token.is("fn"))
}

/// The name of a module that has a file of its own.
fn file_module(item: &[Token]) -> Option<String> {
    match item {
        [.., keyword, name, end] if keyword.is("mod") && end.is(";") => Some(name.text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn product(text: &str) -> String {
        let parts = split(&tokens(text));
        parts
            .product
            .iter()
            .map(|token| token.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn items_of_tests_are_taken_out_whole() {
        for item in [
            "#[cfg(test)] mod tests { fn a() { b[0]; } }",
            "#[cfg(test)] use a::{b, c};",
            "#[cfg(test)] #[allow(dead_code)] pub(crate) const A: B = B { c: 1 };",
            "#[cfg(test)] pub(crate) const fn f<T, U>(t: T) -> [u8; 2] { g() }",
            "#[cfg(all(test, unix))] impl A<B, C> { fn d() {} }",
            "#[tokio::test] async fn e() { f(); }",
            "#[cfg(test)] struct G(u8);",
        ] {
            assert_eq!(
                product(&format!("fn x ( ) {item} fn y ( )")),
                "fn x ( ) fn y ( )",
                "{item}"
            );
        }
    }

    #[test]
    fn fields_and_arms_of_tests_are_taken_out() {
        assert_eq!(
            product("struct A { #[cfg(test)] b: C, d: E }"),
            "struct A { d : E }"
        );
        assert_eq!(
            product("match a { #[cfg(test)] B => c(1, 2), D => e }"),
            "match a { D => e }"
        );
        assert_eq!(
            product("struct A { d: E, #[cfg(test)] b: C }"),
            "struct A { d : E , }"
        );
    }

    #[test]
    fn other_attributes_take_nothing_with_them() {
        assert_eq!(
            product("#![deny(a)] #[derive(B)] #[cfg(any(test, feature = \"c\"))] struct D;"),
            "struct D ;"
        );
    }

    #[test]
    fn files_and_modules_of_tests_are_known() {
        assert_eq!(product("#![cfg(test)] fn a() {}"), "");
        assert_eq!(
            split(&tokens("#[cfg(test)] pub mod a;")).test_modules,
            ["a"]
        );
    }
}
