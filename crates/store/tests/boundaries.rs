//! Contents of every size around the ones that a back-end might count by, told by their trait alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

#[path = "support/files.rs"]
mod files;
#[path = "support/ground.rs"]
mod ground;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pointsman_store::{Content, ContentKey, Direction, Pieces, PlaceError, SpoolError, TransferId};

use files::{inbound, to_send};
use ground::{digest_of, grounds, handing, intake, pattern, sealed, whole_of};

const BLOCK: usize = 64 * 1024;

/// Nothing, one octet, and around what is gathered, copied and read at once.
const SIZES: [usize; 9] = [
    0,
    1,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    4 * BLOCK - 1,
    4 * BLOCK,
    4 * BLOCK + 1,
    5 * BLOCK,
];

#[tokio::test]
async fn a_content_of_any_size_comes_back_as_it_came() {
    for ground in grounds() {
        let (contents, inbox) = (ground.contents.as_ref(), ground.inbox());
        for size in SIZES {
            let all = pattern(size);
            let key = sealed(contents, &all).await;
            let content = contents.open(key).await.unwrap();
            assert_eq!(content.octets().unwrap(), size as u64);
            assert!(whole_of(&content).await == all, "{size}");
            assert_eq!(
                contents.digest(key).await.unwrap(),
                digest_of(&all),
                "{size}"
            );
            let record = contents
                .record(Direction::Inbound, key.id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(record.sidecar.measure.octets, size as u64);
            assert_eq!(record.sidecar.measure.digest, digest_of(&all));
            let path = format!("size-{size}");
            let handed = contents.hand_to(&inbox, &path, key, handing(false));
            handed.await.unwrap();
            assert!(
                std::fs::read(ground.inbox().join(path)).unwrap() == all,
                "{size}"
            );
        }
    }
}

#[tokio::test]
async fn a_copy_of_any_size_is_what_was_copied() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        for size in SIZES {
            let (id, all) = (TransferId::new(), pattern(size));
            let source = std::io::Cursor::new(all.clone());
            let whole = contents.import(id, Box::new(source)).await.unwrap();
            assert_eq!(whole.measure().octets, size as u64);
            assert_eq!(whole.measure().digest, digest_of(&all), "{size}");
            let sidecar = to_send(id, whole.measure());
            drop(whole.seal(&sidecar).await.unwrap());
            let content = contents.open(ContentKey::wire_to_send(id)).await.unwrap();
            assert!(whole_of(&content).await == all, "{size}");
        }
    }
}

