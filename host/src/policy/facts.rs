//! What the policies are told: the protocol's values in the words of `wit/`.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use oftp::{
    Agreement, FileHeader, Format, Mode, OdetteId, Params, RecordLayout, Response, Security, Ssid,
};
use pointsman_policy::types;
use pointsman_store::transition::VerbName;
use pointsman_store::{Direction, OutboundFile, REBUILT, Target, TimelineEntry, TransferId};
use serde::{Deserialize, Serialize};

/// Where a connection runs.
pub struct WireFacts {
    /// Our end.
    pub local: SocketAddr,
    /// The partner's end.
    pub remote: SocketAddr,
    /// Whether we dialled.
    pub dialled: bool,
    /// The TLS, where there is some.
    pub tls: Option<types::TlsInfo>,
}

/// The connection as `accept-connection` sees it, from the partner's SSID. `level` is the highest that we speak.
#[must_use]
pub fn connection(
    session: &str,
    line: WireFacts,
    partner: Option<&str>,
    password_ok: bool,
    offer: &Ssid,
    level: u8,
) -> types::ConnectionInfo {
    let ssid = SsidFacts {
        code: offer.code.to_string(),
        user: offer.user.as_str().to_owned(),
        level: offer.level,
        buffer_size: offer.buffer_size,
        credit: offer.credit,
        mode: mode(offer.mode),
        compression: offer.compression,
        restart: offer.restart,
        special_logic: offer.special_logic,
        authentication: offer.authentication,
    };
    let level = level.min(ssid.level);
    info(session, Some(line), partner, password_ok, ssid, level)
}

/// A connection to ask about outside a session: what is agreed with the partner, and no addresses. `code` is that of the
/// partner's profile, where it has one.
#[must_use]
pub fn without_session(
    session: &str,
    partner: &str,
    code: Option<&OdetteId>,
    params: &Params,
) -> types::ConnectionInfo {
    let ssid = SsidFacts {
        code: code.map_or_else(String::new, OdetteId::to_string),
        user: String::new(),
        level: params.level.code(),
        buffer_size: params.buffer_size,
        credit: params.credit,
        mode: partners_mode(params.mode),
        compression: params.compression,
        restart: params.restart,
        special_logic: false,
        authentication: params.authentication,
    };
    let level = ssid.level;
    info(session, None, Some(partner), code.is_some(), ssid, level)
}

/// What a partner says of itself in its SSID, or would say by its profile.
struct SsidFacts {
    code: String,
    user: String,
    level: u8,
    buffer_size: u32,
    credit: u16,
    mode: types::TransferMode,
    compression: bool,
    restart: bool,
    special_logic: bool,
    authentication: bool,
}

/// Every fact of a connection: those of its line are empty where there is none.
fn info(
    session: &str,
    line: Option<WireFacts>,
    partner: Option<&str>,
    password_ok: bool,
    ssid: SsidFacts,
    level: u8,
) -> types::ConnectionInfo {
    let dialled = line.as_ref().is_some_and(|line| line.dialled);
    let (local, remote) = line.as_ref().map(|line| (line.local, line.remote)).unzip();
    let local_address = local.map_or_else(String::new, |local| local.to_string());
    types::ConnectionInfo {
        session: session.to_owned(),
        direction: if dialled {
            types::Direction::Outbound
        } else {
            types::Direction::Inbound
        },
        listener: if dialled {
            String::new()
        } else {
            local_address.clone()
        },
        local_address,
        remote_address: remote.map_or_else(String::new, |remote| remote.ip().to_string()),
        remote_port: remote.map_or(0, |remote| remote.port()),
        partner: partner.map(str::to_owned),
        password_ok,
        ssid_code: ssid.code,
        ssid_user: ssid.user,
        ssid_level: ssid.level,
        level,
        buffer_size: ssid.buffer_size,
        credit: ssid.credit,
        mode: ssid.mode,
        compression: ssid.compression,
        restart: ssid.restart,
        special_logic: ssid.special_logic,
        secure_authentication: ssid.authentication,
        authenticated: false,
        tls: line.and_then(|line| line.tls),
        labels: Vec::new(),
        extra: Vec::new(),
    }
}

/// Brings what `accept-connection` saw up to what both ends agreed.
pub fn agreed(connection: &mut types::ConnectionInfo, agreement: &Agreement) {
    connection.level = agreement.level.code();
    connection.buffer_size = agreement.buffer_size;
    connection.credit = agreement.credit;
    connection.compression = agreement.compression;
    connection.restart = agreement.restart;
    connection.authenticated = agreement.authentication;
}

/// What a policy says of records, in our word.
#[must_use]
pub fn record_layout(layout: types::RecordLayout) -> RecordLayout {
    match layout {
        types::RecordLayout::Raw => RecordLayout::Raw,
        types::RecordLayout::Lines => RecordLayout::Lines,
        types::RecordLayout::LengthPrefixed => RecordLayout::LengthPrefixed,
    }
}

