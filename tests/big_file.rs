//! Memory does not follow the size of a file, plain or over TLS.
//!
//! `POINTSMAN_BIG_MIB` says how big the big one is (128 where it is not set).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod support;

use std::path::Path;

use support::{House, THEM, US, amount, octets, openssl_certificate, same_content};

/// Two stations; sends a file of so many MiB from one to the other. Gives the server's peak memory in KiB.
fn peak_memory(mib: u64, tls: bool) -> u64 {
    let listener = match tls {
        true => {
            "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n"
        }
        false => "  - address: 127.0.0.1:0\n",
    };
    let house = House::with_listeners("  - address: 127.0.0.1:0\n", "", "");
    openssl_certificate(house.path(), "us");
    house.configure(listener, "", "");
    let server = house.serve();
    let secured = if tls {
        "    tls: true\n    certificate: us.pem\n"
    } else {
        ""
    };
    let caller = House::with_listeners("  - address: 127.0.0.1:0\n", "", "");
    std::fs::copy(house.path().join("us.pem"), caller.path().join("us.pem")).unwrap();
    let theirs = format!(
        "station:\n  ssid: {THEM}\n  password: THEIRS\nstorage:\n  state: state\n  inbox: inbox\npartners:\n  nordwerk:\n    ssid: {US}\n    \
         password: OURPASS\n    address: {}\n{secured}",
        server.address()
    );
    std::fs::write(caller.config(), theirs).unwrap();
    let file = caller.path().join("CAD.MODEL");
    write_file(&file, mib);
    let sent = caller.pointsman(&["send", file.to_str().unwrap(), "--to", "nordwerk"]);
    assert!(
        sent.status.success(),
        "{}{}",
        String::from_utf8_lossy(&sent.stdout),
        String::from_utf8_lossy(&sent.stderr)
    );
    let path = house.inbox().join(&house.await_delivered(1)[0]);
    assert!(same_content(&path, &file), "every octet as it was sent");
    server.peak_memory()
}

/// No two MiB of it are the same.
fn write_file(path: &Path, mib: u64) {
    use std::io::Write;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut piece = octets(mib, 1 << 20);
    for number in 0..mib {
        piece[..8].copy_from_slice(&number.to_be_bytes());
        file.write_all(&piece).unwrap();
    }
    file.flush().unwrap();
}

#[test]
fn a_big_file_takes_no_more_memory_than_a_small_one() {
    let big = amount("POINTSMAN_BIG_MIB", 128);
    for tls in [false, true] {
        let (small, large) = (peak_memory(20, tls), peak_memory(big, tls));
        println!(
            "{}: peak memory of the server: {small} KiB for 20 MiB, {large} KiB for {big} MiB",
            if tls { "TLS" } else { "plain" }
        );
        assert!(large < 64 << 10, "{large} KiB");
        assert!(large < small + (8 << 10), "{large} KiB against {small} KiB");
    }
}
