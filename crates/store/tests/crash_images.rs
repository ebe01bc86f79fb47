//! What each crash leaves in the spool, and what the next start makes of it: the images are laid by hand, step by step in
//! the order in which a file is received, imported and delivered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

#[path = "support/files.rs"]
mod files;
#[path = "support/rebuilt.rs"]
mod rebuilt;

use std::path::PathBuf;

use pointsman_store::{
    Access, ContentKey, Direction, Entry, InboundState, Ledger, Measure, OutboundState, Rebuilt,
    Spool, SpoolError, SqliteLedger, State, TransferId,
};
use tempfile::TempDir;

use files::{inbound, to_send};
use rebuilt::rebuilt;

struct Ground {
    folder: TempDir,
    spool: Spool,
    key: ContentKey,
}

/// How much of its sidecar a received file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    Half,
    Whole,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("inbox")).unwrap();
        let spool = Spool::open(&folder.path().join("spool")).unwrap();
        Self {
            folder,
            spool,
            key: ContentKey::wire_received(TransferId::new()),
        }
    }

    fn id(&self) -> TransferId {
        self.key.id
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    fn in_folder(&self, folder: &str) -> PathBuf {
        self.file(&format!("{folder}/{}", self.id()))
    }

    fn sidecar(&self, folder: &str) -> PathBuf {
        self.file(&format!("{folder}/{}.jsonl", self.id()))
    }

    /// Sealed as a session seals it.
    fn sealed(&self) -> Measure {
        let mut writer = self.spool.partial(self.key).unwrap().resume(0).unwrap();
        writer.append(b"content").unwrap();
        let whole = writer.finish().unwrap();
        let measure = whole.measure().clone();
        whole.seal(&inbound(self.id(), &measure)).unwrap();
        measure
    }

    /// The image of a crash while the file was received: content under its first name or its last one, or nowhere.
    fn image(&self, content: Option<&str>, sidecar: Written, received: bool) {
        self.sealed();
        if received {
            let entry = Entry::Received;
            self.spool
                .append(Direction::Inbound, self.id(), &entry)
                .unwrap();
        }
        match content {
            Some("sealed") => {}
            Some(folder) => {
                std::fs::rename(self.in_folder("sealed"), self.in_folder(folder)).unwrap();
            }
            None => std::fs::remove_file(self.in_folder("sealed")).unwrap(),
        }
        let text = std::fs::read(self.sidecar("sealed")).unwrap();
        match sidecar {
            Written::Nothing => std::fs::remove_file(self.sidecar("sealed")).unwrap(),
            Written::Half => {
                std::fs::write(self.sidecar("sealed"), &text[..text.len() / 2]).unwrap();
            }
            Written::Whole => {}
        }
    }

    /// The state of the file in a ledger that is made from the spool alone; none where it is not in it.
    async fn state_in_rebuilt(&self) -> (Option<State>, Rebuilt) {
        let database = self.folder.path().join("ledger.db");
        let rebuilt = rebuilt(&database, &self.spool);
        let ledger = SqliteLedger::open(&database).unwrap();
        let row = ledger.show(self.id()).await.unwrap();
        (row.map(|row| row.state), rebuilt)
    }
}

#[tokio::test]
async fn each_image_of_a_file_that_is_received_leads_to_its_state() {
    use Written::{Half, Nothing, Whole};
    let (partial, sealed) = (Some("incoming"), Some("sealed"));
    for (content, sidecar, received, state) in [
        // Before the sidecar, while it is written, and before the rename: half received, and its sender was told nothing.
        (partial, Nothing, false, None),
        (partial, Half, false, None),
        (partial, Whole, false, None),
        // After the rename. The ledger is lost here, so what is whole is taken for received.
        (sealed, Whole, false, Some(InboundState::Received)),
        (sealed, Whole, true, Some(InboundState::Received)),
        // The blob has left: it is delivered, whatever the row knew.
        (None, Whole, false, Some(InboundState::Delivered)),
        (None, Whole, true, Some(InboundState::Delivered)),
    ] {
        let case = format!("{content:?} {sidecar:?} {received}");
        let ground = Ground::new();
        ground.image(content, sidecar, received);
        let (found, rebuilt) = ground.state_in_rebuilt().await;
        assert_eq!(found, state.map(State::from), "{case}");
        assert!(rebuilt.left.is_empty(), "{case}: {:?}", rebuilt.left);
        let pieces = ground.spool.pieces(ground.id()).unwrap();
        assert_eq!(pieces.inbound_sidecar, state.is_some(), "{case}");
        assert_eq!(pieces.wire.incoming, None, "{case}");
        assert_eq!(rebuilt.partials, u64::from(content == partial), "{case}");
    }
}

