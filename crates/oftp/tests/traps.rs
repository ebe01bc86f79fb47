//! What partners get wrong, and what the RFC leaves to be got wrong: numbered as in our list of
//! traps, each with its section of RFC 5024.

#![cfg(test)]

mod common;

use common::*;
use oftp::*;

fn plain() -> FileHeader {
    FileHeader::plain(our_file(), 1)
}

/// A responder that has heard that SSID and has answered it with its defaults.
fn answered(own: Params, their_ssid: &str) -> Talk {
    let mut talk = Talk::responder(own.clone());
    talk.expect_says(SSRM);
    talk.hear(their_ssid);
    match talk.session.poll_event() {
        Some(Event::ConnectionOffered(ticket, _)) => {
            talk.session
                .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(own)))
                .unwrap();
        }
        other => panic!("{other:?}"),
    }
    talk
}

fn strict() -> Params {
    Params {
        tolerances: Tolerances::STRICT,
        ..params()
    }
}

/// Traps 1 and 2 (8.2, 5.3.2): SSIDSDEB is about DATA alone, with its `D`, without the header.
#[test]
fn t01_t02_the_buffer_size_limits_data_and_nothing_else() {
    let small = with_buffer(&ssid(), 128);
    let mut talk = Talk::listening(params(), &small);
    let eerp = format!(
        "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}",
        "", ""
    );
    talk.hear([eerp.as_bytes(), &[0, 20], &[1; 20], &[4, 59], &[2; 1083]].concat());
    let (ticket, response) = talk.response();
    assert!(matches!(response, Response::Positive(eerp) if eerp.signature.len() == 1083));
    talk.session.answer_response(ticket).unwrap();

    for (length, refused) in [(128, false), (129, true)] {
        let mut talk = Talk::receiving(strict(), &small, &sfid(0));
        let full = [b"D\x3F".as_slice(), &[1; 63], b"\x3E", &[1; 62], &[0; 1]].concat();
        talk.hear([&full[..128], &vec![0; length - 128]].concat());
        assert_eq!(
            talk.session.state_name() == StateName::WfNdisc,
            refused,
            "{length}"
        );
    }
}

/// Trap 2 (5.3.2): one octet more than was agreed is padding, or data as it comes; two are refused.
#[test]
fn t02_data_may_be_one_octet_longer_than_agreed() {
    let small = with_buffer(&ssid(), 128);
    let padded = [b"D\x3F".as_slice(), &[1; 63], b"\x3E", &[1; 62], &[0; 1]].concat();
    let filled = [b"D\x3F".as_slice(), &[1; 63], b"\x3F", &[1; 63]].concat();
    for (line, octets) in [(padded, 125), (filled, 126)] {
        let mut talk = Talk::receiving(params(), &small, &sfid(0));
        talk.hear(&line);
        talk.expect_tolerated(Leniency::OversizedData);
        talk.hear(&line);
        assert_eq!(
            talk.data().octets.len(),
            2 * octets,
            "spoken of once a file"
        );
        talk.expect_nothing();

        let longer = [line.as_slice(), &[0]].concat();
        let mut talk = Talk::receiving(params(), &small, &sfid(0));
        talk.hear(&longer);
        talk.expect_refusal(SessionReason::BufferSize);
    }
}

