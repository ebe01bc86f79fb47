//! Partners that get something wrong: for each leniency a partner that needs it. With its switch on
//! the session continues and says so; with its switch off, and all others on, it ends as documented.
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
    otherwise: Otherwise,
}

/// What happens where it is not tolerated.
#[derive(Debug, Clone, Copy)]
enum Otherwise {
    /// The session ends with an ESID of ours.
    Esid(SessionReason),
    /// The session ends, and its end counts as an abort of the partner's.
    Aborted,
    /// The session continues; what the program does.
    Continues(&'static str),
    /// The engine refuses the one file or drops the one response, and the session continues.
    Unreadable(&'static str),
}
use Otherwise::{Aborted, Continues, Esid, Unreadable};

const SLOPPY: [Sloppy; 22] = [
    Sloppy {
        leniency: Leniency::LineEnds,
        trap: "7",
        section: "5.3.1, 5.3.2, 5.3.11",
        does: "ends SSRM, SSID or ESID with a line feed or with nothing",
        talk: |own| hearing(Talk::responder(own), &ssid()[..60]),
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::ReadyMessages,
        trap: "6",
        section: "5.3.1",
        does: "greets with another text",
        talk: |own| hearing(Talk::initiator(own), "IODETTE FTP HELLO \r"),
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::BlankNumbers,
        trap: "16",
        section: "5.3",
        does: "pads numbers with blanks, or leaves them blank",
        talk: |own| hearing(offering(own), "2                 "),
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::BlankFlags,
        trap: "16",
        section: "5.3",
        does: "leaves a flag blank",
        talk: |own| hearing(Talk::responder(own), with_flag(&ssid(), 42, ' ')),
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::ShortCommands,
        trap: "14",
        section: "8.2",
        does: "ends a command before an optional or reserved part",
        talk: |own| hearing(offering(own), "313N"),
        otherwise: Esid(SessionReason::BufferSize),
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
        otherwise: Esid(SessionReason::Incompatible),
    },
    Sloppy {
        leniency: Leniency::EarlyCredit,
        trap: "17",
        section: "9.10",
        does: "gives credit before it is used up",
        talk: |own| hearing(Talk::sending(own, &with_credit(&ssid(), 2), plain()), "C  "),
        otherwise: Esid(SessionReason::ProtocolViolation),
    },
    Sloppy {
        leniency: Leniency::EarlyEndOfFile,
        trap: "18",
        section: "9.11.3",
        does: "ends a file while it has no credit",
        talk: |own| {
            let receiving = Talk::receiving(own, &with_credit(&ssid(), 1), &sfid(0));
            hearing(hearing(receiving, b"D\x81x"), EFID)
        },
        otherwise: Esid(SessionReason::ProtocolViolation),
    },
    Sloppy {
        leniency: Leniency::EarlyRelease,
        trap: "63, 88",
        section: "3.4.1",
        does: "releases the session out of turn, with nothing under way",
        talk: |own| hearing(Talk::listening(own, &ssid()), "F00000\r"),
        otherwise: Aborted,
    },
    Sloppy {
        leniency: Leniency::ReturnedTurn,
        trap: "63",
        section: "3.3.4.2",
        does: "gives the turn back that we gave away, with nothing to send itself",
        talk: |own| hearing(gave_the_turn_away(own), "R"),
        otherwise: Esid(SessionReason::ProtocolViolation),
    },
    Sloppy {
        leniency: Leniency::OversizedData,
        trap: "2",
        section: "5.3.2",
        does: "pads DATA to one octet more than was agreed",
        talk: |own| {
            let receiving = Talk::receiving(own, &with_buffer(&ssid(), 128), &sfid(0));
            hearing(receiving, full_data(129))
        },
        otherwise: Esid(SessionReason::BufferSize),
    },
    Sloppy {
        leniency: Leniency::RecordsInStream,
        trap: "40",
        section: "7.2",
        does: "ends records inside a T or U file",
        talk: |own| hearing(Talk::receiving(own, &ssid(), &sfid(0)), b"D\x81a\x81b"),
        otherwise: Esid(SessionReason::InvalidData),
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
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::WrongCounts,
        trap: "39",
        section: "5.3.8",
        does: "ends a file with other totals than those of what it sent",
        talk: |own| {
            let receiving = Talk::receiving(own, &ssid(), &sfid(0));
            hearing(hearing(receiving, b"D\x82ab"), EFID)
        },
        otherwise: Continues("the program refuses the file: EFNA 11, or 10 for records"),
    },
    Sloppy {
        leniency: Leniency::UnswappedResponses,
        trap: "53",
        section: "5.3.13",
        does: "does not swap originator and destination in a response",
        talk: |own| hearing(Talk::listening(own, &ssid()), unswapped_eerp()),
        otherwise: Continues("the program knows no file of that name: RTR, and nothing else"),
    },
    Sloppy {
        leniency: Leniency::ResponseReasons,
        trap: "58",
        section: "5.3.14",
        does: "gives a reason of SFNA's table in a NERP",
        talk: |own| hearing(Talk::listening(own, &ssid()), nerp("01")),
        otherwise: Unreadable("RTR, and the response counts for nothing"),
    },
    Sloppy {
        leniency: Leniency::NulPadding,
        trap: "16",
        section: "5.3",
        does: "pads texts with NUL octets",
        talk: |own| {
            let padded = with_octets(sfid(0), 26, b"\0");
            hearing(Talk::listening(own, &ssid()), padded)
        },
        otherwise: Unreadable("SFNA 01, and the session continues"),
    },
    Sloppy {
        leniency: Leniency::UserDataOctets,
        trap: "30",
        section: "5.3.2, 5.3.13",
        does: "puts other octets than characters into user data",
        talk: |own| hearing(Talk::responder(own), with_octets(ssid(), 52, b"\xfc")),
        otherwise: Esid(SessionReason::InvalidData),
    },
    Sloppy {
        leniency: Leniency::OctetsBehind,
        trap: "14",
        section: "8.2",
        does: "puts up to 64 octets behind a command",
        talk: |own| hearing(offering(own), "200000000000000000 \r\n"),
        otherwise: Esid(SessionReason::BufferSize),
    },
    Sloppy {
        leniency: Leniency::RecordCountOfStream,
        trap: "39",
        section: "5.3.8",
        does: "counts records of a T or U file",
        talk: |own| {
            // Who forgives any totals forgives these, too.
            let tolerances = own.tolerances.with(Leniency::WrongCounts, false);
            let own = Params { tolerances, ..own };
            let receiving = Talk::receiving(own, &ssid(), &sfid(0));
            let efid = "T0000000000000000100000000000000001";
            hearing(hearing(receiving, b"D\x81x"), efid)
        },
        otherwise: Continues("the program refuses the file: EFNA 10"),
    },
    Sloppy {
        leniency: Leniency::OdetteIdCase,
        trap: "30",
        section: "5.4",
        does: "writes an Odette ID in upper case that is agreed in lower case, or the other way round",
        talk: |own| hearing(Talk::listening(own, &ssid()), sfid(0)),
        otherwise: Continues("the program knows no such station: ESID 03, SFNA 02 or 03"),
    },
    Sloppy {
        leniency: Leniency::ResponseNames,
        trap: "54",
        section: "5.3.13",
        does: "names our file in its response in another case, or with other blanks",
        talk: |own| hearing(Talk::listening(own, &ssid()), unswapped_eerp()),
        otherwise: Continues("the program knows no file of that name: RTR, and nothing else"),
    },
];

const EFID: &str = "T0000000000000000000000000000000001";

#[test]
fn each_leniency_is_used_and_spoken_of() {
    for sloppy in SLOPPY.iter().filter(|sloppy| !sloppy.is_for_the_program()) {
        let leniency = sloppy.leniency;
        for tolerances in [every(), Tolerances::STRICT.with(leniency, true)] {
            let mut talk = sloppy.talk(tolerances);
            let told = tolerated(&mut talk);
            let told: Vec<Leniency> = told.iter().map(|told| told.leniency).collect();
            assert_eq!(told, [leniency]);
            let ended = talk.session.state_name() == StateName::WfNdisc;
            assert!(!ended, "{leniency:?} ended the session");
        }
    }
}

#[test]
fn each_leniency_can_be_switched_off_alone() {
    for sloppy in &SLOPPY {
        let leniency = sloppy.leniency;
        let mut talk = sloppy.talk(every().with(leniency, false));
        let events: Vec<Event> = std::iter::from_fn(|| talk.session.poll_event()).collect();
        match (events.last(), sloppy.otherwise) {
            (Some(Event::Ended(End::AbortedByUs { reason, text })), Esid(otherwise)) => {
                assert_eq!(
                    (*reason, text.is_empty()),
                    (otherwise, false),
                    "{leniency:?}"
                );
            }
            (Some(Event::Ended(End::AbortedByPartner { .. })), Aborted) => (),
            (Some(Event::FileClosed(_, closing)), Continues(_)) => {
                let counted = match leniency {
                    Leniency::RecordCountOfStream => FileReason::RecordCount,
                    _ => FileReason::ByteCount,
                };
                assert_eq!(closing.discrepancy(), Some(counted));
            }
            (Some(Event::ResponseOffered(..) | Event::FileOffered(..)), Continues(_))
            | (
                Some(Event::FileUnreadable { .. } | Event::ResponseUnreadable { .. }),
                Unreadable(_),
            ) => (),
            other => panic!("{leniency:?}: {other:?}"),
        }
        let told = events
            .iter()
            .any(|event| matches!(event, Event::Tolerated(_)));
        assert!(!told, "{leniency:?}: {events:?}");
    }
}

/// The engine knows no files: it tells a response as it came, whatever the switch says.
#[test]
fn a_response_that_is_not_swapped_is_told_as_it_came() {
    let swapped = Leniency::UnswappedResponses;
    for sloppy in SLOPPY.iter().filter(|sloppy| sloppy.leniency == swapped) {
        for allowed in [true, false] {
            let mut talk = sloppy.talk(every().with(swapped, allowed));
            let (_ticket, response) = talk.response();
            assert_ne!(*response.key(), our_file());
            assert_eq!(response.key().swapped(), our_file());
            talk.expect_nothing();
        }
    }
}

#[test]
fn there_is_a_partner_for_every_leniency() {
    let mut here: Vec<&str> = SLOPPY.iter().map(|sloppy| sloppy.leniency.name()).collect();
    let mut all: Vec<&str> = Leniency::ALL
        .iter()
        .map(|leniency| leniency.name())
        .collect();
    here.sort_unstable();
    all.sort_unstable();
    assert_eq!(here, all);
}

#[test]
fn a_switch_is_found_by_its_name() {
    for &leniency in Leniency::ALL {
        assert_eq!(Leniency::from_name(leniency.name()), Some(leniency));
        for allowed in [true, false] {
            assert_eq!(every().with(leniency, allowed).allow(leniency), allowed);
        }
        let by_default = Tolerances::default().allow(leniency);
        assert_eq!(
            by_default,
            !matches!(leniency, Leniency::WrongCounts | Leniency::OctetsBehind),
            "{leniency:?}"
        );
    }
    assert_eq!(Leniency::from_name("LineEnds"), None);
    assert_eq!(Leniency::from_name(""), None);
}

/// `TOLERANCES=write` rewrites the page.
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
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            sloppy.leniency.name(),
            sloppy.by_default(),
            sloppy.does,
            sloppy.section,
            sloppy.line(),
            sloppy.otherwise,
            sloppy.trap,
        ));
    }
    page.push_str(include_str!("tail.md"));
    page
}

