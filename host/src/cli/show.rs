//! `pointsman transfers show`: everything that is known of one file.

use oftp::{Format, Response, Security};
use pointsman_store::{
    ContentKey, Details, Direction, Ledger, OutboundState, ReceiptState, State, TimelineEntry,
    Transfer,
};
use serde_json::{Map, Value, json};

use super::id::Id;
use super::out::{print_json, say};
use super::partners::{Look, Waits};
use super::transfers::as_json as row_as_json;
use super::{Outcome, open_store, queue, sessions, when};
use crate::config::Config;
use crate::station::roster::SessionNow;

/// Everything that is known of one file.
struct Shown<'a> {
    row: &'a Transfer,
    details: &'a Details,
    response: Option<&'a Response>,
    timeline: &'a [TimelineEntry],
    content: Option<String>,
    /// The session that has it just now.
    session: Option<&'a SessionNow>,
    /// Of a file to send that is not sent yet.
    waits: Option<Waits>,
}

pub(super) async fn show(config: Config, id: Id, json: bool) -> Outcome {
    let (ledger, spool) = open_store(&config)?;
    let id = id.find(&ledger).await?;
    let (Some(row), Some(mut details)) = (ledger.show(id).await?, ledger.details(id).await?) else {
        return Err(pointsman_store::LedgerError::NotFound(id).into());
    };
    details.rests_until = queue::resting(&config, &row.partner, details.rests_until);
    let response = ledger.receipt(id).await?;
    let look = Look::beside(&config).await?;
    let shown = Shown {
        row: &row,
        details: &details,
        response: response.as_ref(),
        timeline: &ledger.timeline(id).await?,
        content: spool.shown(ContentKey::of(row.direction(), id)),
        session: with(look.sessions(), &row),
        waits: is_queued(&row).then(|| look.waits(&config, &row.partner)),
    };
    if json {
        return print_json(&shown.as_json());
    }
    shown.print();
    Ok(())
}

fn with<'a>(sessions: &'a [SessionNow], row: &Transfer) -> Option<&'a SessionNow> {
    let id = row.id.to_string();
    sessions.iter().find(|session| {
        let file = session.file.as_ref();
        file.is_some_and(|file| file.transfer == id)
    })
}

fn is_queued(row: &Transfer) -> bool {
    use OutboundState::{Held, Parked, Ready};
    matches!(row.state, State::Outbound(Ready | Held | Parked))
}

