//! Keys and certificates that go between the receipt of a file and its opening: its partner, which has its EFPA, is to blame
//! for nothing.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::cms_command::KEYS;
use crate::secured::{Maker, Secured, delivered, keys, positive, station_with, take_answers};
use crate::support::peer::Peer;
use crate::support::{Setup, eventually, octets};

/// A file that takes a second or so to be opened: the server is killed as soon as it has given EFPA.
fn left_unopened(setup: &Setup, name: &str, services: &'static str, wire: Vec<u8>) {
    let server = setup.serve();
    let mut peer = Peer::session(server.address());
    let file = Secured::new(name, services, 4, wire);
    assert_eq!(file.send(&mut peer), "4N");
    server.kill();
    let rows = setup.transfers();
    assert!(rows[0].contains("opening"), "{rows:?}");
}

#[test]
fn a_file_whose_key_is_gone_waits_for_it_and_its_partner_gets_no_nerp() {
    let content = octets(9, 30_000_000);
    let wire = Maker::Crate.make("se", 4, &content);
    let stranger = Maker::Crate.make_by("them", "stranger", "se", 4, b"content");
    for ours in [&["ended"][..], &[]] {
        let setup = station_with(&keys(&["us"], &["them"]), "expansion: 9", "");
        left_unopened(&setup, "GONE", "se", wire.clone());
        let before = std::fs::read_to_string(setup.config()).unwrap();
        let others = before.replace(&keys(&["us"], &["them"]), &keys(ours, &["them"]));
        assert_ne!(before, others);
        std::fs::write(setup.config(), others).unwrap();
        let server = setup.serve();
        let line = server.await_log(&["not-opened-yet", "GONE", "serial"]);
        assert!(line.contains("put the key back"), "{line}");
        assert_eq!(take_answers(&mut Peer::session(server.address())), []);
        let rows = setup.transfers();
        assert!(rows[0].contains("opening"), "{rows:?}");
        assert_eq!(server.stop(), Some(0));

        std::fs::write(setup.config(), before).unwrap();
        let server = setup.serve();
        setup.await_delivered(1);
        assert!(delivered(&setup, "GONE").unwrap() == content);
        let mut peer = Peer::session(server.address());
        // That no key of ours was ever named is the partner's fault.
        let file = Secured::new("STRANGER", "se", 4, stranger.clone());
        assert_eq!(file.send(&mut peer), "4N");
        let answers = take_answers(&mut peer);
        assert!(answers.contains(&positive("GONE")), "{answers:?}");
        let refused = answers.iter().find(|one| one.dataset == "STRANGER");
        let nerp = refused.and_then(|one| one.nerp.as_ref());
        assert_eq!(nerp.map(|(reason, _)| reason.as_str()), Some("33"));
    }
}

/// A certificate of the partner's key, `NAME.pem` and `NAME.key`, that ends in so long.
fn ends_in(name: &str, life: Duration) {
    let place = |file: &str| KEYS.path().join(file);
    let key = std::fs::read_to_string(place("them.key")).unwrap();
    let pair = rcgen::KeyPair::from_pem(&key).unwrap();
    let mut certificate = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let subject = &mut certificate.distinguished_name;
    subject.push(rcgen::DnType::CommonName, name);
    certificate.not_before = rcgen::date_time_ymd(2019, 1, 1);
    certificate.not_after = OffsetDateTime::now_utc() + life;
    let made = certificate.self_signed(&pair).unwrap().pem();
    std::fs::write(place(&format!("{name}.pem")), made).unwrap();
    std::fs::write(place(&format!("{name}.key")), key).unwrap();
}

#[test]
fn a_signer_whose_certificate_ends_before_the_file_is_opened_was_in_order() {
    let life = Duration::from_secs(12);
    let (content, began) = (octets(10, 30_000_000), Instant::now());
    ends_in("brief", life);
    let wire = Maker::Crate.make_by("brief", "us", "s", 4, &content);
    let setup = station_with(&keys(&["us"], &["brief"]), "expansion: 9", "");
    left_unopened(&setup, "BRIEF", "s", wire);
    let left = (life + Duration::from_secs(1)).saturating_sub(began.elapsed());
    std::thread::sleep(left);
    let server = setup.serve();
    // The file has its name in the inbox before its receipt is owed.
    let answers = eventually("its receipt is owed", || {
        let answers = take_answers(&mut Peer::session(server.address()));
        (!answers.is_empty()).then_some(answers)
    });
    assert_eq!(answers, [positive("BRIEF")]);
    assert_eq!(setup.delivered().len(), 1);
}
