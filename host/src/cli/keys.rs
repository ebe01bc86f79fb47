//! `pointsman keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pointsman_keys::make::KeyLength;

use super::cert::password;
use super::command::{CommandOutcome, Configured};
use super::out::say;
use crate::operator::made_keys::{MadeKey, WantedKey};

/// Makes keys of ours.
#[derive(Debug, Args)]
pub(super) struct KeysCommand {
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Make an RSA key and a certificate that partners accept, and say what to send the partner and what to write into the
    /// configuration. Nothing is sent, and no configuration is changed.
    Make(KeysMake),
}

#[derive(Debug, Args)]
struct KeysMake {
    /// The partner that it is for, by its name in the configuration.
    #[arg(long = "for", value_name = "PARTNER")]
    partner: String,
    /// Whose certificate it is, such as 'CN=oftp.nordwerk.example, O=Nordwerk, C=DE' [default: the first --host or our SSID
    /// code, with our SSID code as its serialNumber].
    #[arg(long)]
    subject: Option<String>,
    /// A name that the partner dials; may be given several times.
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// The length of the key: 3072 or 4096.
    #[arg(long, default_value = "3072")]
    bits: KeyLength,
    /// How many days the certificate is valid, 1461 at most.
    #[arg(long, default_value_t = 1095)]
    days: u32,
    /// Where to put the files [default: beside the configuration].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// A file with a password that the key is encrypted with.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    configured: Configured,
}

impl KeysCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let KeysVerb::Make(wanted) = self.verb;
        let password = wanted.password_file.as_deref().map(password).transpose()?;
        let hosts: Vec<&str> = wanted.hosts.iter().map(String::as_str).collect();
        let operator = wanted.configured.operator()?;
        let made = operator.make_key(&WantedKey {
            partner: &wanted.partner,
            subject: wanted.subject.as_deref(),
            hosts: &hosts,
            length: wanted.bits,
            days: wanted.days,
            folder: wanted.folder.as_deref(),
            password: password.as_deref().map(String::as_str),
        })?;
        print(&wanted, &made);
        Ok(())
    }
}

fn print(wanted: &KeysMake, made: &MadeKey) {
    let partner = &wanted.partner;
    say!("{}: the key, which goes to nobody", made.key.display());
    say!("{}: its certificate", made.certificate.display());
    say!("{}: the same for {partner}", made.for_partner.display());
    say!(
        "{}: a request, for the case that {partner} wants a certificate of a CA",
        made.request.display()
    );
    say!("");
    say!(
        "1. Send {} to {partner}, with this text:",
        made.for_partner.display()
    );
    say!("");
    for line in made.letter.lines() {
        say!("   {line}");
    }
    say!("");
    match made.has_older {
        true => say_change_over(wanted, made),
        false => say_first(wanted, made),
    }
    say_tls(wanted, made);
}

/// What to do where there is no key of ours yet that signs for the partner: nothing is signed by another one meanwhile.
fn say_first(wanted: &KeysMake, made: &MadeKey) {
    let partner = &wanted.partner;
    say!("2. Once {partner} has it, write into the configuration, and run `pointsman reload`:");
    say!("");
    say_entry(wanted, made, "");
}

/// What to do where another key of ours signs for the partner, who knows the certificate of that one alone.
fn say_change_over(wanted: &KeysMake, made: &MadeKey) {
    let partner = &wanted.partner;
    say!(
        "2. Write into the configuration, and leave the keys that are there; then run `pointsman reload`. From then on"
    );
    say!("   the new key opens files and answers challenges. It signs nothing yet:");
    say!("");
    say_entry(wanted, made, "decryption, authentication");
    say!("");
    say!(
        "3. When {partner} says that it has the certificate, put this in its place, before all other keys of {partner},"
    );
    say!("   and reload. From then on the new key signs files and receipts:");
    say!("");
    say_entry(
        wanted,
        made,
        "decryption, authentication, signing, receipt-signing",
    );
    say!("");
    say!(
        "4. When {partner} has dropped the old certificate, and nothing comes that is encrypted to it, take the old key"
    );
    say!("   out, unless it is for other partners, too; reload.");
}

/// TLS shows a certificate only where that is said.
fn say_tls(wanted: &KeysMake, made: &MadeKey) {
    let partner = &wanted.partner;
    say!("");
    say!(
        "TLS does not show it. If it is to: once {partner} has it, for our calls of {partner} add under its `keys` the same"
    );
    say!(
        "entry with `for: [tls-client]`; and once all partners have it, since a listener shows all the same, for theirs:"
    );
    say!("");
    say!("   station:");
    say!("     keys:");
    say_store(wanted, made);
    say!("           for: [tls-server]");
}

fn say_entry(wanted: &KeysMake, made: &MadeKey, uses: &str) {
    say!("   partners:");
    say!("     {}:", wanted.partner);
    say!("       keys:");
    say_store(wanted, made);
    if !uses.is_empty() {
        say!("           for: [{uses}]");
    }
}

fn say_store(wanted: &KeysMake, made: &MadeKey) {
    say!("         - file: {}", quoted(&made.key));
    say!("           certificate: {}", quoted(&made.certificate));
    if let Some(password) = &wanted.password_file {
        say!("           password: '${{file:{}}}'", password.display());
    }
}

/// A path as YAML has it, whatever characters it has.
fn quoted(path: &std::path::Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