impl Shown<'_> {
    fn print(&self) {
        let Self { row, details, .. } = self;
        let header = &details.header;
        let line = |what: &str, text: &str| say!("{what:12} {}", text);
        let given = |what: &str, text: &str| {
            if !text.is_empty() {
                line(what, text);
            }
        };
        line("transfer", &row.id.to_string());
        line("file", &row.key.to_string());
        let way = match row.direction() {
            Direction::Inbound => "received",
            Direction::Outbound => "sent",
        };
        line("partner", &format!("{} ({way})", row.partner));
        line("since", &when(row.created));
        line("state", &self.state());
        if let Some(session) = self.session {
            line("session", &sessions::told(session));
        }
        line("receipt", &self.receipt());
        line("format", &self.format());
        given("user data", header.user.as_str());
        given("description", &header.description);
        given("secured", &self.secured());
        given("labels", &self.labels());
        match (row.direction(), row.digest.is_empty()) {
            (Direction::Inbound, true) => line("content", &self.arrived()),
            _ => line(
                "content",
                &format!("{} octets, blake3 {}", row.octets, row.digest),
            ),
        }
        match (row.direction(), &row.path) {
            (_, Some(path)) => line("place", path),
            (Direction::Inbound, None) => line("place", &self.target()),
            (Direction::Outbound, None) => {}
        }
        if let Some(path) = &self.content {
            line("spool", path);
        }
        if row.direction() == Direction::Outbound {
            line("offered", &self.offered());
        }
        if let Some(waits) = &self.waits {
            line("next call", &waits.next_call);
            if let Some(why) = &self.why(waits) {
                line("why it waits", why);
            }
        }
        self.timeline.iter().for_each(print);
    }

    fn state(&self) -> String {
        let because = self.row.reason.as_ref();
        let because = because.map_or_else(String::new, |why| format!(": {why}"));
        format!("{}{because}", self.row.state)
    }

    /// What it waits for itself comes before what its partner waits for.
    fn why(&self, waits: &Waits) -> Option<String> {
        let id = self.row.id;
        match (self.row.state, self.details.rests_until) {
            _ if self.details.holder.is_some() => None,
            (State::Outbound(OutboundState::Held), _) => Some(format!(
                "it is held: `pointsman queue release {id}` lets it go"
            )),
            (State::Outbound(OutboundState::Parked), _) => Some(format!(
                "it is parked: `pointsman queue release {id}` lets it go as it is, `resend` under a new date and time"
            )),
            (_, Some(until)) => Some(format!(
                "it rests until {}: `pointsman queue send-now {id}` lets it go now",
                when(until)
            )),
            _ => waits.why.clone(),
        }
    }

    fn receipt(&self) -> String {
        let since = self.details.receipt_since.map(when).unwrap_or_default();
        match (self.response, self.row.receipt) {
            (Some(response), Some(ReceiptState::Received)) => {
                format!("{} came {since}", told(response))
            }
            (Some(response), Some(ReceiptState::Owed)) => format!(
                "{} owed since {since}, told {} times",
                told(response),
                self.details.receipt_tries
            ),
            (Some(response), Some(state @ ReceiptState::Given)) => {
                format!("{} {state}, owed since {since}", told(response))
            }
            (Some(_), None) | (None, _) => self.no_receipt(),
        }
    }

    fn no_receipt(&self) -> String {
        let Some(question) = self.details.question else {
            return match self.details.sent {
                Some(sent) => format!("none has come since the file was sent {}", when(sent)),
                None => "none".to_owned(),
            };
        };
        match (question.asked_at, question.hand_over) {
            (Some(at), true) => format!(
                "none yet: the command that takes the file is run at {}, after {} tries",
                when(at),
                question.asked
            ),
            (Some(at), false) => format!(
                "none yet: the policies are asked again at {}, after {} times",
                when(at),
                question.asked
            ),
            (None, _) => format!(
                "none: it is yours to decide: `pointsman transfers answer {}`, with `--reject REASON` for a NERP",
                self.row.id
            ),
        }
    }

    fn format(&self) -> String {
        let header = &self.details.header;
        let format = match header.format {
            Format::Unstructured => "U (unstructured)".to_owned(),
            Format::Text => "T (text)".to_owned(),
            Format::Fixed(length) => format!("F (records of {length} octets)"),
            Format::Variable(length) => format!("V (records of {length} octets at most)"),
        };
        let layout = self.details.layout.map_or_else(String::new, |layout| {
            format!(", kept here as {}", layout.name())
        });
        format!(
            "{format}{layout}, told as {} blocks of 1024 octets",
            header.size_blocks
        )
    }

    fn secured(&self) -> String {
        let header = &self.details.header;
        let security = match header.security {
            Security::None => "",
            Security::Encrypted => "encrypted",
            Security::Signed => "signed",
            Security::EncryptedAndSigned => "encrypted and signed",
        };
        let of = [
            (header.security != Security::None, security),
            (header.compressed, "compressed"),
            (header.enveloped, "enveloped"),
            (header.signed_receipt, "a signed receipt is asked for"),
        ];
        let of = of.iter().filter(|(is, _)| *is).map(|(_, what)| *what);
        of.collect::<Vec<_>>().join(", ")
    }

    fn labels(&self) -> String {
        let told = |(name, value): &(String, String)| match value.is_empty() {
            true => name.clone(),
            false => format!("{name}={value}"),
        };
        let labels = self.details.labels.iter().map(told);
        labels.collect::<Vec<_>>().join(", ")
    }

    fn arrived(&self) -> String {
        let position = self.details.position;
        match self.details.layout {
            Some(_) => format!(
                "not all here: {} octets and {} records are known to be on the disk",
                position.octets, position.records
            ),
            None => format!(
                "not all here: {} octets are known to be on the disk",
                position.octets
            ),
        }
    }

    fn target(&self) -> String {
        let target = &self.details.target;
        let replaces = match target.overwrite {
            true => ", in place of a file of that name",
            false => "",
        };
        match target.directory.is_empty() {
            true => format!("is to be {}{replaces}", target.file_name),
            false => format!(
                "is to be {}/{}{replaces}",
                target.directory, target.file_name
            ),
        }
    }

    fn offered(&self) -> String {
        let details = self.details;
        let doubt = match details.in_doubt {
            true => "; it may have arrived already, and is offered again to know",
            false => "",
        };
        format!(
            "{} times; refused for now {} times, broken off {} times in a row; priority {}{doubt}",
            details.attempts, details.refusals, details.breaks, details.priority
        )
    }

    fn as_json(&self) -> Value {
        let Value::Object(mut shown) = row_as_json(self.row) else {
            return Value::Null;
        };
        let mut more = |what: &str, value: Value| drop(shown.insert(what.to_owned(), value));
        more("spool", json!(self.content));
        more("header", self.header());
        let label = |(name, value): &(String, String)| json!({"name": name, "value": value});
        more("labels", self.details.labels.iter().map(label).collect());
        more(
            "session",
            self.session.map_or(Value::Null, sessions::as_json),
        );
        more(
            "response",
            self.response
                .map_or(Value::Null, |response| self.response(response)),
        );
        more("question", self.question());
        match self.row.direction() {
            Direction::Inbound => more("inbound", self.inbound()),
            Direction::Outbound => more("outbound", self.outbound()),
        }
        more("timeline", self.timeline.iter().map(entry).collect());
        Value::Object(shown)
    }

    fn header(&self) -> Value {
        let header = &self.details.header;
        let (format, record) = match header.format {
            Format::Unstructured => ("U", None),
            Format::Text => ("T", None),
            Format::Fixed(length) => ("F", Some(length)),
            Format::Variable(length) => ("V", Some(length)),
        };
        json!({
            "format": format,
            "record_length": record,
            "records_kept_as": self.details.layout.map(oftp::RecordLayout::name),
            "size_blocks": header.size_blocks,
            "original_size_blocks": header.original_size_blocks,
            "user": header.user.as_str(),
            "description": header.description,
            "signed": matches!(header.security, Security::Signed | Security::EncryptedAndSigned),
            "encrypted": matches!(header.security, Security::Encrypted | Security::EncryptedAndSigned),
            "compressed": header.compressed,
            "enveloped": header.enveloped,
            "signed_receipt": header.signed_receipt,
        })
    }

    fn response(&self, response: &Response) -> Value {
        let (reason, text, creator, hash, signature) = match response {
            Response::Positive(eerp) => (None, None, None, &eerp.hash, &eerp.signature),
            Response::Negative(nerp) => (
                Some(nerp.reason.code()),
                Some(nerp.text.as_str()),
                Some(nerp.creator.to_string()),
                &nerp.hash,
                &nerp.signature,
            ),
        };
        json!({
            "command": command(response),
            "since": self.details.receipt_since.map(when),
            "tries": self.details.receipt_tries,
            "reason": reason,
            "text": text,
            "creator": creator,
            "has_hash": !hash.is_empty(),
            "is_signed": !signature.is_empty(),
        })
    }

    fn question(&self) -> Value {
        let question = self.details.question.map(|question| {
            json!({
                "asks": match (question.asked_at, question.hand_over) {
                    (None, _) => "operator",
                    (_, true) => "command",
                    (_, false) => "policies",
                },
                "asked_at": question.asked_at.map(when),
                "asked": question.asked,
            })
        });
        question.unwrap_or_default()
    }

    fn inbound(&self) -> Value {
        let details = self.details;
        json!({
            "durable_octets": details.position.octets,
            "durable_records": details.position.records,
            "directory": details.target.directory,
            "file_name": details.target.file_name,
            "overwrite": details.target.overwrite,
            "partner_has_efpa": details.confirmed,
        })
    }

    fn outbound(&self) -> Value {
        let details = self.details;
        let mut shown = Map::new();
        let mut more = |what: &str, value: Value| drop(shown.insert(what.to_owned(), value));
        more("priority", json!(details.priority));
        more("attempts", json!(details.attempts));
        more("refusals", json!(details.refusals));
        more("breaks", json!(details.breaks));
        more("in_doubt", json!(details.in_doubt));
        more("rests_until", json!(details.rests_until.map(when)));
        more("holder", json!(details.holder));
        more("sent", json!(details.sent.map(when)));
        if let Some(waits) = &self.waits {
            more("next_call", json!(waits.next_call));
            more("why_it_waits", json!(self.why(waits)));
        }
        Value::Object(shown)
    }
}

fn command(response: &Response) -> &'static str {
    match response {
        Response::Positive(_) => "EERP",
        Response::Negative(_) => "NERP",
    }
}

fn told(response: &Response) -> String {
    let signed = |signature: &[u8]| match signature.is_empty() {
        true => "",
        false => ", signed,",
    };
    match response {
        Response::Positive(eerp) => format!("EERP{}", signed(&eerp.signature)),
        Response::Negative(nerp) => format!(
            "NERP {}{} of {}{},",
            nerp.reason,
            match nerp.text.is_empty() {
                true => String::new(),
                false => format!(" \"{}\"", nerp.text),
            },
            nerp.creator,
            signed(&nerp.signature)
        ),
    }
}

fn print(line: &TimelineEntry) {
    say!(
        "  {}  {:14}  {}  {}",
        when(line.at),
        line.event,
        line.session.as_deref().unwrap_or_default(),
        line.detail
    );
}

fn entry(line: &TimelineEntry) -> Value {
    json!({
        "at": when(line.at),
        "event": line.event,
        "session": line.session,
        "detail": line.detail,
    })
}
