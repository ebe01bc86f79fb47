//! What an intake asks of a writer, seen by a writer that only notes it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail anywhere"
)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::contents::{ContentSyncer, StoredContent};
use crate::measure::Measure;
use crate::sealed::Sealed;
use crate::sidecar::Sidecar;

/// What a writer was asked, and what its next syncs come to.
#[derive(Debug, Default)]
struct Asked {
    pieces: Vec<usize>,
    waits: u32,
    syncs: u32,
    /// The sync that is begun next fails.
    sync_fails: bool,
    /// Whoever syncs waits until somebody lets it go.
    gate: Option<Arc<tokio::sync::Notify>>,
    ended: Option<(&'static str, usize)>,
}

#[derive(Clone, Debug, Default)]
struct Requests(Arc<Mutex<Asked>>);

impl Requests {
    fn with<T>(&self, what: impl FnOnce(&mut Asked) -> T) -> T {
        what(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug)]
struct Scribe {
    requests: Requests,
    octets: u64,
}

#[derive(Debug)]
struct Sync {
    fails: bool,
    gate: Option<Arc<tokio::sync::Notify>>,
    octets: u64,
}

#[derive(Debug)]
struct Nothing(Measure);

fn broken() -> SpoolError {
    SpoolError::Io {
        path: "disk".into(),
        source: std::io::Error::from_raw_os_error(5),
    }
}

#[async_trait]
impl ContentSyncer for Sync {
    async fn sync(self: Box<Self>) -> Result<u64, SpoolError> {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        if self.fails {
            Err(broken())
        } else {
            Ok(self.octets)
        }
    }
}

#[async_trait]
impl ContentWriter for Scribe {
    fn octets(&self) -> u64 {
        self.octets
    }

    async fn append(&mut self, octets: Vec<u8>) -> Result<Option<Vec<u8>>, SpoolError> {
        self.octets += octets.len() as u64;
        self.requests.with(|asked| asked.pieces.push(octets.len()));
        Ok(None)
    }

    async fn written(&mut self) -> Result<(), SpoolError> {
        self.requests.with(|asked| asked.waits += 1);
        Ok(())
    }

    async fn syncer(&mut self) -> Result<Box<dyn ContentSyncer>, SpoolError> {
        let octets = self.octets;
        let sync = self.requests.with(|asked| {
            asked.syncs += 1;
            Sync {
                fails: asked.sync_fails,
                gate: asked.gate.clone(),
                octets,
            }
        });
        Ok(Box::new(sync))
    }

    async fn finish(self: Box<Self>, rest: Vec<u8>) -> Result<Box<dyn WholeContent>, SpoolError> {
        self.requests
            .with(|asked| asked.ended = Some(("finished", rest.len())));
        let octets = self.octets + rest.len() as u64;
        let digest = String::new();
        Ok(Box::new(Nothing(Measure { octets, digest })))
    }

    async fn pause(self: Box<Self>, rest: Vec<u8>) -> Result<Hold, SpoolError> {
        self.requests
            .with(|asked| asked.ended = Some(("paused", rest.len())));
        Err(SpoolError::Busy("it has no lock to give".into()))
    }

    async fn discard(self: Box<Self>) -> Result<(), SpoolError> {
        self.requests
            .with(|asked| asked.ended = Some(("discarded", 0)));
        Ok(())
    }
}

#[async_trait]
impl WholeContent for Nothing {
    fn measure(&self) -> &Measure {
        &self.0
    }

    async fn open(&self) -> Result<Arc<dyn StoredContent>, SpoolError> {
        Err(broken())
    }

    async fn seal(self: Box<Self>, _: &Sidecar) -> Result<Sealed, SpoolError> {
        Err(broken())
    }

    async fn seal_plain(self: Box<Self>) -> Result<Sealed, SpoolError> {
        Err(broken())
    }

