//! `pointsman send`.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::DateTime;
use oftp::{Format, OdetteId, RecordLayout, Response, UserData};
use pointsman_log::printable;
use pointsman_store::{ContactKind, OutboundState, Queued, State, TransferId};
use tokio::sync::{broadcast, oneshot, watch};

use super::out::say;
use super::{Configured, Failed, LogStyle, Outcome, block_on, start_log, when};
use crate::config::partners::Profile;
use crate::config::{Config, Label, Needs, Policies, Scalar};
use crate::events::Event;
use crate::outbound::enqueue::{self, SendAs};
use crate::session::dial;
use crate::session::ending::Ending;
use crate::station::drain::Drain;
use crate::station::leases;
use crate::station::{Inbox, Station};

/// Queues a file, calls the partner and sends it. What fails stays queued: the partner's own next call, or
/// `pointsman send --to PARTNER` without a file, takes it along.
#[derive(Debug, Args)]
pub(super) struct Send {
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
    /// The format it is sent in.
    #[arg(
        long,
        value_enum,
        default_value_t,
        requires = "file",
        ignore_case = true
    )]
    format: SendFormat,
    /// The length of records in octets: exactly so many with F, at most so many with V.
    #[arg(long, value_name = "OCTETS", requires = "file", value_parser = clap::value_parser!(u32).range(0..=99_999))]
    record_length: Option<u32>,
    /// How the records of an F or V file stand in it; as the partner's profile says where nothing is given.
    #[arg(long, value_enum, value_name = "LAYOUT", requires = "file")]
    records: Option<Records>,
    /// Fill lines that are shorter than the records with blanks (F with `--records lines`).
    #[arg(long, requires = "file")]
    pad: bool,
    /// The station of the partner it is for: its `ssid` or one of its `sfids`; the first where none is given.
    #[arg(long, value_name = "CODE", requires = "file", value_parser = read::<OdetteId>)]
    destination: Option<OdetteId>,
    /// The station of ours it is from: `station.ssid` or one of `station.sfids`; the first where none is given.
    #[arg(long, value_name = "CODE", requires = "file", value_parser = read::<OdetteId>)]
    originator: Option<OdetteId>,
    /// User data as agreed with the partner, at most 8 characters.
    #[arg(long, value_name = "TEXT", requires = "file", value_parser = read::<UserData>)]
    user_data: Option<UserData>,
    /// Its date and time, such as 2026-11-29T08:15:00; now where none is given.
    #[arg(long, value_name = "TIME", requires = "file")]
    stamp: Option<DateTime>,
    /// What is said of it for policies and in `transfers show`: NAME=VALUE, or a word; once for each label, at most 64.
    #[arg(long = "label", value_name = "NAME=VALUE", requires = "file", value_parser = read::<Label>)]
    labels: Vec<Label>,
    /// Only queue it: it goes with the server's next call, or the partner's.
    #[arg(long, requires = "file")]
    queue_only: bool,
    /// 0 to 9, 5 where none is given: of what waits for the partner, higher goes first.
    #[arg(long, value_name = "0-9", requires = "file", value_parser = clap::value_parser!(u8).range(0..=9))]
    priority: Option<u8>,
    #[command(flatten)]
    configured: Configured,
}