/// Trap 3 (8.1): TCP joins and splits as it likes.
#[test]
fn t03_lines_arrive_joined_and_split() {
    let wire = [
        stb(b"D\x01a"),
        stb(b"D\x01b"),
        stb("T0000000000000000000000000000000002"),
    ]
    .concat();
    for piece in [1, 2, 3, 5, 7, wire.len()] {
        let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
        let mut octets = Vec::new();
        for piece in wire.chunks(piece) {
            talk.session.receive(piece, talk.now);
        }
        while let Some(event) = talk.session.poll_event() {
            match event {
                Event::Data(data) => octets.extend(data.octets),
                Event::FileClosed(_, closing) => assert_eq!(closing.received.octets, 2),
                Event::Tolerated(tolerance) => {
                    assert_eq!(tolerance.leniency, Leniency::MissingEndOfRecord)
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            (octets.as_slice(), talk.session.state_name()),
            (&b"ab"[..], StateName::Clip),
            "in pieces of {piece}"
        );
    }
}

/// Trap 4 (8.2): a buffer without a command may follow an ESID, and nothing else.
#[test]
fn t04_an_empty_buffer_after_the_end_is_nothing() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.session
        .receive(&[stb("F05000\r"), vec![0x10, 0, 0, 4]].concat(), talk.now);
    talk.expect_end(End::AbortedByPartner {
        reason: SessionReason::LocalEmergency,
        text: String::new(),
    });
    talk.expect_silence();
}

/// Trap 5 (8.2): out of step in the middle of a session, nothing can be said any more.
#[test]
fn t05_a_wrong_header_ends_the_session_in_silence() {
    for header in [[0x20, 0, 0, 5, b'R'], [0x11, 0, 0, 5, b'R']] {
        let mut talk = Talk::listening(params(), &ssid());
        talk.session.receive(&header, talk.now);
        assert!(matches!(
            talk.session.poll_event(),
            Some(Event::Ended(End::NotOftp(_)))
        ));
        talk.expect_silence();
        assert!(talk.session.is_over());
    }
}

/// Traps 6 and 7 (5.3.1): the ready message and its end.
#[test]
fn t06_t07_ready_messages_differ() {
    for (message, leniency) in [
        ("IODETTE FTP READY \r", None),
        ("IODETTE FTP READY\r", Some(Leniency::LineEnds)),
        ("IODETTE FTP READY", Some(Leniency::LineEnds)),
        ("IODETTE FTP READY \n", Some(Leniency::LineEnds)),
        ("IOdette FTP Ready \r", Some(Leniency::ReadyMessages)),
    ] {
        let mut talk = Talk::initiator(params());
        talk.hear(message);
        if let Some(leniency) = leniency {
            talk.expect_tolerated(leniency);
        }
        talk.expect_nothing();
        assert_eq!(talk.session.state_name(), StateName::IWfSsid, "{message}");

        let mut talk = Talk::initiator(strict());
        talk.hear(message);
        assert_eq!(
            talk.session.state_name() == StateName::IWfSsid,
            leniency.is_none(),
            "{message}"
        );
    }
    let mut talk = Talk::initiator(params());
    talk.hear(b"IODETTE FTP READY \x8D");
    talk.expect_nothing();
}

/// Trap 7 (5.3.2, 5.3.11): 0D, 8D, 0A or nothing ends SSID and ESID.
#[test]
fn t07_carriage_returns_differ() {
    let without = ssid().trim_end_matches('\r').to_owned();
    for end in [&b"\r"[..], b"\x8D", b"\n", b""] {
        let mut talk = Talk::responder(params());
        talk.hear([without.as_bytes(), end].concat());
        if !matches!(end, [0x0D | 0x8D]) {
            talk.expect_tolerated(Leniency::LineEnds);
        }
        assert!(
            matches!(
                talk.session.poll_event(),
                Some(Event::ConnectionOffered(..))
            ),
            "{end:?}"
        );
    }
    for (line, text) in [
        ("F99004oops\r", "oops"),
        ("F99004oops", "oops"),
        ("F99\r", ""),
        ("F99", ""),
    ] {
        let mut talk = Talk::listening(params(), &ssid());
        talk.hear(line);
        let end = loop {
            match talk.session.poll_event() {
                Some(Event::Ended(end)) => break end,
                Some(Event::Tolerated(tolerance)) => {
                    assert_eq!(tolerance.leniency, Leniency::LineEnds)
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            end,
            End::AbortedByPartner {
                reason: SessionReason::Unspecified,
                text: text.into()
            }
        );
    }
}

/// Traps 8, 9, 10, 11 (5.3.2): the lower level holds, levels to come are negotiated down.
#[test]
fn t08_to_t11_the_lower_level_holds() {
    for (theirs, ours, agreed, digit) in [
        ('1', Level::V20, Level::V12, b'1'),
        ('2', Level::V20, Level::V13, b'2'),
        ('4', Level::V20, Level::V14, b'4'),
        ('5', Level::V13, Level::V13, b'2'),
        ('6', Level::V20, Level::V20, b'5'),
        ('9', Level::V14, Level::V14, b'4'),
    ] {
        let mut talk = answered(
            Params {
                level: ours,
                ..params()
            },
            &with_flag(&ssid(), 1, theirs),
        );
        assert_eq!(talk.says_one()[1], digit);
        assert_eq!(talk.expect_connected().level, agreed);
    }
    for wrong in ['0', '3', 'A', ' '] {
        let mut talk = Talk::responder(params());
        let _ = talk.says();
        talk.hear(with_flag(&ssid(), 1, wrong));
        talk.expect_refusal(SessionReason::InvalidData);
    }
    let mut talk = answered(params(), &with_flag(&ssid_of(1), 47, 'N'));
    assert!(
        !talk.expect_connected().authentication,
        "reserved below level 2.0, whatever it holds"
    );
}

/// Traps 12 and 13 (RFC 2204, 5.3.3): dates of two digits of the year, and the century we give them.
#[test]
fn t12_t13_dates_before_14_have_no_century() {
    for (year, full) in [
        ("26", "2026"),
        ("00", "2000"),
        ("69", "2069"),
        ("70", "1970"),
        ("99", "1999"),
    ] {
        let mut talk = Talk::listening(params(), &ssid_of(1));
        let line = format!(
            "HINVOICES{:18}         {year}1122153000{:8}{US:<25}{THEM:<25}U000000000001000000000",
            "", ""
        );
        assert_eq!(line.len(), 128);
        talk.hear(line);
        let (_ticket, header) = talk.file();
        assert_eq!(header.key.stamp.date(), format!("{full}1122"));
        assert_eq!(header.key.stamp.time(), "1530000000");
    }
}

/// Trap 12: the layout of 1.3 at level 1.4 is refused, not misread.
#[test]
fn t12_a_date_where_the_other_level_has_it_is_refused() {
    let mut talk = Talk::listening(params(), &ssid_of(4));
    talk.hear(format!(
        "HINVOICES{:18}         261122153000{:8}{US:<25}{THEM:<25}U000000000001000000000",
        "", ""
    ));
    let said = String::from_utf8(talk.says_one()).unwrap();
    assert!(said.starts_with("301N"), "{said}");
    match talk.session.poll_event() {
        Some(Event::FileUnreadable { text, .. }) => assert!(text.contains("SFIDDATE"), "{text}"),
        other => panic!("{other:?}"),
    }
}

/// Trap 14 (8.2): a command may end before what is optional.
#[test]
fn t14_short_commands_are_understood() {
    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session.start_file(turn, plain()).unwrap();
    talk.hear("313N");
    talk.expect_tolerated(Leniency::ShortCommands);
    talk.expect(Event::FileRefused {
        reason: FileReason::Duplicate,
        retry: false,
        text: String::new(),
    });

    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(format!(
        "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}",
        "", ""
    ));
    talk.expect_tolerated(Leniency::ShortCommands);
    let _ = talk.response();

    let nerp = format!(
        "NORDERS{:20}      202611220800000001{US:<25}{THEM:<25}{THEM:<25}35",
        ""
    );
    for end in ["", "000", "004gone", "000\0\0"] {
        let mut talk = Talk::listening(params(), &ssid());
        talk.hear(format!("{nerp}{end}"));
        talk.expect_tolerated(Leniency::ShortCommands);
        while let Some(event) = talk.session.poll_event() {
            match event {
                Event::Tolerated(more) => assert_eq!(more.leniency, Leniency::ShortCommands),
                Event::ResponseOffered(_, response) => assert_eq!(*response.key(), our_file()),
                other => panic!("{end:?}: {other:?}"),
            }
        }
        assert_eq!(talk.session.state_name(), StateName::Rtrp, "{end:?}");
    }

    let mut talk = Talk::sending(params(), &with_credit(&ssid(), 1), plain());
    talk.session.send_data(b"x", true).unwrap();
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 1,
        })
        .unwrap();
    talk.hear("C");
    talk.expect_tolerated(Leniency::ShortCommands);
    assert_eq!(talk.session.state_name(), StateName::Clop);

    let mut talk = Talk::sending(strict(), &with_credit(&ssid(), 1), plain());
    talk.session.send_data(b"x", true).unwrap();
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 1,
        })
        .unwrap();
    let _ = talk.says();
    talk.hear("C");
    talk.expect_refusal(SessionReason::BufferSize);
}

