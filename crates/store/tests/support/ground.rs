//! Places where contents are kept, each with an inbox beside it: what the stories of contents are told on.

use std::path::PathBuf;
use std::sync::Arc;

use pointsman_store::contents::{Contents, Handing, Intake, StoredContent};
use pointsman_store::{Access, ContentKey, Digest, Spool, TransferId};
use tempfile::TempDir;

use crate::files::inbound;

/// A place where contents are kept, and an inbox beside it.
pub struct Ground {
    pub folder: TempDir,
    pub contents: Arc<dyn Contents>,
}

impl Ground {
    pub fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }
}

/// Each that keeps contents.
pub fn grounds() -> Vec<Ground> {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("inbox")).unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    vec![Ground {
        folder,
        contents: Arc::new(spool),
    }]
}

pub fn digest_of(octets: &[u8]) -> String {
    let mut digest = Digest::default();
    digest.update(octets);
    digest.digits()
}

pub async fn intake(contents: &dyn Contents, key: ContentKey, from: u64) -> Intake {
    let partial = contents.partial(key).await.unwrap();
    Intake::new(partial.resume(from).await.unwrap())
}

/// Received whole and sealed; its lock is gone.
pub async fn sealed(contents: &dyn Contents, content: &[u8]) -> ContentKey {
    let key = ContentKey::wire_received(TransferId::new());
    let mut intake = intake(contents, key, 0).await;
    intake.write(content.to_vec()).await.unwrap();
    let whole = intake.finish().await.unwrap();
    let sidecar = inbound(key.id, whole.measure());
    drop(whole.seal(&sidecar).await.unwrap());
    key
}

pub async fn whole_of(content: &Arc<dyn StoredContent>) -> Vec<u8> {
    let octets = usize::try_from(content.octets().unwrap()).unwrap();
    content.read_at(0, octets + 9).await.unwrap()
}

pub fn handing(overwrite: bool) -> Handing {
    Handing {
        overwrite,
        access: Access::default(),
    }
}

/// Octets of which each place can be told.
pub fn pattern(octets: usize) -> Vec<u8> {
    (0..octets).map(|at| (at / 7 % 251) as u8).collect()
}
