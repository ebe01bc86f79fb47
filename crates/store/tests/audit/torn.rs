//! Ledgers rebuilt from sidecars of which a power cut took the last lines.

use std::collections::BTreeMap;

use pointsman_store::{InboundState, Ledger, OutboundState, ReceiptState, State, TransferId};

use crate::yard::{Yard, everything};

type States = BTreeMap<&'static str, Option<(State, Option<ReceiptState>)>>;

async fn states(yard: &Yard, ids: &BTreeMap<&'static str, TransferId>) -> States {
    let mut states = BTreeMap::new();
    for (name, id) in ids {
        let known = yard.ledger.show(*id).await.unwrap().is_some();
        let state = match known {
            true => Some(yard.state(*id).await),
            false => None,
        };
        states.insert(*name, state);
    }
    states
}

/// The sidecars of all files, whichever way they go.
fn sidecars(yard: &Yard) -> Vec<std::path::PathBuf> {
    let folders = ["sealed", "outgoing"].map(|part| yard.file(part));
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect()
}

/// Of each sidecar so many lines are left, and of the next one the half.
fn tear(yard: &Yard, left: usize) {
    for path in sidecars(yard) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let mut torn = lines[..left.min(lines.len())].concat();
        if let Some(next) = lines.get(left) {
            torn.push_str(&next[..next.len() / 2]);
        }
        std::fs::write(&path, torn).unwrap();
    }
}

#[tokio::test]
async fn however_many_lines_are_left_nothing_is_forgotten_and_a_second_rebuild_changes_nothing() {
    let original = Yard::new();
    let ids = everything(&original).await;
    let whole = states(&original, &ids).await;
    for left in 1..=4 {
        let yard = original.twin();
        tear(&yard, left);
        let (yard, rebuilt) = yard.rebuilt();
        assert!(rebuilt.left.is_empty(), "{left} lines: {:?}", rebuilt.left);
        let first = states(&yard, &ids).await;
        for (name, was) in &whole {
            let Some((was, _)) = was else { continue };
            let what = format!("{left} lines, {name}: {:?}", first[name]);
            // Its sender was told nothing.
            if *was == InboundState::Receiving.into() {
                assert_eq!(first[name], None, "{what}");
                continue;
            }
            let (state, receipt) = first[name].unwrap();
            match (was, state) {
                (State::Inbound(_), State::Inbound(state)) => {
                    use InboundState::{Delivered, Opening, Received, Rejected};
                    // What was secured is opened again, by the content as on the wire.
                    let was_secured = ["opening", "opened", "unopened"].contains(name);
                    if was_secured && state == Opening {
                        assert!(*was == Opening.into() || left < 4, "{what}");
                        continue;
                    }
                    assert!([Received, Delivered, Rejected].contains(&state), "{what}");
                    let may_wait = *name == "later" || *name == "decided" || state == Received;
                    assert!(receipt.is_some() || may_wait, "{what}");
                }
                (State::Outbound(was), State::Outbound(state)) => {
                    use OutboundState::{Acknowledged, Parked, Rejected, Sent};
                    // With one line alone nobody was told that it is queued: it waits for an operator.
                    assert!(state == Parked || left > 1, "{what}");
                    let is_sent = |state| [Sent, Acknowledged, Rejected].contains(&state);
                    assert!(!is_sent(state) || is_sent(*was), "{what}");
                }
                _ => panic!("it goes the other way: {what}"),
            }
        }
        yard.assert_clean().await;
        let (yard, again) = yard.rebuilt();
        assert_eq!(
            (again.inbound, again.outbound),
            (rebuilt.inbound, rebuilt.outbound)
        );
        assert_eq!(again.partials, 0, "they were removed the first time");
        assert!(again.aside.is_some(), "the ledger before it is kept");
        assert_eq!(states(&yard, &ids).await, first, "{left} lines");
        yard.assert_clean().await;
    }
}

#[tokio::test]
async fn with_all_lines_a_ledger_is_rebuilt_as_it_was() {
    let original = Yard::new();
    let ids = everything(&original).await;
    let was = states(&original, &ids).await;
    let (yard, _) = original.twin().rebuilt();
    let is = states(&yard, &ids).await;
    for (name, state) in was {
        // What only the row knew: a path that was chosen and not gone yet, and a partial.
        let expected = match (name, state) {
            ("placing", Some((_, receipt))) => Some((InboundState::Received.into(), receipt)),
            ("moved", _) => Some((InboundState::Delivered.into(), Some(ReceiptState::Owed))),
            (_, Some((state, _))) if state == InboundState::Receiving.into() => None,
            (_, state) => state,
        };
        assert_eq!(is[name], expected, "{name}");
    }
}

/// A first line that is not whole says nothing: the file is left where it is, and named.
#[tokio::test]
async fn without_its_first_line_a_file_is_left_and_named_and_stays() {
    let yard = Yard::new();
    let (torn, whole) = (yard.queued("TORN").await, yard.queued("WHOLE").await);
    let path = yard.file(&format!("outgoing/{torn}.jsonl"));
    let text = std::fs::read(&path).unwrap();
    let first = text.iter().position(|octet| *octet == b'\n').unwrap();
    for end in [0, 1, first / 2, first - 1] {
        let yard = yard.twin();
        std::fs::write(yard.file(&format!("outgoing/{torn}.jsonl")), &text[..end]).unwrap();
        let (yard, rebuilt) = yard.rebuilt();
        let left: Vec<_> = rebuilt.left.iter().map(|left| left.id).collect();
        assert_eq!(left, [torn], "{end} octets");
        assert!(!rebuilt.left[0].why.is_empty());
        assert_eq!(rebuilt.outbound, 1);
        assert!(yard.ledger.show(torn).await.unwrap().is_none());
        assert_eq!(yard.state(whole).await.0, OutboundState::Ready.into());
        let content = std::fs::read(yard.file(&format!("outgoing/{torn}"))).unwrap();
        assert_eq!(content, b"content", "nothing of it is removed");
    }
    // Only its line end is missing: all of it is there.
    let yard = yard.twin();
    std::fs::write(yard.file(&format!("outgoing/{torn}.jsonl")), &text[..first]).unwrap();
    let (yard, rebuilt) = yard.rebuilt();
    assert!(rebuilt.left.is_empty());
    assert_eq!(yard.state(torn).await.0, OutboundState::Parked.into());
}
