//! Data on the wire: records, subrecords, compression (RFC 5024, 7), and restart (4.3.3).

#![cfg(test)]

mod common;

use common::*;
use oftp::*;

/// The virtual file of RFC 5024, Appendix A: Coleridge, lines ended by CR-LF.
const MARINER: &str = r#"It is an ancient Mariner,
And he stoppeth one of three.
"By thy long grey beard and glittering eye,
Now wherefore stopp'st thou me?

"The Bridegroom's doors are opened wide,
And I am next of kin;
The guests are met, the feast is set:
May'st hear the merry din."

He holds him with his skinny hand,
"There was a ship," quoth he.
"Hold off! unhand me, grey-beard loon!"
Eftsoons his hand dropt he.

He holds him with his glittering eye--
The Wedding-Guest stood still,
And listens like a three years; child:
The Mariner hath his will.

The Wedding-Guest sat on a stone:
He cannot chuse but hear;
And thus spake on that ancient man,
The bright-eyed Mariner.

The ship was cheered, the harbour cleared,
Merrily did we drop
Below the kirk, below the hill,
Below the light-house top.
"#;

/// The exchange buffer of Appendix A.
fn appendix_a() -> Vec<u8> {
    let digits: String = include_str!("appendix_a.hex").split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn in_format(format: Format) -> FileHeader {
    FileHeader {
        format,
        ..FileHeader::plain(our_file(), 1)
    }
}

fn data_of(said: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    said.into_iter().filter(|line| line[0] == b'D').collect()
}

#[test]
fn appendix_a_is_written_octet_for_octet() {
    let text = MARINER.replace('\n', "\r\n");
    for whole in [true, false] {
        let mut talk = Talk::sending(params(), &ssid(), in_format(Format::Text));
        assert_eq!(
            talk.session.send_data(text.as_bytes(), whole),
            Ok(text.len())
        );
        talk.session
            .close_file(Counts {
                records: 0,
                octets: text.len() as u64,
            })
            .unwrap();
        assert_eq!(
            talk.says()[0].escape_ascii().to_string(),
            appendix_a().escape_ascii().to_string()
        );
    }
}

#[test]
fn appendix_a_is_read_octet_for_octet() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("T", 0, 0, "0000"));
    talk.hear(appendix_a());
    let data = talk.data();
    assert_eq!(
        String::from_utf8(data.octets).unwrap(),
        MARINER.replace('\n', "\r\n")
    );
    assert_eq!(data.record_ends, [807]);
}

#[test]
fn small_records_share_a_buffer_and_long_ones_span_subrecords() {
    let mut talk = Talk::sending(params(), &ssid(), in_format(Format::Variable(200)));
    for record in [&b"one"[..], b"", &[b'x'; 64], b"end"] {
        assert_eq!(talk.session.send_data(record, true), Ok(record.len()));
    }
    talk.expect_silence();
    talk.session
        .close_file(Counts {
            records: 4,
            octets: 70,
        })
        .unwrap();
    let data = [b"D\x83one\x80\x3F".as_slice(), &[b'x'; 63], b"\x81x\x83end"].concat();
    assert_eq!(
        talk.says(),
        [data, b"T0000000000000000400000000000000070".to_vec()]
    );
}

#[test]
fn a_record_may_be_handed_over_in_pieces_and_span_buffers() {
    let mut talk = Talk::sending(
        params(),
        &with_buffer(&ssid(), 128),
        in_format(Format::Fixed(150)),
    );
    assert_eq!(talk.session.send_data(&[1; 70], false), Ok(70));
    assert_eq!(talk.session.send_data(&[1; 80], true), Ok(80));
    talk.session
        .close_file(Counts {
            records: 1,
            octets: 150,
        })
        .unwrap();
    let said = talk.says();
    assert_eq!(said[0].len(), 128, "filled to the last octet");
    let first = [
        b"D\x3F".as_slice(),
        &[1; 63],
        b"\x07",
        &[1; 7],
        b"\x36",
        &[1; 54],
    ]
    .concat();
    assert_eq!(said[0], first);
    assert_eq!(said[1], [b"D\x9A".as_slice(), &[1; 26]].concat());
}

#[test]
fn a_record_is_ended_even_if_its_last_octets_have_left() {
    let mut talk = Talk::sending(
        params(),
        &with_buffer(&ssid(), 128),
        in_format(Format::Variable(125)),
    );
    assert_eq!(talk.session.send_data(&[1; 125], false), Ok(125));
    assert_eq!(data_of(talk.says()).len(), 1);
    assert_eq!(talk.session.send_data(&[], true), Ok(0));
    talk.session
        .close_file(Counts {
            records: 1,
            octets: 125,
        })
        .unwrap();
    assert_eq!(talk.says()[0], b"D\x80");
}

