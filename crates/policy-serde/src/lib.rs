//! A derive macro for the types that `bindgen!` makes of WIT files.
//!
//! bindgen can be told what to derive on its types, but not to put attributes on them, and serde needs one to write
//! `dataset-name` for a field that Rust calls `dataset_name`. [`WitSerde`] therefore copies the type without bindgen's
//! own attributes, lets serde derive on the copy under the names of the WIT files, and makes the copy the remote
//! definition of the type.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Derives `Serialize` and `Deserialize`, with the names of fields and cases as in the WIT file (kebab-case).
#[proc_macro_derive(WitSerde)]
pub fn wit_serde(item: TokenStream) -> TokenStream {
    let Some(shape) = Shape::of(item) else {
        return parsed(
            "compile_error!(\"WitSerde is for the records, enums and variants of bindgen\");",
        );
    };
    let Shape { kind, name, body } = shape;
    parsed(&format!(
        "const _: () = {{
            #[derive(::serde::Serialize, ::serde::Deserialize)]
            #[serde(remote = \"{name}\", rename_all = \"kebab-case\")]
            #[allow(dead_code)]
            {kind} Copied {body}

            impl ::serde::Serialize for {name} {{
                fn serialize<S: ::serde::Serializer>(&self, to: S) -> ::std::result::Result<S::Ok, S::Error> {{
                    Copied::serialize(self, to)
                }}
            }}

            impl<'de> ::serde::Deserialize<'de> for {name} {{
                fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> ::std::result::Result<Self, D::Error> {{
                    Copied::deserialize(from)
                }}
            }}
        }};"
    ))
}

/// What the copy needs of a type.
struct Shape {
    /// `struct` or `enum`.
    kind: String,
    name: String,
    /// Fields or cases in their braces, without attributes.
    body: TokenStream,
}

impl Shape {
    fn of(item: TokenStream) -> Option<Self> {
        let mut tokens = without_attributes(item).into_iter();
        let kind = tokens.find_map(|token| {
            let word = token.to_string();
            matches!(word.as_str(), "struct" | "enum").then_some(word)
        })?;
        let name = tokens.next()?.to_string();
        // What comes between would be generics, and bindgen's owned types have none.
        let TokenTree::Group(body) = tokens.next()? else {
            return None;
        };
        (body.delimiter() == Delimiter::Brace).then(|| Self {
            kind,
            name,
            body: TokenTree::Group(body).into(),
        })
    }
}

/// The tokens without `#[...]`, in groups as well.
fn without_attributes(tokens: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => drop(tokens.next()),
            TokenTree::Group(group) => {
                let inside = without_attributes(group.stream());
                kept.push(TokenTree::Group(Group::new(group.delimiter(), inside)));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

fn parsed(code: &str) -> TokenStream {
    code.parse().unwrap_or_default()
}
