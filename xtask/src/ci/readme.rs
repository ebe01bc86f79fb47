//! What the README tells a newcomer to type is what CI runs.

use std::fs;
use std::path::Path;

/// Cargo's arguments in the README's test command.
///
/// # Errors
/// The README cannot be read, or names no such command.
pub(super) fn test_command(root: &Path) -> Result<String, String> {
    let path = root.join("README.md");
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    find(&text).ok_or_else(|| {
        "README.md: no `cargo test …` line stands in a ```sh block; write the command that passes the tests there"
            .to_owned()
    })
}

fn find(text: &str) -> Option<String> {
    let mut in_shell = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_shell = language.trim() == "sh";
        } else if in_shell && line.starts_with("cargo test") {
            let command = line.split('#').next().unwrap_or_default();
            return Some(command.trim_start_matches("cargo").trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_its_test_command() {
        let command = test_command(&crate::repository().unwrap()).unwrap();
        assert!(command.contains("--workspace"), "{command}");
    }

    #[test]
    fn only_a_shell_block_is_a_command_and_a_remark_is_none_of_it() {
        let text = "cargo test in prose\n```yaml\ncargo test -p wrong\n```\n```sh\ncargo run\ncargo test --workspace   # the tests\n```";
        assert_eq!(find(text).as_deref(), Some("test --workspace"));
        assert_eq!(find("```yaml\ncargo test\n```"), None);
    }
}
