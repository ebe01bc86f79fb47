//! Certificates of TLS change over while sessions run: the new one beside the old one, on either side, in any order.

use time::{Duration as Span, OffsetDateTime};

use super::certificates::{serial, shown};
use super::*;

/// Two servers of ours over TLS: one is called, the other calls, and each asks for the other's certificate.
struct Couple {
    called: Setup,
    caller: Setup,
    called_server: Server,
    calling_server: Server,
    /// The called one's port, which its configuration keeps.
    port: u16,
    sent: usize,
}

/// What one side shows and what it knows, in this order.
type Sides = (&'static [&'static str], &'static [&'static str]);

impl Couple {
    /// Certificates are there by their names on both sides.
    fn begin(make: impl Fn(&Setup), called: Sides, caller: Sides) -> Self {
        let station = Setup::plain("");
        make(&station);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let other = Setup::caller("", &format!("localhost:{port}"), "");
        for entry in std::fs::read_dir(station.path()).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|end| end == "pem" || end == "key")
            {
                std::fs::copy(&path, other.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        configure_called(&station, port, called);
        configure_caller(&other, port, caller);
        Self {
            called_server: station.serve(),
            calling_server: other.serve(),
            called: station,
            caller: other,
            port,
            sent: 0,
        }
    }

    fn change_called(&self, sides: Sides) {
        configure_called(&self.called, self.port, sides);
        reloaded(&self.called);
    }

    fn change_caller(&self, sides: Sides) {
        configure_caller(&self.caller, self.port, sides);
        reloaded(&self.caller);
    }

    /// A file crosses in a session of its own.
    fn send(&mut self) {
        self.sent += 1;
        self.caller
            .queue(&format!("FILE{}", self.sent), "order", "nordwerk");
        self.called.await_delivered(self.sent);
    }

    fn refused_none(&self) {
        for (server, bad) in [
            (&self.called_server, ["tls-refused", "connection-refused"]),
            (&self.calling_server, ["call-failed", "connection-refused"]),
        ] {
            let log = server.log();
            // What this test asks by `openssl s_client` shows none.
            let mut lines = log
                .lines()
                .filter(|line| !line.contains("it showed no certificate"));
            let refused = lines.find(|line| bad.iter().any(|word| line.contains(word)));
            assert_eq!(refused, None);
        }
    }
}

fn entries(names: &[&str], entry: impl Fn(&str) -> String) -> String {
    names.iter().map(|name| entry(name)).collect()
}

fn keys(names: &[&str], role: &str) -> String {
    entries(names, |name| {
        format!("    - {{file: {name}.key, certificate: {name}.pem, for: [{role}]}}\n")
    })
}

fn certificates(names: &[&str]) -> String {
    entries(names, |name| {
        format!("      - {{file: {name}.pem, for: [tls]}}\n")
    })
}

fn with_keys(setup: &Setup, keys: &str) {
    let text = std::fs::read_to_string(setup.config()).unwrap();
    let text = text.replacen("storage:\n", &format!("  keys:\n{keys}storage:\n"), 1);
    std::fs::write(setup.config(), text).unwrap();
}

fn configure_called(setup: &Setup, port: u16, (shows, knows): Sides) {
    let listener = format!("  - address: 127.0.0.1:{port}\n    tls:\n      client_auth: require\n");
    let known = format!("    certificates:\n{}", certificates(knows));
    setup.configure(&listener, &known, "");
    with_keys(setup, &keys(shows, "tls-server"));
}

fn configure_caller(setup: &Setup, port: u16, (shows, knows): Sides) {
    let partner = format!(
        "    tls: true\n    certificates:\n{}    calls: {{delay: 20ms}}\n",
        certificates(knows)
    );
    let address = format!("localhost:{port}");
    let written = Setup::caller("listeners:\n  - address: 127.0.0.1:0\n", &address, &partner);
    std::fs::copy(written.config(), setup.config()).unwrap();
    with_keys(setup, &keys(shows, "tls-client"));
}

/// Makes a certificate that is valid from and to so many seconds from now on.
fn make(setup: &Setup, name: &str, from: i64, to: i64) {
    let mut certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let mut subject = rcgen::DistinguishedName::new();
    subject.push(rcgen::DnType::CommonName, name);
    certificate.distinguished_name = subject;
    let now = OffsetDateTime::now_utc();
    certificate.not_before = now + Span::seconds(from);
    certificate.not_after = now + Span::seconds(to);
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = certificate.self_signed(&key).unwrap();
    setup.write(&format!("{name}.key"), key.serialize_pem());
    setup.write(&format!("{name}.pem"), signed.pem());
}

const YEAR: i64 = 365 * 24 * 60 * 60;

#[test]
fn certificates_change_over_on_either_side_in_any_order_and_no_session_is_refused() {
    let all = |setup: &Setup| {
        for name in ["server1", "server2", "caller1", "caller2"] {
            make(setup, name, -60, YEAR);
        }
    };
    let old: [Sides; 2] = [(&["server1"], &["caller1"]), (&["caller1"], &["server1"])];
    let mut couple = Couple::begin(all, old[0], old[1]);
    couple.send();
    // The one who is called changes: who knows it first, then the other way round with what is behind the old one.
    couple.change_caller((&["caller1"], &["server1", "server2"]));
    couple.send();
    couple.change_called((&["server2", "server1"], &["caller1"]));
    couple.send();
    let address = couple.called_server.address();
    assert_eq!(
        shown(&couple.called, address),
        serial(&couple.called, "server2.pem")
    );
    couple.change_caller((&["caller1"], &["server2"]));
    couple.send();
    // The one who calls changes, and has the new one behind the old one before the other knows it.
    couple.change_caller((&["caller1", "caller2"], &["server2"]));
    couple.send();
    couple.change_called((&["server2"], &["caller2", "caller1"]));
    couple.send();
    couple.change_caller((&["caller2"], &["server2"]));
    couple.send();
    couple.change_called((&["server2"], &["caller2"]));
    couple.send();
    couple.refused_none();
    // What was taken out counts no more.
    couple.change_caller((&["caller1"], &["server2"]));
    couple.caller.queue("LATE", "order", "nordwerk");
    couple.calling_server.await_log(&["call-failed"]);
    couple
        .called_server
        .await_log(&["tls-refused", "CN=caller1"]);
}

#[test]
fn the_next_certificate_takes_over_when_the_one_before_ends_without_a_reload() {
    let (ended, long) = (12, YEAR);
    let all = |setup: &Setup| {
        make(setup, "gone", -YEAR, -60);
        for name in ["server1", "caller1"] {
            make(setup, name, -60, ended);
        }
        for name in ["server2", "caller2"] {
            make(setup, name, -60, long);
        }
    };
    let began = Instant::now();
    let mut couple = Couple::begin(
        all,
        (&["gone", "server1", "server2"], &["caller1", "caller2"]),
        (&["gone", "caller1", "caller2"], &["server1", "server2"]),
    );
    let address = couple.called_server.address();
    let shows = |couple: &Couple| shown(&couple.called, address);
    let [first, next] = ["server1.pem", "server2.pem"].map(|name| serial(&couple.called, name));
    assert_eq!(shows(&couple), first, "the one before it has ended");
    couple.send();
    assert!(
        began.elapsed() < Duration::from_secs(ended as u64),
        "this machine is too slow for it"
    );
    // Each look is a caller without a certificate. So many that the log counts them together would hide who was refused.
    let pace = Duration::from_millis(200);
    eventually("the next one is shown", || {
        std::thread::sleep(pace);
        (shows(&couple) == next).then_some(())
    });
    // A second has begun in which the caller's has ended, too.
    std::thread::sleep(Duration::from_secs(1));
    couple.send();
    couple.refused_none();
}
