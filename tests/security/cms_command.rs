//! Keys of both stations, and the commands of others that make and open what OFTP has.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;

/// A folder with RSA keys and certificates in PEM: `us` and `them`, `them-next`, a `stranger`, and `ended`, whose
/// certificate is not valid any more. They are made once: keys take their time.
pub static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    for name in ["us", "them", "them-next", "stranger"] {
        certificate(folder.path(), name, 2099);
    }
    certificate(folder.path(), "ended", 2020);
    folder
});

fn certificate(folder: &Path, name: &str, until: i32) {
    let key = folder.join(format!("{name}.key"));
    let how = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out";
    let mut openssl = Command::new("openssl");
    let made = openssl.args(how.split(' ')).arg(&key).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let pair = KeyPair::from_pem(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, name.to_owned());
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let made = params.self_signed(&pair).unwrap().pem();
    std::fs::write(folder.join(format!("{name}.pem")), made).unwrap();
}

/// Copies the keys and certificates of these names into a folder.
pub fn copy_keys(to: &Path, files: &[&str]) {
    for file in files {
        std::fs::copy(KEYS.path().join(file), to.join(file)).unwrap();
    }
}

/// Runs `openssl cms` where the keys are, on these octets; gives what it made, or what it said.
pub fn openssl_cms(arguments: &str, input: &[u8]) -> Result<Vec<u8>, String> {
    let work = TempDir::new().unwrap();
    let [from, to] = ["in", "out"].map(|name| work.path().join(name));
    std::fs::write(&from, input).unwrap();
    let done = Command::new("openssl")
        .current_dir(KEYS.path())
        .args(["cms", "-binary", "-in"])
        .arg(&from)
        .arg("-out")
        .arg(&to)
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    match done.status.success() {
        true => Ok(std::fs::read(&to).unwrap()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

/// Decrypts with that key.
pub fn decrypted(by: &str, file: &[u8]) -> Vec<u8> {
    let how = format!("-decrypt -inform DER -recip {by}.pem -inkey {by}.key");
    openssl_cms(&how, file).unwrap_or_else(|said| panic!("it is not decrypted: {said}"))
}

/// Takes the signature away, which must be by that certificate.
pub fn verified(by: &str, file: &[u8]) -> Vec<u8> {
    let how = format!("-verify -inform DER -certfile {by}.pem -nointern -noverify");
    openssl_cms(&how, file).unwrap_or_else(|said| panic!("it is not verified: {said}"))
}

/// Inflates a CompressedData, by Python.
pub fn uncompressed(file: &[u8]) -> Vec<u8> {
    let work = TempDir::new().unwrap();
    let from = work.path().join("in");
    std::fs::write(&from, file).unwrap();
    let done = Command::new("python3")
        .args(["-c", include_str!("uncompress.py")])
        .stdin(std::fs::File::open(&from).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "it is not inflated: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    done.stdout
}
