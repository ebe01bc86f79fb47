//! Programs that only some machines have.

/// A test, or a part of one, that a tool is missing for: it fails where `POINTSMAN_DEMAND_TOOLS` names the tool, as `.ci/run`
/// does of those that it could install, and is skipped elsewhere, which it says.
pub fn skip_without(tool: &str, why: &str) {
    let demanded = std::env::var("POINTSMAN_DEMAND_TOOLS").unwrap_or_default();
    let is_demanded = demanded.split_whitespace().any(|one| one == tool);
    assert!(!is_demanded, "{tool} is demanded, and {why}");
    eprintln!("SKIPPED without {tool}: {why}");
}
