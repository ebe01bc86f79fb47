//! Everything that is known of one file.

use std::time::SystemTime;

use oftp::{CipherSuite, FileHeader, Format, Response, Security};
use pointsman_store::{
    ContentKey, Details, Direction, Ledger, LedgerError, OutboundState, State, Transfer, TransferId,
};
use serde::{Deserialize, Serialize};

use super::Operator;
use super::error::OperatorError;
use super::overview::Overview;
use super::prospects::WaitsReport;
use super::queue::backing_off;
use super::running::SessionReport;
use super::transfer_name::TransferName;
use super::transfers::TransferSummary;
use super::utc_time::UtcTime;

/// Everything that is known of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransferReport {
    /// What a list shows of it.
    #[serde(flatten)]
    pub row: TransferSummary,
    /// Its content in the spool.
    pub spool: Option<String>,
    /// What the SFID said, or will say.
    pub header: HeaderReport,
    /// What whoever sends it says of it, or what the policies that took it said.
    pub labels: Vec<LabelReport>,
    /// The session that has it just now.
    pub session: Option<SessionReport>,
    /// Its receipt.
    pub response: Option<ResponseReport>,
    /// The decision about its receipt that is still to come.
    pub question: Option<QuestionReport>,
    /// Of a received file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<InboundReport>,
    /// Of a file to send, or sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<OutboundReport>,
    /// What happened to it.
    pub timeline: Vec<TimelineReport>,
    /// What could not be found out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// What an SFID says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeaderReport {
    /// SFIDFMT: `U`, `T`, `F` or `V`.
    pub format: String,
    /// SFIDLRECL, of formats F and V.
    pub record_length: Option<u32>,
    /// How its records stand in the spool; none where records do not count.
    pub records_kept_as: Option<String>,
    /// SFIDFSIZ.
    pub size_blocks: u64,
    /// SFIDOSIZ.
    pub original_size_blocks: u64,
    /// SFIDUSER.
    pub user: String,
    /// SFIDDESC.
    pub description: String,
    /// SFIDSEC.
    pub signed: bool,
    /// SFIDSEC.
    pub encrypted: bool,
    /// SFIDCIPH, of a file that names a cipher suite: its number and what it stands for.
    #[serde(default)]
    pub cipher_suite: Option<String>,
    /// SFIDCOMP.
    pub compressed: bool,
    /// SFIDENV.
    pub enveloped: bool,
    /// SFIDSIGN.
    pub signed_receipt: bool,
}

/// What is said of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LabelReport {
    pub name: String,
    /// Its value, or nothing.
    pub value: String,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResponseReport {
    /// `EERP` or `NERP`.
    pub command: String,
    /// When it came, or was owed.
    pub since: Option<UtcTime>,
    /// How often our receipt was given to a session.
    pub tries: u32,
    /// NERPREAS.
    pub reason: Option<u8>,
    /// What that means.
    pub reason_text: Option<String>,
    /// NERPREAST.
    pub text: Option<String>,
    /// NERPCREA.
    pub creator: Option<String>,
    /// It has the file's hash.
    pub has_hash: bool,
    /// It has a signature.
    pub is_signed: bool,
}

/// A decision about a receipt that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuestionReport {
    /// Who decides.
    pub asks: ReceiptDecider,
    /// When they are asked next.
    pub asked_at: Option<UtcTime>,
    /// How often they were asked.
    pub asked: u32,
}

/// Who decides about a receipt that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReceiptDecider {
    /// The policies, asked again.
    Policies,
    /// The command that takes the file.
    Command,
    /// An operator, by `pointsman receipt`.
    Operator,
}

/// Of a received file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboundReport {
    /// Octets that are known to be on the disk.
    pub durable_octets: u64,
    /// Records of them.
    pub durable_records: u64,
    /// The folder of the inbox that it goes to.
    pub directory: String,
    /// Its name there.
    pub file_name: String,
    /// It takes the place of a file of that name.
    pub overwrite: bool,
    /// The partner is known to have our EFPA.
    pub partner_has_efpa: bool,
    /// Octets of the content of a secured file that is opened.
    pub plain_octets: Option<u64>,
    /// BLAKE3 of it.
    pub plain_blake3: Option<String>,
}

