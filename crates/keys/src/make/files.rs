//! The files of a pair, and what goes to the partner.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::description::CertificateDescription;
use crate::make::pair::{KeyPair, MakeError};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The key in PEM, mode 0600. It goes to nobody.
    pub key: PathBuf,
    /// The certificate in PEM.
    pub certificate: PathBuf,
    /// The certificate in DER, for the partner.
    pub for_partner: PathBuf,
    /// The request for a CA.
    pub request: PathBuf,
    /// What to send the partner, as text.
    pub letter: String,
}

/// Writes a pair into a folder as `NAME.key`, `NAME.pem`, `NAME.cer` and `NAME.csr`. A file that exists is not replaced; on
/// an error, the files that were written are removed again.
///
/// # Errors
/// [`MakeError`]; [`MakeError::File`] names the file.
pub fn write(
    pair: &KeyPair,
    folder: &Path,
    name: &str,
    password: Option<&str>,
) -> Result<Written, MakeError> {
    let path = |end: &str| folder.join(format!("{name}.{end}"));
    let [key, certificate, for_partner, request] = ["key", "pem", "cer", "csr"].map(path);
    let key_pem = pair.key_pem(password)?;
    let (pem, csr) = (pair.certificate_pem(), pair.request()?);
    let files = [
        (&key, &key_pem[..], 0o600),
        (&certificate, pem.as_bytes(), 0o644),
        (&for_partner, pair.certificate().der(), 0o644),
        (&request, csr.as_bytes(), 0o644),
    ];
    let mut written = Vec::new();
    for (path, octets, mode) in files {
        if let Err(error) = create(path, octets, mode, &mut written) {
            for path in &written {
                // The first error is what counts.
                let _ = std::fs::remove_file(path);
            }
            let path = path.display().to_string();
            return Err(MakeError::File { path, error });
        }
    }
    Ok(Written {
        letter: letter(pair, &for_partner),
        key,
        certificate,
        for_partner,
        request,
    })
}

fn create<'a>(
    path: &'a Path,
    octets: &[u8],
    mode: u32,
    written: &mut Vec<&'a Path>,
) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    written.push(path);
    file.write_all(octets)?;
    file.sync_all()
}

/// What the partner is told.
fn letter(pair: &KeyPair, file: &Path) -> String {
    let shown = CertificateDescription::of(pair.certificate());
    let mut letter = String::new();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let _ = writeln!(
        letter,
        "Our certificate for OFTP2 is attached as {name} (X.509 in DER). It is for encryption and"
    );
    let _ = writeln!(
        letter,
        "signatures of files, signed receipts, and session authentication. Add it to the one that you have"
    );
    let _ = writeln!(
        letter,
        "of us, and tell us when it is there: we sign with it from then on. Keep both until we have agreed"
    );
    let _ = writeln!(
        letter,
        "that the old one goes. If we show it in TLS, we tell you before."
    );
    let _ = writeln!(letter);
    for (what, value) in [
        ("subject", &shown.subject),
        ("serial number", &shown.serial_number),
        ("valid from", &shown.effective_date),
        ("valid to", &shown.expiration_date),
        ("names", &shown.subject_alt_names.join(", ")),
        ("SHA-1", &shown.fingerprint_sha1),
        ("SHA-256", &shown.fingerprint_sha256),
    ] {
        let _ = writeln!(
            letter,
            "  {:<15}{}",
            format!("{what}:"),
            if value.is_empty() { "-" } else { value }
        );
    }
    let _ = writeln!(letter);
    let _ = writeln!(
        letter,
        "Please compare the SHA-256 with us by telephone before you import it, and send us yours."
    );
    letter
}