/// Trap 16 (5.3): blanks in numbers, but no signs.
#[test]
fn t16_numbers_may_be_padded_with_blanks() {
    for (position, restart) in [
        ("2                 ", 0),
        ("2                7", 7),
        ("27                ", 7),
    ] {
        let (mut talk, turn) = Talk::speaking(params(), &ssid());
        talk.session
            .start_file(
                turn,
                FileHeader {
                    restart: 9,
                    ..plain()
                },
            )
            .unwrap();
        talk.hear(format!("{position:<18}"));
        talk.expect_tolerated(Leniency::BlankNumbers);
        talk.expect(Event::FileAccepted { restart });
    }
    for wrong in [
        "2-0000000000000001",
        "2+0000000000000001",
        "20000000000000 001",
        "2\t0000000000000001",
    ] {
        let (mut talk, turn) = Talk::speaking(params(), &ssid());
        talk.session
            .start_file(
                turn,
                FileHeader {
                    restart: 9,
                    ..plain()
                },
            )
            .unwrap();
        let _ = talk.says();
        talk.hear(wrong);
        talk.expect_refusal(SessionReason::InvalidData);
    }
}

/// Trap 17 (4.4.1, 9.10 P): credit that comes early sets the window and never adds to it.
#[test]
fn t17_early_credit_sets_and_does_not_add() {
    let small = with_credit(&with_buffer(&ssid(), 128), 2);
    let mut talk = Talk::sending(params(), &small, plain());
    assert_eq!(talk.session.send_data(&[1; 125], false), Ok(125));
    talk.hear("C  ");
    talk.expect_tolerated(Leniency::EarlyCredit);
    talk.expect_nothing();
    assert_eq!(talk.session.want_data(), 250);
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 125,
        })
        .unwrap();
    assert_eq!(talk.session.state_name(), StateName::Clop);
    talk.hear("C  ");
    talk.expect_tolerated(Leniency::EarlyCredit);
    talk.hear("4N");
    talk.expect(Event::CloseAnswered(Ok(())));

    let mut talk = Talk::sending(strict(), &small, plain());
    talk.hear("C  ");
    talk.expect_refusal(SessionReason::ProtocolViolation);
}

