//! Whole conversations at level 2.0, line by line.

#![cfg(test)]

mod common;

use std::time::Duration;

use common::*;
use oftp::*;

#[test]
fn a_session_is_set_up_by_its_initiator() {
    let mut talk = Talk::initiator(params());
    assert_eq!(talk.session.state_name(), StateName::IWfRm);
    talk.expect_silence();
    talk.hear(SSRM);
    talk.expect_says(format!("X5{US:<25}OURS    99999BNYN999N            \r"));
    assert_eq!(talk.session.state_name(), StateName::IWfSsid);
    talk.hear(with_credit(&with_buffer(&ssid(), 4096), 20));
    let agreement = talk.expect_connected();
    assert_eq!(
        (agreement.buffer_size, agreement.credit, agreement.level),
        (4096, 20, Level::V20)
    );
    assert!(
        agreement.may_send && agreement.may_receive && agreement.restart && !agreement.compression
    );
    assert!(
        agreement
            .partner
            .password
            .matches(&Password::new("THEIRS").unwrap())
    );
    assert_eq!(talk.session.state_name(), StateName::IdleSp);
    let _turn = talk.turn();
    talk.expect_nothing();
}

#[test]
fn a_session_is_set_up_by_its_responder() {
    let mut talk = Talk::responder(params());
    talk.expect_says(SSRM);
    assert_eq!(talk.session.state_name(), StateName::ANcOnly);
    talk.hear(with_buffer(&ssid(), 2048));
    assert_eq!(talk.session.state_name(), StateName::AWfConrs);
    let Some(Event::ConnectionOffered(ticket, offer)) = talk.session.poll_event() else {
        panic!()
    };
    assert_eq!(offer.code.as_str(), THEM);
    let partner = Params {
        credit: 7,
        user: UserData::new("HELLO").unwrap(),
        ..params()
    };
    talk.session
        .answer_connection(ticket, ConnectionAnswer::Accept(Box::new(partner)))
        .unwrap();
    talk.expect_says(format!("X5{US:<25}OURS    02048BNYN007N    HELLO   \r"));
    assert_eq!(talk.expect_connected().credit, 7);
    assert_eq!(talk.session.state_name(), StateName::IdleLi);
}

#[test]
fn a_stranger_is_refused_with_a_reason() {
    let mut talk = Talk::responder(params());
    talk.expect_says(SSRM);
    talk.hear(ssid());
    let Some(Event::ConnectionOffered(ticket, _)) = talk.session.poll_event() else {
        panic!()
    };
    let (reason, text) = (SessionReason::UnknownUser, "who are you?".to_owned());
    talk.session
        .answer_connection(
            ticket,
            ConnectionAnswer::Refuse {
                reason,
                text: text.clone(),
            },
        )
        .unwrap();
    talk.expect_says("F03012who are you?\r");
    talk.expect_end(End::AbortedByUs { reason, text });
    assert!(!talk.session.is_over(), "waits for the partner to close");
    talk.session.disconnected(talk.now);
    assert!(talk.session.is_over());
    talk.expect_nothing();
}

