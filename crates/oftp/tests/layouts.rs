//! Known answers: every command at every level, by the tables of RFC 5024, 5.3, and RFC 2204, 5.3.
//! The lines are written out by hand, position by position.

#![cfg(test)]

mod common;

use common::*;
use oftp::command::{Command, Efna, Esid, Kind, Sfna, decode};
use oftp::*;

const LEVELS: [Level; 4] = [Level::V12, Level::V13, Level::V14, Level::V20];
const UP_TO_14: &[Level] = &[Level::V12, Level::V13, Level::V14];
const BEFORE_14: &[Level] = &[Level::V12, Level::V13];
const AT_14: &[Level] = &[Level::V14];
const AT_20: &[Level] = &[Level::V20];

/// The command is written as that line, and the line is read as that command, at those levels.
#[track_caller]
fn both_ways(levels: &[Level], command: &Command, line: impl AsRef<[u8]>) {
    let line = line.as_ref();
    for &level in levels {
        let mut written = Vec::new();
        command.encode(level, &mut written);
        let show = |octets: &[u8]| octets.escape_ascii().to_string();
        assert_eq!(show(&written), show(line), "written at level {level}");
        let mut tolerated = Vec::new();
        let read = decode(line, level, &Tolerances::STRICT, &mut tolerated);
        assert_eq!(read.as_ref(), Ok(command), "read at level {level}");
        assert_eq!(tolerated, []);
    }
}

fn id(text: &str) -> OdetteId {
    OdetteId::new(text).unwrap()
}

fn key() -> FileKey {
    FileKey {
        dataset: DatasetName::new("ENGDAT-2026(1)").unwrap(),
        stamp: FileStamp::new("20261122", "1530590042").unwrap(),
        originator: id("O0177ORIGINATOR"),
        destination: id("O0177DESTINATION  SUB001"),
    }
}

/// What is left of a key where dates have two digits of the year and times no counter.
fn key_before_14() -> FileKey {
    FileKey {
        stamp: FileStamp::new("20261122", "1530590000").unwrap(),
        ..key()
    }
}

const DSN: &str = "ENGDAT-2026(1)            ";
const ORIG: &str = "O0177ORIGINATOR          ";
const DEST: &str = "O0177DESTINATION  SUB001 ";

#[test]
fn ssrm_is_the_same_at_every_level() {
    both_ways(&LEVELS, &Command::Ssrm, "IODETTE FTP READY \r");
}

#[test]
fn ssid_has_61_octets_at_every_level() {
    let offer = Ssid {
        level: 5,
        code: id("O0013000001US"),
        password: Password::new("PASSWORD").unwrap(),
        user: UserData::new("USERDATA").unwrap(),
        buffer_size: 2048,
        mode: Mode::SendOnly,
        compression: true,
        restart: false,
        special_logic: false,
        credit: 99,
        authentication: true,
    };
    let line = "X5O0013000001US            PASSWORD02048SYNN099Y    USERDATA\r";
    assert_eq!(line.len(), 61);
    both_ways(&LEVELS, &Command::Ssid(Box::new(offer.clone())), line);
    for (level, digit) in [(1, "1"), (2, "2"), (4, "4")] {
        let offer = Ssid {
            level,
            mode: Mode::ReceiveOnly,
            authentication: false,
            ..offer.clone()
        };
        let line = format!("X{digit}O0013000001US            PASSWORD02048RYNN099     USERDATA\r");
        both_ways(&LEVELS, &Command::Ssid(Box::new(offer)), line);
    }
}

#[test]
fn sfid_has_128_octets_up_to_14_and_165_and_a_description_at_20() {
    let plain = FileHeader {
        user: UserData::new("ABC").unwrap(),
        format: Format::Fixed(80),
        size_blocks: 1234,
        original_size_blocks: 1234,
        restart: 77,
        ..FileHeader::plain(key(), 0)
    };
    let rest = format!("ABC     {DEST}{ORIG}F000800001234000000077");
    let before_14 = FileHeader {
        key: key_before_14(),
        ..plain.clone()
    };
    let line = format!("H{DSN}         261122153059{rest}");
    assert_eq!(
        (line.len(), &line[36..42], &line[42..48]),
        (128, "261122", "153059")
    );
    both_ways(BEFORE_14, &Command::Sfid(Box::new(before_14)), &line);
    let line = format!("H{DSN}   202611221530590042{rest}");
    assert_eq!(
        (line.len(), &line[30..38], &line[38..48]),
        (128, "20261122", "1530590042")
    );
    both_ways(AT_14, &Command::Sfid(Box::new(plain.clone())), &line);

    let secured = FileHeader {
        original_size_blocks: 99,
        security: Security::EncryptedAndSigned,
        cipher: CipherSuite::new(4).unwrap(),
        compressed: true,
        enveloped: true,
        signed_receipt: true,
        description: "Größe".into(),
        ..plain
    };
    let line = format!(
        "H{DSN}   202611221530590042ABC     {DEST}{ORIG}F00080{}{}{}030411Y007Größe",
        "0000000001234", "0000000000099", "00000000000000077"
    );
    assert_eq!(
        (line.len(), &line[155..157], &line[161..162]),
        (165 + 7, "03", "Y")
    );
    both_ways(AT_20, &Command::Sfid(Box::new(secured)), &line);
}