/// Trap 17 (5.3.2): a responder that answers with more credit than it was offered.
#[test]
fn t17_a_larger_credit_in_the_answer_holds() {
    let own = Params {
        credit: 5,
        ..params()
    };
    let mut talk = Talk::initiator(own.clone());
    talk.hear(SSRM);
    talk.hear(with_credit(&ssid(), 9));
    talk.expect_tolerated(Leniency::LargerCredit);
    assert_eq!(talk.expect_connected().credit, 9);

    let mut talk = Talk::initiator(Params {
        tolerances: Tolerances::STRICT,
        ..own
    });
    talk.hear(SSRM);
    let _ = talk.says();
    talk.hear(with_credit(&ssid(), 9));
    talk.expect_refusal(SessionReason::Incompatible);
}

/// Trap 18 (9.11.3 note 1): never EFID without credit, but it is understood.
#[test]
fn t18_the_end_of_file_without_credit_is_understood() {
    let one = with_credit(&ssid(), 1);
    let mut talk = Talk::receiving(params(), &one, &sfid(0));
    talk.hear(b"D\x81x");
    talk.hear("T0000000000000000000000000000000001");
    let _ = talk.data();
    let window = talk.window();
    talk.expect_tolerated(Leniency::EarlyEndOfFile);
    let (ticket, _) = talk.closed();
    assert_eq!(
        talk.session.grant_credit(window),
        Ok(()),
        "nothing left to grant"
    );
    talk.expect_silence();
    talk.session
        .answer_close(
            ticket,
            CloseAnswer::Accept {
                change_direction: false,
            },
        )
        .unwrap();
    talk.expect_says("4N");

    let mut talk = Talk::receiving(strict(), &one, &sfid(0));
    talk.hear(b"D\x81x");
    talk.hear("T0000000000000000000000000000000001");
    let (_, _window) = (talk.data(), talk.window());
    talk.expect_refusal(SessionReason::ProtocolViolation);
}

