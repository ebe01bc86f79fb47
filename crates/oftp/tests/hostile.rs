//! Partners that send anything at all: the machine never panics, always ends in order, and never
//! keeps more than it was sent.

#![cfg(test)]

mod common;

use std::time::Duration;

use common::*;
use oftp::*;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

/// A conversation that a good partner would have with a responder, line by line.
fn good_lines() -> Vec<Vec<u8>> {
    let eerp = format!(
        "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}\0\0\0\0",
        "", ""
    );
    let nerp = format!(
        "NORDERS{:20}      202611220800000001{US:<25}{THEM:<25}{THEM:<25}99000\0\0\0\0",
        ""
    );
    let compressing = with_flag(&ssid(), 41, 'Y');
    [
        compressing.as_bytes(),
        sfid(0).as_bytes(),
        b"D\x05Hello\x7F \x83you",
        b"D\x80",
        b"T0000000000000000000000000000000071",
        eerp.as_bytes(),
        nerp.as_bytes(),
        sfid_with("V", 80, 0, "0000").as_bytes(),
        b"D\x83one\x83two",
        b"T0000000000000000200000000000000006",
        b"R",
        b"P",
        b"200000000000000000",
        b"C  ",
        b"4N",
        b"J",
        b"F00000\r",
    ]
    .map(<[u8]>::to_vec)
    .into()
}

/// Answers everything, one way or the other. Gives back what came out of the session in octets.
fn answer_all(session: &mut Session, dice: &mut Dice) -> (usize, bool) {
    let (mut came_out, mut ended) = (0, false);
    while let Some(event) = session.poll_event() {
        assert!(!ended, "nothing after the end: {event:?}");
        let yes = dice.below(4) > 0;
        let _ = match event {
            Event::ConnectionOffered(ticket, _) => {
                let own = Params {
                    compression: true,
                    ..params()
                };
                session.answer_connection(ticket, ConnectionAnswer::Accept(Box::new(own)))
            }
            Event::FileOffered(ticket, _) if yes => session.answer_file(
                ticket,
                FileAnswer::Accept {
                    restart: 0,
                    octets_held: 0,
                },
            ),
            Event::FileOffered(ticket, _) => {
                let (reason, retry) = (FileReason::TooBig, false);
                session.answer_file(
                    ticket,
                    FileAnswer::Refuse {
                        reason,
                        retry,
                        text: String::new(),
                    },
                )
            }
            Event::Data(data) => {
                came_out += data.octets.len() + data.record_ends.len();
                Ok(())
            }
            Event::WindowUsedUp(ticket) => session.grant_credit(ticket),
            Event::FileClosed(ticket, _) => session.answer_close(
                ticket,
                CloseAnswer::Accept {
                    change_direction: yes,
                },
            ),
            Event::ResponseOffered(ticket, _) => session.answer_response(ticket),
            Event::YourTurn(ticket) if yes => {
                session.start_file(ticket, FileHeader::plain(our_file(), 5))
            }
            Event::YourTurn(ticket) => session.end_turn(ticket),
            Event::FileAccepted { .. } => {
                let _ = session.send_data(b"Hello", true);
                session.close_file(Counts {
                    records: 0,
                    octets: 5,
                })
            }
            Event::Ended(_) => {
                ended = true;
                Ok(())
            }
            _ => Ok(()),
        };
    }
    (came_out, ended)
}

/// Lines out of place, cut, joined, with octets changed, or nothing but noise.
fn hostile_wire(dice: &mut Dice, lines: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for at in 0..1 + dice.below(20) {
        let in_order = dice.below(8) > 0;
        let line = &lines[if in_order {
            at % lines.len()
        } else {
            dice.below(lines.len())
        }];
        let mut framed = stb(line);
        match dice.below(24) {
            0 => framed.truncate(dice.below(framed.len())),
            1 => {
                let at = dice.below(framed.len());
                framed[at] ^= 1 << dice.below(8);
            }
            2 => {
                framed = (0..dice.below(200))
                    .map(|_| dice.below(256) as u8)
                    .collect()
            }
            3 => {
                let junk: Vec<u8> = (0..dice.below(300))
                    .map(|_| dice.below(256) as u8)
                    .collect();
                framed = stb([&line[..1], &junk].concat());
            }
            _ => (),
        }
        wire.extend(framed);
    }
    wire
}

fn one(seed: u64) {
    let mut dice = Dice(seed);
    let mut session = match dice.below(2) {
        0 => Session::initiator(params(), Duration::ZERO),
        _ => Session::responder(params(), Duration::ZERO),
    };
    let mut lines = good_lines();
    if dice.below(2) == 0 {
        lines.insert(0, SSRM.into());
    }
    let wire = hostile_wire(&mut dice, &lines);
    let mut seconds = 0;
    for piece in wire.chunks(1 + dice.below(80)) {
        seconds += dice.below(20) as u64;
        let now = Duration::from_secs(seconds);
        session.handle_timeout(now);
        session.receive(piece, now);
        let (came_out, ended) = answer_all(&mut session, &mut dice);
        assert!(
            came_out <= 64 * wire.len(),
            "{came_out} octets out of {}",
            wire.len()
        );
        assert_eq!(
            ended && session.poll_timeout().is_some(),
            session.state_name() == StateName::WfNdisc && ended
        );
        let _ = session.poll_transmit();
    }
    session.disconnected(Duration::from_secs(seconds));
    let (_, _) = answer_all(&mut session, &mut dice);
    assert_eq!(session.state_name(), StateName::Idle);
    assert!(session.is_over());
}

#[test]
fn no_partner_makes_the_machine_panic_or_hang() {
    let first = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seeds = first.map_or(1..=20_000, |seed: u64| seed..=seed);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| one(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        assert!(outcome.is_ok(), "SEED={seed}");
    }
}

/// Every good line with each of its octets changed.
#[test]
fn no_single_changed_octet_makes_the_machine_panic() {
    for (at, line) in good_lines().iter().enumerate() {
        for position in 0..line.len() {
            for change in [0x00, 0xFF, b' ', b'9'] {
                let mut lines = good_lines();
                lines[at][position] = change;
                let mut session = Session::responder(params(), Duration::ZERO);
                for line in &lines {
                    session.receive(&stb(line), Duration::ZERO);
                    answer_all(&mut session, &mut Dice(7));
                }
            }
        }
    }
}
