//! What the pages tell to type, signals and cores.

use super::*;

/// The commands of the page for whoever sets up a partner, and the configuration that it ends with.
#[test]
fn what_the_page_about_partners_tells_to_type_makes_a_session_come_about() {
    let page = include_str!("../../docs/partners.md");
    let blocks = |language: &str| -> Vec<String> {
        let begin = format!("```{language}\n");
        let blocks = page.split(begin.as_str()).skip(1);
        blocks
            .map(|block| block.split("```").next().unwrap().to_owned())
            .collect()
    };
    let folder = |setup: &Setup, script: &str| {
        let done = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(setup.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{script}: {}", said(&done));
        said(&done)
    };
    let (us, them) = (Setup::plain(""), Setup::plain(""));
    let scripts = blocks("sh");
    // The partner has read the same page, and sends its certificate as DER.
    folder(&them, &scripts[0].replace("nordwerk", "mueller"));
    folder(
        &them,
        "openssl x509 -in mueller.pem -outform DER -out mueller.cer",
    );
    let from = them.path().join("mueller.cer");
    std::fs::copy(from, us.path().join("mueller.cer")).unwrap();
    let told: Vec<String> = scripts.iter().map(|script| folder(&us, script)).collect();
    let digests: Vec<&str> = told[2]
        .lines()
        .filter(|line| line.contains("= ") && line.contains("SHA2-256("))
        .collect();
    assert_eq!(digests[0], digests[1], "the key belongs to the certificate");
    std::fs::copy(
        us.path().join("nordwerk.cer"),
        them.path().join("nordwerk.cer"),
    )
    .unwrap();
    folder(
        &them,
        "openssl x509 -in nordwerk.cer -inform DER -out nordwerk.pem",
    );

    // Both sides as the page has it, on this machine.
    let page = &blocks("yaml")[0];
    let of_page = |station: &str, at: &str| {
        let head =
            format!("version: 1\nstation: {station}\nstorage: {{state: state, inbox: inbox}}\n");
        head + &page
            .replace("0.0.0.0:6619", "127.0.0.1:0")
            .replace("oftp.mueller.example:6619", at)
            .replace("${file:mueller.password}", "SECRET")
    };
    let swapped = |text: &str| {
        text.replace("nordwerk", "X")
            .replace("mueller", "nordwerk")
            .replace('X', "mueller")
    };
    let theirs = swapped(&of_page(
        "{ssid: O0013000007MUELLER, password: SECRET}",
        "127.0.0.1:1",
    ));
    them.write(
        "pointsman.yaml",
        theirs.replace(
            "O0013000007MUELLER\n    password",
            "O0013000001NORDWERK\n    password",
        ),
    );
    let server = them.serve();
    let ours = of_page(
        "{ssid: O0013000001NORDWERK, password: SECRET}",
        &server.address().to_string(),
    );
    us.write("pointsman.yaml", ours);
    let checked = us.pointsman(&["check"]);
    assert!(checked.status.success(), "{}", said(&checked));
    let file = us.write("TEST", "hello");
    let sent = us.pointsman(&["send", file.to_str().unwrap(), "--to", "mueller"]);
    assert!(sent.status.success(), "{}\n{}", said(&sent), server.log());
    assert_eq!(them.await_delivered(1).len(), 1);
    // All that the page agrees on came about: services, suite, authentication, the signed receipt.
    let shown = |setup: &Setup| {
        let id = setup.transfers()[0]
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned();
        said(&setup.pointsman(&["transfers", "show", &id]))
    };
    let services = "encrypted and signed, compressed, enveloped, a signed receipt is asked for, cipher suite 04 (";
    all_in(&shown(&us), &[services, "EERP, signed,"]);
    all_in(&shown(&them), &[services, "opened: 5 octets"]);
    server.await_log(&["authenticated"]);
}

#[test]
fn whom_nobody_can_call_is_not_advised_to_be_called() {
    let setup = Setup::plain("");
    setup.queue("ORDERS", "order", "mueller");
    let told = said(&setup.pointsman(&["partners", "mueller"]));
    all_in(&told, &["no server runs", "start `pointsman serve`"]);
    assert!(!told.contains("send --to"), "{told}");
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let setup = Setup::plain("");
    let server = setup.serve();
    for signal in [
        Signal::USR1,
        Signal::USR2,
        Signal::HUP,
        Signal::ALARM,
        Signal::PIPE,
        Signal::XFSZ,
        Signal::XCPU,
        Signal::POWER,
    ] {
        server.signal(signal);
    }
    let pid = server.pid().to_string();
    let real_time = ["-s", "RTMIN+5", &pid];
    assert!(
        Command::new("kill")
            .args(real_time)
            .status()
            .unwrap()
            .success()
    );
    server.await_log(&["signal-ignored", "SIGRTMIN+"]);
    server.await_log(&["signal-ignored", "SIGUSR1"]);
    server.await_log(&["configuration-reloaded", "nothing"]);
    Peer::session(server.address()).send(&VirtualFile::new("ORDERS", octets(1, 100)));
    setup.await_delivered(1);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn no_core_is_dumped() {
    let setup = Setup::plain("");
    let before = format!("cd {} && ulimit -c unlimited", setup.path().display());
    let server = Server::start_after(&setup.config(), &before);
    server.signal(Signal::ABORT);
    let ended = server.gone();
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped(), "the passwords are in it");
}
