//! `pointsman wrap` and `pointsman open`: secured files outside of any session.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use oftp::Security;
use pointsman_cms::Suite;

use super::command::{CommandOutcome, Configured, block_on};
use super::out::say;
use super::send::{FormatArgs, PadArg, SecurityArg, ServicesArgs};
use crate::config::{Needs, Scalar};
use crate::operator::Operator;
use crate::operator::file_security::OpenRequest;
use crate::operator::send::SendRequest;

/// Secures a file as it would be sent to a partner, into another file, and sends nothing.
#[derive(Debug, Args)]
pub(super) struct WrapCommand {
    /// The file.
    file: PathBuf,
    /// The partner's name in the configuration.
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// The file to make; FILE.cms where none is given.
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    pad: PadArg,
    #[command(flatten)]
    services: ServicesArgs,
    #[command(flatten)]
    configured: Configured,
}

impl WrapCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let needs = Needs::CallOf(self.partner.clone());
        let operator = Operator::of(self.configured.load(&needs)?);
        let to = self.to.unwrap_or_else(|| ended(&self.file, ".cms"));
        let mut request = SendRequest {
            partner: self.partner,
            file: Some(self.file),
            services: self.services.request(),
            pad: self.pad.pad,
            ..SendRequest::default()
        };
        self.format.fill(&mut request);
        let made = block_on(operator.wrap(&request, to))?;
        say!(
            "{}: {}, cipher suite {}",
            made.path.display(),
            made.services,
            made.suite
        );
        say!(
            "{} octets became {}; the hash of its receipt: {}",
            made.octets,
            made.wire_octets,
            made.hash
        );
        Ok(())
    }
}

/// Opens a secured file of a partner into another file, and says who signed it and which key opened it. What it is, its SFID
/// says: give the same. Without its format the octets come as they were secured: those of format V with the length of each
/// record before it, two octets.
#[derive(Debug, Args)]
pub(super) struct OpenCommand {
    /// The file.
    file: PathBuf,
    /// The partner's name in the configuration.
    #[arg(long, value_name = "PARTNER")]
    partner: String,
    /// The file to make; FILE.plain where none is given.
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    /// Signed, encrypted, both or neither (SFIDSEC).
    #[arg(long, value_enum, value_name = "SECURITY")]
    security: SecurityArg,
    /// It is compressed (SFIDCOMP).
    #[arg(long)]
    compressed: bool,
    /// The cipher suite, 1 to 10 (SFIDCIPH); 4 where none is given.
    #[arg(long, value_name = "NUMBER", value_parser = Suite::read, default_value = "4")]
    suite: Suite,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    configured: Configured,
}

impl OpenCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let needs = Needs::CallOf(self.partner.clone());
        let operator = Operator::of(self.configured.load(&needs)?);
        let to = self.to.unwrap_or_else(|| ended(&self.file, ".plain"));
        let mut format = SendRequest::default();
        self.format.fill(&mut format);
        let opened = block_on(operator.open(OpenRequest {
            partner: self.partner,
            file: self.file,
            to,
            security: Security::from(self.security),
            compressed: self.compressed,
            suite: self.suite,
            format,
        }))?;
        say!(
            "{}: {} octets, of {} that were transmitted",
            opened.path.display(),
            opened.octets,
            opened.wire_octets
        );
        for signer in &opened.signers {
            say!("signed by {signer}: the signature is good");
        }
        for signer in &opened.unknown_signers {
            say!("also signed by one who is not known: {signer}");
        }
        if let Some(own) = &opened.opened_with {
            let named = match opened.was_named {
                true => "",
                false => {
                    "; the file names another one: the partner encrypts to an older certificate"
                }
            };
            say!("opened with the key of {own}{named}");
        }
        say!("the hash of its receipt: {}", opened.hash);
        Ok(())
    }
}

fn ended(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
