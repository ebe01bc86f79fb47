//! Transitions that look at more than event and state: each branch by its own conversation.

use oftp::*;

use super::book::Book;
use super::common::*;
use super::scene::{Scene, answered, authenticated, heard, line_of, reaction, records, strict};

#[test]
fn every_branch_is_as_printed_or_as_decided() {
    let book = Book::read();
    for branch in &book.branches {
        let happened = reaction(play(&branch.cell, &branch.when));
        assert_eq!(
            happened, branch.reaction,
            "{}, {}",
            branch.cell, branch.when
        );
    }
    println!("{} branches", book.branches.len());
}

/// Leads to the branch and takes it; only what the last step says is left to be said.
fn play(cell: &str, when: &str) -> Talk {
    match (cell, when) {
        ("session D", when) => initiator_hears(when),
        ("session E", _) => {
            let own = Params {
                mode: Mode::SendOnly,
                ..strict()
            };
            answers_with(own, &with_flag(&ssid(), 40, 'S'))
        }
        ("session G", "authentication is agreed upon (P9)") => {
            let (own, theirs) = authenticated();
            answers_with(own, &theirs)
        }
        ("session G", "authentication is not the same on both sides (!P10)") => {
            answers_with(authenticated().0, &ssid())
        }
        ("session G", _) => answers_with(strict(), &with_buffer(&ssid(), 127)),
        ("session I", _) => called_and_challenged(),
        ("session K", when) => {
            calling_and_challenged(if when.starts_with("we") { 'c' } else { 'x' })
        }
        ("speaker1 B", when) => offers(when),
        ("speaker1 K", _) => heard(offering(), &["200000000000000001"]),
        ("speaker1 M", _) => {
            let narrow = with_credit(&with_buffer(&ssid(), 128), 1);
            let mut talk = Talk::sending(strict(), &narrow, records());
            talk.session.send_data(&[1; 125], true).unwrap();
            talk
        }
        ("speaker2 C", _) => heard(quiet(Scene::of(StateName::Clop).talk), &["4Y"]),
        ("speaker2 E", _) => {
            let mut talk = quiet(Scene::of(StateName::Opowfc).talk);
            talk.session.close_file(Counts::default()).unwrap();
            assert_eq!(
                (talk.says().len(), talk.session.state_name()),
                (0, StateName::Opowfc)
            );
            heard(talk, &["C  "])
        }
        ("listener A", when) => {
            let mut own = strict();
            let restarts = when.starts_with("a restart");
            if restarts {
                own.restart = false;
            } else {
                own.mode = Mode::SendOnly;
            }
            let talk = Talk::listening(own, &with_flag(&ssid(), 40, 'B'));
            heard(talk, &[&sfid(u64::from(restarts))])
        }
        ("listener H", "the file is refused (!P2)") => answers_file(FileAnswer::Refuse {
            reason: FileReason::TooBig,
            retry: false,
            text: String::new(),
        }),
        ("listener H", _) => answers_file(FileAnswer::Accept {
            restart: 1,
            octets_held: 0,
        }),
        ("listener I", when) => receives(when.starts_with("beyond")),
        ("listener K", when) => closes(when.starts_with("the turn")),
        other => panic!("no conversation for {other:?}"),
    }
}

/// Forgets what was said on the way.
fn quiet(mut talk: Talk) -> Talk {
    talk.says();
    talk
}

fn initiator_hears(when: &str) -> Talk {
    let (own, theirs) = match when {
        "authentication is agreed upon (P11)" => authenticated(),
        "authentication is not the same on both sides (!P8)" => (authenticated().0, ssid()),
        _ => (strict(), with_buffer(&ssid(), 127)),
    };
    heard(quiet(heard(Talk::initiator(own), &[SSRM])), &[&theirs])
}

fn answers_with(own: Params, their_ssid: &str) -> Talk {
    let mut talk = quiet(heard(Talk::responder(own.clone()), &[their_ssid]));
    let Some(Event::ConnectionOffered(ticket, _)) = talk.session.poll_event() else {
        panic!("no offer");
    };
    let accept = ConnectionAnswer::Accept(Box::new(own));
    talk.session.answer_connection(ticket, accept).unwrap();
    talk
}

/// The responder has had its challenge answered and is challenged in turn.
fn called_and_challenged() -> Talk {
    let mut talk = challenging(heard(answered(), &["J"]));
    talk.hear(line_of("AURP"));
    let mut talk = quiet(talk);
    talk.hear(line_of("AUCH"));
    opened(talk)
}

/// The initiator has answered a challenge, has made its own, and hears the response.
fn calling_and_challenged(response: char) -> Talk {
    let (own, theirs) = authenticated();
    let talk = heard(Talk::initiator(own), &[SSRM, &theirs, &line_of("AUCH")]);
    let talk = challenging(heard(opened(talk), &["J"]));
    let response = response.to_string().repeat(20);
    heard(quiet(talk), &[&format!("S{response}")])
}

fn challenging(mut talk: Talk) -> Talk {
    let Some(Event::ChallengeWanted(ticket)) = talk.session.poll_event() else {
        panic!("no challenge wanted");
    };
    let challenge = Challenge::new([b'c'; 20]);
    talk.session
        .send_challenge(ticket, challenge, vec![1])
        .unwrap();
    talk
}

fn opened(mut talk: Talk) -> Talk {
    let Some(Event::ChallengeOffered(ticket, _)) = talk.session.poll_event() else {
        panic!("no challenge");
    };
    let opened = ChallengeAnswer::Opened(Challenge::new([1; 20]));
    talk.session.answer_challenge(ticket, opened).unwrap();
    talk
}

fn offering() -> Talk {
    quiet(Scene::of(StateName::Opop).talk)
}

fn offers(when: &str) -> Talk {
    let mut own = strict();
    if when.starts_with("a restart") {
        own.restart = false;
    } else {
        own.mode = Mode::ReceiveOnly;
    }
    let (mut talk, turn) = Talk::speaking(own, &ssid());
    let header = FileHeader {
        restart: 7,
        ..records()
    };
    talk.session.start_file(turn, header).unwrap();
    talk
}

fn answers_file(answer: FileAnswer) -> Talk {
    let mut talk = quiet(heard(Talk::listening(strict(), &ssid()), &[&sfid(0)]));
    let (ticket, _) = talk.file();
    let _ = talk.session.answer_file(ticket, answer);
    talk
}

fn receives(beyond: bool) -> Talk {
    let narrow = with_credit(&ssid(), 1);
    let talk = Talk::receiving(strict(), &narrow, &sfid(0));
    let mut talk = heard(talk, &["D\u{1}x"]);
    if beyond {
        return heard(talk, &["D\u{1}x"]);
    }
    let _ = talk.data();
    let ticket = talk.window();
    talk.session.grant_credit(ticket).unwrap();
    talk
}

fn closes(with_the_turn: bool) -> Talk {
    let mut scene = Scene::of(StateName::Clip);
    if with_the_turn {
        scene.close(true).unwrap();
        return scene.talk;
    }
    let mut talk = heard(
        Talk::receiving(strict(), &ssid(), &sfid(0)),
        &[&line_of("EFID")],
    );
    let (ticket, _) = talk.closed();
    let (reason, text) = (FileReason::ByteCount, String::new());
    talk.session
        .answer_close(ticket, CloseAnswer::Refuse { reason, text })
        .unwrap();
    talk
}
