//! Receipts, as operators decide and see them.

use super::*;

#[test]
fn send_says_whether_the_receipt_is_signed() {
    let called = Called::new();
    let setup = Setup::sender(&called.address(), "");
    let file = setup.write("ORDERS", "x");
    for (signature, expected) in [
        (&b""[..], "; it is not signed"),
        (b"SIGNED", "; the signature was not checked"),
    ] {
        let said = std::thread::scope(|scope| {
            let path = file.to_str().unwrap();
            let send = || setup.pointsman(&["send", path, "--to", "nordwerk"]);
            let sending = scope.spawn(send);
            let mut peer = called.greet();
            let sfid = take_file(&mut peer);
            assert_eq!(peer.hear(), b"R", "CD");
            let receipt = support::peer::eerp(&sfid);
            let (receipt, _) = receipt.split_at(receipt.len() - 2);
            let length = (signature.len() as u16).to_be_bytes();
            peer.say([receipt, &length, signature].concat());
            assert_eq!(peer.hear(), b"P", "RTR");
            peer.say(b"F00000\r");
            String::from_utf8(sending.join().unwrap().stdout).unwrap()
        });
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_receipt_is_refused_for_reasons_that_nerp_has() {
    let setup = Setup::plain("");
    let answer = |reason| {
        let id = "01a228f6-8425-75b2-89e8-fe936ea5f817";
        let tried = setup.pointsman(&["transfers", "answer", id, "--reject", reason]);
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(!said.is_empty());
        said
    };
    // 06, too big, and 10 are of SFNA and EFNA; NERP has other numbers for them.
    for reason in ["1", "6", "10", "17", "37", "98", "0", "100", "x"] {
        let said = answer(reason);
        assert!(
            said.contains("NERP has no such reason") && said.contains("16 file size is too big"),
            "{reason}: {said}"
        );
    }
    for reason in ["3", "16", "034", "99"] {
        let said = answer(reason);
        assert!(!said.contains("NERP has no"), "{reason}: {said}");
    }
}
