//! What one Rust file holds: its lines by kind, its functions, types and imports. Code that only tests are built from
//! (`#[cfg(test)]`, `#[test]`) is counted and otherwise left out.

use std::collections::BTreeSet;

use super::declared::TypeName;
use super::lexer::{Token, TokenKind, tokens};
use super::{attributes, declared, imports};

/// A file of Rust, as far as the measures and rules look at it.
#[derive(Debug, Default)]
pub struct SourceFile {
    /// Below the root of the repository.
    pub path: String,
    /// Its module in its crate: `session::listener`.
    pub module: Vec<String>,
    pub lines: LineCounts,
    pub functions: Vec<Function>,
    pub types: Vec<TypeName>,
    pub imports: Vec<Import>,
    /// Modules declared for tests alone, in files of their own.
    pub test_modules: Vec<String>,
    /// What the file defines outside of functions and `impl` blocks.
    pub defined: BTreeSet<String>,
    /// The code without comments, imports, attributes and tests.
    pub code: Vec<Token>,
    code_lines: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// All lines but those of tests.
    pub all: usize,
    /// Lines with code on them.
    pub code: usize,
    pub docs: usize,
    /// Lines with a comment that is no documentation.
    pub comments: usize,
    /// Lines with code of tests.
    pub tests: usize,
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// The type or trait whose block it stands in.
    pub owner: Option<String>,
    /// From `fn` to the closing brace.
    pub first: usize,
    pub last: usize,
    /// Lines with code among them.
    pub length: usize,
}

/// One name that a `use` brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The modules in this file around the `use`.
    pub scope: Vec<String>,
    pub path: Vec<String>,
    /// What the file calls it; `*` for all there is.
    pub name: String,
    /// Whether it only passes the name on (`pub use`).
    pub exported: bool,
}

/// What a brace opened.
#[derive(Clone, Debug)]
enum Scope {
    Module(String),
    Block(String),
    Function(usize),
    Other,
}

impl SourceFile {
    /// Reads `text`, the file at `path` whose module in its crate is `module`.
    pub fn parse(path: &str, module: Vec<String>, text: &str) -> Self {
        let all = tokens(text);
        let (comments, code): (Vec<Token>, Vec<Token>) = all
            .into_iter()
            .partition(|token| matches!(token.kind, TokenKind::Doc | TokenKind::Comment));
        let split = attributes::split(&code);
        let mut file = Self {
            path: path.to_owned(),
            module,
            test_modules: split.test_modules,
            ..Self::default()
        };
        file.count_lines(text, &comments, &split.product, &split.tests);
        file.read_items(&split.product);
        file.types.extend(declared::by_macros(&split.product));
        file
    }

    /// The lines with code from `first` to `last`.
    pub fn code_between(&self, first: usize, last: usize) -> usize {
        self.code_lines.range(first..=last).count()
    }

    fn count_lines(
        &mut self,
        text: &str,
        comments: &[Token],
        product: &[Token],
        tests: &[Vec<Token>],
    ) {
        let spans: Vec<(usize, usize)> = tests.iter().filter_map(|item| span(item)).collect();
        let in_tests = |line: usize| spans.iter().any(|(a, b)| (*a..=*b).contains(&line));
        self.code_lines = lines_of(product);
        let test_lines = lines_of(tests.iter().flatten());
        let comment_lines = |kind| {
            let of_kind = comments.iter().filter(|comment| comment.kind == kind);
            lines_of(of_kind)
                .into_iter()
                .filter(|line| !in_tests(*line))
                .count()
        };
        self.lines = LineCounts {
            all: (1..=text.lines().count())
                .filter(|line| !in_tests(*line))
                .count(),
            code: self.code_lines.len(),
            docs: comment_lines(TokenKind::Doc),
            comments: comment_lines(TokenKind::Comment),
            tests: test_lines.len(),
        };
    }

    fn read_items(&mut self, tokens: &[Token]) {
        let mut reader = Reader {
            tokens,
            at: 0,
            nesting: 0,
            public: false,
            scopes: Vec::new(),
            pending: None,
            file: self,
        };
        while reader.step() {}
        self.functions.retain(|function| function.length > 0);
    }
}

fn span(item: &[Token]) -> Option<(usize, usize)> {
    Some((item.first()?.line, item.last()?.last))
}

fn lines_of<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> BTreeSet<usize> {
    let lines = tokens.into_iter();
    lines.flat_map(|token| token.line..=token.last).collect()
}

/// Walks the tokens of a file and keeps what block it is in.
struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// How many parentheses and brackets are open.
    nesting: usize,
    /// Whether the item that begins here is public.
    public: bool,
    scopes: Vec<Scope>,
    /// What the next brace opens, and the nesting it was announced at.
    pending: Option<(Scope, usize)>,
    file: &'a mut SourceFile,
}