#[tokio::test]
async fn a_content_is_read_from_any_place_and_ends_where_it_ends() {
    for ground in grounds() {
        let (contents, all) = (ground.contents.as_ref(), pattern(2 * BLOCK + 10));
        let key = sealed(contents, &all).await;
        let content = contents.open(key).await.unwrap();
        let end = all.len();
        for at in [
            0,
            1,
            BLOCK - 1,
            BLOCK,
            BLOCK + 1,
            end - 1,
            end,
            end + 1,
            end + BLOCK,
        ] {
            for wanted in [0, 1, 9, BLOCK, 3 * BLOCK] {
                let meant = &all[at.min(end)..(at + wanted).min(end).max(at.min(end))];
                let read = content.read_at(at as u64, wanted).await.unwrap();
                assert!(read == meant, "{wanted} octets from {at}");
                let mut buffer = vec![0; wanted];
                let count = content.read_now(at as u64, &mut buffer).unwrap();
                assert!(buffer[..count] == *meant, "{wanted} octets from {at}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_is_resumed_at_any_place_and_has_the_digest_of_what_is_there_then() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let all = pattern(3 * BLOCK + 5);
        for at in [
            0,
            1,
            BLOCK - 1,
            BLOCK,
            BLOCK + 1,
            3 * BLOCK + 4,
            3 * BLOCK + 5,
        ] {
            let key = ContentKey::wire_received(TransferId::new());
            let mut first = intake(contents, key, 0).await;
            first.write(all.clone()).await.unwrap();
            drop(first.pause().await.unwrap());
            // What lies behind the place is cut off: other octets come there now.
            let mut second = intake(contents, key, at as u64).await;
            assert_eq!(second.octets(), at as u64);
            second.write(b"other octets".to_vec()).await.unwrap();
            let meant = [&all[..at], b"other octets"].concat();
            let whole = second.finish().await.unwrap();
            assert_eq!(whole.measure().octets, meant.len() as u64);
            assert_eq!(whole.measure().digest, digest_of(&meant), "from {at}");
            let sidecar = inbound(key.id, whole.measure());
            drop(whole.seal(&sidecar).await.unwrap());
            let content = contents.open(key).await.unwrap();
            assert!(whole_of(&content).await == meant, "from {at}");
        }
    }
}

#[tokio::test]
async fn a_file_that_broke_off_again_and_again_is_whole_in_the_end() {
    for ground in grounds() {
        let (contents, all) = (ground.contents.as_ref(), pattern(BLOCK + 777));
        let key = ContentKey::wire_received(TransferId::new());
        let mut at = 0;
        for piece in all.chunks(4001) {
            let mut part = intake(contents, key, at).await;
            part.write(piece.to_vec()).await.unwrap();
            at += piece.len() as u64;
            drop(part.pause().await.unwrap());
            let partial = contents.partial(key).await.unwrap();
            assert_eq!(partial.octets().await.unwrap(), at);
        }
        let whole = intake(contents, key, at).await.finish().await.unwrap();
        assert_eq!(whole.measure().digest, digest_of(&all));
        whole.discard().await.unwrap();
        assert_eq!(contents.pieces(key.id).await.unwrap(), Pieces::default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_a_content_one_has_it_at_a_time() {
    for ground in grounds() {
        let key = ContentKey::wire_received(TransferId::new());
        let (holders, had) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let contents = Arc::clone(&ground.contents);
            let (holders, had) = (Arc::clone(&holders), Arc::clone(&had));
            tasks.push(tokio::spawn(async move {
                for _ in 0..20 {
                    match contents.partial(key).await {
                        Ok(partial) => {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            tokio::task::yield_now().await;
                            had.fetch_add(1, Ordering::SeqCst);
                            holders.fetch_sub(1, Ordering::SeqCst);
                            drop(partial);
                        }
                        Err(error) => assert!(matches!(error, SpoolError::Busy(_)), "{error}"),
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(had.load(Ordering::SeqCst) > 0);
        // Nobody has it any more, and nobody has another's.
        let other = ContentKey::wire_received(TransferId::new());
        let both = (
            ground.contents.partial(key).await,
            ground.contents.partial(other).await,
        );
        assert!(both.0.is_ok() && both.1.is_ok());
        let of_plain = ground.contents.partial(key.plain()).await;
        assert!(of_plain.is_ok(), "its other content is another one");
    }
}

/// What there is of a transfer at each step of its life.
#[tokio::test]
async fn each_step_of_a_received_file_leaves_what_it_should() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let key = ContentKey::wire_received(TransferId::new());
        let pieces = async || contents.pieces(key.id).await.unwrap();
        assert_eq!(pieces().await, Pieces::default());
        let partial = contents.partial(key).await.unwrap();
        assert_eq!(pieces().await.wire.incoming, Some(0));
        partial.remove().await.unwrap();
        assert_eq!(pieces().await, Pieces::default());
        let mut writing = intake(contents, key, 0).await;
        writing.write(pattern(1000)).await.unwrap();
        drop(writing.pause().await.unwrap());
        assert_eq!(pieces().await.wire.incoming, Some(1000));
        let whole = intake(contents, key, 1000).await.finish().await.unwrap();
        assert_eq!(
            pieces().await.wire.sealed,
            None,
            "nobody was told that it is whole"
        );
        let sidecar = inbound(key.id, whole.measure());
        let hold = whole.seal(&sidecar).await.unwrap();
        let sealed = pieces().await;
        assert_eq!(
            (sealed.wire.incoming, sealed.wire.sealed),
            (None, Some(1000))
        );
        assert!(sealed.inbound_sidecar && !sealed.outbound_sidecar);
        drop(hold);
        contents
            .discard_contents(Direction::Inbound, key.id)
            .await
            .unwrap();
        let gone = pieces().await;
        assert!(gone.inbound_sidecar, "it is still known");
        assert_eq!(gone.wire, Default::default());
        contents
            .discard_contents(Direction::Inbound, key.id)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_partial_that_no_row_knows_is_removed_unless_somebody_writes_it() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let key = ContentKey::wire_received(TransferId::new());
        let mut writing = intake(contents, key, 0).await;
        writing.write(b"octets".to_vec()).await.unwrap();
        let busy = contents.discard_partial(key.id).await;
        assert!(matches!(busy, Err(SpoolError::Busy(_))), "{busy:?}");
        drop(writing.pause().await.unwrap());
        contents.discard_partial(key.id).await.unwrap();
        assert_eq!(contents.pieces(key.id).await.unwrap(), Pieces::default());
        let again = contents.discard_partial(key.id).await.unwrap_err();
        assert!(again.is_gone(), "{again}");
    }
}

#[tokio::test]
async fn a_sidecar_is_written_again_as_a_whole() {
    for ground in grounds() {
        let (contents, inbox) = (ground.contents.as_ref(), ground.inbox());
        let key = sealed(contents, b"content").await;
        let record = contents
            .record(Direction::Inbound, key.id)
            .await
            .unwrap()
            .unwrap();
        let mut sidecar = record.sidecar;
        sidecar.partner = "another".to_owned();
        sidecar.labels = vec![("of".to_owned(), "line\nend \u{e9}\"".to_owned())];
        contents.describe(&sidecar).await.unwrap();
        let record = contents
            .record(Direction::Inbound, key.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(record.sidecar, sidecar);
        assert!(record.entries.is_empty());
        let other_way = contents.record(Direction::Outbound, key.id).await.unwrap();
        assert!(other_way.is_none(), "it is of a received file");
        let handed = contents.hand_to(&inbox, "FILE", key, handing(false));
        handed.await.unwrap();
        let record = contents
            .record(Direction::Inbound, key.id)
            .await
            .unwrap()
            .unwrap();
        assert!(
            record.entries.is_empty(),
            "its path is an entry of the ledger's"
        );
    }
}

/// The kernel renames within one file system alone.
#[tokio::test]
async fn a_content_is_not_handed_across_file_systems_and_is_not_lost_by_it() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let far = std::path::Path::new("/dev/shm");
        let near = ground.folder.path();
        let device = |path| std::os::unix::fs::MetadataExt::dev(&std::fs::metadata(path).unwrap());
        if !far.exists() || device(far) == device(near) {
            eprintln!("not tried: there is no second file system");
            continue;
        }
        let far = tempfile::tempdir_in(far).unwrap();
        let key = sealed(contents, b"content").await;
        let handed = contents
            .hand_to(far.path(), "FILE", key, handing(false))
            .await;
        assert!(matches!(handed, Err(PlaceError::Io { .. })), "{handed:?}");
        assert_eq!(std::fs::read_dir(far.path()).unwrap().count(), 0);
        let content = contents.open(key).await.unwrap();
        assert_eq!(whole_of(&content).await, b"content");
        let inbox = ground.inbox();
        let handed = contents.hand_to(&inbox, "FILE", key, handing(false));
        handed.await.unwrap();
    }
}

#[tokio::test]
async fn files_that_go_out_and_come_in_under_one_id_are_two() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let received = sealed(contents, b"received").await;
        let source = std::io::Cursor::new(b"to send".to_vec());
        let whole = contents
            .import(received.id, Box::new(source))
            .await
            .unwrap();
        let sidecar = to_send(received.id, whole.measure());
        drop(whole.seal(&sidecar).await.unwrap());
        let sent = ContentKey::wire_to_send(received.id);
        for (key, octets) in [(received, &b"received"[..]), (sent, b"to send")] {
            let content = contents.open(key).await.unwrap();
            assert_eq!(whole_of(&content).await, octets);
            assert_eq!(key.content, Content::Wire);
        }
        contents.withdraw(received.id).await.unwrap();
        assert!(contents.open(sent).await.unwrap_err().is_gone());
        assert!(contents.open(received).await.is_ok());
        let all = BTreeSet::from([received, sent].map(|key| key.direction.as_str()));
        assert_eq!(all.len(), 2);
    }
}
