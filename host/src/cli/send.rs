//! `pointsman send`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::DateTime;
use oftp::{OdetteId, Security, UserData};
use pointsman_cms::Suite;
use tokio::sync::{broadcast, oneshot};

use super::command::{CommandOutcome, Configured, LogStyle, block_on, start_log};
use super::out::say;
use crate::config::{Label, Needs, Plan, Scalar};
use crate::events::Event;
use crate::operator::Operator;
use crate::operator::error::OperatorError;
use crate::operator::send::{
    RecordsAs, SendFormat, SendReport, SendRequest, ServicesRequest, asked_when_queued,
};

/// Queues a file, calls the partner and sends it. What fails stays queued: the partner's own next call, or
/// `pointsman send --to PARTNER` without a file, takes it along.
#[derive(Debug, Args)]
pub(super) struct SendCommand {
    /// The file; without one, everything that is queued for the partner is sent.
    file: Option<PathBuf>,
    /// The partner's name in the configuration.
    #[arg(long, value_name = "PARTNER")]
    to: String,
    /// The data set name, at most 26 characters; the file's own name where none is given.
    #[arg(long = "as", value_name = "NAME", requires = "file")]
    name: Option<String>,
    /// A description for the partner, at most 999 octets.
    #[arg(long, default_value = "", value_name = "TEXT", requires = "file")]
    description: String,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    pad: PadArg,
    /// The station of the partner it is for: its `ssid` or one of its `sfids`; the first where none is given.
    #[arg(long, value_name = "CODE", requires = "file", value_parser = valid::<OdetteId>)]
    destination: Option<String>,
    /// The station of ours it is from: `station.ssid` or one of `station.sfids`; the first where none is given.
    #[arg(long, value_name = "CODE", requires = "file", value_parser = valid::<OdetteId>)]
    originator: Option<String>,
    /// User data as agreed with the partner, at most 8 characters.
    #[arg(long, value_name = "TEXT", requires = "file", value_parser = valid::<UserData>)]
    user_data: Option<String>,
    /// Its date and time, such as 2026-11-29T08:15:00; now where none is given.
    #[arg(long, value_name = "TIME", requires = "file")]
    stamp: Option<DateTime>,
    /// What is said of it for policies and in `transfers show`: NAME=VALUE, or a word; once for each label, at most 64.
    #[arg(long = "label", value_name = "NAME=VALUE", requires = "file", value_parser = valid::<Label>)]
    labels: Vec<String>,
    #[command(flatten)]
    services: ServicesArgs,
    /// Only queue it: it goes with the server's next call, or the partner's.
    #[arg(long, requires = "file")]
    queue_only: bool,
    /// 0 to 9, 5 where none is given: of what waits for the partner, higher goes first.
    #[arg(long, value_name = "0-9", requires = "file", value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,
    #[command(flatten)]
    configured: Configured,
}

/// What the file is secured with; what is not said is as the partner's profile says (`file_security.send`).
#[derive(Debug, Args)]
pub(super) struct ServicesArgs {
    /// Signed, encrypted, both or neither.
    #[arg(long, value_enum, value_name = "SECURITY", requires = "file")]
    security: Option<SecurityArg>,
    /// Compress it; `--compress false` where the profile says that files are.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", requires = "file")]
    compress: Option<bool>,
    /// The cipher suite, 1 to 10: 4 is AES-256 with SHA-256, 6 the same with SHA-512.
    #[arg(long, value_name = "NUMBER", requires = "file", value_parser = valid::<Suite>)]
    suite: Option<String>,
    /// Ask for a signed receipt; `--signed-receipt false` where the profile says that one is asked for.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", requires = "file")]
    signed_receipt: Option<bool>,
    /// No service but those that are named here, whatever the profile says.
    #[arg(long, requires = "file")]
    plain: bool,
}

/// SFIDSEC (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SecurityArg {
    /// Neither.
    None,
    /// Signed with our key.
    Signed,
    /// Encrypted to the partner's certificate.
    Encrypted,
    /// Both.
    EncryptedAndSigned,
}

impl SecurityArg {
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
            Self::EncryptedAndSigned => "encrypted-and-signed",
        }
    }
}

impl From<SecurityArg> for Security {
    fn from(security: SecurityArg) -> Self {
        match security {
            SecurityArg::None => Self::None,
            SecurityArg::Signed => Self::Signed,
            SecurityArg::Encrypted => Self::Encrypted,
            SecurityArg::EncryptedAndSigned => Self::EncryptedAndSigned,
        }
    }
}

impl ServicesArgs {
    pub(super) fn request(self) -> ServicesRequest {
        ServicesRequest {
            plain: self.plain,
            security: self.security.map(|security| security.word().to_owned()),
            compress: self.compress,
            suite: self.suite,
            signed_receipt: self.signed_receipt,
        }
    }
}

/// The format of the file (SFIDFMT), and how its records stand in it here.
#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// Its format on the wire.
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "file",
        ignore_case = true
    )]
    format: FormatArg,
    /// The length of records in octets: exactly so many with F, at most so many with V.
    #[arg(long, value_name = "OCTETS", requires = "file", value_parser = clap::value_parser!(u32).range(0..=99_999))]
    record_length: Option<u32>,
    /// How the records of an F or V file stand in it; as the partner's profile says where nothing is given.
    #[arg(long, value_enum, value_name = "LAYOUT", requires = "file")]
    records: Option<RecordsArg>,
}

