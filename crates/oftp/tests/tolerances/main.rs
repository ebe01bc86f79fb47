//! Partners that get something wrong: for each leniency a partner that needs it. With its switch on
//! the session goes on and says so; with its switch off, and all others on, it ends as documented.
//! `docs/tolerances.md` is made of the same list.

#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;

use common::*;
use oftp::*;

/// A partner that gets something wrong.
struct Sloppy {
    leniency: Leniency,
    /// The trap, by the number the tests in `traps.rs` have.
    trap: &'static str,
    section: &'static str,
    /// What it does, for people.
    does: &'static str,
    /// The conversation, up to and with what is wrong.
    talk: fn(Params) -> Talk,
    /// How the session ends where it is not tolerated: an ESID of ours, or none.
    otherwise: Option<SessionReason>,
}

const SLOPPY: [Sloppy; 12] = [
    Sloppy {
        leniency: Leniency::LineEnds,
        trap: "7",
        section: "5.3.1, 5.3.2, 5.3.11",
        does: "ends SSRM, SSID or ESID with a line feed or with nothing",
        talk: |own| hearing(Talk::responder(own), &ssid()[..60]),
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::ReadyMessages,
        trap: "6",
        section: "5.3.1",
        does: "greets with another text",
        talk: |own| hearing(Talk::initiator(own), "IODETTE FTP HELLO \r"),
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::BlankNumbers,
        trap: "16",
        section: "5.3",
        does: "pads numbers with blanks, or leaves them blank",
        talk: |own| hearing(offering(own), "2                 "),
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::BlankFlags,
        trap: "16",
        section: "5.3",
        does: "leaves a flag blank",
        talk: |own| hearing(Talk::responder(own), with_flag(&ssid(), 42, ' ')),
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::ShortCommands,
        trap: "14",
        section: "8.2",
        does: "ends a command before an optional or reserved part",
        talk: |own| hearing(offering(own), "313N"),
        otherwise: Some(SessionReason::BufferSize),
    },
    Sloppy {
        leniency: Leniency::LargerCredit,
        trap: "17",
        section: "5.3.2",
        does: "answers with more credit than it was offered",
        talk: |own| {
            let own = Params { credit: 5, ..own };
            let greeted = hearing(Talk::initiator(own), SSRM);
            hearing(greeted, with_credit(&ssid(), 6))
        },
        otherwise: Some(SessionReason::Incompatible),
    },
    Sloppy {
        leniency: Leniency::EarlyCredit,
        trap: "17",
        section: "9.10",
        does: "gives credit before it is used up",
        talk: |own| hearing(Talk::sending(own, &with_credit(&ssid(), 2), plain()), "C  "),
        otherwise: Some(SessionReason::ProtocolViolation),
    },
    Sloppy {
        leniency: Leniency::EarlyEndOfFile,
        trap: "18",
        section: "9.11.3",
        does: "ends a file while it has no credit",
        talk: |own| {
            let receiving = Talk::receiving(own, &with_credit(&ssid(), 1), &sfid(0));
            hearing(hearing(receiving, b"D\x80"), EFID)
        },
        otherwise: Some(SessionReason::ProtocolViolation),
    },
    Sloppy {
        leniency: Leniency::EarlyRelease,
        trap: "63, 88",
        section: "3.4.1",
        does: "releases the session out of turn, with nothing under way",
        talk: |own| hearing(Talk::listening(own, &ssid()), "F00000\r"),
        otherwise: None,
    },
    Sloppy {
        leniency: Leniency::RecordsInStream,
        trap: "40",
        section: "7.2",
        does: "ends records inside a T or U file",
        talk: |own| hearing(Talk::receiving(own, &ssid(), &sfid(0)), b"D\x81a\x81b"),
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::MissingEndOfRecord,
        trap: "41",
        section: "7.2",
        does: "does not end the last record",
        talk: |own| {
            let receiving = Talk::receiving(own, &ssid(), &sfid(0));
            hearing(hearing(receiving, "D\u{1}x"), EFID)
        },
        otherwise: Some(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::ResponseReasons,
        trap: "58",
        section: "5.3.14",
        does: "gives a reason of SFNA's table in a NERP",
        talk: |own| hearing(Talk::listening(own, &ssid()), nerp("01")),
        otherwise: Some(SessionReason::InvalidData),
    },
];

const EFID: &str = "T0000000000000000000000000000000001";

#[test]
fn each_leniency_is_used_and_spoken_of() {
    for sloppy in &SLOPPY {
        for own in [params(), only(sloppy.leniency)] {
            let mut talk = (sloppy.talk)(own);
            let told = tolerated(&mut talk);
            assert_eq!(
                told.first().map(|told| told.leniency),
                Some(sloppy.leniency)
            );
            assert_eq!(told.len(), 1, "{told:?}");
            let ended = talk.session.state_name() == "WF_NDISC";
            assert!(!ended, "{:?} ended the session", sloppy.leniency);
        }
    }
}

#[test]
fn each_leniency_can_be_switched_off_alone() {
    for sloppy in &SLOPPY {
        let mut own = params();
        *switch(&mut own.tolerances, sloppy.leniency) = false;
        let mut talk = (sloppy.talk)(own);
        let events: Vec<Event> = std::iter::from_fn(|| talk.session.poll_event()).collect();
        let Some(Event::Ended(end)) = events.last() else {
            panic!("{:?} did not end the session: {events:?}", sloppy.leniency);
        };
        match (end, sloppy.otherwise) {
            (End::AbortedByUs { reason, text }, Some(otherwise)) => {
                assert_eq!(
                    (*reason, text.is_empty()),
                    (otherwise, false),
                    "{:?}",
                    sloppy.leniency
                );
            }
            (End::Disconnected { .. } | End::AbortedByPeer { .. }, None) => (),
            other => panic!("{:?}: {other:?}", sloppy.leniency),
        }
    }
}

#[test]
fn there_is_a_partner_for_every_leniency() {
    let mut tolerances = Tolerances::STRICT;
    for sloppy in &SLOPPY {
        let switch = switch(&mut tolerances, sloppy.leniency);
        assert!(
            !std::mem::replace(switch, true),
            "{:?} twice",
            sloppy.leniency
        );
    }
    assert_eq!(tolerances, Tolerances::default());
}

/// `TOLERANCES=write` writes the page anew.
#[test]
fn the_page_lists_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tolerances.md");
    let page = page();
    if std::env::var_os("TOLERANCES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/tolerances.md is out of date: run the tests of oftp with TOLERANCES=write"
    );
}

