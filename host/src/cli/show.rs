//! `pointsman transfers show`: everything that is known of one file.

use pointsman_store::{Direction, ReceiptState};

use super::command::{CommandOutcome, Configured, block_on};
use super::out::{notice, print_json, say};
use super::sessions;
use crate::operator::history::{
    InboundReport, OutboundReport, QuestionReport, ReceiptDecider, ResponseReport, TimelineReport,
    TransferReport,
};
use crate::operator::transfer_name::TransferName;
use crate::operator::utc_time::UtcTime;

pub(super) fn show(configured: &Configured, id: &TransferName, json: bool) -> CommandOutcome {
    let operator = configured.operator()?;
    let file = block_on(operator.transfer(id))?;
    file.unknown.iter().for_each(|what| notice(what));
    if json {
        return Ok(print_json(&file)?);
    }
    print(&file);
    Ok(())
}

fn print(file: &TransferReport) {
    let row = &file.row;
    line("transfer", &row.transfer);
    line("file", &row.file.text);
    let way = match row.state.0.direction() {
        Direction::Inbound => "received",
        Direction::Outbound => "sent",
    };
    line("partner", &format!("{} ({way})", row.partner));
    line("since", &row.since.to_string());
    let because = row.reason.as_ref();
    let because = because.map_or_else(String::new, |why| format!(": {why}"));
    line("state", &format!("{}{because}", row.state.0));
    if let Some(session) = &file.session {
        line("session", &sessions::in_a_line(session));
    }
    line("receipt", &receipt(file));
    line("format", &format(file));
    given("user data", &file.header.user);
    given("description", &file.header.description);
    given("secured", &secured(file));
    given("labels", &labels(file));
    print_content(file);
    if let Some(outbound) = &file.outbound {
        print_outbound(outbound);
    }
    file.timeline.iter().for_each(print_event);
}

fn line(what: &str, text: &str) {
    say!("{what:12} {text}");
}

fn given(what: &str, text: &str) {
    if !text.is_empty() {
        line(what, text);
    }
}

fn print_content(file: &TransferReport) {
    let row = &file.row;
    match &file.inbound {
        Some(inbound) if row.blake3.is_empty() => line("content", &arrived(file, inbound)),
        _ => line(
            "content",
            &format!("{} octets, blake3 {}", row.octets, row.blake3),
        ),
    }
    match (&row.path, &file.inbound) {
        (Some(path), _) => line("place", path),
        (None, Some(inbound)) => line("place", &target(inbound)),
        (None, None) => {}
    }
    if let Some(path) = &file.spool {
        line("spool", path);
    }
}

fn print_outbound(outbound: &OutboundReport) {
    line("offered", &offered(outbound));
    if let Some(waits) = &outbound.waits {
        line("next call", &waits.next_call);
        if let Some(why) = &waits.why_it_waits {
            line("why it waits", why);
        }
    }
}

fn receipt(file: &TransferReport) -> String {
    let Some(response) = &file.response else {
        return no_receipt(file);
    };
    let since = moment(response.since);
    let what = in_words(response);
    match file.row.receipt {
        Some(ReceiptState::Received) => format!("{what} came {since}"),
        Some(ReceiptState::Owed) => {
            format!("{what} owed since {since}, sent {} times", response.tries)
        }
        Some(state @ ReceiptState::Given) => format!("{what} {state}, owed since {since}"),
        None => format!("{what} owed since {since}"),
    }
}

fn no_receipt(file: &TransferReport) -> String {
    let Some(question) = &file.question else {
        let sent = file.outbound.as_ref().and_then(|outbound| outbound.sent);
        return match sent {
            Some(sent) => format!("none has come since the file was sent {sent}"),
            None => "none".to_owned(),
        };
    };
    let QuestionReport {
        asks,
        asked_at,
        asked,
    } = question;
    let at = moment(*asked_at);
    match asks {
        ReceiptDecider::Command => {
            format!("none yet: the command that takes the file is run at {at}, after {asked} tries")
        }
        ReceiptDecider::Policies => {
            format!("none yet: the policies are asked again at {at}, after {asked} times")
        }
        ReceiptDecider::Operator => format!(
            "none: it is yours to decide: `pointsman transfers answer {}`, with `--reject REASON` for a NERP",
            file.row.transfer
        ),
    }
}

