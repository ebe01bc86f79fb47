//! Both ways with Bouncy Castle, all suites, as streams (BER) and as values (DER). `POINTSMAN_CMS_BOUNCY_CASTLE` names the
//! folder with its jars (bcpkix, bcprov, bcutil; 1.80 is known to do), which `tests/bouncy_castle/pom.xml` fetches:
//! `mvn -f crates/cms/tests/bouncy_castle/pom.xml dependency:copy-dependencies -DoutputDirectory=/a/folder`. Skipped, and
//! said so, where it is not set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::process::Command;

use support::oracle;

const SUITES: usize = 10;

fn start(jars: &str) -> Command {
    let mut command = Command::new("java");
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/bouncy_castle/Interop.java"
    );
    command.args(["-cp", &format!("{jars}/*"), program]);
    command
}

fn jars() -> Option<String> {
    let jars = std::env::var("POINTSMAN_CMS_BOUNCY_CASTLE").ok();
    if jars.is_none() {
        support::tools::skip_without(
            "bouncy-castle",
            "POINTSMAN_CMS_BOUNCY_CASTLE names no folder with its jars",
        );
    }
    jars
}

#[test]
fn bouncy_castle_reads_what_we_write() {
    let Some(jars) = jars() else { return };
    let files = oracle::reads_ours(&|| start(&jars), SUITES);
    println!("{files} files of ours were read by Bouncy Castle");
}

#[test]
fn we_read_what_bouncy_castle_writes() {
    let Some(jars) = jars() else { return };
    let files = oracle::writes_for_us(&|| start(&jars), SUITES);
    println!("{files} files of Bouncy Castle's were read by us");
}