#[test]
fn a_file_goes_out_and_its_response_comes_in() {
    let content: Vec<u8> = (0..100_u8).collect();
    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session
        .start_file(turn, FileHeader::plain(our_file(), 100))
        .unwrap();
    talk.expect_says(format!(
        "HORDERS{:20}   202611220800000001{:8}{THEM:<25}{US:<25}U000000000000000001000000000000100000000000000000000000N000",
        "", ""
    ));
    assert_eq!(talk.session.state_name(), StateName::Opop);
    talk.hear("200000000000000000");
    talk.expect(Event::FileAccepted { restart: 0 });
    assert_eq!(talk.session.state_name(), StateName::Opo);
    assert!(talk.session.want_data() >= 100);
    assert_eq!(talk.session.send_data(&content, true), Ok(100));
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 100,
        })
        .unwrap();
    let data = [b"D\x3F", &content[..63], b"\xA5", &content[63..]].concat();
    assert_eq!(
        talk.says(),
        [data, b"T0000000000000000000000000000000100".to_vec()]
    );
    assert_eq!(talk.session.state_name(), StateName::Clop);
    talk.hear("4N");
    talk.expect(Event::CloseAnswered(Ok(())));
    let turn = talk.turn();
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("R");
    assert_eq!(talk.session.state_name(), StateName::IdleLiCd);
    talk.hear(format!(
        "EORDERS{:20}   202611220800000001{:8}{US:<25}{THEM:<25}\0\0\0\0",
        "", ""
    ));
    let (ticket, response) = talk.response();
    assert_eq!(response.key(), &our_file());
    talk.session.answer_response(ticket).unwrap();
    talk.expect_says("P");
    assert_eq!(talk.session.state_name(), StateName::IdleLi);
    talk.hear("R");
    let turn = talk.turn();
    assert!(turn.may_release());
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("F00000\r");
    talk.expect_end(End::Released);
}

#[test]
fn a_file_comes_in_and_its_response_goes_out() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid(0));
    assert_eq!(talk.session.state_name(), StateName::Opip);
    let (ticket, header) = talk.file();
    assert_eq!(
        header,
        FileHeader {
            size_blocks: 1,
            original_size_blocks: 1,
            ..FileHeader::plain(their_file(), 0)
        }
    );
    talk.session
        .answer_file(
            ticket,
            FileAnswer::Accept {
                restart: 0,
                octets_held: 0,
            },
        )
        .unwrap();
    talk.expect_says("200000000000000000");
    talk.hear(b"D\x05Hello\x83you");
    talk.hear("T0000000000000000000000000000000008");
    assert_eq!(
        talk.data(),
        FileData {
            octets: b"Helloyou".to_vec(),
            record_ends: vec![8]
        }
    );
    let (ticket, closing) = talk.closed();
    assert_eq!(closing.discrepancy(), None);
    assert_eq!(talk.session.state_name(), StateName::Clip);
    talk.session
        .answer_close(
            ticket,
            CloseAnswer::Accept {
                change_direction: true,
            },
        )
        .unwrap();
    talk.expect_says("4Y");
    assert_eq!(talk.session.state_name(), StateName::WfCd);
    talk.hear("R");
    let turn = talk.turn();
    assert!(
        !turn.may_release(),
        "a turn that was asked for cannot end the session"
    );
    let (key, user) = (header.key, UserData::default());
    talk.session
        .respond(
            turn,
            Response::Positive(Eerp {
                key,
                user,
                hash: vec![1, 2],
                signature: vec![3],
            }),
        )
        .unwrap();
    let eerp = format!(
        "EINVOICES{:18}   202611221530001234{:8}{THEM:<25}{US:<25}",
        "", ""
    );
    talk.expect_says([eerp.as_bytes(), &[0, 2, 1, 2, 0, 1, 3]].concat());
    assert_eq!(talk.session.state_name(), StateName::WfRtr);
    talk.hear("P");
    talk.expect(Event::ResponseTaken);
    let turn = talk.turn();
    talk.session.end_turn(turn).unwrap();
    talk.expect_says("R");
    talk.hear("F00000\r");
    talk.expect_end(End::Released);
    assert!(talk.session.is_over());
}

#[test]
fn a_file_is_refused_at_its_start_and_the_turn_stays() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid(0));
    let (ticket, _) = talk.file();
    let refusal = FileAnswer::Refuse {
        reason: FileReason::Duplicate,
        retry: false,
        text: "had it".into(),
    };
    talk.session.answer_file(ticket, refusal).unwrap();
    talk.expect_says("313N006had it");
    assert_eq!(talk.session.state_name(), StateName::IdleLi);

    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session
        .start_file(turn, FileHeader::plain(our_file(), 1))
        .unwrap();
    let _ = talk.says();
    talk.hear("306Y009disk full");
    talk.expect(Event::FileRefused {
        reason: FileReason::TooBig,
        retry: true,
        text: "disk full".into(),
    });
    let _turn = talk.turn();
    assert_eq!(talk.session.state_name(), StateName::IdleSp);
}