#[test]
fn fixed_and_variable_records_come_in_with_their_ends() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("F", 3, 0, "0000"));
    talk.hear(b"D\x83abc\x01d");
    talk.hear(b"D\x82ef");
    assert_eq!(
        talk.data(),
        FileData {
            octets: b"abcdef".to_vec(),
            record_ends: vec![3, 6]
        }
    );
    talk.hear("T0000000000000000200000000000000006");
    assert_eq!(talk.closed().1.discrepancy(), None);

    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("V", 3, 0, "0000"));
    talk.hear(b"D\x83abc\x80");
    talk.hear("T0000000000000000300000000000000003");
    let _ = talk.data();
    let (_ticket, closing) = talk.closed();
    assert_eq!(
        closing.received,
        Counts {
            records: 2,
            octets: 3
        }
    );
    assert_eq!(closing.discrepancy(), Some(FileReason::RecordCount));
}

/// Traps 38 and 46: only security says how a file is counted, never SFIDFMT alone.
#[test]
fn a_secured_file_goes_as_one_record_whatever_its_format() {
    let secured = FileHeader {
        security: Security::Signed,
        enveloped: true,
        ..in_format(Format::Variable(80))
    };
    assert!(!secured.goes_in_records());
    let mut talk = Talk::sending(params(), &ssid(), secured);
    talk.session.send_data(b"envelope", true).unwrap();
    talk.session
        .close_file(Counts {
            records: 9,
            octets: 8,
        })
        .unwrap();
    assert_eq!(talk.says()[1], b"T0000000000000000000000000000000008");

    let mut talk = Talk::receiving(params(), &ssid(), &sfid_with("V", 80, 0, "0301"));
    assert_eq!(talk.session.state_name(), StateName::Opi);
    talk.hear(b"D\x88envelope");
    talk.hear("T0000000000000000000000000000000008");
    let _ = talk.data();
    assert_eq!(talk.closed().1.discrepancy(), None);
}

fn compressing() -> (Params, String) {
    (
        Params {
            compression: true,
            ..params()
        },
        with_flag(&ssid(), 41, 'Y'),
    )
}

#[test]
fn runs_are_compressed_where_that_was_agreed() {
    let (params, ssid) = compressing();
    let mut talk = Talk::sending(params, &ssid, in_format(Format::Unstructured));
    let text = [b"ab".as_slice(), &[b' '; 100], b"ccc", &[0; 4]].concat();
    talk.session.send_data(&text, true).unwrap();
    talk.session
        .close_file(Counts {
            records: 0,
            octets: 109,
        })
        .unwrap();
    assert_eq!(
        talk.says()[0],
        b"D\x02ab\x7F \x65 \x03ccc\xC4\0",
        "three alike do not pay, four do (trap 44)"
    );
}

#[test]
fn compression_never_makes_data_longer_than_it_was() {
    let (params, ssid) = compressing();
    for pattern in ["aaab", "aaaab", "abcaaaa", "aabb"] {
        let text = pattern.repeat(2000);
        let sent = |params: Params, ssid: &str| {
            let mut talk = Talk::sending(params, ssid, in_format(Format::Unstructured));
            assert_eq!(
                talk.session.send_data(text.as_bytes(), true),
                Ok(text.len())
            );
            talk.session
                .close_file(Counts {
                    records: 0,
                    octets: text.len() as u64,
                })
                .unwrap();
            talk.says().concat().len()
        };
        let (packed, plain) = (
            sent(params.clone(), &ssid),
            sent(common::params(), &common::ssid()),
        );
        assert!(
            packed <= plain,
            "{pattern}: {packed} octets instead of {plain}"
        );
    }
}

#[test]
fn compressed_subrecords_are_expanded() {
    let (params, ssid) = compressing();
    let mut talk = Talk::receiving(params, &ssid, &sfid(0));
    talk.hear(b"D\x7F \x02ab\xC3z");
    let data = talk.data();
    assert_eq!(data.octets, [&[b' '; 63][..], b"abzzz"].concat());
    assert_eq!(data.record_ends, [68]);
}

/// Trap 43.
#[test]
fn a_compressed_subrecord_that_was_not_agreed_is_refused() {
    let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
    talk.hear(b"D\x44 ");
    talk.session.poll_event();
    let text = talk.expect_refusal(SessionReason::InvalidData);
    assert!(text.contains("compress"), "{text}");
}

/// Trap 43: counts of zero are padding; a compressed one still has its octet. Trap 45: `D` alone.
#[test]
fn empty_subrecords_and_buffers_are_nothing_but_credit() {
    let (params, ssid) = compressing();
    let mut talk = Talk::receiving(params, &with_credit(&ssid, 2), &sfid(0));
    talk.hear(b"D\x00\x40x\x01a\xC0y");
    talk.hear(b"D");
    assert_eq!(
        talk.data(),
        FileData {
            octets: b"a".to_vec(),
            record_ends: vec![1]
        }
    );
    let _ = talk.window();
}

#[test]
fn a_subrecord_beyond_its_buffer_is_refused() {
    for data in [&b"D\x05abcd"[..], b"D\x3F", b"D\x01a\x82b"] {
        let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
        talk.hear(data);
        talk.session.poll_event();
        talk.expect_refusal(SessionReason::InvalidData);
    }
}