/// Traps 17 and 20 (5.3.2): what cannot be agreed upon.
#[test]
fn t17_t20_a_window_of_nothing_and_a_tiny_buffer_are_refused() {
    for their_ssid in [with_credit(&ssid(), 0), with_buffer(&ssid(), 127)] {
        answered(params(), &their_ssid).expect_refusal(SessionReason::Incompatible);
    }
}

/// Trap 20 (5.3.2): the smaller buffer holds, whoever names it.
#[test]
fn t20_the_smaller_buffer_holds() {
    for (ours, theirs, agreed) in [(99_999, 128, 128), (2048, 99_999, 2048), (1, 99_999, 128)] {
        let own = Params {
            buffer_size: ours,
            ..params()
        };
        let mut talk = answered(own, &with_buffer(&ssid(), theirs));
        assert_eq!(talk.says_one()[35..40], *format!("{agreed:05}").as_bytes());
        assert_eq!(talk.expect_connected().buffer_size, agreed);
    }
}

/// Trap 21 (5.3.2, 3.2.1): directions, each seen from its own side.
#[test]
fn t21_directions_must_meet() {
    use Mode::{Both, ReceiveOnly, SendOnly};
    for (ours, theirs, may) in [
        (Both, 'B', Some((true, true, b'B'))),
        (Both, 'S', Some((false, true, b'R'))),
        (Both, 'R', Some((true, false, b'S'))),
        (SendOnly, 'B', Some((true, false, b'S'))),
        (ReceiveOnly, 'S', Some((false, true, b'R'))),
        (SendOnly, 'S', None),
        (ReceiveOnly, 'R', None),
    ] {
        let mut talk = answered(
            Params {
                mode: ours,
                ..params()
            },
            &with_flag(&ssid(), 40, theirs),
        );
        let Some((may_send, may_receive, letter)) = may else {
            talk.expect_refusal(SessionReason::Incompatible);
            continue;
        };
        assert_eq!(talk.says_one()[40], letter);
        let agreed = talk.expect_connected();
        assert_eq!(
            (agreed.may_send, agreed.may_receive),
            (may_send, may_receive)
        );
        talk.hear(sfid(0));
        if may_receive {
            let _ = talk.file();
        } else {
            talk.expect_refusal(SessionReason::ProtocolViolation);
        }
    }
}

/// Trap 21: a file against the direction is not even offered; a response goes either way.
#[test]
fn t21_nothing_is_offered_against_the_direction() {
    let (mut talk, turn) = Talk::speaking(params(), &with_flag(&ssid(), 40, 'S'));
    talk.session.start_file(turn, plain()).unwrap();
    match talk.session.poll_event() {
        Some(Event::FileRefused {
            reason: FileReason::DirectionRefused,
            retry: true,
            ..
        }) => (),
        other => panic!("{other:?}"),
    }
    talk.expect_silence();
    let turn = talk.turn();
    let eerp = Eerp {
        key: their_file(),
        user: UserData::default(),
        hash: vec![],
        signature: vec![],
    };
    talk.session
        .respond(turn, Response::Positive(eerp))
        .unwrap();
    assert_eq!(talk.says_one()[0], b'E');
}

/// Traps 22 and 23 (5.3.2): Y only if both say so; special logic never.
#[test]
fn t22_t23_both_must_say_yes() {
    for (position, ours) in [
        (
            41,
            Params {
                compression: true,
                ..params()
            },
        ),
        (42, params()),
    ] {
        for (flag, agreed) in [('Y', b'Y'), ('N', b'N')] {
            let mut talk = answered(ours.clone(), &with_flag(&ssid(), position, flag));
            assert_eq!(talk.says_one()[position], agreed);
        }
    }
    let mut talk = answered(params(), &with_flag(&with_flag(&ssid(), 43, 'Y'), 41, 'Y'));
    assert_eq!(talk.says_one()[41..44], *b"NYN");
}