#[test]
fn a_file_is_refused_at_its_end_and_the_turn_stays() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    talk.hear(b"D\x81x");
    talk.hear("T0000000000000000000000000000000007");
    let _ = talk.data();
    let (ticket, closing) = talk.closed();
    assert_eq!(closing.discrepancy(), Some(FileReason::ByteCount));
    let refusal = CloseAnswer::Refuse {
        reason: FileReason::ByteCount,
        text: "1, not 7".into(),
    };
    talk.session.answer_close(ticket, refusal).unwrap();
    talk.expect_says("5110081, not 7");
    assert_eq!(talk.session.state_name(), StateName::IdleLi);

    let mut talk = Talk::sending(params(), &ssid(), FileHeader::plain(our_file(), 1));
    talk.session.send_data(b"x", true).unwrap();
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 1,
        })
        .unwrap();
    let _ = talk.says();
    talk.hear("512004oops");
    let refusal = CloseRefusal {
        reason: FileReason::AccessMethod,
        text: "oops".into(),
    };
    talk.expect(Event::CloseAnswered(Err(refusal)));
    let _turn = talk.turn();
}

#[test]
fn the_partner_asks_for_the_turn_and_gets_it() {
    let mut talk = Talk::sending(params(), &ssid(), FileHeader::plain(our_file(), 1));
    talk.session.send_data(b"x", true).unwrap();
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 1,
        })
        .unwrap();
    let _ = talk.says();
    talk.hear("4Y");
    talk.expect(Event::CloseAnswered(Ok(())));
    talk.expect_nothing();
    talk.expect_says("R");
    assert_eq!(talk.session.state_name(), StateName::IdleLi);
}

#[test]
fn credit_is_used_up_waited_for_and_given_back() {
    let mut talk = Talk::sending(
        params(),
        &with_credit(&with_buffer(&ssid(), 128), 2),
        FileHeader::plain(our_file(), 400),
    );
    assert_eq!(talk.session.want_data(), 2 * (63 + 62));
    assert_eq!(talk.session.send_data(&[7; 400], false), Ok(250));
    assert_eq!(talk.session.state_name(), StateName::Opowfc);
    assert_eq!(talk.session.want_data(), 0);
    assert_eq!(talk.says().len(), 2);
    talk.hear("C  ");
    talk.expect(Event::MoreData);
    assert_eq!(talk.session.send_data(&[7; 150], true), Ok(150));
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 400,
        })
        .unwrap();
    let said = talk.says();
    assert_eq!(
        said.iter().map(|line| line[0]).collect::<Vec<_>>(),
        b"DD",
        "no EFID without credit (9.11.3)"
    );
    assert_eq!(said[1], [&b"D\x99"[..], &[7; 25]].concat());
    talk.hear("C  ");
    talk.expect_says("T0000000000000000000000000000000400");
    talk.expect_nothing();
}

#[test]
fn a_window_is_granted_once_its_data_is_written() {
    let mut talk = Talk::receiving(params(), &with_credit(&ssid(), 2), &sfid(0));
    talk.hear(b"D\x01a");
    talk.hear(b"D\x01b");
    assert_eq!(talk.data().octets, b"ab", "two buffers, one event");
    let ticket = talk.window();
    talk.expect_silence();
    talk.session.grant_credit(ticket).unwrap();
    talk.expect_says("C  ");
    talk.hear(b"D\x81c");
    talk.hear("T0000000000000000000000000000000003");
    assert_eq!(talk.data().octets, b"c");
    assert_eq!(talk.closed().1.discrepancy(), None);
}

#[test]
fn data_beyond_the_credit_ends_the_session() {
    let mut talk = Talk::receiving(params(), &with_credit(&ssid(), 1), &sfid(0));
    talk.hear(b"D\x01a");
    talk.hear(b"D\x01b");
    let _ = talk.data();
    let ticket = talk.window();
    let text = talk.expect_refusal(SessionReason::ProtocolViolation);
    assert!(text.contains("credit"), "{text}");
    assert_eq!(
        talk.session.grant_credit(ticket),
        Err(NotNow {
            state: StateName::WfNdisc
        })
    );
}

