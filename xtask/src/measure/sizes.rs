//! How long files and functions are, and how much of a crate is comments and tests.

use serde_json::{Value, json};

use crate::source::file::SourceFile;
use crate::source::modules::SourceCrate;
use crate::source::{LONG_FILE, LONG_FUNCTION};

/// Above so many lines a function is to be looked at.
const TARGET: usize = 45;

/// The figures of one crate, or of several together.
#[derive(Debug, Default)]
pub struct Sizes {
    pub name: String,
    code: usize,
    docs: usize,
    comments: usize,
    tests: usize,
    /// Lines of each file, sorted.
    files: Vec<usize>,
    /// Lines of each function, sorted.
    functions: Vec<usize>,
}

/// A function with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongFunction {
    pub length: usize,
    pub place: String,
    pub name: String,
}

impl Sizes {
    pub fn of<'a>(name: &str, crates: impl IntoIterator<Item = &'a SourceCrate>) -> Self {
        let mut sizes = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        for one in crates {
            sizes.tests += one.outer_tests;
            for file in &one.files {
                sizes.add(file);
            }
        }
        sizes.files.sort_unstable();
        sizes.functions.sort_unstable();
        sizes
    }

    fn add(&mut self, file: &SourceFile) {
        self.code += file.lines.code;
        self.docs += file.lines.docs;
        self.comments += file.lines.comments;
        self.tests += file.lines.tests;
        self.files.push(file.lines.all);
        self.functions
            .extend(file.functions.iter().map(|function| function.length));
    }

    pub const HEAD: [&str; 10] = [
        "crate",
        "code",
        "files: median/p90/max",
        "above 500",
        "functions",
        "median/p90/p99/max",
        "above 45",
        "above 60",
        "doc + plain comments per 100",
        "test lines per code line",
    ];

    pub fn row(&self) -> Vec<String> {
        let part = |part: usize| share(part * 100, self.code);
        let [median, p90, p99, longest] =
            [50, 90, 99, 100].map(|part| percentile(&self.functions, part));
        let [file, file_p90, file_max] = [50, 90, 100].map(|part| percentile(&self.files, part));
        vec![
            self.name.clone(),
            self.code.to_string(),
            format!("{file}/{file_p90}/{file_max}"),
            above(&self.files, LONG_FILE).to_string(),
            self.functions.len().to_string(),
            format!("{median}/{p90}/{p99}/{longest}"),
            above(&self.functions, TARGET).to_string(),
            above(&self.functions, LONG_FUNCTION).to_string(),
            format!("{:.0} + {:.1}", part(self.docs), part(self.comments)),
            format!("{:.2}", share(self.tests, self.code)),
        ]
    }

    pub fn json(&self) -> Value {
        let quantiles = |sorted: &[usize]| {
            json!({
                "count": sorted.len(),
                "median": percentile(sorted, 50),
                "p90": percentile(sorted, 90),
                "p99": percentile(sorted, 99),
                "max": percentile(sorted, 100),
            })
        };
        json!({
            "name": self.name,
            "code": self.code,
            "docs": self.docs,
            "comments": self.comments,
            "tests": self.tests,
            "files": quantiles(&self.files),
            "files-above-500": above(&self.files, LONG_FILE),
            "functions": quantiles(&self.functions),
            "functions-above-45": above(&self.functions, TARGET),
            "functions-above-60": above(&self.functions, LONG_FUNCTION),
        })
    }
}

/// The longest functions of these crates, the longest first.
pub fn longest<'a>(
    crates: impl IntoIterator<Item = &'a SourceCrate>,
    count: usize,
) -> Vec<LongFunction> {
    let files = crates.into_iter().flat_map(|one| &one.files);
    let mut all: Vec<LongFunction> = files
        .flat_map(|file| {
            file.functions.iter().map(move |function| LongFunction {
                length: function.length,
                place: format!("{}:{}", file.path, function.first),
                name: function.name.clone(),
            })
        })
        .collect();
    all.sort_by(|one, other| {
        other
            .length
            .cmp(&one.length)
            .then(one.place.cmp(&other.place))
    });
    all.truncate(count);
    all
}

/// The files of these crates above the limit, the longest first.
pub fn long_files<'a>(crates: impl IntoIterator<Item = &'a SourceCrate>) -> Vec<(usize, String)> {
    let files = crates.into_iter().flat_map(|one| &one.files);
    let mut long: Vec<(usize, String)> = files
        .filter(|file| file.lines.all > LONG_FILE)
        .map(|file| (file.lines.all, file.path.clone()))
        .collect();
    long.sort_by(|one, other| other.cmp(one));
    long
}

fn above(sorted: &[usize], limit: usize) -> usize {
    sorted.iter().filter(|length| **length > limit).count()
}

/// The smallest value that so many of a hundred do not exceed.
fn percentile(sorted: &[usize], part: usize) -> usize {
    let rank = (sorted.len() * part).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

fn share(part: usize, whole: usize) -> f64 {
    let as_number = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
    as_number(part) / as_number(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(
        clippy::field_reassign_with_default,
        reason = "one field is nobody else's"
    )]
    fn crate_of(files: &[(&str, &str)]) -> SourceCrate {
        let parse = |(path, text): &(&str, &str)| SourceFile::parse(path, Vec::new(), text);
        let mut one = SourceCrate::default();
        one.files = files.iter().map(parse).collect();
        one.outer_tests = 3;
        one
    }

    #[test]
    fn percentiles_are_values_that_there_are() {
        let hundred: Vec<usize> = (1..=100).collect();
        assert_eq!(
            [50, 90, 99, 100].map(|part| percentile(&hundred, part)),
            [50, 90, 99, 100]
        );
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[1, 2, 3], 50), 2);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn a_crate_is_counted_without_its_tests() {
        let body = "x();\n".repeat(46);
        let text =
            format!("/// A.\n/// B.\nfn a() {{\n{body}}}\n// C.\n#[cfg(test)]\nmod tests {{\n}}\n");
        let one = crate_of(&[("a.rs", &text), ("b.rs", "fn b() {}\n")]);
        let row = Sizes::of("all", [&one]).row();
        assert_eq!(
            row,
            [
                "all",
                "49",
                "1/51/51",
                "0",
                "2",
                "1/48/48/48",
                "1",
                "0",
                "4 + 2.0",
                "0.12"
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_named() {
        let body = "x();\n".repeat(501);
        let one = crate_of(&[
            ("a.rs", "fn a() {\n}"),
            ("b.rs", &format!("\nfn b() {{\n{body}}}")),
        ]);
        assert_eq!(long_files([&one]), [(504, "b.rs".to_owned())]);
        let found = longest([&one], 1);
        assert_eq!((found[0].length, found[0].place.as_str()), (503, "b.rs:2"));
    }
}