/// Traps 30 and 54 (5.3): names outside the RFC's set are taken, and given back as they were.
#[test]
fn t30_t54_names_come_back_octet_for_octet() {
    for name in [
        "ODETTE_CERTIFICATE_REQUEST",
        "lower case with blanks",
        "../../etc/passwd",
        "a%b$c~",
    ] {
        let mut talk = Talk::listening(params(), &ssid());
        let line = sfid(0).replace(&format!("{:<26}", "INVOICES"), &format!("{name:<26}"));
        talk.hear(line.replace("1530001234", "153000    "));
        let (ticket, header) = talk.file();
        assert_eq!(header.key.dataset.as_str(), name);
        talk.session
            .answer_file(
                ticket,
                FileAnswer::Refuse {
                    reason: FileReason::InvalidFilename,
                    retry: false,
                    text: String::new(),
                },
            )
            .unwrap();
        let _ = talk.says();
        talk.hear("R");
        let turn = talk.turn();
        let eerp = Eerp {
            key: header.key,
            user: header.user,
            hash: vec![],
            signature: vec![],
        };
        talk.session
            .respond(turn, Response::Positive(eerp))
            .unwrap();
        assert_eq!(
            talk.says_one()[1..48],
            *format!("{name:<26}   20261122153000    ").as_bytes()
        );
    }
}

/// Trap 36 (5.3.3): a record length means nothing where there are no records.
#[test]
fn t36_a_record_length_of_a_stream_is_ignored() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid_with("U", 2048, 0, "0000"));
    assert_eq!(talk.file().1.format, Format::Unstructured);
}

/// Trap 39 (5.3.8): totals that are wrong count against the file, unless the partner is known for it.
#[test]
fn t39_wrong_totals_are_forgiven_only_where_it_is_asked_for() {
    let forgiving = Params {
        tolerances: Tolerances::default().with(Leniency::WrongCounts, true),
        ..params()
    };
    let efid = |records: u64, octets: u64| format!("T{records:017}{octets:017}");
    for (format, efid, reason) in [
        ("U", efid(0, 4), Some(FileReason::ByteCount)),
        ("V", efid(1, 2), Some(FileReason::ByteCount)),
        ("V", efid(2, 3), Some(FileReason::RecordCount)),
        ("V", efid(1, 3), None),
        ("U", efid(7, 3), None),
    ] {
        for (own, forgives) in [(params(), false), (forgiving.clone(), true)] {
            let mut talk = Talk::receiving(own, &ssid(), &sfid_with(format, 9, 0, "0000"));
            talk.hear(b"D\x83one");
            talk.hear(&efid);
            let _ = talk.data();
            if format == "U" && efid.starts_with("T00000000000000007") {
                talk.expect_tolerated(Leniency::RecordCountOfStream);
            }
            if forgives && reason.is_some() {
                talk.expect_tolerated(Leniency::WrongCounts);
            }
            let (_ticket, closing) = talk.closed();
            assert_eq!(
                closing.discrepancy(),
                reason.filter(|_| !forgives),
                "{efid}"
            );
            assert_eq!(closing.forgiven, forgives && reason.is_some());
        }
    }
}

/// Trap 40 (1.5.3, 7.2): ends of record inside a file of one record.
#[test]
fn t40_records_inside_a_stream_are_spoken_of_once() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("T", 0, 0, "0000"));
    talk.hear(b"D\x83one\x83two");
    talk.hear(b"D\x85three");
    talk.hear("T0000000000000000300000000000000011");
    assert_eq!(talk.data().octets, b"onetwo");
    talk.expect_tolerated(Leniency::RecordsInStream);
    assert_eq!(talk.data().octets, b"three");
    talk.expect_tolerated(Leniency::RecordCountOfStream);
    assert_eq!(
        talk.closed().1.discrepancy(),
        None,
        "EFIDRCNT of a stream says nothing"
    );

    let mut talk = Talk::receiving(strict(), &ssid(), &sfid_with("T", 0, 0, "0000"));
    talk.hear(b"D\x83one\x83two");
    let _ = talk.data();
    talk.expect_refusal(SessionReason::InvalidData);
}

/// Trap 41 (7.2): EFID ends the last record.
#[test]
fn t41_a_missing_end_of_record_is_supplied() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("V", 9, 0, "0000"));
    talk.hear(b"D\x83one\x03two");
    assert_eq!(talk.data().record_ends, [3]);
    talk.hear("T0000000000000000200000000000000006");
    talk.expect_tolerated(Leniency::MissingEndOfRecord);
    assert_eq!(
        talk.data(),
        FileData {
            octets: vec![],
            record_ends: vec![0]
        }
    );
    assert_eq!(talk.closed().1.discrepancy(), None);
}