#[test]
fn what_does_not_belong_is_named_with_what_was_expected() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear("200000000000000000");
    let text = talk.expect_refusal(SessionReason::ProtocolViolation);
    assert_eq!(
        text,
        "SFPA came in IDLELI, where SFID or EERP or NERP or CD was expected"
    );
}

#[test]
fn unknown_commands_wrong_fields_and_wrong_lengths_have_their_own_reasons() {
    let refused = |line: &[u8]| {
        let mut talk = Talk::listening(params(), &ssid());
        talk.hear(line);
        talk.says_one()[..3].escape_ascii().to_string()
    };
    assert_eq!(refused(b"Q"), "F01");
    let file = sfid(0).replace("U00000", "Q00000");
    assert_eq!(refused(file.as_bytes()), "304", "the file alone is refused");
    assert_eq!(refused(b"EORDERS"), "F07");
    assert_eq!(refused(&sfid(0).as_bytes()[..90]), "F07");
    assert_eq!(refused(b"R "), "F07", "longer than CD can be");
    let mut talk = Talk::listening(params(), &ssid());
    talk.session.receive(&[0x10, 0, 0, 4], talk.now);
    talk.expect_refusal(SessionReason::BufferSize);
}

/// Each fault is the one file's or the one receipt's where the layout can be read: what is behind it comes all the same.
#[test]
fn a_file_or_receipt_with_octets_that_are_none_leaves_the_session_to_others() {
    let changed = |command: &str, at: usize| {
        let mut octets = command.as_bytes().to_vec();
        octets[at] = 0xDC;
        octets
    };
    let eerp = format!(
        "E{:26}   202611220800000001{:8}{US:25}{THEM:25}\0\0\0\0",
        "ORDERS", ""
    );
    for (command, at, answer, field) in [
        (sfid(0), 3, "301N", "SFIDDSN"),
        (sfid(0), 31, "301N", "SFIDDATE"),
        (sfid(0), 50, "399N", "SFIDUSER"),
        (sfid(0), 60, "302N", "SFIDDEST"),
        (sfid(0), 85, "303N", "SFIDORIG"),
        (sfid(0), 106, "304N", "SFIDFMT"),
        (sfid(0), 120, "399N", "SFIDFSIZ"),
        (eerp.clone(), 3, "P", "EERPDSN"),
        (eerp, 60, "P", "EERPDEST"),
    ] {
        let mut talk = Talk::listening(params(), &ssid());
        talk.hear(changed(&command, at));
        let said = talk.says_one();
        assert!(
            said.starts_with(answer.as_bytes()),
            "{field}: {}",
            said.escape_ascii()
        );
        match talk.session.poll_event() {
            Some(Event::FileUnreadable { text, .. } | Event::ResponseUnreadable { text }) => {
                assert!(text.contains(field), "{text}");
            }
            other => panic!("{field}: {other:?}"),
        }
        talk.hear(sfid(0));
        assert!(matches!(
            talk.session.poll_event(),
            Some(Event::FileOffered(..))
        ));
    }
}

#[test]
fn what_is_not_the_protocol_is_named_and_not_answered() {
    for (knock, name) in [
        (b"\x16\x03\x01\x02\x00".as_slice(), "TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"\x10\xFF\xFF\xFF\xFF", ""),
    ] {
        let mut talk = Talk::responder(params());
        talk.expect_says(SSRM);
        talk.session.receive(knock, talk.now);
        match talk.session.poll_event() {
            Some(Event::Ended(end @ End::NotOftp(_))) => {
                assert!(end.to_string().contains(name), "{end}")
            }
            Some(Event::Ended(End::AbortedByUs {
                reason: SessionReason::UnknownCommand,
                ..
            })) if name.is_empty() => (),
            other => panic!("{other:?}"),
        }
        assert!(talk.session.is_over() || name.is_empty());
    }
}

#[test]
fn the_answer_to_a_question_of_an_ended_session_is_too_late() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid(0));
    let (ticket, _) = talk.file();
    talk.hear("F05000\r");
    talk.expect_end(End::AbortedByPartner {
        reason: SessionReason::LocalEmergency,
        text: String::new(),
    });
    let answer = FileAnswer::Accept {
        restart: 0,
        octets_held: 0,
    };
    assert_eq!(
        talk.session.answer_file(ticket, answer),
        Err(NotNow {
            state: StateName::Idle
        })
    );
    talk.expect_silence();
}

