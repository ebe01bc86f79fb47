//! Any octets as a command of any level (RFC 5024, 5.3): the first octet chooses the level, the
//! second whether anything is forgiven, the rest is the exchange buffer. What is understood is
//! written again in a form that says the same, and that even somebody who forgives nothing reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oftp::command::{self, Command};
use oftp::{Level, SessionReason, Tolerances};

fuzz_target!(|input: &[u8]| {
    let [level, lenient, buffer @ ..] = input else {
        return;
    };
    let level = [Level::V12, Level::V13, Level::V14, Level::V20][usize::from(level % 4)];
    let strict = Tolerances::STRICT;
    let tolerances = if lenient % 2 == 0 {
        Tolerances::default()
    } else {
        strict
    };
    let mut tolerated = Vec::new();
    let first = match command::decode(buffer, level, &tolerances, &mut tolerated) {
        Ok(command) => command,
        Err(malformed) => {
            let known = [
                SessionReason::UnknownCommand,
                SessionReason::ProtocolViolation,
                SessionReason::InvalidData,
                SessionReason::BufferSize,
            ];
            assert!(known.contains(&malformed.reason), "{malformed:?}");
            return;
        }
    };
    assert!(tolerances != strict || tolerated.is_empty());
    let written = write(&first, level);
    let mut none = Vec::new();
    let again = command::decode(&written, level, &strict, &mut none);
    let again = again.unwrap_or_else(|error| panic!("{first:?} as {written:?}: {error}"));
    assert_eq!(write(&again, level), written, "{first:?}");
    if says_all(&first, level) {
        assert_eq!(again, first);
    }
});

fn write(command: &Command, level: Level) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(level, &mut octets);
    assert!(octets.len() <= command.kind().longest());
    octets
}

/// Whether the layout of that level has room for everything: texts that were no UTF-8 grow when they
/// are read, and reasons of later levels are mapped down.
fn says_all(command: &Command, level: Level) -> bool {
    let text = match command {
        Command::Sfid(header) => &header.description,
        Command::Sfna(sfna) => &sfna.text,
        Command::Efna(efna) => &efna.text,
        Command::Esid(esid) => &esid.text,
        Command::Nerp(nerp) => &nerp.text,
        _ => return true,
    };
    level == Level::V20 && text.len() <= 999
}