impl Sloppy {
    fn talk(&self, tolerances: Tolerances) -> Talk {
        (self.talk)(Params {
            tolerances,
            ..params()
        })
    }

    /// Whether it is not the engine that forgives it.
    fn is_for_the_program(&self) -> bool {
        matches!(
            self.leniency,
            Leniency::UnswappedResponses | Leniency::OdetteIdCase | Leniency::ResponseNames
        )
    }

    fn by_default(&self) -> &'static str {
        match Tolerances::default().allow(self.leniency) {
            true => "on",
            false => "off",
        }
    }

    /// What the log says.
    fn line(&self) -> String {
        if self.is_for_the_program() {
            let what = match self.leniency {
                Leniency::OdetteIdCase => "FIELD `CODE`",
                _ => "KIND of FILE",
            }
            .to_owned();
            let leniency = self.leniency;
            return format!("`{}`, told by the program", Tolerance { leniency, what });
        }
        format!("`{}`", tolerated(&mut self.talk(every())).remove(0))
    }
}

impl std::fmt::Display for Otherwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Esid(reason) => write!(f, "ESID {reason}"),
            Aborted => f.write_str("counts as aborted by the partner"),
            Continues(what) | Unreadable(what) => f.write_str(what),
        }
    }
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

fn gave_the_turn_away(own: Params) -> Talk {
    let (mut talk, turn) = Talk::speaking(own, &ssid());
    talk.session.end_turn(turn).unwrap();
    talk
}

fn nerp(reason: &str) -> String {
    let key = format!("{:26}202611220800000001{US:<25}{THEM:<25}", "");
    format!("NORDERS{key}{THEM:<25}{reason}000\0\0\0\0")
}

fn with_octets(command: impl AsRef<[u8]>, at: usize, octets: &[u8]) -> Vec<u8> {
    let mut changed = command.as_ref().to_vec();
    changed.splice(at..at + octets.len(), octets.iter().copied());
    changed
}

fn unswapped_eerp() -> String {
    let key = format!("{:20}   202611220800000001{:8}{THEM:<25}{US:<25}", "", "");
    format!("EORDERS{key}\0\0\0\0")
}

/// DATA of so many octets: a subrecord, and padding.
fn full_data(length: usize) -> Vec<u8> {
    [b"D".to_vec(), b"\x01x".repeat((length - 1) / 2)].concat()
}

fn every() -> Tolerances {
    let all = Leniency::ALL.iter();
    all.fold(Tolerances::STRICT, |some, &one| some.with(one, true))
}
