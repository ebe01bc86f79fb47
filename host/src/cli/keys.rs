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
    say!(
        "2. Write into the configuration, behind the keys that are there, and run `pointsman reload`:"
    );
    say!("");
    say!("   partners:");
    say!("     {partner}:");
    say!("       keys:");
    say!("         - file: {}", quoted(&made.key));
    say!("           certificate: {}", quoted(&made.certificate));
    if let Some(password) = &wanted.password_file {
        say!("           password: '${{file:{}}}'", password.display());
    }
    say!("");
    say!(
        "3. Once {partner} has it, put it before them: then it signs. Keep the old one until nothing comes that"
    );
    say!("   is encrypted to it.");
}

/// A path as YAML has it, whatever characters it has.
fn quoted(path: &std::path::Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