fn in_words(response: &ResponseReport) -> String {
    let signed = if response.is_signed { ", signed," } else { "" };
    let (Some(reason), Some(creator)) = (&response.reason_text, &response.creator) else {
        return format!("{}{signed}", response.command);
    };
    let text = response.text.as_deref().unwrap_or_default();
    let text = match text.is_empty() {
        true => String::new(),
        false => format!(" \"{text}\""),
    };
    format!("{} {reason}{text} of {creator}{signed},", response.command)
}

fn format(file: &TransferReport) -> String {
    let header = &file.header;
    let length = header.record_length.unwrap_or_default();
    let format = match header.format.as_str() {
        "U" => "U (unstructured)".to_owned(),
        "T" => "T (text)".to_owned(),
        "F" => format!("F (records of {length} octets)"),
        other => format!("{other} (records of {length} octets at most)"),
    };
    let layout = header.records_kept_as.as_ref();
    let layout = layout.map_or_else(String::new, |layout| format!(", kept here as {layout}"));
    format!(
        "{format}{layout}, announced as {} blocks of 1024 octets",
        header.size_blocks
    )
}

fn secured(file: &TransferReport) -> String {
    let header = &file.header;
    let security = match (header.encrypted, header.signed) {
        (false, false) => "",
        (true, false) => "encrypted",
        (false, true) => "signed",
        (true, true) => "encrypted and signed",
    };
    let of = [
        (!security.is_empty(), security),
        (header.compressed, "compressed"),
        (header.enveloped, "enveloped"),
        (header.signed_receipt, "a signed receipt is asked for"),
    ];
    let of = of.iter().filter(|(is, _)| *is).map(|(_, what)| *what);
    let mut of: Vec<String> = of.map(str::to_owned).collect();
    let suite = header.cipher_suite.as_ref();
    of.extend(suite.map(|suite| format!("cipher suite {suite}")));
    let opened = file.inbound.as_ref();
    let opened = opened.and_then(|file| file.plain_octets.zip(file.plain_blake3.as_ref()));
    of.extend(opened.map(|(octets, digest)| format!("opened: {octets} octets, blake3 {digest}")));
    of.join(", ")
}

fn labels(file: &TransferReport) -> String {
    let labels = file
        .labels
        .iter()
        .map(|label| match label.value.is_empty() {
            true => label.name.clone(),
            false => format!("{}={}", label.name, label.value),
        });
    labels.collect::<Vec<_>>().join(", ")
}

fn arrived(file: &TransferReport, inbound: &InboundReport) -> String {
    let octets = inbound.durable_octets;
    match file.header.records_kept_as {
        Some(_) => format!(
            "not all here: {octets} octets and {} records are known to be on the disk",
            inbound.durable_records
        ),
        None => format!("not all here: {octets} octets are known to be on the disk"),
    }
}

fn target(inbound: &InboundReport) -> String {
    let InboundReport {
        directory,
        file_name,
        ..
    } = inbound;
    let replaces = match inbound.overwrite {
        true => ", in place of a file of that name",
        false => "",
    };
    match directory.is_empty() {
        true => format!("is to be {file_name}{replaces}"),
        false => format!("is to be {directory}/{file_name}{replaces}"),
    }
}

fn offered(outbound: &OutboundReport) -> String {
    let doubt = match outbound.in_doubt {
        true => {
            "; in doubt: it may have arrived already, and the partner's answer to the next offer shows whether it has"
        }
        false => "",
    };
    format!(
        "{} times; refused for now {} times, broken off {} times in a row; priority {}{doubt}",
        outbound.attempts, outbound.refusals, outbound.breaks, outbound.priority
    )
}

fn print_event(entry: &TimelineReport) {
    say!(
        "  {}  {:14}  {}  {}",
        entry.at,
        entry.event,
        entry.session.as_deref().unwrap_or_default(),
        entry.detail
    );
}

fn moment(at: Option<UtcTime>) -> String {
    at.map_or_else(String::new, |at| at.to_string())
}
