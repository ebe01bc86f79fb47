//! A look at a component before anything is compiled: is it one, and what does it want?

use wasmparser::{Encoding, Parser, Payload};

use crate::error::ComponentFault;

/// Refuses files that are not components, and components that import anything else than policies get.
pub(crate) fn imports(component: &[u8]) -> Result<(), ComponentFault> {
    if !component.starts_with(b"\0asm") {
        return Err(ComponentFault::NotWasm);
    }
    let malformed = |e: wasmparser::BinaryReaderError| ComponentFault::Malformed(e.to_string());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => {
                return Err(ComponentFault::CoreModule);
            }
            // Components hold modules and components; only the outermost imports reach the host.
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    allow(import.map_err(malformed)?.name.name)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
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