impl Reader<'_> {
    /// Reads one token, or one import; false at the end.
    fn step(&mut self) -> bool {
        let tokens = self.tokens;
        let Some(token) = tokens.get(self.at) else {
            return false;
        };
        let text = match token.kind {
            TokenKind::Word | TokenKind::Mark => token.text.as_str(),
            _ => "",
        };
        if text == "use" && self.nesting == 0 && !self.is(1, "<") {
            self.import();
            return true;
        }
        match text {
            "(" | "[" => self.nesting += 1,
            ")" | "]" => self.nesting = self.nesting.saturating_sub(1),
            "{" => self.open(),
            "}" => self.close(token.last),
            ";" if self
                .pending
                .as_ref()
                .is_some_and(|(_, nesting)| *nesting == self.nesting) =>
            {
                self.pending = None;
            }
            "fn" => self.function(token.line),
            "mod" => self.module(),
            "impl" | "trait" => self.block(text),
            "struct" | "enum" | "union" | "type" | "const" | "static" | "macro_rules" => {
                self.item(text)
            }
            _ => {}
        }
        self.public = match text {
            "pub" => true,
            "unsafe" | "async" | ")" => self.public,
            // `pub(in some::path)`
            _ => self.public && self.nesting > 0,
        };
        self.file.code.push(token.clone());
        self.at += 1;
        true
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        let token = self.tokens.get(self.at + ahead)?;
        (token.kind == TokenKind::Word).then_some(token.text.as_str())
    }

    fn is(&self, ahead: usize, text: &str) -> bool {
        self.tokens
            .get(self.at + ahead)
            .is_some_and(|token| token.is(text))
    }

    fn open(&mut self) {
        let scope = self.pending.take().map_or(Scope::Other, |(scope, _)| scope);
        self.scopes.push(scope);
    }

    fn close(&mut self, line: usize) {
        if let Some(Scope::Function(index)) = self.scopes.pop() {
            let lines = &self.file.code_lines;
            if let Some(function) = self.file.functions.get_mut(index) {
                function.last = line;
                function.length = lines.range(function.first..=line).count();
            }
        }
    }

    /// Whether nothing but modules is around.
    fn outside(&self) -> bool {
        self.scopes
            .iter()
            .all(|scope| matches!(scope, Scope::Module(_)))
    }

    fn function(&mut self, line: usize) {
        let Some(name) = self.word(1).map(str::to_owned) else {
            return;
        };
        if self.outside() {
            self.file.defined.insert(name.clone());
        }
        let owner = self.scopes.iter().rev().find_map(|scope| match scope {
            Scope::Block(name) => Some(name.clone()),
            _ => None,
        });
        let index = self.file.functions.len();
        // Counted when its body ends; one without a body stays at zero and goes away.
        self.file.functions.push(Function {
            name,
            owner,
            first: line,
            last: line,
            length: 0,
        });
        self.pending = Some((Scope::Function(index), self.nesting));
    }

    fn module(&mut self) {
        if let Some(name) = self.word(1).map(str::to_owned)
            && self.is(2, "{")
        {
            self.pending = Some((Scope::Module(name), self.nesting));
        }
    }

    /// `impl` stands in types too, where something else is announced already.
    fn block(&mut self, keyword: &str) {
        if self.pending.is_some() || self.nesting > 0 {
            return;
        }
        let name = if keyword == "trait" {
            let name = self.word(1).map(str::to_owned);
            self.item(keyword);
            name
        } else {
            implemented(self.tokens.get(self.at + 1..).unwrap_or_default())
        };
        self.pending = name.map(|name| (Scope::Block(name), self.nesting));
    }

    fn item(&mut self, keyword: &str) {
        let ahead = if keyword == "macro_rules" { 2 } else { 1 };
        let Some(name) = self
            .word(ahead)
            .filter(|name| !matches!(*name, "fn" | "_" | "mut"))
        else {
            return;
        };
        // `events! { pub enum NAME of "crate"; ..}` declares a type within its braces.
        let declared = keyword == "enum" && self.word(2) == Some("of");
        if !declared && (!self.outside() || self.pending.is_some() || self.nesting > 0) {
            return;
        }
        let name = name.to_owned();
        if matches!(keyword, "struct" | "enum" | "union" | "type" | "trait") {
            self.file.types.push(TypeName {
                name: name.clone(),
                line: self.tokens.get(self.at).map_or(0, |token| token.line),
                public: self.public,
            });
        }
        self.file.defined.insert(name);
    }

    fn import(&mut self) {
        let rest = self.tokens.get(self.at + 1..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|token| token.is(";"))
            .unwrap_or(rest.len());
        let scope: Vec<String> = self
            .scopes
            .iter()
            .filter_map(|scope| match scope {
                Scope::Module(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        for (path, name) in imports::names(rest.get(..end).unwrap_or_default()) {
            self.file.imports.push(Import {
                scope: scope.clone(),
                path,
                name,
                exported: self.public,
            });
        }
        self.public = false;
        self.at += end + 2;
    }
}

/// The type that an `impl` block is for, from what stands behind the keyword.
fn implemented(tokens: &[Token]) -> Option<String> {
    let mut name = None;
    let mut angles = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "<" => angles += 1,
            ">" => angles = angles.saturating_sub(1),
            "{" | "where" | ";" => return name,
            "for" if angles == 0 && !tokens.get(at + 1).is_some_and(|next| next.is("<")) => {
                name = None
            }
            "dyn" | "mut" | "const" => {}
            text if angles == 0 && token.kind == TokenKind::Word => name = Some(text.to_owned()),
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> SourceFile {
        SourceFile::parse("a/src/b.rs", vec!["b".to_owned()], text)
    }

    fn functions(text: &str) -> Vec<(String, Option<String>, usize)> {
        let found = parse(text).functions.into_iter();
        found
            .map(|function| (function.name, function.owner, function.length))
            .collect()
    }

    fn some(owner: &str) -> Option<String> {
        Some(owner.to_owned())
    }

    #[test]
    fn functions_have_lengths_without_comments_and_blank_lines() {
        let text = "/// Doc.\nfn a(\n    x: [u8; 4],\n) -> impl Fn() {\n    // Why.\n\n    let s = \"}\";\n    b(|| { c() });\n}\nfn d() {}\n";
        assert_eq!(
            functions(text),
            [("a".to_owned(), None, 6), ("d".to_owned(), None, 1)]
        );
    }

    #[test]
    fn functions_belong_to_the_type_of_their_block() {
        let text = "impl<T: Fn() -> u8> fmt::Display for a::B<T> where T: C { fn f(&self) {} }\ntrait D: E { fn g(&self); fn h(&self) {} }\nimpl F<'_> { const fn i() { fn j() {} } }";
        let found = functions(text);
        assert_eq!(
            found,
            [
                ("f".to_owned(), some("B"), 1),
                ("h".to_owned(), some("D"), 1),
                ("i".to_owned(), some("F"), 1),
                ("j".to_owned(), some("F"), 1),
            ]
        );
    }

    #[test]
    fn tests_are_counted_apart() {
        let text = "//! Doc.\nfn a() {} // Why.\n\n#[cfg(test)]\nmod tests {\n    // No.\n    #[test]\n    fn b() {}\n}\n";
        let file = parse(text);
        assert_eq!(
            file.lines,
            LineCounts {
                all: 3,
                code: 1,
                docs: 1,
                comments: 1,
                tests: 5
            }
        );
        assert_eq!(file.functions.len(), 1);
    }

    #[test]
    fn types_are_public_where_others_may_use_them() {
        let text = "pub struct A;\npub(crate) enum B { C }\nstruct D(u8);\npub(in crate::x) trait E { type F; }\nfn f() { struct G; }\nimpl A { type H = u8; }\npub type I = u8;\nstruct J { pub k: u8 }";
        let found: Vec<(String, bool)> = parse(text)
            .types
            .into_iter()
            .map(|t| (t.name, t.public))
            .collect();
        let expected = [
            ("A", true),
            ("B", true),
            ("D", false),
            ("E", true),
            ("I", true),
            ("J", false),
        ];
        assert_eq!(
            found,
            expected.map(|(name, public)| (name.to_owned(), public))
        );
    }

    #[test]
    fn what_a_file_defines_is_known() {
        let text = "const A: u8 = 1;\nstatic mut B: u8 = 1;\nfn c() { const D: u8 = 1; }\nmacro_rules! e { () => { fn f() {} } }\nconst _: () = ();";
        let found: Vec<String> = parse(text).defined.into_iter().collect();
        assert_eq!(found, ["A", "c", "e"]);
    }

    #[test]
    fn imports_are_read_with_their_modules() {
        let text = "pub(super) use a::B;\nmod inner { use super::{c::D as E, f::*}; }\nfn g() { use h::I; }";
        let found: Vec<_> = parse(text)
            .imports
            .into_iter()
            .map(|import| {
                (
                    import.scope.join("::"),
                    import.path.join("::"),
                    import.name,
                    import.exported,
                )
            })
            .collect();
        let import = |scope: &str, path: &str, name: &str, exported| {
            (scope.to_owned(), path.to_owned(), name.to_owned(), exported)
        };
        assert_eq!(
            found,
            [
                import("", "a::B", "B", true),
                import("inner", "super::c::D", "E", false),
                import("inner", "super::f", "*", false),
                import("", "h::I", "I", false),
            ]
        );
    }
}
