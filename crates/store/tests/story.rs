//! The story of contents, told by their trait alone: whoever keeps them must live through it. The file system is the first.
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

use std::path::Path;
use std::sync::Arc;

use oftp::{Format, Position, RecordLayout};
use pointsman_store::contents::{bare_line_feed, count};
use pointsman_store::{
    Content, ContentKey, Direction, Measure, PlaceError, Sidecar, SpoolError, TransferId,
};

use files::{inbound, to_send};
use ground::{digest_of, grounds, handing, intake, pattern, sealed, whole_of};

#[tokio::test]
async fn what_arrives_in_pieces_of_any_size_is_sealed_in_order() {
    for ground in grounds() {
        let all = pattern(1_000_000);
        for piece in [1000, 65_536, 65_537, 99_999, 400_000] {
            let key = ContentKey::wire_received(TransferId::new());
            let mut intake = intake(ground.contents.as_ref(), key, 0).await;
            let mut free = 0;
            for octets in all.chunks(piece) {
                free += usize::from(intake.write(octets.to_vec()).await.unwrap().is_some());
            }
            assert!(free > 0, "buffers come back");
            assert_eq!(intake.octets(), 1_000_000);
            let whole = intake.finish().await.unwrap();
            assert_eq!(whole.measure().octets, 1_000_000);
            assert_eq!(whole.measure().digest, digest_of(&all), "by {piece}");
            let sidecar = inbound(key.id, whole.measure());
            let hold = whole.seal(&sidecar).await.unwrap();
            assert_eq!(hold.key(), key);
            let content = ground.contents.open(key).await.unwrap();
            assert!(whole_of(&content).await == all, "by {piece}");
            assert_eq!(ground.contents.digest(key).await.unwrap(), digest_of(&all));
        }
    }
}

#[tokio::test]
async fn a_broken_file_is_resumed_where_it_was_durable() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let (key, all) = (
            ContentKey::wire_received(TransferId::new()),
            pattern(300_000),
        );
        let mut first = intake(contents, key, 0).await;
        first.write(all[..200_000].to_vec()).await.unwrap();
        first.write(all[200_000..200_010].to_vec()).await.unwrap();
        let kept = first.pause().await.unwrap();
        assert_eq!(kept.key(), key);
        let busy = contents.partial(key).await;
        assert!(
            matches!(busy, Err(SpoolError::Busy(_))),
            "its row is not written yet"
        );
        drop(kept);
        let partial = contents.partial(key).await.unwrap();
        assert_eq!(partial.octets().await.unwrap(), 200_010);
        let short = partial.resume(200_011).await;
        assert!(matches!(
            short,
            Err(SpoolError::Short {
                length: 200_010,
                ..
            })
        ));
        let mut second = intake(contents, key, 150_000).await;
        assert_eq!(second.octets(), 150_000);
        second.write(all[150_000..].to_vec()).await.unwrap();
        let whole = second.finish().await.unwrap();
        assert_eq!(whole.measure().digest, digest_of(&all));
    }
}