/// SFIDFMT (RFC 5024, 5.3.3).
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SendFormat {
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
enum Records {
    /// One after the other (F only).
    Raw,
    /// As lines that end in CR LF.
    Lines,
    /// Each after its length, two octets, the high one first.
    LengthPrefixed,
}

fn read<T: Scalar>(text: &str) -> Result<T, String> {
    T::read(text)
}

impl Send {
    pub(super) fn run(self) -> Outcome {
        start_log(LogStyle::Quiet)?;
        let config = self.load()?;
        block_on(async {
            let profile = Profile::by_name(&config, &self.to)
                .ok_or_else(|| unknown_partner(&self.to, config.partners.keys()))?;
            let inbox = match self.queue_only {
                true => Inbox::AsItIs,
                false => Inbox::Made,
            };
            let station = Station::open(config, "send", inbox).await?;
            // What a program that was killed had must not wait for a server.
            leases::give_back(&station).await?;
            let only = self.queue(&station, &profile).await?;
            if self.queue_only {
                return Ok(());
            }
            let queued = waiting(&station, &self.to).await?;
            let (done, over) = oneshot::channel::<()>();
            let watching = tokio::spawn(show(station.events.watch(), over));
            let (_stay, drain) = watch::channel(Drain::No);
            let called = dial::call(Arc::clone(&station), profile, only, drain).await;
            // What was told last is shown, too: it is why nothing was sent.
            drop(done);
            let _ = watching.await;
            // What is remembered of the partner is a convenience: the file is what counts.
            let _ = station.contacts.write_down(station.ledger.as_ref()).await;
            match called {
                Ok(end) => match only {
                    Some(id) => conclude(&station, &self.to, id, &end).await,
                    None => conclude_all(&station, &self.to, &queued, &end).await,
                },
                Err(error) => Err(Failed::unreached(format!("error: {error}{}", stays(only)))),
            }
        })
    }

    /// What is only queued is nobody's to decide yet, and no partner is called for it.
    fn load(&self) -> Result<Config, Failed> {
        if !self.queue_only {
            return self.configured.load(&Needs::CallOf(self.to.clone()));
        }
        let mut config = self.configured.load(&Needs::QueueOf(self.to.clone()))?;
        config.policies = Policies::default();
        Ok(config)
    }

    fn format(&self) -> Result<Format, Failed> {
        let without = |format| match (self.record_length, self.records) {
            (None, None) => Ok(format),
            _ => Err(Failed {
                code: 2,
                message:
                    "error: only files of format F or V have records; add --format F or --format V"
                        .to_owned(),
            }),
        };
        match (self.format, self.record_length) {
            (SendFormat::U, _) => without(Format::Unstructured),
            (SendFormat::T, _) => without(Format::Text),
            (SendFormat::F, Some(length)) => Ok(Format::Fixed(length)),
            (SendFormat::F, None) => Err(Failed {
                code: 2,
                message: "error: --format F needs --record-length".to_owned(),
            }),
            (SendFormat::V, length) => Ok(Format::Variable(length.unwrap_or(0))),
        }
    }

    async fn queue(
        &self,
        station: &Arc<Station>,
        profile: &Profile,
    ) -> Result<Option<TransferId>, Failed> {
        let Some(file) = &self.file else {
            return Ok(None);
        };
        let how = SendAs {
            name: self.name.clone(),
            description: self.description.clone(),
            format: self.format()?,
            layout: self.records.map(|records| match records {
                Records::Raw => RecordLayout::Raw,
                Records::Lines => RecordLayout::Lines,
                Records::LengthPrefixed => RecordLayout::LengthPrefixed,
            }),
            pad: self.pad,
            destination: self.destination.clone(),
            originator: self.originator.clone(),
            user: self.user_data.clone().unwrap_or_default(),
            stamp: self.stamp,
            priority: self.priority,
            labels: self.labels.clone(),
        };
        let (id, header) = enqueue::enqueue(station, profile, file, &how).await?;
        say!(
            "queued {} for {} as transfer {id}",
            header.key.dataset,
            profile.name
        );
        Ok(Some(id))
    }
}

/// The files that are to go to the partner as soon as they may.
async fn waiting(station: &Station, partner: &str) -> Result<Vec<Queued>, Failed> {
    let mut queue = station.ledger.queue(Some(partner)).await?;
    queue.retain(|file| file.state == OutboundState::Ready && !file.in_session);
    Ok(queue)
}

/// Files that are named where they stay; how many there are is said of all.
const NAMED: usize = 10;

/// Says what became of the files that waited: all is done when none of them waits any more. Whatever an operator keeps
/// back meanwhile, or another session has, is not for this call.
async fn conclude_all(
    station: &Station,
    partner: &str,
    queued: &[Queued],
    end: &Ending,
) -> Outcome {
    let mut left = station.ledger.queue(Some(partner)).await?;
    let waited: BTreeSet<TransferId> = queued.iter().map(|file| file.id).collect();
    left.retain(|file| {
        let is_ours = waited.contains(&file.id) && !file.in_session;
        is_ours && file.state != OutboundState::Held
    });
    let mut message = match end.is_normal() {
        true if left.is_empty() => return Ok(()),
        true => "error: not everything was sent".to_owned(),
        false => format!("error: the session broke: {end}"),
    };
    if !left.is_empty() {
        let stayed = stayed(station, partner).await?;
        message += &format!("; files that still wait for `{partner}`: {}", left.len());
        for file in left.iter().take(NAMED) {
            message += &format!(
                "\n  {} (transfer {}): {}",
                file.key.dataset,
                file.id,
                why_it_stays(file, stayed.as_deref(), end)
            );
        }
        if left.len() > NAMED {
            message +=
                &format!("\nall of them are told by `pointsman queue list --partner {partner}`");
        }
    }
    Err(Failed { code: 1, message })
}

fn why_it_stays(file: &Queued, stayed: Option<&str>, end: &Ending) -> String {
    let reason = file.reason.as_deref().map(printable);
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    match (file.state, file.rests_until, stayed) {
        (OutboundState::Parked, ..) => format!("it is parked{reason}"),
        (_, Some(until), _) => format!("it rests until {}{reason}", when(until)),
        (_, None, Some(stayed)) => printable(stayed).to_string(),
        (_, None, None) if end.is_normal() => {
            format!("it was not its turn in this session{reason}")
        }
        (_, None, None) => format!("the session broke before{reason}"),
    }
}

/// Why files were not to go in the last session with the partner, where that was so.
async fn stayed(station: &Station, partner: &str) -> Result<Option<String>, Failed> {
    let contacts = station.ledger.contacts().await?;
    let mut last = contacts
        .into_iter()
        .filter(|contact| contact.partner == partner && contact.kind == ContactKind::Session);
    Ok(last.next().and_then(|contact| contact.stayed))
}

/// Says what became of the file.
async fn conclude(station: &Station, partner: &str, id: TransferId, end: &Ending) -> Outcome {
    let row = station.ledger.show(id).await?;
    let (state, reason) = row.map_or((None, None), |row| (Some(row.state), row.reason));
    let stayed = stayed(station, partner).await?.filter(|_| end.is_normal());
    let why = reason.or(stayed).unwrap_or_else(|| end.to_string());
    let state = state.and_then(|state| match state {
        State::Outbound(state) => Some(state),
        State::Inbound(_) => None,
    });
    match state {
        Some(OutboundState::Acknowledged) => {
            let signed = match station.ledger.receipt(id).await? {
                Some(Response::Positive(eerp)) if !eerp.signature.is_empty() => {
                    "signed; the signature was not checked"
                }
                _ => "unsigned",
            };
            say!("done: sent, and the receipt (EERP) is here: it names this very file ({signed})");
            Ok(())
        }
        Some(OutboundState::Sent | OutboundState::Overdue) => {
            say!("sent; the receipt is not here yet and is recorded when the partner brings it");
            Ok(())
        }
        Some(OutboundState::Rejected) => Err(Failed {
            code: 1,
            message: format!("error: the partner could not use the file (NERP): {why}"),
        }),
        Some(OutboundState::Parked) => Err(Failed {
            code: 1,
            message: format!("error: not sent, and it will not be tried again by itself: {why}"),
        }),
        _ => Err(Failed {
            code: 1,
            message: format!("error: not sent: {}{}", printable(&why), stays(Some(id))),
        }),
    }
}

fn stays(only: Option<TransferId>) -> String {
    only.map_or_else(String::new, |id| {
        format!("\ntransfer {id} stays queued: it goes with the server's next call, the partner's, or `pointsman send --to PARTNER`")
    })
}

pub(super) fn unknown_partner<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Failed {
    let known: Vec<&str> = known.map(String::as_str).collect();
    Failed {
        code: 2,
        message: format!(
            "error: there is no partner `{name}` in the configuration; there are: {}",
            known.join(", ")
        ),
    }
}

/// A bar where somebody looks, lines where something reads; until it is over and all that was told is shown.
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
