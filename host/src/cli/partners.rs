//! `pointsman partners`.

use clap::Args;
use pointsman_log::printable;

use super::command::{CommandOutcome, Configured, block_on};
use super::out::{notice, print_json, say};
use super::sessions;
use crate::operator::partners::{CertificateReport, ContactReport, PartnerReport, PartnersReport};
use crate::operator::remark::RemarkLevel;
use crate::operator::utc_time::UtcTime;

/// What is known of partners: when and how the last session went, what failed last, when the next call is, what waits
/// and why it does not go, which receipts are overdue, and when certificates end. The server need not run.
#[derive(Debug, Args)]
pub(super) struct PartnersCommand {
    /// Of this partner alone, with everything.
    name: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    configured: Configured,
}

impl PartnersCommand {
    pub(super) fn run(self) -> CommandOutcome {
        let operator = self.configured.operator()?;
        let known = block_on(operator.partners(self.name.as_deref()))?;
        known.unknown.iter().for_each(|what| notice(what));
        match self.name {
            _ if self.json => return Ok(print_json(&known.partners)?),
            Some(_) => {
                known.station.iter().for_each(print_of_station);
                known.partners.iter().for_each(print);
            }
            None => print_table(&known),
        }
        Ok(())
    }
}

fn print(partner: &PartnerReport) {
    line(
        "partner",
        &format!("{} (SSID {})", partner.partner, partner.ssid),
    );
    line("address", &address(partner));
    for session in &partner.sessions {
        line("sessions", &sessions::in_a_line(session));
    }
    for (what, contact) in [
        ("last session", &partner.last_session),
        ("last good one", &partner.last_good_session),
        ("last failure", &partner.last_failure),
        ("last refusal", &partner.last_refusal),
    ] {
        let shown = contact.as_ref().map(in_a_line);
        line(what, shown.as_deref().unwrap_or("none"));
    }
    line("next call", &partner.next_call);
    line("to send", &to_send(partner));
    line("receipts", &receipts(partner));
    for certificate in its_own(partner) {
        line(
            "certificate",
            &format!("{}: {}", certificate.key, weighed(certificate)),
        );
    }
    for folder in &partner.not_watched {
        let (key, why) = (&folder.key, printable(&folder.why));
        line("not watched", &format!("{key}: {why}"));
    }
    if let Some(why) = &partner.why_it_waits {
        line("why it waits", why);
    }
}

fn address(partner: &PartnerReport) -> String {
    match &partner.address {
        Some(address) if partner.tls => format!("{address} with TLS"),
        Some(address) => format!("{address} without TLS"),
        None => "none: only it can call us".to_owned(),
    }
}

fn to_send(partner: &PartnerReport) -> String {
    let waiting = &partner.to_send;
    if waiting.files == 0 {
        return "nothing".to_owned();
    }
    let of = [
        (waiting.in_session, "in a session"),
        (waiting.backing_off, "backing off"),
        (waiting.held, "held"),
        (waiting.parked, "parked"),
    ];
    let of = of.iter().filter(|(count, _)| *count > 0);
    let of: Vec<String> = of.map(|(count, what)| format!("{count} {what}")).collect();
    let of = match of.is_empty() {
        true => String::new(),
        false => format!(" ({})", of.join(", ")),
    };
    format!(
        "{} files{of}, {} octets, the oldest since {}",
        waiting.files,
        waiting.octets,
        moment(waiting.oldest)
    )
}

fn receipts(partner: &PartnerReport) -> String {
    let receipts = &partner.receipts;
    let mut of = vec![format!(
        "{} awaited, {} overdue",
        receipts.awaited, receipts.overdue
    )];
    if let Some(since) = receipts.overdue_since {
        of.push(format!("the first of a file sent {since}"));
    }
    of.push(format!("{} owed to it", receipts.owed));
    if receipts.unanswered > 0 {
        of.push(format!(
            "{} wait for your answer (`pointsman transfers answer ID`)",
            receipts.unanswered
        ));
    }
    of.join(", ")
}

fn line(what: &str, text: &str) {
    say!("{what:13} {text}");
}

fn print_of_station(certificate: &CertificateReport) {
    line(
        "station",
        &format!("{}: {}", certificate.key, weighed(certificate)),
    );
}

fn print_table(known: &PartnersReport) {
    let bad = known
        .station
        .iter()
        .filter(|certificate| is_bad(certificate));
    bad.for_each(print_of_station);
    row(
        ["PARTNER", "LAST SESSION", "NEXT CALL", "TO SEND", "OVERDUE"].map(str::to_owned),
        "NOTES",
    );
    for partner in &known.partners {
        row(columns(partner), &notes(partner));
    }
    if known.partners.iter().any(|partner| !partner.server_runs) {
        say!("no server runs on this configuration: nobody is called, and nobody can call");
    }
}

fn row(row: [String; 5], notes: &str) {
    let [name, last, next, files, overdue] = row;
    let line = format!("{name:16}  {last:20}  {next:20}  {files:>7}  {overdue:>7}  {notes}");
    say!("{}", line.trim_end());
}

fn columns(partner: &PartnerReport) -> [String; 5] {
    let last = partner.last_session.as_ref();
    let next = match partner.next_call_at {
        Some(at) => at.to_string(),
        None if partner.being_called => "now".to_owned(),
        None => "-".to_owned(),
    };
    [
        partner.partner.clone(),
        last.map_or_else(|| "-".to_owned(), |last| last.at.to_string()),
        next,
        partner.to_send.files.to_string(),
        partner.receipts.overdue.to_string(),
    ]
}

/// What is to be known of it beside the numbers.
fn notes(partner: &PartnerReport) -> String {
    let mut notes: Vec<String> = partner.why_it_waits.iter().cloned().collect();
    if notes.is_empty()
        && let Some(failure) = partner.failure()
    {
        notes.push(format!("last failure: {}", printable(&failure.words)));
    }
    let certificates = its_own(partner).filter(|certificate| is_bad(certificate));
    notes.extend(
        certificates.map(|certificate| format!("{}: {}", certificate.key, weighed(certificate))),
    );
    let folders = partner.not_watched.iter();
    notes.extend(
        folders.map(|folder| format!("not watched: {}: {}", folder.key, printable(&folder.why))),
    );
    notes.join("; ")
}

fn its_own(partner: &PartnerReport) -> impl Iterator<Item = &CertificateReport> {
    let all = partner.certificates.iter();
    all.filter(|certificate| !certificate.of_station)
}

/// A session or call that is over, as a line.
fn in_a_line(contact: &ContactReport) -> String {
    let who = match contact.dialled {
        true => "we called",
        false => "it called from",
    };
    format!(
        "{}: {who} {}: {}",
        contact.at,
        printable(&contact.remote),
        printable(&contact.words)
    )
}

fn is_bad(certificate: &CertificateReport) -> bool {
    certificate.weight > RemarkLevel::Good
}

fn weighed(certificate: &CertificateReport) -> String {
    match certificate.weight {
        RemarkLevel::Good => certificate.text.clone(),
        RemarkLevel::Warning => format!("warning: {}", certificate.text),
        RemarkLevel::Error => format!("error: {}", certificate.text),
    }
}

fn moment(at: Option<UtcTime>) -> String {
    at.map_or_else(String::new, |at| at.to_string())
}
