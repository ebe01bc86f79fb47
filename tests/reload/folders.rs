//! Watched folders and calls.

use super::*;
use crate::support::peer::Called;

const LISTENER: &str = "listeners:\n  - address: 127.0.0.1:0\n";

const OTHER: &str =
    "  other:\n    ssid: O0013000009OTHER\n    password: OTHER\n    calls: {queued: false}\n";

/// A station whose partner is not called for what is queued.
fn station(more: &str) -> Setup {
    let setup = Setup::caller(LISTENER, "127.0.0.1:1", "");
    configure(&setup, more);
    setup
}

fn configure(setup: &Setup, more: &str) {
    let again = Setup::caller(
        LISTENER,
        "127.0.0.1:1",
        &format!("    calls: {{queued: false}}\n{more}"),
    );
    std::fs::copy(again.config(), setup.config()).unwrap();
}

fn watched(folder: &str) -> String {
    format!("    watch: [{{folder: {folder}, quiet: 10ms}}]\n")
}

/// Puts a file into a folder as a whole.
fn put(setup: &Setup, folder: &str, name: &str) {
    let beside = setup.write(&format!("beside/{name}"), name);
    std::fs::rename(beside, setup.path().join(folder).join(name)).unwrap();
}

fn is_watched(setup: &Setup, folder: &str) -> bool {
    setup.path().join(folder).join(".taken").is_dir()
}

fn queued(setup: &Setup, name: &str) -> Option<String> {
    setup.transfers().into_iter().find(|row| row.contains(name))
}

#[test]
fn a_folder_that_is_added_is_watched_within_a_second() {
    let setup = station("");
    let _server = setup.serve();
    configure(&setup, &watched("out"));
    let said = soon(&setup, "a watched folder", || is_watched(&setup, "out"));
    assert!(said.contains("partners.nordwerk.watch[0].folder"), "{said}");
    put(&setup, "out", "FIRST");
    let row = eventually("it is queued", || queued(&setup, "FIRST"));
    assert!(row.contains("nordwerk"), "{row}");
}

#[test]
fn a_folder_that_is_removed_is_left_alone() {
    let setup = station(&watched("out"));
    let server = setup.serve();
    eventually("it is watched", || is_watched(&setup, "out").then_some(()));
    // Another one is watched instead: what it gets shows that folders were looked at meanwhile.
    configure(&setup, &watched("instead"));
    soon(&setup, "another folder", || is_watched(&setup, "instead"));
    let status = || String::from_utf8(setup.pointsman(&["status"]).stdout).unwrap();
    eventually("the old one is watched no more", || {
        (!status().contains(&format!("{} of", setup.path().join("out").display()))).then_some(())
    });
    put(&setup, "out", "LEFT");
    put(&setup, "instead", "TAKEN");
    eventually("the other is queued", || queued(&setup, "TAKEN"));
    // Longer than the pause between two looks.
    std::thread::sleep(Duration::from_millis(2500));
    assert!(setup.path().join("out/LEFT").is_file());
    assert_eq!(queued(&setup, "LEFT"), None);
    // Added again, it is taken.
    configure(&setup, &watched("out"));
    reloaded(&setup);
    eventually("it is queued", || queued(&setup, "LEFT"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_folder_that_changes_its_partner_is_the_others_from_then_on() {
    let setup = station(&format!("{}{OTHER}", watched("out")));
    let _server = setup.serve();
    eventually("it is watched", || is_watched(&setup, "out").then_some(()));
    put(&setup, "out", "BEFORE");
    let row = eventually("it is queued", || queued(&setup, "BEFORE"));
    assert!(row.contains("nordwerk"), "{row}");
    configure(&setup, &format!("{OTHER}{}", watched("out")));
    reloaded(&setup);
    put(&setup, "out", "AFTER");
    let row = eventually("it is queued", || queued(&setup, "AFTER"));
    assert!(row.contains("other"), "{row}");
}

#[test]
fn a_folder_that_cannot_be_used_is_said_and_keeps_no_other_change_out() {
    let setup = station("");
    let server = setup.serve();
    setup.write("out", "a file is in its place");
    configure(
        &setup,
        &format!("{}limits: {{sessions: 7}}\n", watched("out")),
    );
    let said = reloaded(&setup);
    assert!(said.contains("limits.sessions"), "{said}");
    assert!(
        said.contains("error: partners.nordwerk.watch[0].folder: "),
        "{said}"
    );
    server.await_log(&["folder-unusable"]);
}

/// The time of day in so many seconds.
fn time_in(seconds: u32) -> String {
    let date = std::process::Command::new("date")
        .args(["-d", &format!("+{seconds} seconds"), "+%H:%M:%S"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&date.stdout).trim().to_owned()
}

#[test]
fn a_changed_hour_is_followed() {
    let called = Called::new();
    let calls = |hours: &str| format!("    calls: {{queued: false, at: [{hours}]}}\n");
    let setup = Setup::caller(LISTENER, &called.address(), &calls("'00:00:00'"));
    let server = setup.serve();
    let to = |hours: &str| {
        let again = Setup::caller(LISTENER, &called.address(), &calls(hours));
        std::fs::copy(again.config(), setup.config()).unwrap();
    };
    let next_call = || {
        let told = setup.pointsman(&["partners", "--json"]);
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        told[0]["next_call_at"].as_str().unwrap_or("").to_owned()
    };
    let midnight = eventually("it is planned", || {
        Some(next_call()).filter(|next| !next.is_empty())
    });
    let hours = format!("'{}'", time_in(3 * 3600));
    to(&hours);
    soon(&setup, "another hour", || next_call() != midnight);
    // On a machine with much to do the first of them is over before it is in force.
    let hours = [3, 12, 40].map(|seconds| format!("'{}'", time_in(seconds)));
    to(&hours.join(", "));
    reloaded(&setup);
    called.accept();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_changed_pause_between_calls_is_followed() {
    let called = Called::new();
    let calls = |every: &str| format!("    calls: {{queued: false, every: {every}}}\n");
    let setup = Setup::caller(LISTENER, &called.address(), &calls("10h"));
    let server = setup.serve();
    crate::support::peer::release(&mut called.greet());
    server.await_log(&["session-ended"]);
    let again = Setup::caller(LISTENER, &called.address(), &calls("1s"));
    std::fs::copy(again.config(), setup.config()).unwrap();
    let said = reloaded(&setup);
    assert!(said.contains("partners.nordwerk.calls.every"), "{said}");
    let began = Instant::now();
    called.accept();
    println!("called {:?} after the reload", began.elapsed());
}