#[tokio::test]
async fn a_checkpoint_is_durable_some_windows_later() {
    const WINDOW: usize = 8 << 20;
    for ground in grounds() {
        let key = ContentKey::wire_received(TransferId::new());
        let mut intake = intake(ground.contents.as_ref(), key, 0).await;
        let (window, mut durable, mut windows) = (pattern(WINDOW), None, 0_u64);
        while durable.is_none() && windows < 400 {
            intake.write(window.clone()).await.unwrap();
            windows += 1;
            let octets = intake.octets();
            durable = intake
                .catch_up(Position { octets, records: 0 })
                .await
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let durable = durable.expect("it becomes durable while more is written");
        assert_eq!(durable.octets, 64 << 20, "after so many octets it is begun");
        assert!(durable.octets <= windows * WINDOW as u64);
        intake.discard().await.unwrap();
        assert_eq!(
            ground.contents.pieces(key.id).await.unwrap(),
            Default::default()
        );
    }
}

#[tokio::test]
async fn a_content_is_one_writers_and_one_holders() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let key = ContentKey::wire_received(TransferId::new());
        let mut writing = intake(contents, key, 0).await;
        let busy = contents.partial(key).await;
        assert!(matches!(busy, Err(SpoolError::Busy(_))));
        writing.write(b"octets".to_vec()).await.unwrap();
        let whole = writing.finish().await.unwrap();
        let sidecar = inbound(key.id, whole.measure());
        let held = whole.seal(&sidecar).await.unwrap();
        assert!(matches!(contents.hold(key).await, Err(SpoolError::Busy(_))));
        let busy = contents.hold_to_deliver(key.id).await;
        assert!(matches!(busy, Err(SpoolError::Busy(_))));
        drop(held);
        assert_eq!(contents.hold(key).await.unwrap().unwrap().key(), key);
        let of_nobody = ContentKey::wire_received(TransferId::new());
        assert!(contents.hold(of_nobody).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_is_handed_to_the_inbox_is_there_once_and_gone_from_here() {
    for ground in grounds() {
        let (contents, inbox) = (ground.contents.as_ref(), ground.inbox());
        let key = sealed(contents, b"content").await;
        let handed = contents.hand_to(&inbox, "a/b/FILE", key, handing(false));
        handed.await.unwrap();
        assert_eq!(std::fs::read(inbox.join("a/b/FILE")).unwrap(), b"content");
        assert!(contents.hold_to_deliver(key.id).await.unwrap().is_none());
        let pieces = contents.pieces(key.id).await.unwrap();
        assert!(pieces.inbound_sidecar && pieces.wire == Default::default());
        contents.confirm_handed(&inbox, "a/b/FILE").await.unwrap();
        contents.confirm_handed(&inbox, "gone/FILE").await.unwrap();
        let again = contents
            .hand_to(&inbox, "a/b/OTHER", key, handing(false))
            .await;
        assert!(matches!(again, Err(PlaceError::Io { .. })), "{again:?}");
        assert!(!inbox.join("a/b/OTHER").exists());
    }
}

#[tokio::test]
async fn a_name_that_is_taken_is_taken_over_only_where_that_was_decided() {
    for ground in grounds() {
        let (contents, inbox) = (ground.contents.as_ref(), ground.inbox());
        std::fs::write(inbox.join("FILE"), "precious").unwrap();
        let key = sealed(contents, b"content").await;
        let taken = contents.hand_to(&inbox, "FILE", key, handing(false)).await;
        assert!(matches!(taken, Err(PlaceError::Taken(_))), "{taken:?}");
        assert_eq!(std::fs::read(inbox.join("FILE")).unwrap(), b"precious");
        assert!(
            contents.hold(key).await.unwrap().is_some(),
            "it is still here"
        );
        for outside in ["../FILE", "/FILE", "a//FILE", "", "a/../../FILE"] {
            let refused = contents.hand_to(&inbox, outside, key, handing(true)).await;
            assert!(matches!(refused, Err(PlaceError::Unsafe(_))), "{outside}");
        }
        let handed = contents.hand_to(&inbox, "FILE", key, handing(true));
        handed.await.unwrap();
        assert_eq!(std::fs::read(inbox.join("FILE")).unwrap(), b"content");
    }
}

#[tokio::test]
async fn a_plain_content_is_what_goes_into_the_inbox_and_the_other_stays() {
    for ground in grounds() {
        let (contents, inbox) = (ground.contents.as_ref(), ground.inbox());
        let key = sealed(contents, b"as on the wire").await;
        let mut opening = intake(contents, key.plain(), 0).await;
        opening.write(b"plain".to_vec()).await.unwrap();
        let whole = opening.finish().await.unwrap();
        let held = whole.seal_plain().await.unwrap();
        assert_eq!(held.key().content, Content::Plain);
        drop(held);
        let found = contents.opened(key.id).await.unwrap().unwrap();
        assert_eq!(found.measure().digest, digest_of(b"plain"));
        drop(found);
        let held = contents.hold_to_deliver(key.id).await.unwrap().unwrap();
        assert_eq!(held.key(), key.plain());
        let handed = contents.hand_to(&inbox, "FILE", held.key(), handing(false));
        handed.await.unwrap();
        drop(held);
        assert_eq!(std::fs::read(inbox.join("FILE")).unwrap(), b"plain");
        assert!(contents.hold_to_deliver(key.id).await.unwrap().is_none());
        let kept = contents.open(key).await.unwrap();
        assert_eq!(whole_of(&kept).await, b"as on the wire");
        let record = contents.record(Direction::Inbound, key.id).await.unwrap();
        assert_eq!(record.unwrap().plain().unwrap().digest, digest_of(b"plain"));
    }
}

#[tokio::test]
async fn a_file_to_send_is_copied_read_from_anywhere_and_sent_again() {
    for ground in grounds() {
        let (contents, all) = (ground.contents.as_ref(), pattern(700_000));
        let (old, new) = (TransferId::new(), TransferId::new());
        let source = std::io::Cursor::new(all.clone());
        let whole = contents.import(old, Box::new(source)).await.unwrap();
        assert_eq!(whole.measure().digest, digest_of(&all));
        let before = whole.open().await.unwrap();
        assert_eq!(
            before.read_at(0, 3).await.unwrap(),
            all[..3],
            "not sealed yet"
        );
        let sidecar = to_send(old, whole.measure());
        drop(whole.seal(&sidecar).await.unwrap());
        let content = contents.open(ContentKey::wire_to_send(old)).await.unwrap();
        let end = content.read_at(699_950, 100).await.unwrap();
        assert_eq!(end, all[699_950..], "fewer octets at the end alone");
        let mut buffer = [0; 10];
        assert_eq!(content.read_now(123_456, &mut buffer).unwrap(), 10);
        assert_eq!(buffer, all[123_456..123_466]);
        assert!(content.read_at(700_000, 10).await.unwrap().is_empty());
        let again = Sidecar { id: new, ..sidecar };
        contents.send_again(old, &again).await.unwrap();
        contents.withdraw(old).await.unwrap();
        assert_eq!(contents.pieces(old).await.unwrap(), Default::default());
        let content = contents.open(ContentKey::wire_to_send(new)).await.unwrap();
        assert!(whole_of(&content).await == all, "its octets are its own");
        let gone = contents
            .open(ContentKey::wire_to_send(old))
            .await
            .unwrap_err();
        assert!(gone.is_gone(), "{gone}");
        assert!(contents.send_again(old, &again).await.is_err());
    }
}

/// A source that breaks off in the middle.
struct Breaks(usize);

impl std::io::Read for Breaks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::other("the source is gone"));
        }
        self.0 -= 1;
        Ok(buffer.len())
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_copy_that_failed() {
    for ground in grounds() {
        let (contents, id) = (ground.contents.as_ref(), TransferId::new());
        let failed = contents.import(id, Box::new(Breaks(3))).await.unwrap_err();
        assert!(
            failed.to_string().contains("the source is gone"),
            "{failed}"
        );
        assert_eq!(contents.pieces(id).await.unwrap(), Default::default());
        let whole = contents.import(id, Box::new(&b"octets"[..])).await.unwrap();
        whole.discard().await.unwrap();
        assert_eq!(contents.pieces(id).await.unwrap(), Default::default());
    }
}