#[test]
fn a_lost_connection_is_told_with_the_state_it_was_lost_in() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    talk.session.disconnected(talk.now);
    talk.expect_end(End::Disconnected {
        state: StateName::Opi,
    });
    assert!(talk.session.is_over());
    assert_eq!(talk.session.poll_timeout(), None);
}

#[test]
fn whoever_does_not_introduce_itself_in_time_is_dropped() {
    let mut talk = Talk::responder(params());
    talk.expect_says(SSRM);
    let deadline = Duration::from_secs(60);
    assert_eq!(talk.session.poll_timeout(), Some(deadline));
    talk.session.receive(&[0x10, 0], Duration::from_secs(59));
    talk.session.handle_timeout(deadline);
    talk.expect_end(End::TimedOut {
        state: StateName::ANcOnly,
    });
    talk.expect_silence();
    assert!(talk.session.is_over());
}

#[test]
fn a_partner_that_falls_silent_is_told_and_then_left() {
    let mut talk = Talk::listening(params(), &ssid());
    let seconds = Duration::from_secs;
    talk.session.handle_timeout(seconds(299));
    talk.expect_nothing();
    assert_eq!(talk.session.poll_timeout(), Some(seconds(300)));
    talk.session.handle_timeout(seconds(300));
    assert_eq!(talk.says_one()[..3], *b"F09");
    talk.expect_end(End::TimedOut {
        state: StateName::IdleLi,
    });
    assert_eq!(talk.session.poll_timeout(), Some(seconds(305)));
    talk.session.handle_timeout(seconds(305));
    assert!(talk.session.is_over());
}

#[test]
fn an_answer_of_ours_is_no_silence_and_counts_from_when_it_left() {
    let mut talk = Talk::listening(params(), &ssid());
    let seconds = Duration::from_secs;
    talk.session.set_time(seconds(10));
    talk.hear(sfid(0));
    let (ticket, _) = talk.file();
    // Whoever is asked takes its time.
    talk.session.set_time(seconds(100));
    let answer = FileAnswer::Accept {
        restart: 0,
        octets_held: 0,
    };
    talk.session.answer_file(ticket, answer).unwrap();
    talk.expect_says("200000000000000000");
    assert_eq!(talk.session.poll_timeout(), Some(seconds(400)));
}

#[test]
fn octets_that_the_partner_takes_are_movement() {
    let mut talk = Talk::sending(params(), &ssid(), FileHeader::plain(our_file(), 0));
    let seconds = Duration::from_secs;
    talk.session.progressed(1023, seconds(200));
    assert_eq!(talk.session.poll_timeout(), Some(seconds(300)));
    talk.session.progressed(1, seconds(200));
    assert_eq!(talk.session.poll_timeout(), Some(seconds(500)));
}

#[test]
fn a_file_that_comes_octet_by_octet_is_no_movement() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    let seconds = Duration::from_secs;
    for second in 1..=100 {
        talk.session.receive(&stb(b"D\x01a"), seconds(second));
    }
    assert_eq!(
        talk.session.poll_timeout(),
        Some(seconds(300)),
        "700 octets in 100 seconds"
    );
    for second in 101..=150 {
        talk.session.receive(&stb(b"D\x01a"), seconds(second));
    }
    assert_eq!(talk.session.poll_timeout(), Some(seconds(447)));
}

