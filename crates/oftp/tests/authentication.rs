//! Session authentication (RFC 5024, 4.2.3, 4.2.4, 5.3.16 to 5.3.18; traps 24, 80 to 83).

#![cfg(test)]

mod common;

use common::*;
use oftp::*;

const OURS: [u8; 20] = [1; 20];
const THEIRS: [u8; 20] = [2; 20];

fn authenticating() -> Params {
    Params {
        authentication: true,
        ..params()
    }
}

fn authenticating_ssid() -> String {
    with_flag(&ssid(), 47, 'Y')
}

fn auch(cms: &[u8]) -> Vec<u8> {
    [&[b'A', 0, cms.len() as u8], cms].concat()
}

fn aurp(response: [u8; 20]) -> Vec<u8> {
    [&b"S"[..], &response].concat()
}

#[track_caller]
fn challenged(talk: &mut Talk) -> (ChallengeTicket, Vec<u8>) {
    match talk.session.poll_event() {
        Some(Event::ChallengeOffered(ticket, cms)) => (ticket, cms),
        other => panic!("not challenged: {other:?}"),
    }
}

#[track_caller]
fn challenging(talk: &mut Talk) -> OwnChallengeTicket {
    match talk.session.poll_event() {
        Some(Event::ChallengeWanted(ticket)) => ticket,
        other => panic!("not to challenge: {other:?}"),
    }
}

fn calling() -> Talk {
    let mut talk = Talk::initiator(authenticating());
    talk.hear(SSRM);
    assert_eq!(talk.says_one()[47], b'Y');
    talk.hear(authenticating_ssid());
    talk
}

fn called() -> Talk {
    let mut talk = Talk::responder(authenticating());
    let _ = talk.says();
    talk.hear(authenticating_ssid());
    let Some(Event::ConnectionOffered(ticket, offer)) = talk.session.poll_event() else {
        panic!()
    };
    assert!(offer.authentication);
    talk.session
        .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(authenticating())))
        .unwrap();
    assert_eq!(talk.says_one()[47], b'Y');
    talk
}

#[test]
fn an_initiator_is_challenged_first_and_then_challenges() {
    let mut talk = calling();
    talk.expect_says("J");
    assert_eq!(talk.session.state_name(), StateName::WfAuch);
    assert_eq!(
        talk.session.agreement().unwrap().partner.code.as_str(),
        THEM,
        "whose key it is"
    );
    talk.hear(auch(b"their envelope"));
    let (ticket, cms) = challenged(&mut talk);
    assert_eq!(cms, b"their envelope");
    talk.expect_nothing();
    talk.session
        .answer_challenge(ticket, ChallengeAnswer::Opened(Challenge::new(THEIRS)))
        .unwrap();
    talk.expect_says(aurp(THEIRS));
    assert_eq!(talk.session.state_name(), StateName::WfSecd);
    talk.hear("J");
    let ticket = challenging(&mut talk);
    talk.session
        .send_challenge(ticket, Challenge::new(OURS), b"our envelope".to_vec())
        .unwrap();
    talk.expect_says(auch(b"our envelope"));
    assert_eq!(talk.session.state_name(), StateName::WfAurp);
    talk.hear(aurp(OURS));
    assert!(talk.expect_connected().authentication);
    let _turn = talk.turn();
}

#[test]
fn a_responder_challenges_first_and_then_is_challenged() {
    let mut talk = called();
    assert_eq!(talk.session.state_name(), StateName::WfSecd);
    talk.hear("J");
    let ticket = challenging(&mut talk);
    talk.session
        .send_challenge(ticket, Challenge::new(OURS), b"our envelope".to_vec())
        .unwrap();
    talk.expect_says(auch(b"our envelope"));
    talk.hear(aurp(OURS));
    talk.expect_says("J");
    assert_eq!(talk.session.state_name(), StateName::WfAuch);
    talk.hear(auch(b"their envelope"));
    let (ticket, _) = challenged(&mut talk);
    talk.expect_nothing();
    talk.session
        .answer_challenge(ticket, ChallengeAnswer::Opened(Challenge::new(THEIRS)))
        .unwrap();
    talk.expect_says(aurp(THEIRS));
    talk.expect_connected();
    assert_eq!(talk.session.state_name(), StateName::IdleLi);
}

#[test]
fn a_wrong_response_ends_the_session() {
    let mut talk = called();
    talk.hear("J");
    let ticket = challenging(&mut talk);
    talk.session
        .send_challenge(ticket, Challenge::new(OURS), b"x".to_vec())
        .unwrap();
    let _ = talk.says();
    let mut almost = OURS;
    almost[19] ^= 1;
    talk.hear(aurp(almost));
    talk.expect_refusal(SessionReason::InvalidChallengeResponse);
}

#[test]
fn a_challenge_that_cannot_be_opened_ends_the_session() {
    let mut talk = calling();
    let _ = talk.says();
    talk.hear(auch(b"noise"));
    let (ticket, _) = challenged(&mut talk);
    talk.session
        .answer_challenge(ticket, ChallengeAnswer::Refuse { text: "no".into() })
        .unwrap();
    talk.expect_refusal(SessionReason::InvalidChallengeResponse);
}

/// Trap 24: not negotiable, either way round.
#[test]
fn both_sides_must_want_it() {
    let mut talk = Talk::initiator(authenticating());
    talk.hear(SSRM);
    let _ = talk.says();
    talk.hear(ssid());
    talk.expect_refusal(SessionReason::AuthenticationIncompatible);

    let mut talk = Talk::responder(params());
    let _ = talk.says();
    talk.hear(authenticating_ssid());
    let Some(Event::ConnectionOffered(ticket, _)) = talk.session.poll_event() else {
        panic!()
    };
    talk.session
        .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(params())))
        .unwrap();
    talk.expect_refusal(SessionReason::AuthenticationIncompatible);
}

/// Trap 24: falling back to a level without authentication is no way around it.
#[test]
fn a_partner_of_a_lower_level_is_refused_in_words_it_knows() {
    let mut talk = Talk::responder(authenticating());
    let _ = talk.says();
    talk.hear(ssid_of(4));
    let Some(Event::ConnectionOffered(ticket, _)) = talk.session.poll_event() else {
        panic!()
    };
    talk.session
        .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(authenticating())))
        .unwrap();
    talk.expect_says("F10\r");

    let mut talk = Talk::initiator(authenticating());
    talk.hear(SSRM);
    let _ = talk.says();
    talk.hear(ssid_of(2));
    talk.expect_says("F10\r");
}

#[test]
fn nothing_else_belongs_between_the_steps() {
    for line in ["R", "IODETTE FTP READY \r", "J"] {
        let mut talk = calling();
        let _ = talk.says();
        talk.hear(line);
        talk.expect_refusal(SessionReason::ProtocolViolation);
    }
    let mut talk = calling();
    let _ = talk.says();
    talk.hear(authenticating_ssid());
    talk.expect_refusal(SessionReason::ProtocolViolation);
}

#[test]
fn challenges_are_never_shown() {
    let mut talk = called();
    talk.hear("J");
    let ticket = challenging(&mut talk);
    talk.session
        .send_challenge(ticket, Challenge::new(OURS), b"x".to_vec())
        .unwrap();
    let shown = format!("{:?}", talk.session);
    assert!(shown.contains("WfAurp([redacted])"), "{shown}");
    assert!(!shown.contains("1, 1, 1"), "{shown}");
}