/// Of a file to send, or sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboundReport {
    /// 0 to 9; higher goes first.
    pub priority: u8,
    /// How often it was offered so far.
    pub attempts: u32,
    /// How often the partner refused it for now, since an operator released it.
    pub refusals: u32,
    /// How often in a row the session that had it broke.
    pub breaks: u32,
    /// The EFID of an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// It backs off until then.
    pub backs_off_until: Option<UtcTime>,
    /// The program whose session has it just now.
    pub holder: Option<String>,
    /// When its EFPA came.
    pub sent: Option<UtcTime>,
    /// Of one that is not sent yet.
    #[serde(flatten)]
    pub waits: Option<WaitsReport>,
}

/// What happened to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TimelineReport {
    pub at: UtcTime,
    /// The verb of the ledger, or what else happened.
    pub event: String,
    /// In which session, if in one.
    pub session: Option<String>,
    /// What there is to say about it.
    pub detail: String,
    /// What led to a decision: the question, the answers and what they were made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

impl Operator {
    /// Everything that is known of one file.
    ///
    /// # Errors
    /// There is no such file, or the ledger cannot be read.
    pub(crate) async fn transfer(
        &self,
        name: &TransferName,
    ) -> Result<TransferReport, OperatorError> {
        let store = self.store()?;
        let ledger = store.ledger.as_ref();
        let id = name.find(ledger).await?;
        let (Some(row), Some(mut details)) = (ledger.show(id).await?, ledger.details(id).await?)
        else {
            return Err(LedgerError::NotFound(id).into());
        };
        details.backs_off_until = backing_off(self.plan(), &row.partner, details.backs_off_until);
        let response = ledger.receipt(id).await?;
        let overview = Overview::beside(self).await?;
        let sent = row.direction() == Direction::Outbound;
        let waits = is_queued(&row).then(|| WaitsReport {
            why_it_waits: why(&row, &details, &overview),
            ..overview.waits(&row.partner)
        });
        Ok(TransferReport {
            spool: store
                .contents
                .shown(ContentKey::wire(row.direction(), id))
                .await,
            header: HeaderReport::of(&details),
            labels: labels(&details),
            session: with(overview.sessions(), &row),
            response: response.map(|response| ResponseReport::of(&response, &details)),
            question: question(&details),
            inbound: (!sent).then(|| InboundReport::of(&details)),
            outbound: sent.then(|| OutboundReport::of(&details, waits)),
            timeline: timeline(ledger, id).await?,
            unknown: overview.unknown,
            row: TransferSummary::from(&row),
        })
    }
}

fn with(sessions: &[SessionReport], row: &Transfer) -> Option<SessionReport> {
    let id = row.id.to_string();
    let has_it = |session: &&SessionReport| {
        let file = session.file.as_ref();
        file.is_some_and(|file| file.transfer == id)
    };
    sessions.iter().find(has_it).cloned()
}

fn is_queued(row: &Transfer) -> bool {
    use OutboundState::{Held, Parked, Ready};
    matches!(row.state, State::Outbound(Ready | Held | Parked))
}

/// What it waits for itself comes before what its partner waits for.
fn why(row: &Transfer, details: &Details, overview: &Overview) -> Option<String> {
    let id = row.id;
    match (row.state, details.backs_off_until) {
        _ if details.holder.is_some() => None,
        (State::Outbound(OutboundState::Held), _) => Some(format!(
            "it is held: `pointsman queue release {id}` lets it go"
        )),
        (State::Outbound(OutboundState::Parked), _) => Some(format!(
            "it is parked: `pointsman queue release {id}` lets it go as it is, `resend` under a new date and time"
        )),
        (_, Some(until)) => Some(format!(
            "it backs off until {}: `pointsman queue send-now {id}` lets it go now",
            UtcTime(until)
        )),
        _ => overview.waits(&row.partner).why_it_waits,
    }
}

