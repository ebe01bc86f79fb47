//! A file is queued, its partner called, and what became of it reported.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::DateTime;
use oftp::{Format, OdetteId, RecordLayout, UserData};
use pointsman_log::printable;
use pointsman_policy::Hook;
use pointsman_store::transition::VerbName;
use pointsman_store::{ContactKind, OutboundState, Queued, State, StateReason, TransferId};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};

use super::error::{ErrorCode, OperatorError};
use super::utc_time::UtcTime;
use super::{Operator, ServerLink};
use crate::config::{Label, Plan, Scalar, WantedServices};
use crate::events::Event;
use crate::outbound::enqueue::{self, SendAs};
use crate::session::dial::PlannedCall;
use crate::session::ending::Ending;
use crate::station::drain::Drain;
use crate::station::in_force::InForce;
use crate::station::leases;
use crate::station::policies::asked_at;
use crate::station::{Inbox, Station};

/// The policies of a plan that are asked when a file is queued, and those whose component cannot be read.
pub(crate) async fn asked_when_queued(plan: &Plan) -> BTreeSet<String> {
    asked_at(plan, Hook::QueueFile).await
}

/// What is to be sent, and how.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SendRequest {
    /// The partner's name in the configuration.
    pub partner: String,
    /// The file; without one, everything that is queued for the partner is sent.
    pub file: Option<PathBuf>,
    /// The data set name; the file's own name where none is given.
    pub name: Option<String>,
    /// A description for the partner.
    pub description: String,
    /// The format it is sent in.
    pub format: SendFormat,
    /// The length of records in octets: exactly so many with F, at most so many with V.
    pub record_length: Option<u32>,
    /// How the records of an F or V file stand in it; as the partner's profile says where nothing is given.
    pub records: Option<RecordsAs>,
    /// Fill lines that are shorter than the records with blanks.
    pub pad: bool,
    /// The station of the partner it is for; the first where none is given.
    pub destination: Option<String>,
    /// The station of ours it is from; the first where none is given.
    pub originator: Option<String>,
    /// User data as agreed with the partner.
    pub user_data: Option<String>,
    /// Its date and time, such as 2026-11-29T08:15:00; now where none is given.
    pub stamp: Option<String>,
    /// What is said of it for policies and in its history: NAME=VALUE, or a word.
    pub labels: Vec<String>,
    /// What it is secured with, where that is not as the partner's profile says.
    pub services: ServicesRequest,
    /// 0 to 9; of what waits for the partner, higher goes first.
    pub priority: Option<u8>,
    /// Only queue it: it goes with the server's next call, or the partner's.
    pub queue_only: bool,
}

/// The services of a file; what is not said is as the partner's profile says (`file_security.send`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServicesRequest {
    /// It has no service but those that are named here.
    pub plain: bool,
    /// `none`, `signed`, `encrypted` or `encrypted-and-signed`.
    pub security: Option<String>,
    /// Compressed or not.
    pub compress: Option<bool>,
    /// The number of its cipher suite, 1 to 10.
    pub suite: Option<String>,
    /// Whether a signed receipt is asked for.
    pub signed_receipt: Option<bool>,
}

impl ServicesRequest {
    fn wanted(&self) -> Result<WantedServices, OperatorError> {
        Ok(WantedServices {
            plain: self.plain,
            security: optional("security", self.security.as_deref())?,
            compress: self.compress,
            suite: optional("suite", self.suite.as_deref())?,
            signed_receipt: self.signed_receipt,
            lengths: None,
        })
    }
}

/// SFIDFMT (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SendFormat {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordsAs {
    /// One after the other (F only).
    Raw,
    /// As lines that end in CR LF.
    Lines,
    /// Each after its length, two octets, the high one first.
    LengthPrefixed,
}

/// A file that was queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueuedReport {
    /// By which `pointsman show` finds it.
    pub transfer: String,
    /// Its data set name.
    pub dataset: String,
}

/// What became of what was to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SendReport {
    /// The file was sent, and its EERP came.
    Acknowledged {
        /// What is known of its receipt, as its history has it.
        receipt: String,
    },
    /// The file was sent; its receipt has not come yet.
    Sent,
    /// Nothing that waited for the partner waits any more.
    NothingWaits,
}

/// A call that is about to be made, for a file that is queued or for all that waits.
pub(crate) struct SendCall {
    station: Arc<Station>,
    partner: String,
    only: Option<TransferId>,
    /// The file that was queued for it.
    pub queued: Option<QueuedReport>,
}