#[tokio::test]
async fn what_is_refused_goes_and_is_still_known() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let key = sealed(contents, b"content").await;
        contents
            .discard_contents(Direction::Inbound, key.id)
            .await
            .unwrap();
        let pieces = contents.pieces(key.id).await.unwrap();
        assert!(pieces.inbound_sidecar && pieces.wire.sealed.is_none());
        let record = contents.record(Direction::Inbound, key.id).await.unwrap();
        assert_eq!(record.unwrap().sidecar.measure.octets, 7);
        let nobody = TransferId::new();
        assert!(
            contents
                .record(Direction::Inbound, nobody)
                .await
                .unwrap()
                .is_none()
        );
        let key = ContentKey::wire_received(TransferId::new());
        let writing = intake(contents, key, 0).await;
        let busy = contents.discard_partial(key.id).await;
        assert!(
            matches!(busy, Err(SpoolError::Busy(_))),
            "somebody writes it"
        );
        drop(writing);
        contents.discard_partial(key.id).await.unwrap();
        assert_eq!(contents.pieces(key.id).await.unwrap(), Default::default());
        let partial = contents.partial(key).await.unwrap();
        partial.remove().await.unwrap();
        assert_eq!(contents.pieces(key.id).await.unwrap(), Default::default());
    }
}