fn labels(details: &Details) -> Vec<LabelReport> {
    let labels = details.labels.iter().cloned();
    labels
        .map(|(name, value)| LabelReport { name, value })
        .collect()
}

fn question(details: &Details) -> Option<QuestionReport> {
    details.question.map(|question| QuestionReport {
        asks: match (question.asked_at, question.hand_over) {
            (None, _) => ReceiptDecider::Operator,
            (_, true) => ReceiptDecider::Command,
            (_, false) => ReceiptDecider::Policies,
        },
        asked_at: question.asked_at.map(UtcTime),
        asked: question.asked,
    })
}

async fn timeline(
    ledger: &dyn Ledger,
    id: TransferId,
) -> Result<Vec<TimelineReport>, OperatorError> {
    let entries = ledger.timeline(id).await?.into_iter();
    let report = entries.map(|entry| TimelineReport {
        at: UtcTime(entry.at),
        event: entry.event,
        session: entry.session,
        detail: entry.detail,
        data: entry.data.and_then(|data| serde_json::from_str(&data).ok()),
    });
    Ok(report.collect())
}

impl HeaderReport {
    fn of(details: &Details) -> Self {
        let header: &FileHeader = &details.header;
        let (format, record_length) = match header.format {
            Format::Unstructured => ("U", None),
            Format::Text => ("T", None),
            Format::Fixed(length) => ("F", Some(length)),
            Format::Variable(length) => ("V", Some(length)),
        };
        use Security::{Encrypted, EncryptedAndSigned, Signed};
        Self {
            format: format.to_owned(),
            record_length,
            records_kept_as: details.layout.map(|layout| layout.name().to_owned()),
            size_blocks: header.size_blocks,
            original_size_blocks: header.original_size_blocks,
            user: header.user.as_str().to_owned(),
            description: header.description.clone(),
            signed: matches!(header.security, Signed | EncryptedAndSigned),
            encrypted: matches!(header.security, Encrypted | EncryptedAndSigned),
            cipher_suite: (header.cipher != CipherSuite::NONE).then(|| header.cipher.to_string()),
            compressed: header.compressed,
            enveloped: header.enveloped,
            signed_receipt: header.signed_receipt,
        }
    }
}

impl ResponseReport {
    fn of(response: &Response, details: &Details) -> Self {
        let (command, nerp, hash, signature) = match response {
            Response::Positive(eerp) => ("EERP", None, &eerp.hash, &eerp.signature),
            Response::Negative(nerp) => ("NERP", Some(nerp), &nerp.hash, &nerp.signature),
        };
        Self {
            command: command.to_owned(),
            since: details.receipt_since.map(UtcTime),
            tries: details.receipt_tries,
            reason: nerp.map(|nerp| nerp.reason.code()),
            reason_text: nerp.map(|nerp| nerp.reason.to_string()),
            text: nerp.map(|nerp| nerp.text.clone()),
            creator: nerp.map(|nerp| nerp.creator.to_string()),
            has_hash: !hash.is_empty(),
            is_signed: !signature.is_empty(),
        }
    }
}

impl InboundReport {
    fn of(details: &Details) -> Self {
        Self {
            durable_octets: details.position.octets,
            durable_records: details.position.records,
            directory: details.target.directory.clone(),
            file_name: details.target.file_name.clone(),
            overwrite: details.target.overwrite,
            partner_has_efpa: details.confirmed,
            plain_octets: details.plain.as_ref().map(|plain| plain.octets),
            plain_blake3: details.plain.as_ref().map(|plain| plain.digest.clone()),
        }
    }
}

impl OutboundReport {
    fn of(details: &Details, waits: Option<WaitsReport>) -> Self {
        Self {
            priority: details.priority,
            attempts: details.attempts,
            refusals: details.refusals,
            breaks: details.breaks,
            in_doubt: details.in_doubt,
            backs_off_until: details.backs_off_until.map(UtcTime),
            holder: details.holder.clone(),
            sent: details.sent.map(|sent: SystemTime| UtcTime(sent)),
            waits,
        }
    }
}