impl Operator {
    /// Queues the file, if there is one, for a call that is to be made next. What fails stays queued.
    ///
    /// # Errors
    /// There is no such partner, the file cannot be sent as it is to be, or policies do not want it to be queued.
    pub(crate) async fn send(&self, request: &SendRequest) -> Result<SendCall, OperatorError> {
        let partner = &request.partner;
        let profile = self
            .plan
            .partner(partner)
            .ok_or_else(|| self.no_such_partner(partner))?;
        let station = self.station_to_send(request.queue_only).await?;
        // What a program that was killed had must not wait for a server.
        leases::release(&station).await?;
        let mut call = SendCall {
            station,
            partner: partner.clone(),
            only: None,
            queued: None,
        };
        if let Some(file) = &request.file {
            let how = request.how()?;
            let (id, header) = enqueue::enqueue(&call.station, &profile, file, &how).await?;
            call.only = Some(id);
            call.queued = Some(QueuedReport {
                transfer: id.to_string(),
                dataset: header.key.dataset.to_string(),
            });
        }
        Ok(call)
    }

    async fn station_to_send(&self, queue_only: bool) -> Result<Arc<Station>, OperatorError> {
        if let ServerLink::Here(server) = &self.server {
            return Ok(Arc::clone(&server.station));
        }
        let mut plan = Plan::clone(&self.plan);
        let inbox = match queue_only {
            true => Inbox::AsItIs,
            false => Inbox::Made,
        };
        if queue_only {
            // Others are not asked about it yet, and what they need may be missing.
            let asked = asked_when_queued(&plan).await;
            plan.policies.retain(|policy| asked.contains(&policy.name));
        }
        Ok(Station::open(InForce::of(plan), "send", inbox).await?)
    }
}

impl SendRequest {
    pub(super) fn how(&self) -> Result<SendAs, OperatorError> {
        let labels = self.labels.iter().map(|label| read("label", label));
        Ok(SendAs {
            name: self.name.clone(),
            description: self.description.clone(),
            format: self.format()?,
            layout: self.records.map(RecordLayout::from),
            pad: self.pad,
            destination: optional::<OdetteId>("destination", self.destination.as_deref())?,
            originator: optional::<OdetteId>("originator", self.originator.as_deref())?,
            user: optional::<UserData>("user data", self.user_data.as_deref())?.unwrap_or_default(),
            stamp: self.stamp.as_deref().map(stamp).transpose()?,
            priority: self.priority,
            labels: labels.collect::<Result<Vec<Label>, _>>()?,
            services: self.services.wanted()?,
            watched_folder: None,
        })
    }

    fn format(&self) -> Result<Format, OperatorError> {
        let without = |format| match (self.record_length, self.records) {
            (None, None) => Ok(format),
            _ => Err(ErrorCode::ArgumentsDisagree
                .because("only files of format F or V have records")
                .hint("add --format F or --format V")),
        };
        match (self.format, self.record_length) {
            (SendFormat::U, _) => without(Format::Unstructured),
            (SendFormat::T, _) => without(Format::Text),
            (SendFormat::F, Some(length)) => Ok(Format::Fixed(length)),
            (SendFormat::F, None) => {
                Err(ErrorCode::ArgumentsDisagree.because("--format F needs --record-length"))
            }
            (SendFormat::V, length) => Ok(Format::Variable(length.unwrap_or(0))),
        }
    }
}

fn optional<T: Scalar>(what: &str, text: Option<&str>) -> Result<Option<T>, OperatorError> {
    text.map(|text| read(what, text)).transpose()
}

fn read<T: Scalar>(what: &str, text: &str) -> Result<T, OperatorError> {
    let wrong = |why| ErrorCode::ArgumentsDisagree.because(format!("{what}: {why}"));
    T::read(text).map_err(wrong)
}

fn stamp(text: &str) -> Result<DateTime, OperatorError> {
    let wrong = |why| ErrorCode::ArgumentsDisagree.because(format!("stamp: {why}"));
    text.parse().map_err(wrong)
}

impl From<RecordsAs> for RecordLayout {
    fn from(records: RecordsAs) -> Self {
        match records {
            RecordsAs::Raw => Self::Raw,
            RecordsAs::Lines => Self::Lines,
            RecordsAs::LengthPrefixed => Self::LengthPrefixed,
        }
    }
}

impl SendCall {
    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.station.events.own()
    }

    /// Calls the partner, holds the session to its end, and says what became of the file, or of all that waited.
    ///
    /// # Errors
    /// The partner was not reached, or something was not sent, which stays queued.
    pub(crate) async fn make(self) -> Result<SendReport, OperatorError> {
        let station = &self.station;
        let partner = &self.partner;
        let waited = waiting(station, partner).await?;
        let (_stay, drain) = watch::channel(Drain::No);
        let called = match PlannedCall::of(station, partner) {
            Ok(call) => call.make(self.only, drain).await,
            Err(error) => Err(error),
        };
        // What is remembered of the partner is a convenience: the file is what counts.
        let _ = station.contacts.write_down(station.ledger.as_ref()).await;
        match (called, self.only) {
            (Ok(end), Some(id)) => conclude(station, partner, id, &end).await,
            (Ok(end), None) => conclude_all(station, partner, &waited, &end).await,
            (Err(error), only) => {
                let stays = only.map_or_else(String::new, stays);
                Err(ErrorCode::PartnerUnreached.because(format!("{error}{stays}")))
            }
        }
    }
}