#[test]
fn a_command_that_comes_bit_by_bit_moves_once_it_is_whole() {
    let mut talk = Talk::listening(params(), &ssid());
    let seconds = Duration::from_secs;
    let offer = stb(sfid(0));
    for (second, octet) in (1..).zip(&offer) {
        let deadline = talk.session.poll_timeout();
        assert_eq!(deadline, Some(seconds(300)), "octet {second}");
        talk.session.receive(&[*octet], seconds(second));
    }
    let moved = 300 + offer.len() as u64;
    assert_eq!(talk.session.poll_timeout(), Some(seconds(moved)));
}

#[test]
fn data_that_says_nothing_is_refused() {
    let empty = |count: usize, header: u8| [b"D".to_vec(), vec![header; count]].concat();
    for (file, buffers) in [
        // Many empty subrecords in one buffer.
        (sfid(0), vec![empty(17, 0)]),
        // In a file of one record, ends of record are no more.
        (sfid(0), vec![empty(17, 0x80)]),
        // Buffers with nothing in them, one after the other.
        (sfid(0), vec![empty(0, 0); 17]),
        (sfid(0), vec![empty(1, 0); 17]),
        (sfid_with("V", 80, 0, "0000"), vec![empty(17, 0)]),
    ] {
        let mut talk = Talk::receiving(params(), &ssid(), &file);
        for buffer in buffers {
            talk.hear(buffer);
        }
        while let Some(event) = talk.session.poll_event() {
            assert!(!matches!(event, Event::FileClosed(..)));
            if let Event::Ended(end) = event {
                let End::AbortedByUs { reason, text } = end else {
                    panic!("{end}");
                };
                assert_eq!(reason, SessionReason::InvalidData, "{text}");
            }
        }
        assert_eq!(talk.says_one()[..3], *b"F06");
    }
}

#[test]
fn empty_records_of_a_file_of_records_and_stray_empty_subrecords_are_taken() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("V", 80, 0, "0000"));
    talk.hear([b"D".to_vec(), vec![0x80; 5000]].concat());
    let data = talk.data();
    assert_eq!(data.record_ends.len(), 5000);
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    for _ in 0..100 {
        talk.hear([b"D".to_vec(), vec![0; 16], b"\x01a".to_vec()].concat());
    }
    let data = talk.data();
    assert_eq!(data.octets, [b'a'; 100]);
}

#[test]
fn a_header_of_sixteen_mebibytes_is_refused_at_once() {
    for mut talk in [
        Talk::responder(params()),
        Talk::listening(params(), &ssid()),
        Talk::receiving(params(), &ssid(), &sfid(0)),
    ] {
        while talk.session.poll_transmit().is_some() {}
        talk.session
            .receive(&[0x10, 0xFF, 0xFF, 0xFF], Duration::ZERO);
        assert_eq!(talk.says_one()[..3], *b"F07");
    }
}

#[test]
fn a_caller_may_end_a_session_at_any_time() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    talk.session.abort(SessionReason::Resources, "disk full");
    talk.expect_says("F08009disk full\r");
    talk.expect_end(End::AbortedByUs {
        reason: SessionReason::Resources,
        text: "disk full".into(),
    });
    talk.hear(b"D\x01a");
    talk.expect_nothing();
    talk.session.abort(SessionReason::Resources, "again");
    talk.expect_silence();
}

#[test]
fn an_answer_beyond_the_restart_position_never_mixes_data() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid(3));
    let (ticket, _) = talk.file();
    let answer = FileAnswer::Accept {
        restart: 4,
        octets_held: 4096,
    };
    assert!(talk.session.answer_file(ticket, answer).is_err());
    talk.expect_refusal(SessionReason::Unspecified);
}

#[test]
fn no_secret_is_shown() {
    let mut talk = Talk::initiator(params());
    talk.hear(SSRM);
    let shown = format!("{:?}", talk.session);
    assert!(
        !shown.contains("OURS") && !shown.contains("79, 85, 82, 83"),
        "{shown}"
    );
}