    async fn discard(self: Box<Self>) -> Result<(), SpoolError> {
        Ok(())
    }
}

fn intake(from: u64) -> (Intake, Requests) {
    let requests = Requests::default();
    let writer = Scribe {
        requests: requests.clone(),
        octets: from,
    };
    (Intake::new(Box::new(writer)), requests)
}

fn end(octets: u64) -> Position {
    Position { octets, records: 0 }
}

/// A checkpoint's worth of octets and one more.
async fn a_checkpoint_is_written(intake: &mut Intake) {
    intake
        .write(vec![0; usize::try_from(CHECKPOINT).unwrap()])
        .await
        .unwrap();
    intake.write(vec![0; 1]).await.unwrap();
}

async fn let_others_run() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn small_buffers_come_back_and_are_gathered_and_long_ones_go_at_once() {
    let (mut intake, requests) = intake(1000);
    let mut count = 1000;
    for octets in [1, 0, GATHERED - 1] {
        let free = intake.write(vec![7; octets]).await.unwrap();
        assert_eq!(
            free.map(|free| free.len()),
            Some(octets),
            "it is free at once"
        );
        count += octets as u64;
        assert_eq!(intake.octets(), count, "what is gathered counts");
    }
    requests.with(|asked| assert!(asked.pieces.is_empty(), "it fits"));
    // One more does not fit: what was gathered goes before it, in one piece.
    assert!(intake.write(vec![8; 1]).await.unwrap().is_none());
    requests.with(|asked| assert_eq!(asked.pieces, [GATHERED, 1]));
    assert!(intake.write(vec![9; GATHERED + 1]).await.unwrap().is_none());
    requests.with(|asked| assert_eq!(asked.pieces, [GATHERED, 1, GATHERED + 1]));
    assert!(intake.write(vec![9; GATHERED]).await.unwrap().is_some());
    let whole = intake.finish().await.unwrap();
    requests.with(|asked| assert_eq!(asked.ended, Some(("finished", GATHERED))));
    let written = 1000 + 3 * GATHERED as u64 + 2;
    assert_eq!(whole.measure().octets, written);
}

#[tokio::test]
async fn a_sync_is_begun_at_each_checkpoint_and_its_position_is_said_when_it_is_durable() {
    let (mut intake, requests) = intake(0);
    intake.write(vec![0; 100]).await.unwrap();
    assert_eq!(intake.catch_up(end(90)).await.unwrap(), None);
    requests.with(|asked| assert_eq!((asked.syncs, asked.waits), (0, 1), "too early"));
    a_checkpoint_is_written(&mut intake).await;
    let boundary = end(CHECKPOINT + 7);
    assert_eq!(
        intake.catch_up(boundary).await.unwrap(),
        None,
        "it has only begun"
    );
    requests.with(|asked| {
        assert_eq!(asked.syncs, 1);
        let written: usize = asked.pieces.iter().sum();
        assert_eq!(
            written as u64,
            CHECKPOINT + 101,
            "what was gathered is part of it"
        );
    });
    let_others_run().await;
    // The next boundary is another one; durable is that of then.
    assert_eq!(
        intake.catch_up(end(CHECKPOINT + 99)).await.unwrap(),
        Some(boundary)
    );
    assert_eq!(
        intake.catch_up(end(CHECKPOINT + 99)).await.unwrap(),
        None,
        "said once"
    );
    requests.with(|asked| assert_eq!(asked.syncs, 1));
}

#[tokio::test]
async fn one_sync_runs_at_a_time_and_the_next_one_covers_what_came_meanwhile() {
    let (mut intake, requests) = intake(0);
    let gate = Arc::new(tokio::sync::Notify::new());
    requests.with(|asked| asked.gate = Some(Arc::clone(&gate)));
    a_checkpoint_is_written(&mut intake).await;
    assert_eq!(intake.catch_up(end(1)).await.unwrap(), None);
    a_checkpoint_is_written(&mut intake).await;
    for _ in 0..3 {
        let_others_run().await;
        assert_eq!(intake.catch_up(end(2)).await.unwrap(), None);
    }
    requests.with(|asked| assert_eq!(asked.syncs, 1, "the first is under way still"));
    gate.notify_one();
    let_others_run().await;
    assert_eq!(intake.catch_up(end(3)).await.unwrap(), Some(end(1)));
    requests.with(|asked| assert_eq!(asked.syncs, 2, "it was due already"));
    gate.notify_one();
    let_others_run().await;
    assert_eq!(intake.catch_up(end(4)).await.unwrap(), Some(end(3)));
}

#[tokio::test]
async fn a_resumed_file_counts_to_its_next_checkpoint_from_where_it_was_resumed() {
    let (mut intake, requests) = intake(10 * CHECKPOINT);
    intake.write(vec![0; 1000]).await.unwrap();
    assert_eq!(
        intake.catch_up(end(10 * CHECKPOINT + 1000)).await.unwrap(),
        None
    );
    requests.with(|asked| assert_eq!(asked.syncs, 0));
    assert_eq!(intake.octets(), 10 * CHECKPOINT + 1000);
}

/// The kernel reports a failed write once.
#[tokio::test]
async fn a_sync_that_failed_beside_the_transfer_is_the_end_of_the_file() {
    for how in ["settle", "finish", "pause"] {
        let (mut intake, requests) = intake(0);
        requests.with(|asked| asked.sync_fails = true);
        a_checkpoint_is_written(&mut intake).await;
        assert_eq!(intake.catch_up(end(CHECKPOINT)).await.unwrap(), None);
        // A sync that came later would succeed; nobody asks it.
        requests.with(|asked| asked.sync_fails = false);
        let_others_run().await;
        let failed = match how {
            "settle" => intake.catch_up(end(CHECKPOINT)).await.map(drop),
            "finish" => intake.finish().await.map(drop),
            _ => intake.pause().await.map(drop),
        };
        let failed = failed.unwrap_err();
        assert!(matches!(failed, SpoolError::Io { .. }), "{how}: {failed}");
        let ended = (how == "finish").then_some(("discarded", 0));
        requests.with(|asked| assert_eq!(asked.ended, ended, "{how}: nothing is sealed of it"));
    }
}

#[tokio::test]
async fn the_end_waits_for_the_sync_under_way_and_hands_over_what_is_gathered() {
    let (mut intake, requests) = intake(0);
    let gate = Arc::new(tokio::sync::Notify::new());
    requests.with(|asked| asked.gate = Some(Arc::clone(&gate)));
    a_checkpoint_is_written(&mut intake).await;
    intake.catch_up(end(CHECKPOINT)).await.unwrap();
    intake.write(vec![1; 17]).await.unwrap();
    let ending = tokio::spawn(intake.pause());
    let_others_run().await;
    requests.with(|asked| assert_eq!(asked.ended, None, "the sync is under way still"));
    gate.notify_one();
    assert!(matches!(ending.await.unwrap(), Err(SpoolError::Busy(_))));
    requests.with(|asked| assert_eq!(asked.ended, Some(("paused", 17))));
}

#[tokio::test]
async fn what_is_given_up_is_written_no_further() {
    let (mut intake, requests) = intake(0);
    intake.write(vec![1; 17]).await.unwrap();
    intake.discard().await.unwrap();
    requests.with(|asked| {
        assert_eq!(asked.ended, Some(("discarded", 0)));
        assert!(asked.pieces.is_empty());
    });
}