/// The files that are to go to the partner as soon as they may.
async fn waiting(station: &Station, partner: &str) -> Result<Vec<Queued>, OperatorError> {
    let mut queue = station.ledger.queue(Some(partner)).await?;
    queue.retain(|file| file.state == OutboundState::Ready && !file.in_session);
    Ok(queue)
}

/// Files that are named where they stay; how many there are is said of all.
const NAMED: usize = 10;

/// What became of the files that waited: all is done when none of them waits any more. Whatever an operator keeps back
/// meanwhile, or another session has, is not for this call.
async fn conclude_all(
    station: &Station,
    partner: &str,
    waited: &[Queued],
    end: &Ending,
) -> Result<SendReport, OperatorError> {
    let mut left = station.ledger.queue(Some(partner)).await?;
    let waited: BTreeSet<TransferId> = waited.iter().map(|file| file.id).collect();
    left.retain(|file| {
        let is_ours = waited.contains(&file.id) && !file.in_session;
        is_ours && file.state != OutboundState::Held
    });
    let mut cause = match end.is_normal() {
        true if left.is_empty() => return Ok(SendReport::NothingWaits),
        true => "not everything was sent".to_owned(),
        false => format!("the session broke: {end}"),
    };
    if !left.is_empty() {
        let stayed = stayed(station, partner).await?;
        cause += &format!("; files that still wait for `{partner}`: {}", left.len());
        for file in left.iter().take(NAMED) {
            let why = why_it_stays(file, stayed.as_deref(), end);
            cause += &format!("\n  {} (transfer {}): {why}", file.key.dataset, file.id);
        }
        if left.len() > NAMED {
            cause += &format!("\n`pointsman queue list --partner {partner}` lists all of them");
        }
    }
    Err(ErrorCode::NotSent.because(cause))
}

fn why_it_stays(file: &Queued, stayed: Option<&str>, end: &Ending) -> String {
    let reason = file.reason.as_deref().map(printable);
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    match (file.state, file.backs_off_until, stayed) {
        (OutboundState::Parked, ..) => format!("it is parked{reason}"),
        (_, Some(until), _) => format!("it backs off until {}{reason}", UtcTime(until)),
        (_, None, Some(stayed)) => printable(stayed).to_string(),
        (_, None, None) if end.is_normal() => {
            format!("it was not its turn in this session{reason}")
        }
        (_, None, None) => format!("the session broke before{reason}"),
    }
}

/// Why files were not to go in the last session with the partner, where that was so.
async fn stayed(station: &Station, partner: &str) -> Result<Option<String>, OperatorError> {
    let contacts = station.ledger.contacts().await?;
    let mut last = contacts
        .into_iter()
        .filter(|contact| contact.partner == partner && contact.kind == ContactKind::Session);
    Ok(last.next().and_then(|contact| contact.stayed))
}

/// What became of the file.
async fn conclude(
    station: &Station,
    partner: &str,
    id: TransferId,
    end: &Ending,
) -> Result<SendReport, OperatorError> {
    let row = station.ledger.show(id).await?;
    let (state, reason) = row.map_or((None, None), |row| (Some(row.state), row.reason));
    let stayed = stayed(station, partner).await?.filter(|_| end.is_normal());
    let is_invalid = matches!(reason, Some(StateReason::ReceiptInvalid(_)));
    let why = reason.map(|reason| reason.to_string()).or(stayed);
    let why = why.unwrap_or_else(|| end.to_string());
    match state {
        Some(State::Outbound(OutboundState::Acknowledged)) => {
            let history = station.ledger.timeline(id).await?;
            let mut lines = history.into_iter().rev();
            let line = lines.find(|line| line.event == VerbName::Acknowledged.in_history());
            let receipt = line.map_or_else(String::new, |line| line.detail);
            Ok(SendReport::Acknowledged { receipt })
        }
        Some(State::Outbound(OutboundState::Sent | OutboundState::Overdue)) if is_invalid => {
            Err(ErrorCode::ReceiptInvalid.because(format!("the file was sent, and {why}")))
        }
        Some(State::Outbound(OutboundState::Sent | OutboundState::Overdue)) => Ok(SendReport::Sent),
        Some(State::Outbound(OutboundState::Rejected)) => Err(ErrorCode::Rejected
            .because(format!("the partner could not use the file (NERP): {why}"))),
        Some(State::Outbound(OutboundState::Parked)) => Err(ErrorCode::Parked.because(format!(
            "not sent, and it will not be tried again by itself: {why}"
        ))),
        _ => Err(ErrorCode::NotSent.because(format!("not sent: {}{}", printable(&why), stays(id)))),
    }
}

fn stays(id: TransferId) -> String {
    format!(
        "\ntransfer {id} stays queued: it goes with the server's next call, the partner's, or `pointsman send --to PARTNER`"
    )
}
