//! A look at a component before anything is compiled: is it one, and what does it want?

use wasmparser::{Encoding, Parser, Payload};

use crate::error::ComponentFault;
use crate::hook::Hook;

/// The versions of `oftp:policy` whose hooks are asked: all that begin so.
const VERSIONS: &str = "0.2.";
/// Interfaces of the package that are none of a hook's.
const NO_HOOKS: [&str; 2] = ["host", "types"];

/// Which hooks a component exports, in the order of [`Hook::ALL`]. Refuses files that are not components, components
/// that import anything else than policies get, and those that export what would never be asked.
pub(crate) fn hooks(component: &[u8]) -> Result<Vec<Hook>, ComponentFault> {
    if !component.starts_with(b"\0asm") {
        return Err(ComponentFault::NotWasm);
    }
    let malformed = |e: wasmparser::BinaryReaderError| ComponentFault::Malformed(e.to_string());
    let mut depth = 0_u32;
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(ComponentFault::CoreModule);
            }
            // Components hold modules and components; only the imports and exports of the outermost reach the host.
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    allow(import.map_err(malformed)?.name.name)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    found.extend(hook(export.map_err(malformed)?.name.name)?);
                }
            }
            _ => {}
        }
    }
    let hooks = Hook::ALL.into_iter();
    Ok(hooks.filter(|hook| found.contains(hook)).collect())
}

/// The hook of an export; none where it is of another package, such as those that toolchains add.
///
/// A hook that this server does not know would never be asked, and nobody would see that a rule is missing.
fn hook(export: &str) -> Result<Option<Hook>, ComponentFault> {
    let Some(name) = export.strip_prefix("oftp:policy/") else {
        return Ok(None);
    };
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let known = Hook::ALL
        .into_iter()
        .find(|hook| hook.interface() == interface);
    match known {
        _ if NO_HOOKS.contains(&interface) => Ok(None),
        Some(hook) if version.starts_with(VERSIONS) => Ok(Some(hook)),
        _ => Err(ComponentFault::UnknownHook(export.to_owned())),
    }
}

/// `oftp:policy/types` has no functions: `host` brings it along, whose records it defines.
fn allow(import: &str) -> Result<(), ComponentFault> {
    let interface = import.split('@').next().unwrap_or(import);
    if matches!(interface, "oftp:policy/host" | "oftp:policy/types") || import.starts_with("wasi:")
    {
        return Ok(());
    }
    Err(ComponentFault::ForbiddenImport(import.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_those_of_every_version_that_is_asked() {
        for (export, found) in [
            ("oftp:policy/files@0.2.0", Some(Hook::AcceptFile)),
            ("oftp:policy/turns@0.2.99", Some(Hook::ReadyToSend)),
            ("oftp:policy/types@0.2.0", None),
            ("acme:policy/files@0.2.0", None),
            ("init", None),
        ] {
            assert_eq!(hook(export).unwrap(), found, "{export}");
        }
        for export in [
            "oftp:policy/files@0.1.0",
            "oftp:policy/files@0.20.0",
            "oftp:policy/files",
            "oftp:policy/weather@0.2.0",
        ] {
            let ComponentFault::UnknownHook(name) = hook(export).unwrap_err() else {
                panic!("{export} was refused for another reason");
            };
            assert_eq!(name, export);
        }
    }

    #[test]
    fn only_the_host_and_wasi_may_be_imported() {
        for fine in [
            "oftp:policy/host@0.2.0",
            "oftp:policy/types",
            "wasi:io/poll@0.2.6",
        ] {
            allow(fine).unwrap();
        }
        for bad in [
            "oftp:policy/hosts",
            "oftp:policyx/host",
            "acme:db/sql@1.0.0",
            "wasi",
            "env",
        ] {
            let ComponentFault::ForbiddenImport(name) = allow(bad).unwrap_err() else {
                panic!("{bad} was refused for another reason");
            };
            assert_eq!(name, bad);
        }
    }
}