#[test]
fn every_record_format_has_its_letter() {
    for (format, field) in [
        (Format::Unstructured, "U00000"),
        (Format::Text, "T00000"),
        (Format::Fixed(1), "F00001"),
        (Format::Variable(99_999), "V99999"),
    ] {
        let header = FileHeader {
            format,
            ..FileHeader::plain(key(), 0)
        };
        let line =
            format!("H{DSN}   202611221530590042        {DEST}{ORIG}{field}0000000000000000");
        both_ways(AT_14, &Command::Sfid(Box::new(header)), line);
    }
}

#[test]
fn answers_to_sfid_grow_with_20() {
    both_ways(UP_TO_14, &Command::Sfpa(42), "2000000042");
    both_ways(AT_20, &Command::Sfpa(42), "200000000000000042");
    let sfna = |text: &str| {
        Command::Sfna(Sfna {
            reason: FileReason::Duplicate,
            retry: false,
            text: text.into(),
        })
    };
    both_ways(UP_TO_14, &sfna(""), "313N");
    both_ways(AT_20, &sfna("déjà vu"), "313N009déjà vu");
    both_ways(AT_20, &sfna(""), "313N000");
}

#[test]
fn credit_turn_and_ready_are_the_same_at_every_level() {
    both_ways(&LEVELS, &Command::Cdt, "C  ");
    both_ways(&LEVELS, &Command::Cd, "R");
    both_ways(&LEVELS, &Command::Rtr, "P");
}

#[test]
fn the_end_of_a_file_grows_with_20() {
    let counts = Command::Efid(Counts {
        records: 12,
        octets: 3456,
    });
    both_ways(UP_TO_14, &counts, "T000000012000000003456");
    both_ways(AT_20, &counts, "T0000000000000001200000000000003456");
    both_ways(&LEVELS, &Command::Efpa(true), "4Y");
    both_ways(&LEVELS, &Command::Efpa(false), "4N");
    let efna = |text: &str| {
        Command::Efna(Efna {
            reason: FileReason::ByteCount,
            text: text.into(),
        })
    };
    both_ways(UP_TO_14, &efna(""), "511");
    both_ways(AT_20, &efna("short"), "511005short");
}

#[test]
fn the_end_of_a_session_grows_with_20() {
    let esid = |text: &str| {
        Command::Esid(Esid {
            reason: SessionReason::Resources,
            text: text.into(),
        })
    };
    both_ways(UP_TO_14, &esid(""), "F08\r");
    both_ways(AT_20, &esid("come back later"), "F08015come back later\r");
    both_ways(AT_20, &esid(""), "F08000\r");
}

#[test]
fn eerp_has_106_octets_and_a_proof_at_20() {
    let eerp = |key| Eerp {
        key,
        user: UserData::new("U").unwrap(),
        hash: vec![],
        signature: vec![],
    };
    let line = format!("E{DSN}         261122153059U       {ORIG}{DEST}");
    assert_eq!(
        (line.len(), &line[56..81]),
        (106, ORIG),
        "EERPDEST is the file's originator"
    );
    both_ways(
        BEFORE_14,
        &Command::Eerp(Box::new(eerp(key_before_14()))),
        &line,
    );
    let line = format!("E{DSN}   202611221530590042U       {ORIG}{DEST}");
    both_ways(AT_14, &Command::Eerp(Box::new(eerp(key()))), &line);
    let signed = Eerp {
        hash: vec![7; 20],
        signature: vec![9; 300],
        ..eerp(key())
    };
    let line = [line.as_bytes(), &[0, 20], &[7; 20], &[1, 44], &[9; 300]].concat();
    both_ways(AT_20, &Command::Eerp(Box::new(signed)), line);
}

#[test]
fn nerp_comes_with_14_and_lines_up_with_nothing() {
    let nerp = Nerp {
        key: key(),
        creator: id("O0177CREATOR"),
        reason: NerpReason::Duplicate,
        text: String::new(),
        hash: vec![],
        signature: vec![],
    };
    let line = format!("N{DSN}      202611221530590042{ORIG}{DEST}O0177CREATOR             23");
    assert_eq!(
        (line.len(), &line[33..41], &line[101..113]),
        (128, "20261122", "O0177CREATOR")
    );
    both_ways(AT_14, &Command::Nerp(Box::new(nerp.clone())), &line);
    let signed = Nerp {
        text: "twice".into(),
        hash: vec![1],
        signature: vec![2, 3],
        ..nerp
    };
    let line = [line.as_bytes(), b"005twice", &[0, 1, 1], &[0, 2, 2, 3]].concat();
    both_ways(AT_20, &Command::Nerp(Box::new(signed)), line);
    for level in [Level::V12, Level::V13] {
        let refused = decode(b"N", level, &Tolerances::default(), &mut vec![]);
        assert_eq!(refused.unwrap_err().reason, SessionReason::UnknownCommand);
    }
}