/// What is added to records that are too short.
#[derive(Debug, Args)]
pub(super) struct PadArg {
    /// Fill lines that are shorter than the records with blanks (F with `--records lines`).
    #[arg(long, requires = "file")]
    pub(super) pad: bool,
}

impl FormatArgs {
    pub(super) fn fill(self, request: &mut SendRequest) {
        request.format = self.format.into();
        request.record_length = self.record_length;
        request.records = self.records.map(RecordsAs::from);
    }
}

/// SFIDFMT (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// Unstructured: octets.
    #[default]
    U,
    /// Text: lines that end in CR LF.
    T,
    /// Fixed: records of one length.
    F,
    /// Variable: records up to a length.
    V,
}

/// How records stand in a file.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RecordsArg {
    /// One after the other (F only).
    Raw,
    /// As lines that end in CR LF.
    Lines,
    /// Each after its length, two octets, the high one first.
    LengthPrefixed,
}

/// What cannot be such a value is refused with the command line.
fn valid<T: Scalar>(text: &str) -> Result<String, String> {
    T::read(text).map(|_| text.to_owned())
}

impl SendCommand {
    pub(super) fn run(self) -> CommandOutcome {
        start_log(LogStyle::Quiet)?;
        let operator = Operator::of(self.plan()?);
        let sent = block_on(send(&operator, &self.request()))?;
        match sent {
            Some(SendReport::Acknowledged { receipt }) => {
                say!("done: sent, and the receipt (EERP) is here: {receipt}");
            }
            Some(SendReport::Sent) => {
                say!("sent; the receipt is not here yet and is recorded when the partner brings it")
            }
            Some(SendReport::NothingWaits) | None => {}
        }
        Ok(())
    }

    /// The configuration, as far as it is needed: no partner is called for what is only queued, and only those policies
    /// are asked that have an opinion on that.
    fn plan(&self) -> Result<Plan, OperatorError> {
        let partner = self.to.clone();
        if !self.queue_only {
            return self.configured.load(&Needs::CallOf(partner));
        }
        let plan = self.configured.load(&Needs::QueueOf(partner.clone()))?;
        let asked = block_on(async { Ok::<_, OperatorError>(asked_when_queued(&plan).await) })?;
        match asked.is_empty() {
            true => Ok(plan),
            false => self.configured.load(&Needs::QueueAsking(partner, asked)),
        }
    }

    fn request(self) -> SendRequest {
        let mut request = SendRequest {
            partner: self.to,
            file: self.file,
            name: self.name,
            description: self.description,
            destination: self.destination,
            originator: self.originator,
            user_data: self.user_data,
            stamp: self.stamp.map(|stamp| stamp.to_string()),
            labels: self.labels,
            services: self.services.request(),
            pad: self.pad.pad,
            priority: self.priority,
            queue_only: self.queue_only,
            ..SendRequest::default()
        };
        self.format.fill(&mut request);
        request
    }
}

/// Queues the file, if there is one, and calls the partner, unless it is only to be queued.
async fn send(
    operator: &Operator,
    request: &SendRequest,
) -> Result<Option<SendReport>, OperatorError> {
    let call = operator.send(request).await?;
    if let Some(queued) = &call.queued {
        say!(
            "queued {} for {} as transfer {}",
            queued.dataset,
            request.partner,
            queued.transfer
        );
    }
    if request.queue_only {
        return Ok(None);
    }
    let (done, over) = oneshot::channel::<()>();
    let watching = tokio::spawn(show(call.events(), over));
    let made = call.make().await;
    // What happened last is shown, too: it is why nothing was sent.
    drop(done);
    let _ = watching.await;
    made.map(Some)
}

impl From<FormatArg> for SendFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::U => Self::U,
            FormatArg::T => Self::T,
            FormatArg::F => Self::F,
            FormatArg::V => Self::V,
        }
    }
}

impl From<RecordsArg> for RecordsAs {
    fn from(records: RecordsArg) -> Self {
        match records {
            RecordsArg::Raw => Self::Raw,
            RecordsArg::Lines => Self::Lines,
            RecordsArg::LengthPrefixed => Self::LengthPrefixed,
        }
    }
}

/// A bar where somebody looks, lines where something reads; until it is over and all that happened is shown.
async fn show(mut events: broadcast::Receiver<Event>, mut over: oneshot::Receiver<()>) {
    let bar = std::io::stderr().is_terminal().then(progress_bar);
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            _ = &mut over => return,
        };
        match event {
            Ok(Event::Progress { sent, octets, .. }) => match &bar {
                Some(bar) => {
                    bar.set_length(octets);
                    bar.set_position(sent);
                }
                None if sent == octets => say!("{sent} of {octets} octets"),
                None => {}
            },
            Ok(event) => match &bar {
                Some(bar) => bar.suspend(|| say!("{event}")),
                None => say!("{event}"),
            },
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn progress_bar() -> ProgressBar {
    let style = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