#[tokio::test]
async fn a_content_without_a_sidecar_that_can_be_read_is_left_and_named() {
    for sidecar in [Written::Nothing, Written::Half] {
        let ground = Ground::new();
        ground.image(Some("sealed"), sidecar, false);
        let (found, rebuilt) = ground.state_in_rebuilt().await;
        assert_eq!(found, None);
        assert_eq!(rebuilt.left.len(), 1, "{sidecar:?}");
        assert_eq!(rebuilt.left[0].id, ground.id());
        assert!(
            ground.in_folder("sealed").exists(),
            "nothing is thrown away"
        );
    }
}

#[test]
fn a_partial_takes_its_early_sidecar_with_it_and_none_that_says_received() {
    use Written::{Half, Nothing, Whole};
    for (sidecar, received, stays) in [
        (Nothing, false, false),
        (Half, false, false),
        (Whole, false, false),
        (Whole, true, true),
    ] {
        let ground = Ground::new();
        ground.image(Some("incoming"), sidecar, received);
        ground.spool.discard_partial(ground.id()).unwrap();
        let pieces = ground.spool.pieces(ground.id()).unwrap();
        assert_eq!(pieces.wire.incoming, None);
        assert_eq!(pieces.inbound_sidecar, stays, "{sidecar:?} {received}");
        let gone = ground.spool.discard_partial(ground.id()).unwrap_err();
        assert!(gone.is_gone(), "it is done once: {gone}");
    }
}

#[test]
fn what_is_discarded_leaves_at_every_step_nothing_that_looks_like_a_delivery() {
    // The crash comes between the two removals: the sidecar went first.
    let ground = Ground::new();
    ground.sealed();
    ground
        .spool
        .forget(Direction::Inbound, ground.id())
        .unwrap();
    let pieces = ground.spool.pieces(ground.id()).unwrap();
    assert!(!pieces.inbound_sidecar && pieces.wire.sealed == Some(7));
    ground.spool.discard(ground.id()).unwrap();
    assert_eq!(
        ground.spool.pieces(ground.id()).unwrap(),
        Default::default()
    );
    ground.spool.discard(ground.id()).unwrap();
}

#[test]
fn a_file_that_came_twice_loses_its_second_beginning_alone() {
    let ground = Ground::new();
    ground.sealed();
    std::fs::write(ground.in_folder("incoming"), b"con").unwrap();
    ground.spool.discard_surplus(ground.id()).unwrap();
    let pieces = ground.spool.pieces(ground.id()).unwrap();
    assert_eq!((pieces.wire.incoming, pieces.wire.sealed), (None, Some(7)));
    assert!(pieces.inbound_sidecar);
    std::fs::write(ground.in_folder("incoming"), b"con").unwrap();
    ground.spool.discard_partial(ground.id()).unwrap();
    let pieces = ground.spool.pieces(ground.id()).unwrap();
    assert!(pieces.inbound_sidecar, "what is sealed keeps its sidecar");
}

#[tokio::test]
async fn each_image_of_a_file_to_send_leads_to_its_state() {
    // Half imported; sealed and never queued; queued and sent, with and without its content.
    for (queued, content, state) in [
        (None, true, OutboundState::Parked),
        (Some(OutboundState::Ready), true, OutboundState::Ready),
        (Some(OutboundState::Held), true, OutboundState::Held),
        (Some(OutboundState::Ready), false, OutboundState::Parked),
        (Some(OutboundState::Sent), true, OutboundState::Sent),
        (Some(OutboundState::Sent), false, OutboundState::Sent),
        (
            Some(OutboundState::Cancelled),
            true,
            OutboundState::Cancelled,
        ),
    ] {
        let ground = Ground::new();
        let whole = ground
            .spool
            .import(ground.id(), &mut &b"content"[..])
            .unwrap();
        let sidecar = to_send(ground.id(), whole.measure());
        whole.seal(&sidecar).unwrap();
        if let Some(state) = queued {
            let entry = Entry::State(state, None);
            ground
                .spool
                .append(Direction::Outbound, ground.id(), &entry)
                .unwrap();
        }
        if !content {
            std::fs::remove_file(ground.in_folder("outgoing")).unwrap();
        }
        let (found, _) = ground.state_in_rebuilt().await;
        assert_eq!(found, Some(state.into()), "{queued:?} {content}");
    }
    let ground = Ground::new();
    let writer = ground
        .spool
        .partial(ContentKey::wire_to_send(ground.id()))
        .unwrap();
    drop(writer.resume(0).unwrap());
    let (found, rebuilt) = ground.state_in_rebuilt().await;
    assert_eq!((found, rebuilt.partials), (None, 1), "half imported");
}