/// A virtual file as its SFID describes it.
#[must_use]
pub fn file(header: &FileHeader) -> types::FileInfo {
    let (format, max_record_size) = record_format(header.format);
    types::FileInfo {
        dataset_name: header.key.dataset.to_string(),
        description: header.description.clone(),
        date: header.key.stamp.date().to_owned(),
        time: header.key.stamp.time().to_owned(),
        user: header.user.as_str().to_owned(),
        destination: header.key.destination.to_string(),
        originator: header.key.originator.to_string(),
        format,
        max_record_size,
        size_kib: header.size_blocks,
        original_size_kib: header.original_size_blocks,
        restart: header.restart,
        security: security_level(header.security),
        cipher_suite: header.cipher.number(),
        compressed: header.compressed,
        enveloped: header.enveloped,
        signed_response: header.signed_receipt,
        extra: Vec::new(),
    }
}

/// SFIDFMT and SFIDLRECL.
pub fn record_format(format: Format) -> (types::RecordFormat, u32) {
    match format {
        Format::Unstructured => (types::RecordFormat::Unstructured, 0),
        Format::Text => (types::RecordFormat::Text, 0),
        Format::Fixed(length) => (types::RecordFormat::Fixed, length),
        Format::Variable(length) => (types::RecordFormat::Variable, length),
    }
}

/// SFIDSEC.
pub fn security_level(security: Security) -> types::SecurityLevel {
    match security {
        Security::None => types::SecurityLevel::None,
        Security::Encrypted => types::SecurityLevel::Encrypted,
        Security::Signed => types::SecurityLevel::Signed,
        Security::EncryptedAndSigned => types::SecurityLevel::EncryptedAndSigned,
    }
}

/// A transfer that came to its end, or was broken off.
pub struct Finished<'a> {
    /// Whether it came from the partner or goes to it.
    pub direction: Direction,
    /// Its SFID.
    pub header: &'a FileHeader,
    /// How it ended.
    pub outcome: types::TransferOutcome,
    /// Where it goes.
    pub target: Option<&'a Target>,
    /// What was counted, of the whole file.
    pub counts: oftp::Counts,
    /// Octets that were there before this session.
    pub held: u64,
    /// BLAKE3 of the content, if it is whole.
    pub digest: Option<&'a str>,
    /// How long it took.
    pub took: Duration,
    /// Labels of the transfer.
    pub labels: &'a [(String, String)],
    /// How often the policies were asked about its end before.
    pub asked: u32,
    /// Of a received file that is complete: whether it can still be refused (EFNA).
    pub can_refuse: Option<bool>,
    /// What was found in a secured file that is opened.
    pub security: Option<&'a SecurityFacts>,
}

impl<'a> Finished<'a> {
    /// Of a received file: what is known of each. What its content gives is left out, and so is whether it can be refused.
    #[must_use]
    pub fn inbound(
        outcome: types::TransferOutcome,
        header: &'a FileHeader,
        target: &'a Target,
        labels: &'a [(String, String)],
        took: Duration,
    ) -> Self {
        Self {
            direction: Direction::Inbound,
            header,
            outcome,
            target: Some(target),
            counts: oftp::Counts::default(),
            held: 0,
            digest: None,
            took,
            labels,
            asked: 0,
            can_refuse: None,
            security: None,
        }
    }
}

/// What was found in a secured file that is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityFacts {
    /// Octets as on the wire.
    pub secured_octets: u64,
    /// The certificates of the partner whose signatures are good; none where the file is not signed.
    pub signers: Vec<SignerFacts>,
}

/// A certificate of a partner that signed a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerFacts {
    /// Its holder.
    pub subject: String,
    /// Its serial number in hexadecimal digits.
    pub serial: String,
    /// SHA-256 of it in hexadecimal digits.
    pub sha256: String,
}

/// The history lines that have what was found in a secured file: when it is opened, and when its row is rebuilt.
const FOUND: [&str; 2] = [VerbName::Opened.in_history(), REBUILT];

impl SecurityFacts {
    /// As the history of the file keeps them.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Those that the history of a file keeps; none where it has none that can be read: it was not secured, or opened by
    /// a release that kept none.
    #[must_use]
    pub fn in_history(history: &[TimelineEntry]) -> Option<Self> {
        let lines = history.iter().rev();
        let mut kept = lines.filter(|line| FOUND.contains(&&*line.event));
        kept.find_map(|line| serde_json::from_str(line.data.as_deref()?).ok())
    }

    /// In the words of `wit/`; more than one signer makes more than one value of a name.
    fn extra(&self) -> Vec<(String, String)> {
        let mut extra = vec![("secured-octets".to_owned(), self.secured_octets.to_string())];
        for signer in &self.signers {
            let facts = [
                ("signer-subject", &signer.subject),
                ("signer-serial", &signer.serial),
                ("signer-sha256", &signer.sha256),
            ];
            let facts = facts.map(|(name, value)| (name.to_owned(), value.clone()));
            extra.extend(facts);
        }
        extra
    }
}