#[test]
fn authentication_comes_with_20() {
    both_ways(AT_20, &Command::Secd, "J");
    both_ways(
        AT_20,
        &Command::Auch(vec![5; 300]),
        [&b"A\x01\x2C"[..], &[5; 300]].concat(),
    );
    both_ways(
        AT_20,
        &Command::Aurp(Challenge::new([8; 20])),
        [&b"S"[..], &[8; 20]].concat(),
    );
    for line in [&b"J"[..], b"A\0\0", b"S"] {
        let refused = decode(line, Level::V14, &Tolerances::default(), &mut vec![]);
        assert_eq!(refused.unwrap_err().reason, SessionReason::UnknownCommand);
    }
}

#[test]
fn reasons_a_level_does_not_know_are_mapped_down() {
    let at = |level, command: Command| {
        let mut line = Vec::new();
        command.encode(level, &mut line);
        String::from_utf8(line).unwrap()
    };
    let esid = |reason| {
        Command::Esid(Esid {
            reason,
            text: "lost below 2.0".into(),
        })
    };
    assert_eq!(
        at(Level::V14, esid(SessionReason::AuthenticationIncompatible)),
        "F10\r"
    );
    assert_eq!(
        at(Level::V14, esid(SessionReason::InvalidChallengeResponse)),
        "F99\r"
    );
    let sfna = |reason| {
        Command::Sfna(Sfna {
            reason,
            retry: true,
            text: String::new(),
        })
    };
    assert_eq!(at(Level::V14, sfna(FileReason::CipherSuite)), "399Y");
    assert_eq!(at(Level::V14, sfna(FileReason::DirectionRefused)), "314Y");
    assert_eq!(at(Level::V13, sfna(FileReason::DirectionRefused)), "399Y");
}

#[test]
fn reasons_go_from_table_to_table() {
    for &reason in FileReason::TABLE {
        let nerp = NerpReason::from(reason);
        assert_eq!(nerp.file_reason(), Some(reason), "{nerp}");
        let expected = match reason.code() {
            21 => 31,
            22 => 33,
            23 => 32,
            99 => 99,
            code => code + 10,
        };
        assert_eq!(nerp.code(), expected, "{reason}");
    }
    assert_eq!(SessionReason::from_code(42), SessionReason::Other(42));
    assert_eq!(SessionReason::Other(42).code(), 42);
}

#[test]
fn numbers_and_texts_that_do_not_fit_are_cut_to_what_does() {
    let mut line = Vec::new();
    Command::Sfpa(u64::MAX).encode(Level::V14, &mut line);
    assert_eq!(line, b"2999999999");
    let text = "é".repeat(600);
    line.clear();
    Command::Efna(Efna {
        reason: FileReason::TooBig,
        text,
    })
    .encode(Level::V20, &mut line);
    assert_eq!(
        line.len(),
        6 + 998,
        "cut before the character that would be split"
    );
    assert!(std::str::from_utf8(&line).is_ok());
}

#[test]
fn no_command_is_longer_than_its_longest() {
    assert_eq!(Kind::Eerp.longest(), 108 + 65_535 + 2 + 65_535);
    let mut line = Vec::new();
    let eerp = Eerp {
        key: key(),
        user: UserData::default(),
        hash: vec![0; 65_535],
        signature: vec![0; 65_535],
    };
    Command::Eerp(Box::new(eerp)).encode(Level::V20, &mut line);
    assert_eq!(line.len(), Kind::Eerp.longest());
    for code in 0..=255 {
        assert_eq!(
            Kind::from_code(code).is_some(),
            b"IXH23DCT45FRENPJAS".contains(&code)
        );
    }
}

#[test]
fn every_shorter_or_longer_line_is_refused_strictly() {
    let lines: Vec<Vec<u8>> = vec![
        ssid().into(),
        sfid(0).into(),
        "200000000000000042".into(),
        "313N002no".into(),
        "C  ".into(),
        "T0000000000000001200000000000003456".into(),
        "4Y".into(),
        "511005short".into(),
        "R".into(),
        [
            format!("E{DSN}   202611221530590042U       {ORIG}{DEST}").as_bytes(),
            &[0, 1, 1, 0, 1, 1],
        ]
        .concat(),
        [&b"A\x00\x02"[..], &[5; 2]].concat(),
        [&b"S"[..], &[8; 20]].concat(),
    ];
    for line in lines {
        let read = |line: &[u8]| decode(line, Level::V20, &Tolerances::STRICT, &mut vec![]);
        assert!(read(&line).is_ok(), "{}", line.escape_ascii());
        for shorter in 1..line.len() {
            let error = read(&line[..shorter]).expect_err("shorter");
            assert!(
                matches!(
                    error.reason,
                    SessionReason::BufferSize | SessionReason::InvalidData
                ),
                "{error:?}"
            );
        }
        let longer = [&line[..], b" "].concat();
        assert_eq!(
            read(&longer).unwrap_err().reason,
            SessionReason::BufferSize,
            "{}",
            line.escape_ascii()
        );
    }
}