fn page() -> String {
    let mut page = include_str!("head.md").to_owned();
    for sloppy in &SLOPPY {
        let mut talk = (sloppy.talk)(params());
        let line = tolerated(&mut talk).remove(0);
        let otherwise = sloppy
            .otherwise
            .map_or("counts as aborted by the partner".into(), |reason| {
                format!("ESID {reason}")
            });
        page.push_str(&format!(
            "| `{}` | on | {} | {} | `{line}` | {otherwise} | {} |\n",
            sloppy.leniency.name(),
            sloppy.does,
            sloppy.section,
            sloppy.trap,
        ));
    }
    page.push_str(include_str!("tail.md"));
    page
}

fn hearing(mut talk: Talk, line: impl AsRef<[u8]>) -> Talk {
    talk.hear(line);
    talk
}

fn tolerated(talk: &mut Talk) -> Vec<Tolerance> {
    let events = std::iter::from_fn(|| talk.session.poll_event());
    let told = events.filter_map(|event| match event {
        Event::Tolerated(tolerance) => Some(tolerance),
        _ => None,
    });
    told.collect()
}

fn plain() -> FileHeader {
    FileHeader::plain(our_file(), 1)
}

fn offering(own: Params) -> Talk {
    let (mut talk, turn) = Talk::speaking(own, &ssid());
    talk.session.start_file(turn, plain()).unwrap();
    talk
}

fn nerp(reason: &str) -> String {
    let key = format!("{:26}202611220800000001{US:<25}{THEM:<25}", "");
    format!("NORDERS{key}{THEM:<25}{reason}000\0\0\0\0")
}

fn only(leniency: Leniency) -> Params {
    let mut tolerances = Tolerances::STRICT;
    *switch(&mut tolerances, leniency) = true;
    Params {
        tolerances,
        ..params()
    }
}

fn switch(tolerances: &mut Tolerances, leniency: Leniency) -> &mut bool {
    match leniency {
        Leniency::LineEnds => &mut tolerances.line_ends,
        Leniency::ReadyMessages => &mut tolerances.ready_messages,
        Leniency::BlankNumbers => &mut tolerances.blank_numbers,
        Leniency::BlankFlags => &mut tolerances.blank_flags,
        Leniency::ShortCommands => &mut tolerances.short_commands,
        Leniency::LargerCredit => &mut tolerances.larger_credit,
        Leniency::EarlyCredit => &mut tolerances.early_credit,
        Leniency::EarlyEndOfFile => &mut tolerances.early_end_of_file,
        Leniency::EarlyRelease => &mut tolerances.early_release,
        Leniency::RecordsInStream => &mut tolerances.records_in_stream,
        Leniency::MissingEndOfRecord => &mut tolerances.missing_end_of_record,
        Leniency::ResponseReasons => &mut tolerances.response_reasons,
    }
}
