//! What the running server answers.

use super::*;

#[test]
fn the_sessions_that_run_are_told_and_how_far_their_files_are() {
    let setup = Setup::plain("");
    let nobody = setup.pointsman(&["sessions"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", said(&nobody));
    let server = setup.serve();
    assert_eq!(sessions(&setup), Vec::<serde_json::Value>::new());
    // One has said nothing yet, one is in the middle of a file, one takes a file of ours.
    let _stranger = Peer::connect(server.address());
    let mut sender = Peer::session(server.address());
    let file = VirtualFile::new("HALFWAY", octets(3, 100 << 10));
    assert_eq!(sender.offer(&file), b"200000000000000000");
    let buffers = support::peer::data_buffers(&file.content);
    buffers.iter().take(5).for_each(|half| sender.say(half));
    let half = 5 * 63 * 63;
    let told = support::eventually("the sessions and the half", || {
        let told = sessions(&setup);
        (told.len() == 2 && told[1]["file"]["octets"] == half).then_some(told)
    });
    assert_eq!(told[0]["partner"], serde_json::Value::Null);
    let of_sender = &told[1];
    let port = sender.wire.local_addr().unwrap().port();
    assert_eq!(of_sender["remote"], format!("127.0.0.1:{port}"));
    assert_eq!(of_sender["partner"], "mueller");
    assert_eq!(of_sender["dialled"], false);
    assert_eq!(of_sender["file"]["direction"], "in");
    assert_eq!(of_sender["file"]["size"], 100 << 10);
    let terms = of_sender["terms"].as_str().unwrap();
    assert!(terms.contains("OFTP 2.0"), "{terms}");
    let id = of_sender["file"]["transfer"].as_str().unwrap();
    assert!(setup.transfers()[0].contains(id), "{id}");
    let table = said(&setup.pointsman(&["sessions", "--partner", "mueller"]));
    all_in(
        &line(&table, of_sender["session"].as_str().unwrap()),
        &["from 127.0.0.1", "receiving HALFWAY", "(19 %)", id],
    );
    assert_eq!(table.lines().count(), 2, "the stranger is not mueller's");
    assert_eq!(
        line(&partner(&setup, "mueller"), "sessions")
            .matches("HALFWAY")
            .count(),
        1
    );
    drop(sender);
    support::eventually("its line is gone", || {
        (sessions(&setup).len() == 1).then_some(())
    });
    queue(&setup, "ORDERS", "mueller");
    let mut taker = Peer::session(server.address());
    taker.say(b"R");
    assert_eq!(taker.hear()[0], b'H', "SFID");
    let told = sessions(&setup);
    assert_eq!(told[1]["file"]["direction"], "out", "{told:?}");
    assert_eq!(told[1]["file"]["octets"], 0);
    taker.say(b"200000000000000000");
    assert_eq!(taker.hear()[0], b'D');
    let told = sessions(&setup);
    assert_eq!(told[1]["file"]["octets"], 1000, "{told:?}");
    assert_eq!(taker.hear()[0], b'T', "EFID");
    taker.say(b"4N");
    assert_eq!(taker.hear(), b"R");
    assert_eq!(sessions(&setup)[1]["file"], serde_json::Value::Null);
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_without_end() {
    let setup = Setup::plain("");
    let server = setup.serve();
    server.signal(Signal::STOP);
    std::thread::scope(|scope| {
        for command in ["status", "sessions", "partners"] {
            let setup = &setup;
            scope.spawn(move || {
                let asked = setup.pointsman(&[command]);
                // `timeout` of the shell would say 124.
                assert_eq!(asked.status.code(), Some(1), "{command}: {}", said(&asked));
                all_in(&said(&asked), &["does not answer", "SIGSTOP"]);
            });
        }
    });
    server.signal(Signal::CONT);
    all_in(&told(&setup, &["status"]), &["sessions: 0"]);
}

#[test]
fn status_is_told_as_json() {
    let setup = Setup::plain("");
    let _server = setup.serve();
    let told = setup.pointsman(&["status", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["sessions"], 0);
    assert_eq!(told["policies"], serde_json::json!([]));
    assert_eq!(told["policy_generation"], 1);
}

#[test]
fn why_a_command_failed_is_data_where_it_was_asked_for_json() {
    let setup = Setup::plain("");
    let refused = |args: &[&str], status: i32| {
        let output = setup.pointsman(args);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        let sentence = String::from_utf8(output.stderr).unwrap();
        let data: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = data["error"].clone();
        let cause = error["cause"].as_str().unwrap();
        assert!(sentence.contains(cause), "{sentence}: {cause}");
        (
            error["code"].as_str().unwrap().to_owned(),
            error["hint"].as_str().unwrap().to_owned(),
        )
    };
    let (code, hint) = refused(&["status", "--json"], 3);
    assert_eq!(code, "no-server");
    assert!(
        hint.contains("`pointsman serve`") && hint.contains("storage.state"),
        "{hint}"
    );
    let (code, hint) = refused(&["partners", "nobody", "--json"], 2);
    assert_eq!(code, "no-such-partner");
    assert!(hint.starts_with("there are:"), "{hint}");
    let (code, _) = refused(&["queue", "hold", "ffff", "--json"], 1);
    assert_eq!(code, "no-store");
}