/// Trap 51: a partner that has sent its file may not care for EFPA. The file is whole and told before
/// the end; the answer comes too late, and the partner offers the file again or does not.
#[test]
fn t51_an_end_right_behind_the_file_leaves_the_file_whole() {
    let efid = "T0000000000000000000000000000000003";
    for (esid, reason) in [
        ("F00000\r", SessionReason::Normal),
        ("F05000\r", SessionReason::LocalEmergency),
    ] {
        let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
        let wire = [stb(b"D\x83one"), stb(efid), stb(esid), vec![0x10, 0, 0, 4]].concat();
        talk.session.receive(&wire, talk.now);
        assert_eq!(talk.data().octets, b"one");
        let (ticket, closing) = talk.closed();
        assert_eq!(closing.discrepancy(), None);
        talk.expect_end(End::AbortedByPartner {
            reason,
            text: String::new(),
        });
        let stored = CloseAnswer::Accept {
            change_direction: false,
        };
        assert!(talk.session.answer_close(ticket, stored).is_err());
        talk.expect_silence();
        assert!(talk.session.is_over());
    }
}

/// Trap 53 (5.3.13): the first edition did not swap; the host looks a response up either way.
#[test]
fn t53_a_response_that_is_not_swapped_names_the_swapped_key() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(format!(
        "EORDERS{:20}   202611220800000001{:8}{THEM:<25}{US:<25}\0\0\0\0",
        "", ""
    ));
    let (_ticket, response) = talk.response();
    assert_eq!(response.key().swapped(), our_file());
}

/// Trap 58 (5.3.14): reasons of SFNA in a NERP.
#[test]
fn t58_reasons_of_the_wrong_table_are_understood() {
    for (code, reason, tolerated) in [
        ("01", NerpReason::InvalidFilename, true),
        ("06", NerpReason::TooBig, true),
        ("03", NerpReason::UnknownUser, false),
        ("23", NerpReason::Duplicate, false),
    ] {
        let mut talk = Talk::listening(params(), &ssid());
        talk.hear(format!(
            "NORDERS{:20}      202611220800000001{US:<25}{THEM:<25}{THEM:<25}{code}000\0\0\0\0",
            ""
        ));
        if tolerated {
            talk.expect_tolerated(Leniency::ResponseReasons);
        }
        match talk.response().1 {
            Response::Negative(nerp) => assert_eq!((nerp.reason, nerp.key), (reason, our_file())),
            other => panic!("{other:?}"),
        }
    }
}

/// Trap 59 (5.3.14): there is no NERP below level 1.4; nothing is sent and the turn stays.
#[test]
fn t59_a_negative_response_stays_here_below_14() {
    for (level, sent) in [(1, false), (2, false), (4, true), (5, true)] {
        let their_ssid = if level == 5 { ssid() } else { ssid_of(level) };
        let (mut talk, turn) = Talk::speaking(params(), &their_ssid);
        let nerp = Nerp {
            key: their_file(),
            creator: OdetteId::new(US).unwrap(),
            reason: NerpReason::ProcessingFailed,
            text: "no".into(),
            hash: vec![],
            signature: vec![],
        };
        talk.session
            .respond(turn, Response::Negative(nerp))
            .unwrap();
        if sent {
            assert_eq!(talk.says_one()[0], b'N');
            continue;
        }
        talk.expect_silence();
        assert!(matches!(
            talk.session.poll_event(),
            Some(Event::ResponseNotSent { .. })
        ));
        let _turn = talk.turn();
    }
}

/// Trap 74: BER of indefinite length, with constructed octet strings, is carried octet for octet.
#[test]
fn t74_ber_of_indefinite_length_is_carried_as_it_is() {
    let ber = [
        0x30, 0x80, 0x24, 0x80, 0x04, 2, 1, 2, 0x04, 0, 0, 0, 0, 0, 0x0D,
    ];
    let authenticating = Params {
        authentication: true,
        ..params()
    };
    let mut talk = Talk::initiator(authenticating);
    talk.hear(SSRM);
    talk.hear(with_flag(&ssid(), 47, 'Y'));
    talk.hear([&[b'A', 0, ber.len() as u8], ber.as_slice()].concat());
    match talk.session.poll_event() {
        Some(Event::ChallengeOffered(_, cms)) => assert_eq!(cms, ber),
        other => panic!("{other:?}"),
    }

    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("U", 0, 0, "0302"));
    talk.hear([&[b'D', 0x80 | ber.len() as u8], ber.as_slice()].concat());
    assert_eq!(talk.data().octets, ber);

    let mut talk = Talk::listening(params(), &ssid());
    let eerp = format!(
        "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}",
        "", ""
    );
    let signature = [&[0, ber.len() as u8], ber.as_slice()].concat();
    talk.hear([eerp.as_bytes(), &[0, 20], &[1; 20], &signature].concat());
    assert!(matches!(talk.response().1, Response::Positive(eerp) if eerp.signature == ber));
}

