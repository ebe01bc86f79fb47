//! What an operator gets wrong is told with its place, and with what to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use support::{House, openssl_certificate};

/// Runs `pointsman check` on a good configuration in which `from` was replaced; gives what it says.
fn check(from: &str, to: &str) -> String {
    let house = House::plain("");
    let good = std::fs::read_to_string(house.config()).unwrap();
    assert!(
        from.is_empty() || good.contains(from),
        "{from} is not in it"
    );
    house.write("pointsman.yaml", good.replacen(from, to, 1));
    let checked = house.pointsman(&["check"]);
    assert_eq!(
        checked.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
    String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned()
}

/// The report points at this line and column, and says all of this.
fn points_at(said: &str, place: &str, words: &[&str]) {
    assert!(
        said.contains(&format!("pointsman.yaml:{place}")),
        "{place} is not in: {said}"
    );
    for word in words {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
}

#[test]
fn a_good_one_is_ok() {
    let house = House::plain("");
    let checked = house.pointsman(&["check"]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(
        !house.path().join("state").exists(),
        "and nothing was made or started"
    );
}

#[test]
fn unknown_keys_and_duplicate_keys() {
    let said = check(
        "listeners:\n  - address: 127.0.0.1:0",
        "listeners:\n  - address: 127.0.0.1:0\n    tlss: true",
    );
    points_at(
        &said,
        "10:5",
        &["unknown key `tlss`", "did you mean `tls`?"],
    );
    let said = check("  state: state", "  state: state\n  state: elsewhere");
    points_at(&said, "6:3", &["\"state\"", "twice", "remove one"]);
    let said = check(
        "partners:\n",
        "partners:\n  mueller:\n    ssid: X\n    password: Y\n",
    );
    points_at(&said, "11:3", &["\"mueller\"", "twice"]);
    let said = check("station:", "stations:");
    points_at(
        &said,
        "2:1",
        &["unknown key `stations`", "did you mean `station`?"],
    );
}

#[test]
fn codes_that_cannot_be_sent() {
    let said = check("O0013000001NORDWERK", "O0013000001NORDWERKANDMUCHMORE");
    points_at(&said, "3:9", &["station.ssid", "25"]);
    let said = check("O0013000001NORDWERK", "O0013_NORDWERK");
    points_at(&said, "3:9", &["station.ssid", "_"]);
    let said = check("OURPASS", "OURPASSWORD");
    points_at(&said, "4:13", &["station.password", "8", "***"]);
    hides(&said, &["OURPASSWORD"]);
    let said = check("password: THEIRS", "password: ~");
    points_at(&said, "13:15", &["partners.mueller.password", "missing"]);
}

/// Nothing of a secret is shown, not even of a wrong one.
fn hides(said: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
}

#[test]
fn no_part_of_a_password_is_shown_whatever_is_wrong_beside_it() {
    // Its end, behind what ends a word elsewhere.
    for separator in [" ", ":", ", ", "}"] {
        let said = check("OURPASS", &format!("FIRST{separator}SECOND"));
        points_at(&said, "4:13", &["station.password", "**"]);
        hides(&said, &["FIRST", "SECOND"]);
    }
    let house = House::plain("");
    house.write("first", "FIRST\n");
    let good = std::fs::read_to_string(house.config()).unwrap();
    house.write(
        "pointsman.yaml",
        good.replace("OURPASS", "${file:first}SECOND"),
    );
    let checked = house.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    points_at(&said, "4:13", &["station.password", "8"]);
    hides(&said, &["FIRST", "SECOND"]);
    // It is good, and something else in its line is not.
    let said = check(
        "    password: THEIRS\n",
        "    session: {password: THEIRS, credit: 1000}\n",
    );
    hides(&said, &["THEIRS"]);
    // It is no YAML.
    for wrong in [
        "password: \"OURPASS",
        "password: {OURPASS",
        "password OURPASS",
        "password: |\n     OURPASS\n   x: [",
    ] {
        let said = check("password: OURPASS", wrong);
        hides(&said, &["OURPASS"]);
    }
    // It has the characters of a reference.
    let said = check("OURPASS", "AB${CD}E");
    hides(&said, &["AB", "CD"]);
    points_at(&said, "4:13", &["$${"]);
}

#[test]
fn values_of_the_wrong_kind() {
    let said = check("127.0.0.1:0", "localhost");
    points_at(&said, "9:14", &["listeners[0].address", "0.0.0.0:3305"]);
    let said = check("version: 1", "version: 7");
    points_at(&said, "1:10", &["version 1"]);
    let said = check(
        "password: THEIRS",
        "password: THEIRS\n    session: {credit: 1000}",
    );
    points_at(&said, "14:23", &["1 to 999"]);
    let said = check(
        "password: THEIRS",
        "password: THEIRS\n    session: {idle_timeout: soon}",
    );
    points_at(&said, "14:29", &["30s"]);
    let said = check("station:\n", "station: [\n");
    points_at(&said, "", &["error"]);
}

#[test]
fn files_and_references_that_are_not_there() {
    let tls = "127.0.0.1:0\n    tls:\n      certificate: gone.pem\n      key: gone.key";
    let said = check("127.0.0.1:0", tls);
    points_at(
        &said,
        "11:20",
        &["gone.pem", "No such file", "correct the path"],
    );
    let said = check("OURPASS", "${env:POINTSMAN_TEST_NOT_SET}");
    points_at(&said, "4:13", &["no variable `POINTSMAN_TEST_NOT_SET`"]);
    let said = check("OURPASS", "${file:secret}");
    points_at(&said, "4:13", &["secret: No such file"]);
    let said = check("OURPASS", "${vault:x}");
    points_at(&said, "4:13", &["${env:NAME}"]);
}

#[test]
fn secrets_by_reference_are_used_and_never_shown() {
    let house = House::plain("");
    let good = std::fs::read_to_string(house.config()).unwrap();
    house.write("secret", "THEIRS\n");
    house.write(
        "pointsman.yaml",
        good.replace("password: THEIRS", "password: ${file:secret}"),
    );
    let server = house.serve();
    let mut peer = support::peer::Peer::session(server.address());
    peer.send(&support::peer::VirtualFile::new("ORDER", "x"));
    house.await_delivered(1);
    let everything = server.log() + &String::from_utf8_lossy(&house.pointsman(&["status"]).stdout);
    assert!(
        !everything.contains("THEIRS") && !everything.contains("OURPASS"),
        "a password is in: {everything}"
    );
}

#[test]
fn two_partners_cannot_be_one() {
    let said = check(
        "partners:\n",
        "partners:\n  other:\n    ssid: O0013000007MUELLER\n    password: X\n",
    );
    assert!(
        said.contains("`mueller` and `other` have the same ssid"),
        "{said}"
    );
}

#[test]
fn certificates_keys_and_policies_are_looked_into() {
    let house = House::plain("");
    ["us", "other"]
        .iter()
        .for_each(|name| openssl_certificate(house.path(), name));
    let listener = |key: &str| {
        format!("  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: {key}\n")
    };
    house.configure(&listener("us.key"), "", "");
    let checked = house.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("CN=us") && said.contains("sha256"),
        "{said}"
    );
    house.configure(&listener("other.key"), "", "");
    let checked = house.pointsman(&["check"]);
    assert_eq!(
        checked.status.code(),
        Some(1),
        "a key of another certificate"
    );
    house.configure(&listener("pointsman.yaml"), "", "");
    assert_eq!(
        house.pointsman(&["check"]).status.code(),
        Some(1),
        "a key that is none"
    );
    house.write("policy.wasm", "not a component");
    house.configure(
        "  - address: 127.0.0.1:0\n",
        "",
        "policies:\n  bad:\n    component: policy.wasm\n",
    );
    let checked = house.pointsman(&["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        !checked.status.success() && said.contains("`bad`") && said.contains("not WebAssembly"),
        "{said}"
    );
}

#[test]
fn a_second_server_keeps_off_the_first_ones_storage() {
    let house = House::plain("");
    let _server = house.serve();
    let second = house.pointsman(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another server runs on"));
}