/// The facts of a finished transfer that are not in its record.
fn extra(done: &Finished<'_>) -> Vec<(String, String)> {
    let can_refuse = done.can_refuse.map(|can| can.to_string());
    let can_refuse = can_refuse.map(|can| ("can-refuse".to_owned(), can));
    let security = done.security.map(SecurityFacts::extra);
    can_refuse
        .into_iter()
        .chain(security.into_iter().flatten())
        .collect()
}

/// The end of a transfer as `end-transfer` sees it.
#[must_use]
pub fn transfer(done: &Finished<'_>) -> types::TransferResult {
    types::TransferResult {
        direction: match done.direction {
            Direction::Inbound => types::TransferDirection::Received,
            Direction::Outbound => types::TransferDirection::Sent,
        },
        file: file(done.header),
        outcome: done.outcome.clone(),
        path: done.target.map(path),
        records: done.counts.records,
        octets: done.counts.octets,
        restarted_at: done.held,
        blake3: done.digest.map(str::to_owned),
        signature_valid: done
            .security
            .and_then(|found| (!found.signers.is_empty()).then_some(true)),
        duration_ms: done.took.as_millis() as u64,
        asked: done.asked,
        labels: done.labels.to_vec(),
        extra: extra(done),
    }
}

/// The folder and name of a target as one path below the inbox.
#[must_use]
pub fn path(target: &Target) -> String {
    if target.directory.is_empty() {
        target.file_name.clone()
    } else {
        format!("{}/{}", target.directory, target.file_name)
    }
}

/// The target a path below the inbox stands for.
#[must_use]
pub fn target_of(path: &str) -> Target {
    let (directory, file_name) = path.rsplit_once('/').unwrap_or(("", path));
    Target {
        directory: directory.to_owned(),
        file_name: file_name.to_owned(),
        overwrite: false,
    }
}

/// A receipt from the partner as `end-response` sees it.
#[must_use]
pub fn response(
    response: &Response,
    matched: Option<TransferId>,
    problem: &str,
) -> types::ResponseInfo {
    let key = response.key();
    let (kind, user, hash) = match response {
        Response::Positive(eerp) => (
            types::ResponseKind::Delivered,
            eerp.user.as_str(),
            &eerp.hash,
        ),
        Response::Negative(nerp) => {
            let rejection = types::Rejection {
                reason: nerp.reason.code(),
                text: nerp.text.clone(),
                creator: nerp.creator.to_string(),
            };
            (types::ResponseKind::Rejected(rejection), "", &nerp.hash)
        }
    };
    types::ResponseInfo {
        kind,
        dataset_name: key.dataset.to_string(),
        date: key.stamp.date().to_owned(),
        time: key.stamp.time().to_owned(),
        user: user.to_owned(),
        // A response travels back: to where the file came from.
        destination: key.originator.to_string(),
        originator: key.destination.to_string(),
        outbound_id: matched.map(|id| id.to_string()),
        file_hash: (!hash.is_empty())
            .then(|| hash.iter().map(|octet| format!("{octet:02x}")).collect()),
        hash_ok: None,
        signature_ok: None,
        problem: problem.to_owned(),
        extra: Vec::new(),
    }
}

/// A file that waits to be sent.
#[must_use]
pub fn outbound_file(waiting: &OutboundFile) -> types::OutboundFile {
    let queued = waiting
        .queued
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    types::OutboundFile {
        id: waiting.id.to_string(),
        partner: waiting.partner.clone(),
        file: file(&waiting.header),
        attempts: waiting.attempts,
        queued_at: queued.as_millis() as u64,
        labels: waiting.labels.clone(),
    }
}

/// What a policy says of security, in our word.
#[must_use]
pub fn security(level: types::SecurityLevel) -> Security {
    match level {
        types::SecurityLevel::None => Security::None,
        types::SecurityLevel::Encrypted => Security::Encrypted,
        types::SecurityLevel::Signed => Security::Signed,
        types::SecurityLevel::EncryptedAndSigned => Security::EncryptedAndSigned,
    }
}

/// What the partner does where we do this.
fn partners_mode(ours: Mode) -> types::TransferMode {
    mode(match ours {
        Mode::Both => Mode::Both,
        Mode::SendOnly => Mode::ReceiveOnly,
        Mode::ReceiveOnly => Mode::SendOnly,
    })
}

fn mode(mode: Mode) -> types::TransferMode {
    match mode {
        Mode::Both => types::TransferMode::Both,
        Mode::SendOnly => types::TransferMode::SendOnly,
        Mode::ReceiveOnly => types::TransferMode::ReceiveOnly,
    }
}