#[test]
fn a_delivery_that_was_cut_off_is_done_once_more_or_confirmed() {
    let ground = Ground::new();
    ground.sealed();
    let inbox = ground.folder.path().join("inbox");
    // Before the rename: the path is committed, and the content is still here.
    let hold = ground.spool.hold_to_deliver(ground.id()).unwrap().unwrap();
    let access = Access::default();
    ground
        .spool
        .place(hold.key(), &inbox, "a/FILE", false, access)
        .unwrap();
    // After it: the content is gone, and only the folders are to be made durable.
    assert!(ground.spool.hold_to_deliver(ground.id()).unwrap().is_none());
    for _ in 0..2 {
        ground.spool.settle_placed(&inbox, "a/FILE").unwrap();
    }
    std::fs::remove_dir_all(inbox.join("a")).unwrap();
    ground.spool.settle_placed(&inbox, "a/FILE").unwrap();
    assert!(ground.spool.settle_placed(&inbox, "../FILE").is_err());
}

#[test]
fn a_file_whose_seal_fails_leaves_nothing_that_could_be_taken_for_one() {
    // Its sidecar cannot be written: a folder has its name.
    let ground = Ground::new();
    std::fs::create_dir(ground.sidecar("sealed")).unwrap();
    let mut writer = ground.spool.partial(ground.key).unwrap().resume(0).unwrap();
    writer.append(b"content").unwrap();
    let whole = writer.finish().unwrap();
    let sidecar = inbound(ground.id(), whole.measure());
    assert!(whole.seal(&sidecar).is_err());
    assert!(!ground.in_folder("sealed").exists());
    assert!(ground.in_folder("incoming").exists(), "it is offered again");
    // Its name is taken by a folder: the rename fails.
    let ground = Ground::new();
    std::fs::create_dir(ground.in_folder("outgoing")).unwrap();
    let whole = ground.spool.import(ground.id(), &mut &b"content"[..]);
    let error = whole.and_then(|whole| {
        let sidecar = to_send(ground.id(), whole.measure());
        whole.seal(&sidecar)
    });
    assert!(matches!(error, Err(SpoolError::Io { .. })), "{error:?}");
    assert!(
        !ground.sidecar("outgoing").exists(),
        "it would mean that it is queued"
    );
}

#[test]
fn a_spool_is_looked_at_without_being_made() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("spool");
    assert!(Spool::look(&root).unwrap().is_none());
    assert!(!root.exists(), "nothing is made");
    Spool::open(&root).unwrap();
    assert!(!Spool::look(&root).unwrap().unwrap().is_used().unwrap());
    std::fs::remove_dir(root.join("outgoing")).unwrap();
    assert!(
        Spool::look(&root).unwrap().is_none(),
        "it was never made whole"
    );
    std::fs::write(root.join("outgoing"), "").unwrap();
    assert!(Spool::look(&root).is_err(), "a file is no folder");
    assert!(Spool::open(&root).is_err());
}

#[test]
fn whatever_lies_in_a_spool_that_is_no_transfers_is_passed_over() {
    let ground = Ground::new();
    let id = ground.id();
    ground.sealed();
    for name in [
        "sealed/notes.txt",
        "sealed/x.plain",
        "incoming/.keep",
        "outgoing/x.jsonl",
    ] {
        std::fs::write(ground.file(name), "").unwrap();
    }
    assert_eq!(
        ground
            .spool
            .transfers()
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>(),
        [id]
    );
    assert_eq!(ground.spool.sealed().unwrap(), [id]);
    assert!(ground.spool.partials().unwrap().is_empty());
    assert_eq!(ground.spool.discard_unfinished_plain().unwrap(), 0);
    assert!(
        ground.file("sealed/x.plain").exists(),
        "nobody knows whose it is"
    );
}