/// What level 2.0 brought is not offered below it, and the partner is not bothered.
#[test]
fn a_secured_file_is_not_offered_below_20() {
    for header in [
        FileHeader {
            security: Security::Encrypted,
            ..plain()
        },
        FileHeader {
            security: Security::Signed,
            ..plain()
        },
        FileHeader {
            compressed: true,
            ..plain()
        },
        FileHeader {
            signed_receipt: true,
            ..plain()
        },
    ] {
        let (mut talk, turn) = Talk::speaking(params(), &ssid_of(4));
        talk.session.start_file(turn, header).unwrap();
        talk.expect_silence();
        assert!(matches!(
            talk.session.poll_event(),
            Some(Event::FileRefused { retry: false, .. })
        ));
        let _turn = talk.turn();
    }
}

/// Trap 63 (3.3.4.2): a turn given unasked with nothing to send ends the session and is never
/// given back.
#[test]
fn t63_an_unasked_turn_is_not_given_back() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear("R");
    let turn = talk.turn();
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("F00000\r");
    talk.expect_end(End::Released);
}

/// Traps 63 and 88 (3.3.5, 3.4.1): ESID 00 out of turn is forgiven while nothing is under way.
#[test]
fn t63_t88_an_early_release_is_forgiven() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear("F00000\r");
    talk.expect_tolerated(Leniency::EarlyRelease);
    talk.expect_end(End::Released);

    let mut talk = Talk::listening(strict(), &ssid());
    talk.hear("F00000\r");
    talk.expect_end(End::AbortedByPartner {
        reason: SessionReason::Normal,
        text: String::new(),
    });

    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    talk.hear("F00000\r");
    talk.expect_end(End::AbortedByPartner {
        reason: SessionReason::Normal,
        text: String::new(),
    });
}

/// Trap 63: the other side of it; a second CD is a violation (9.12, B). It is forgiven, since it says what ESID 00 would:
/// then the release is ours.
#[test]
fn t63_a_turn_given_back_at_once_is_a_violation_and_forgiven() {
    let (mut talk, turn) = Talk::speaking(strict(), &ssid());
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("R");
    talk.hear("R");
    talk.expect_refusal(SessionReason::ProtocolViolation);

    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("R");
    talk.hear("R");
    talk.expect_tolerated(Leniency::ReturnedTurn);
    let turn = talk.turn();
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("F00000\r");
    talk.expect_end(End::Released);
}

/// Trap 67 (9.9): after our ESID everything is dropped until the partner closes.
#[test]
fn t67_what_comes_after_the_end_is_dropped() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear("Q");
    talk.expect_refusal(SessionReason::UnknownCommand);
    talk.session.receive(b"anything at all", talk.now);
    talk.hear("R");
    talk.expect_nothing();
    talk.expect_silence();
    assert!(!talk.session.is_over());
    talk.session.disconnected(talk.now);
    assert!(talk.session.is_over());
}

/// A stranger is refused by the first octet, before the body is waited for.
#[test]
fn what_does_not_belong_is_refused_before_its_body_arrives() {
    let mut talk = Talk::responder(params());
    talk.expect_says(SSRM);
    talk.session
        .receive(&[0x10, 0x02, 0x00, 0x00, b'E'], talk.now);
    talk.expect_refusal(SessionReason::ProtocolViolation);

    let mut talk = Talk::responder(params());
    talk.expect_says(SSRM);
    talk.session
        .receive(&[0x10, 0xFF, 0xFF, 0xFF, b'X'], talk.now);
    talk.expect_refusal(SessionReason::BufferSize);
}
