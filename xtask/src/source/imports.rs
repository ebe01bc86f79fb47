//! The tree behind `use`, as the paths in it.

use super::lexer::{Token, TokenKind};

/// Each path with the name the file has for it, `*` for all there is; from what stands between `use` and `;`.
pub fn names(tokens: &[Token]) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    read(tokens, &mut 0, &[], &mut found);
    found
}

/// Reads one branch, up to the comma or brace behind it.
fn read(
    tokens: &[Token],
    at: &mut usize,
    above: &[String],
    found: &mut Vec<(Vec<String>, String)>,
) {
    let mut path = above.to_vec();
    let mut name = None;
    while let Some(token) = tokens.get(*at) {
        if token.is(",") || token.is("}") {
            break;
        }
        *at += 1;
        if token.is("{") {
            return group(tokens, at, &path, found);
        }
        if token.is("*") {
            return found.push((path, "*".to_owned()));
        }
        if token.is("as") {
            name = tokens.get(*at).map(|token| token.text.clone());
            *at += 1;
        } else if token.kind == TokenKind::Word {
            // `a::{self}` is `a`.
            if token.text != "self" || path.is_empty() {
                path.push(token.text.clone());
            }
        }
    }
    if let Some(name) = name.or_else(|| path.last().cloned()) {
        found.push((path, name));
    }
}

fn group(
    tokens: &[Token],
    at: &mut usize,
    path: &[String],
    found: &mut Vec<(Vec<String>, String)>,
) {
    while let Some(token) = tokens.get(*at) {
        if token.is("}") {
            *at += 1;
            return;
        }
        if token.is(",") {
            *at += 1;
        } else {
            read(tokens, at, path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    #[test]
    fn a_tree_becomes_its_paths() {
        let found: Vec<(String, String)> =
            names(&tokens("a::{self, b::C, d::{E as F, g::*}, h as _}"))
                .into_iter()
                .map(|(path, name)| (path.join("::"), name))
                .collect();
        let expected = [
            ("a", "a"),
            ("a::b::C", "C"),
            ("a::d::E", "F"),
            ("a::d::g", "*"),
            ("a::h", "_"),
        ];
        assert_eq!(
            found,
            expected.map(|(path, name)| (path.to_owned(), name.to_owned()))
        );
    }

    #[test]
    fn a_single_path_is_one_name() {
        assert_eq!(
            names(&tokens("super::a")),
            [(vec!["super".to_owned(), "a".to_owned()], "a".to_owned())]
        );
        assert_eq!(names(&tokens("self::a"))[0].0, ["self", "a"]);
    }
}