#[tokio::test]
async fn records_and_lines_are_counted_where_they_lie() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let import = |octets: Vec<u8>| {
            contents.import(TransferId::new(), Box::new(std::io::Cursor::new(octets)))
        };
        let lines = b"RECORD\r\n".repeat(400_000);
        let whole = import(lines).await.unwrap();
        let content = whole.open().await.unwrap();
        let (layout, format) = (RecordLayout::Lines, Format::Variable(80));
        let found = count(Arc::clone(&content), layout, format).await.unwrap();
        assert_eq!((found.counts.records, found.longest), (400_000, 6));
        assert!(
            !found.positions.points().is_empty(),
            "a restart finds its record"
        );
        assert_eq!(bare_line_feed(content).await.unwrap(), None);
        let format = Format::Fixed(6);
        let content = whole.open().await.unwrap();
        let found = count(content, layout, format).await.unwrap();
        assert!(found.positions.points().is_empty(), "they are calculated");
        let whole = import(b"one\r\ntwo\nthree\r\n".to_vec()).await.unwrap();
        let content = whole.open().await.unwrap();
        assert_eq!(bare_line_feed(content).await.unwrap(), Some(2));
        let content = whole.open().await.unwrap();
        let wrong = count(content, layout, Format::Variable(80)).await;
        assert!(wrong.is_err(), "a line feed alone ends no record");
    }
}

#[tokio::test]
async fn positions_of_records_come_back_with_their_content_alone() {
    for ground in grounds() {
        let (contents, id) = (ground.contents.as_ref(), TransferId::new());
        let lines = b"RECORD\r\n".repeat(400_000);
        let source = Box::new(std::io::Cursor::new(lines));
        let whole = contents.import(id, source).await.unwrap();
        let content = whole.open().await.unwrap();
        let found = count(content, RecordLayout::Lines, Format::Variable(80)).await;
        let (positions, measure) = (found.unwrap().positions, whole.measure().clone());
        assert!(!positions.points().is_empty());
        let sidecar = to_send(id, &measure);
        drop(whole.seal(&sidecar).await.unwrap());
        assert!(contents.positions(id).await.points().is_empty());
        let of_another = Measure {
            octets: 1,
            digest: digest_of(b"another"),
        };
        contents.keep_positions(id, &of_another, &positions).await;
        assert!(contents.positions(id).await.points().is_empty());
        contents.keep_positions(id, &measure, &positions).await;
        assert_eq!(contents.positions(id).await.points(), positions.points());
        // Described again it has to be told once more.
        contents.describe(&sidecar).await.unwrap();
        assert!(contents.positions(id).await.points().is_empty());
    }
}

#[tokio::test]
async fn there_is_room_for_what_fits_and_for_no_more() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        contents.has_room_for(1).await.unwrap();
        let full = contents.has_room_for(u64::MAX / 2).await.unwrap_err();
        assert!(full.is_full(), "{full}");
        let key = ContentKey::wire_received(TransferId::new());
        drop(intake(contents, key, 0).await);
        let made = contents.make_room(u64::MAX / 2).await.unwrap();
        assert!(made.is_empty(), "all of them would not do");
        let made = contents.make_room(1).await.unwrap();
        assert!(made.is_empty(), "there is room");
        assert!(
            contents
                .pieces(key.id)
                .await
                .unwrap()
                .wire
                .incoming
                .is_some()
        );
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_is_said_and_not_made() {
    for ground in grounds() {
        let contents = ground.contents.as_ref();
        let key = sealed(contents, b"content").await;
        let file = ground.folder.path().join("in-the-way");
        std::fs::write(&file, "").unwrap();
        let failed = contents.hand_to(Path::new(&file), "FILE", key, handing(false));
        assert!(matches!(failed.await, Err(PlaceError::Io { .. })));
        assert!(
            contents.hold(key).await.unwrap().is_some(),
            "nothing is lost by it"
        );
    }
}
