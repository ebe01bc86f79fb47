//! Questions that operators ask, and what answers them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

mod certificates;
mod needs;
mod partners;
mod practice;
mod receipts;
mod running;
mod start;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod transfers;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use pointsman::KNOWN_PARTNERS;
use rustix::process::Signal;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use support::patience::end;
use support::peer::{Called, Peer, Ssid, VirtualFile, efid, esid, release, take_file};
use support::{OURS, POINTSMAN, Server, Setup, US, octets, openssl_certificate, other_file_system};

const TLS: &str = "  - address: 127.0.0.1:0\n    tls:\n      certificate: us.pem\n      key: us.key\n      client_auth: require\n";

/// Runs openssl in the folder.
fn openssl(folder: &Path, arguments: &str) -> Output {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {said}");
    done
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn all_in(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
}

/// A partner's TLS server made of openssl, which speaks no OFTP.
struct TlsServer {
    child: Child,
    port: u16,
}

impl TlsServer {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new("timeout")
            .args(["120", "openssl", "s_server", "-accept", "127.0.0.1:0"])
            .args(["-cert", "them.pem", "-key", "them.key"])
            .args(more)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // "ACCEPT 127.0.0.1:PORT"
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ACCEPT"))
            .expect("s_server listens");
        let port = line.rsplit(':').next().unwrap().trim().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Shows the certificate `shown` and signs with the key `signing`, whether they belong together or not; says whether the
/// server greets then.
fn greets(setup: &Setup, server: &support::Server, shown: &str, signing: &str) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = CertificateDer::pem_file_iter(setup.path().join(shown)).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(setup.path().join(signing)).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let identity = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_client_cert_resolver(Arc::new(identity));
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address()).unwrap();
    let mut wire = StreamOwned::new(client, socket);
    let mut greeting = [0; 23];
    wire.read_exact(&mut greeting).is_ok() && greeting[4..].starts_with(b"IODETTE")
}

/// A client that believes every server.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What `pointsman partners NAME` says, as its lines by their first words.
fn partner(setup: &Setup, name: &str) -> String {
    let told = setup.pointsman(&["partners", name]);
    assert!(told.status.success(), "{}", said(&told));
    said(&told)
}

fn line(text: &str, start: &str) -> String {
    let found = text.lines().find(|line| line.starts_with(start));
    found
        .unwrap_or_else(|| panic!("no line of {start} in {text}"))
        .to_owned()
}

fn queue(setup: &Setup, name: &str, to: &str) -> String {
    setup.queue(name, octets(7, 1000), to)
}

fn sessions(setup: &Setup) -> Vec<serde_json::Value> {
    let told = setup.pointsman(&["sessions", "--json"]);
    assert!(told.status.success(), "{}", said(&told));
    serde_json::from_slice(&told.stdout).unwrap()
}

fn with_listeners(setup: &Setup, listeners: &str) {
    setup.configure(listeners, "", "");
}

fn told(setup: &Setup, args: &[&str]) -> String {
    let told = setup.pointsman(args);
    assert!(told.status.success(), "{args:?}: {}", said(&told));
    said(&told)
}

fn told_as_json(setup: &Setup, args: &[&str]) -> serde_json::Value {
    let told = setup.pointsman(&[args, &["--json"]].concat());
    assert!(told.status.success(), "{args:?}: {}", said(&told));
    serde_json::from_slice(&told.stdout).unwrap()
}
