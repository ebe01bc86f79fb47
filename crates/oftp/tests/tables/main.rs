//! The state tables of RFC 5024, 9.8 to 9.12, pair by pair.
//!
//! The machine is brought into each state by the shortest conversation, meets each event, and what
//! it says and where it ends up is compared with the cell, or with our decision where the cell is
//! undefined, impossible or a user's error. Nothing is forgiven in these conversations.

#![cfg(test)]

mod book;
mod branches;
#[path = "../common/mod.rs"]
mod common;
mod document;
mod scene;

use std::collections::BTreeSet;
use std::path::Path;

use book::Book;
use oftp::StateName;

/// As the RFC has it: cells printed, pairs they cover, pairs for which they give a reaction or leave
/// it to the implementation.
const PRINTED: (usize, usize, usize) = (351, 1092, 428);

#[test]
fn every_pair_is_as_printed_or_as_decided() {
    let book = Book::read();
    let pairs = book.pairs();
    let given = |pair: &&book::Pair| pair.printed.is_some() || pair.letter() == "W";
    let given = pairs.iter().filter(given).count();
    assert_eq!((book.cells(), pairs.len(), given), PRINTED);
    let (can, cannot): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| !pair.cannot_be_said());
    let wrong: Vec<String> = can
        .iter()
        .map(|pair| (pair, scene::meet(&pair.state, &pair.event)))
        .filter(|(pair, happened)| happened != &pair.reaction)
        .map(|(pair, happened)| {
            let (event, state, letter) = (&pair.event, &pair.state, pair.letter());
            format!(
                "{event} in {state} ({letter}): {happened}, not {}",
                pair.reaction
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let printed = can.iter().filter(|pair| pair.is_as_printed()).count();
    println!(
        "{} of {} pairs: {printed} as printed, {} as decided, {} cannot be said",
        can.len() + cannot.len(),
        PRINTED.1,
        can.len() - printed,
        cannot.len()
    );
    assert_eq!(
        (printed, can.len() - printed, cannot.len()),
        (306, 524, 262)
    );
}

/// What cannot be said has no way in: nothing that can be said leads into such a state.
#[test]
fn no_reaction_leads_into_a_state_that_cannot_arise() {
    let pairs = Book::read().pairs();
    let (said, impossible): (Vec<_>, Vec<_>) =
        pairs.iter().partition(|pair| !pair.cannot_be_said());
    let arise: BTreeSet<&str> = said
        .iter()
        .filter(|pair| pair.event == "F_ABORT_RQ")
        .map(|pair| pair.state.as_str())
        .collect();
    let named = StateName::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(arise, named, "the names of a session's states");
    for pair in &said {
        if let Some((_, next)) = pair.reaction.split_once("-> ") {
            assert!(arise.contains(next), "{} in {}", pair.event, pair.state);
        }
    }
    for pair in impossible {
        let connection = ["F_CONNECT_RQ", "N_CON_CF", "N_CON_IND"].contains(&pair.event.as_str());
        assert!(connection || !arise.contains(pair.state.as_str()));
    }
}

/// Nothing but what is named here can be said to a session.
#[test]
fn every_function_of_a_session_is_a_primitive_or_asks() {
    const PRIMITIVES: [(&str, &str); 23] = [
        ("initiator", "N_CON_CF"),
        ("responder", "N_CON_IND"),
        ("receive", "commands, Invalid Buffer"),
        ("disconnected", "N_DISC_IND, N_RST_IND"),
        ("handle_timeout", "TIME-OUT"),
        ("abort", "F_ABORT_RQ, F_REL_RQ(Err)"),
        ("answer_connection", "F_CONNECT_RS"),
        ("answer_challenge", "of the caller's, between AUCH and AURP"),
        ("send_challenge", "of the caller's, between SECD and AUCH"),
        ("answer_file", "F_START_FILE_RS"),
        ("answer_close", "F_CLOSE_FILE_RS"),
        ("answer_response", "F_RTR_RS"),
        ("grant_credit", "flow control of 9.12.3, note 1"),
        ("start_file", "F_START_FILE_RQ"),
        ("respond", "F_EERP_RQ, F_NERP_RQ"),
        ("end_turn", "F_CD_RQ, F_REL_RQ(Ok)"),
        ("send_data", "F_DATA_RQ"),
        ("close_file", "F_CLOSE_FILE_RQ"),
        ("poll_transmit", "asks"),
        ("poll_event", "asks"),
        ("recycle", "gives memory back"),
        ("set_time", "sets the time"),
        ("progressed", "moves the time of TIME-OUT on"),
    ];
    let sources = [
        include_str!("../../src/session/mod.rs"),
        include_str!("../../src/session/admission.rs"),
        include_str!("../../src/session/effects.rs"),
        include_str!("../../src/session/connect.rs"),
        include_str!("../../src/session/speaker.rs"),
        include_str!("../../src/session/sending.rs"),
        include_str!("../../src/session/listener.rs"),
        include_str!("../../src/session/receiving.rs"),
        include_str!("../../src/session/ends.rs"),
    ];
    let functions: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.split("    pub fn ").skip(1))
        .filter(|rest| {
            let signature = rest.split('{').next().unwrap_or_default();
            signature.contains("&mut self") || signature.contains("-> Self")
        })
        .filter_map(|rest| rest.split('(').next())
        .collect();
    assert_eq!(functions, PRIMITIVES.map(|(name, _)| name).into());
}

#[test]
fn every_decision_is_needed() {
    let book = Book::read();
    let pairs = book.pairs();
    for (number, rule) in book.rules.iter().enumerate() {
        let used = pairs.iter().any(|pair| pair.rule == Some(number));
        assert!(
            used,
            "decision {} ({}) is never taken",
            number + 1,
            rule.why
        );
    }
}

/// `STATE_TABLES=write` writes the page, as `cargo xtask state-tables` does.
#[test]
fn the_page_says_what_the_tests_do() {
    let page = document::write(&Book::read());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/state-tables.md");
    if std::env::var_os("STATE_TABLES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/state-tables.md is out of date: run cargo xtask state-tables"
    );
}
