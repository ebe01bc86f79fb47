//! Exports `accept-file` alone, in a world of its own: it refuses files whose names its setting does not allow.

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package tests:one-hook;

        world files-alone {
            import oftp:policy/host@0.2.1;
            export oftp:policy/files@0.2.1;
        }
    ",
    world: "tests:one-hook/files-alone",
    generate_all,
});

use exports::oftp::policy::files::{FileDecision, Guest};
use oftp::policy::host;
use oftp::policy::types::{ConnectionInfo, FileInfo, Refusal};

struct OneHook;

export!(OneHook);

impl Guest for OneHook {
    fn accept_file(_: ConnectionInfo, file: FileInfo) -> Result<FileDecision, String> {
        let begins = host::setting("begins").unwrap_or_default();
        Ok(match file.dataset_name.starts_with(&begins) {
            true => FileDecision::Pass,
            false => FileDecision::Refuse(Refusal {
                reason: 14,
                text: format!("only {begins}"),
                retry: false,
            }),
        })
    }
}