/// Trap 42: an empty file as one empty record, so that the end of record is the end of the file.
#[test]
fn an_empty_file_is_one_empty_record_and_no_record() {
    let mut talk = Talk::sending(params(), &ssid(), in_format(Format::Unstructured));
    talk.session.close_file(Counts::default()).unwrap();
    assert_eq!(
        talk.says(),
        [
            b"D\x80".to_vec(),
            b"T0000000000000000000000000000000000".to_vec()
        ]
    );
    let mut talk = Talk::sending(params(), &ssid(), in_format(Format::Variable(80)));
    talk.session.close_file(Counts::default()).unwrap();
    talk.expect_says("T0000000000000000000000000000000000");

    for data in [None, Some(b"D\x80")] {
        let mut talk = Talk::receiving(params(), &ssid(), &sfid(0));
        if let Some(data) = data {
            talk.hear(data);
            assert_eq!(talk.data().octets, b"");
        }
        talk.hear("T0000000000000000000000000000000000");
        assert_eq!(talk.closed().1.discrepancy(), None);
    }
}

/// Traps 37, 46, 47: positions are blocks or records, totals are those of the whole file.
#[test]
fn a_restarted_file_counts_what_was_held() {
    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid(5));
    let (ticket, header) = talk.file();
    assert_eq!(header.restart, 5);
    talk.session
        .answer_file(
            ticket,
            FileAnswer::Accept {
                restart: 3,
                octets_held: 3 * 1024,
            },
        )
        .unwrap();
    talk.expect_says("200000000000000003");
    talk.hear(b"D\x81x");
    talk.hear("T0000000000000000000000000000003073");
    let _ = talk.data();
    assert_eq!(talk.closed().1.discrepancy(), None);

    let mut talk = Talk::listening(params(), &ssid());
    talk.hear(sfid_with("F", 10, 7, "0000"));
    let (ticket, _) = talk.file();
    talk.session
        .answer_file(
            ticket,
            FileAnswer::Accept {
                restart: 7,
                octets_held: 70,
            },
        )
        .unwrap();
    let _ = talk.says();
    talk.hear(b"D\x8A0123456789");
    talk.hear("T0000000000000000800000000000000080");
    let _ = talk.data();
    assert_eq!(talk.closed().1.discrepancy(), None);
}

#[test]
fn a_restart_is_proposed_and_answered() {
    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session
        .start_file(
            turn,
            FileHeader {
                restart: 9,
                ..FileHeader::plain(our_file(), 20_000)
            },
        )
        .unwrap();
    assert_eq!(talk.says_one()[138..155], *b"00000000000000009");
    talk.hear("200000000000000004");
    talk.expect(Event::FileAccepted { restart: 4 });
}

/// Trap 47.
#[test]
fn an_answer_beyond_the_proposed_position_is_refused() {
    let (mut talk, turn) = Talk::speaking(params(), &ssid());
    talk.session
        .start_file(
            turn,
            FileHeader {
                restart: 9,
                ..FileHeader::plain(our_file(), 20_000)
            },
        )
        .unwrap();
    let _ = talk.says();
    talk.hear("200000000000000010");
    talk.expect_refusal(SessionReason::ProtocolViolation);
}

/// Trap 50.
#[test]
fn without_agreement_nothing_is_restarted() {
    let ssid = with_flag(&ssid(), 42, 'N');
    let (mut talk, turn) = Talk::speaking(params(), &ssid);
    talk.session
        .start_file(
            turn,
            FileHeader {
                restart: 9,
                ..FileHeader::plain(our_file(), 20_000)
            },
        )
        .unwrap();
    assert_eq!(talk.says_one()[138..155], *b"00000000000000000");

    let mut talk = Talk::listening(params(), &ssid);
    talk.hear(sfid(1));
    talk.expect_refusal(SessionReason::ProtocolViolation);
}

#[test]
fn memory_does_not_follow_the_window() {
    let mut talk = Talk::sending(params(), &ssid(), FileHeader::plain(our_file(), 1 << 30));
    let chunk = vec![1; 1 << 20];
    let first = talk.session.send_data(&chunk, false).unwrap();
    assert!((256 * 1024..512 * 1024).contains(&first), "{first}");
    assert_eq!(talk.session.want_data(), 0);
    assert_eq!(talk.session.send_data(&chunk, false), Ok(0));
    let sent: usize = std::iter::from_fn(|| talk.session.poll_transmit())
        .map(|octets| octets.len())
        .sum();
    assert!(sent > first && sent < 512 * 1024, "{sent}");
    assert!(talk.session.want_data() > 0);
}

#[test]
fn what_is_wanted_fills_whole_buffers() {
    for size in [128, 129, 130, 2048, 99_999] {
        let mut talk = Talk::sending(
            params(),
            &with_buffer(&ssid(), size),
            FileHeader::plain(our_file(), 1 << 30),
        );
        let wanted = talk.session.want_data();
        assert_eq!(talk.session.send_data(&vec![1; wanted], false), Ok(wanted));
        assert_eq!(talk.session.want_data(), 0, "{size}");
        let said = talk.says();
        let lengths: Vec<usize> = said.iter().map(Vec::len).collect();
        assert!(
            lengths.iter().all(|&length| length + 1 >= size as usize),
            "{size}: {lengths:?}"
        );
    }
}
