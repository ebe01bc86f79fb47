//! A key of ours that stays on a token (SoftHSM): files are opened with it, and no file of the station has it.

use std::path::Path;
use std::process::Command;

use crate::cms_command::KEYS;
use crate::secured::{Maker, Secured, delivered, station_with, take_answers};
use crate::stations::{all_in, said};
use crate::support::Server;
use crate::support::peer::Peer;
use crate::support::tools::skip_without;

const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Makes a token with the key `us`, and gives the configuration that finds it.
fn token(folder: &Path) -> std::path::PathBuf {
    let configuration = folder.join("softhsm2.conf");
    let tokens = folder.join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&configuration, text).unwrap();
    let key = KEYS.path().join("us.key").display().to_string();
    for arguments in [
        "--init-token --free --label station --so-pin 987654".to_owned(),
        format!("--import {key} --token station --label own --id a1"),
    ] {
        let done = Command::new("softhsm2-util")
            .args(arguments.split_whitespace())
            .args(["--pin", "123456"])
            .env("SOFTHSM2_CONF", &configuration)
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments}: {}", said(&done));
    }
    configuration
}

#[test]
fn a_file_is_opened_with_a_key_that_a_token_holds() {
    if !Path::new(LIBRARY).exists() {
        skip_without("softhsm", "SoftHSM is not here (Debian's softhsm2)");
        return;
    }
    let place = |name: &str| KEYS.path().join(name).display().to_string();
    let keys = |pin: &str| {
        let key = "    keys:\n      - type: pkcs11\n        file: LIBRARY\n        token: station\n        password: 'PIN'\n        certificate: OURS\n";
        let theirs = "    certificates: [{file: THEIRS}]\n";
        format!("{key}{theirs}")
            .replace("LIBRARY", LIBRARY)
            .replace("PIN", pin)
            .replace("OURS", &place("us.pem"))
            .replace("THEIRS", &place("them.pem"))
    };
    let setup = station_with(&keys("123456"), "demand: {security: encrypted}", "");
    let configuration = token(setup.path());
    let server = Server::start_with(&setup.config(), &[("SOFTHSM2_CONF", &configuration)]);
    let mut peer = Peer::session(server.address());
    let content = vec![b'7'; 70_000];
    let file = Secured::new("TOKEN", "sze", 4, Maker::Crate.make("sze", 4, &content));
    assert_eq!(file.send(&mut peer), "4N", "EFPA");
    setup.await_delivered(1);
    assert_eq!(take_answers(&mut peer).len(), 1);
    assert_eq!(delivered(&setup, "TOKEN"), Some(content));
    server.await_log(&["file-opened", "TOKEN", "CN=us"]);
    assert_eq!(server.stop(), Some(0));
    let wrong = station_with(&keys("111111"), "", "");
    let checked = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["check", "-c"])
        .arg(wrong.config())
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(1));
    let text = said(&checked);
    all_in(
        &text,
        &["keys[0]", LIBRARY, "the password is wrong for the token"],
    );
    assert!(!text.contains("111111"), "{text}");
}
