//! What the conversations share: the real components, a partner, a file, a server's services.

#![allow(dead_code, reason = "each test file uses a part of it")]

#[path = "../../../../xtask/src/guests/build.rs"]
mod guests;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use pointsman_policy::types::*;
use pointsman_policy::{
    Compile, Conversation, Engine, EngineConfig, HostServices, PolicySet, PolicySpec,
};

/// The engine of a test process: one is enough.
pub static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineConfig::default()).expect("this machine runs wasmtime"));

/// The compile child: the example program `compile-policy` of this crate.
pub fn compiler_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap().parent().unwrap();
    folder.join("examples/compile-policy")
}

/// An engine that compiles by this program.
pub fn with_program(program: &Path, args: Vec<String>) -> Engine {
    let compile = Compile::Child {
        program: program.to_owned(),
        args,
    };
    Engine::new(EngineConfig {
        compile,
        ..EngineConfig::default()
    })
    .unwrap()
}

/// Numbers at random, the same again for the same seed: `POLICY_TEST_SEED=n` runs one again.
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        let seed = match std::env::var("POLICY_TEST_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => u64::from(SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos()),
        };
        println!("POLICY_TEST_SEED={seed}");
        Chance(seed)
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// A component of the repository, built once a process.
pub fn component(name: &str) -> PathBuf {
    static BUILT: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap();
        let out = repository.join("target/guests");
        let all = [guests::EXAMPLES, guests::FOR_TESTS].concat();
        guests::build(&repository, &all, &out.join("build"), &out).unwrap_or_else(|e| panic!("{e}"))
    });
    let found = BUILT
        .iter()
        .find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found
        .unwrap_or_else(|| panic!("there is no component {name}"))
        .clone()
}

/// A policy deployed under its component's name.
pub fn spec(name: &str, settings: &[(&str, &str)]) -> PolicySpec {
    PolicySpec {
        name: name.to_owned(),
        component: component(name),
        settings: map(settings),
        ..PolicySpec::default()
    }
}

pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

pub async fn load(specs: Vec<PolicySpec>) -> PolicySet {
    PolicySet::load(&ENGINE, specs)
        .await
        .unwrap_or_else(|e| panic!("{e}"))
}

/// A session with these policies, at a server that keeps what it is told.
pub async fn session(specs: Vec<PolicySpec>) -> Conversation {
    Conversation::open(
        load(specs).await.current(),
        "session-1".to_owned(),
        Arc::new(Server::default()),
    )
}

/// The time of every event that does not say another: 2026-11-22T14:05:59Z.
pub fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_356_359)
}

pub fn acme() -> ConnectionInfo {
    ConnectionInfo {
        session: "session-1".to_owned(),
        direction: Direction::Inbound,
        listener: "tls".to_owned(),
        local_address: "192.0.2.1:6619".to_owned(),
        remote_address: "198.51.100.7".to_owned(),
        remote_port: 51234,
        partner: Some("acme".to_owned()),
        password_ok: true,
        ssid_code: "O0013000001ACME".to_owned(),
        ssid_user: String::new(),
        ssid_level: 5,
        level: 5,
        buffer_size: 99_999,
        credit: 99,
        mode: TransferMode::Both,
        compression: true,
        restart: true,
        special_logic: false,
        secure_authentication: false,
        authenticated: false,
        tls: None,
        labels: vec![],
        extra: vec![],
    }
}

pub fn file(dataset_name: &str) -> FileInfo {
    FileInfo {
        dataset_name: dataset_name.to_owned(),
        description: String::new(),
        date: "20261122".to_owned(),
        time: "1405590001".to_owned(),
        user: String::new(),
        destination: "O0013000002HOME".to_owned(),
        originator: "O0013000001ACME".to_owned(),
        format: RecordFormat::Unstructured,
        max_record_size: 0,
        size_kib: 12,
        original_size_kib: 12,
        restart: 0,
        security: SecurityLevel::None,
        cipher_suite: 0,
        compressed: false,
        enveloped: false,
        signed_response: false,
        extra: vec![],
    }
}

pub fn received(dataset_name: &str) -> TransferResult {
    TransferResult {
        direction: TransferDirection::Received,
        file: file(dataset_name),
        outcome: TransferOutcome::Completed,
        path: Some(format!("in/{dataset_name}")),
        records: 0,
        octets: 12_000,
        restarted_at: 0,
        blake3: None,
        signature_valid: None,
        duration_ms: 20,
        asked: 0,
        labels: vec![],
        extra: vec![],
    }
}

pub fn eerp(dataset_name: &str) -> ResponseInfo {
    ResponseInfo {
        kind: ResponseKind::Delivered,
        dataset_name: dataset_name.to_owned(),
        date: "20261122".to_owned(),
        time: "1405590001".to_owned(),
        user: String::new(),
        destination: "O0013000002HOME".to_owned(),
        originator: "O0013000001ACME".to_owned(),
        outbound_id: Some("out-1".to_owned()),
        file_hash: None,
        hash_ok: None,
        signature_ok: None,
        problem: String::new(),
        extra: vec![],
    }
}

/// A file of ours that is to be queued, for whom nothing is demanded.
pub fn to_queue(dataset_name: &str) -> FileToQueue {
    FileToQueue {
        id: "out-4".to_owned(),
        partner: "acme".to_owned(),
        ssid_code: "O0013000001ACME".to_owned(),
        level: 5,
        dataset_name: dataset_name.to_owned(),
        description: String::new(),
        date: "20261122".to_owned(),
        time: "1405590001".to_owned(),
        user: String::new(),
        destination: "O0013000001ACME".to_owned(),
        originator: "O0013000002HOME".to_owned(),
        format: RecordFormat::Unstructured,
        max_record_size: 0,
        octets: 12_000,
        watched_folder: None,
        labels: vec![],
        demanded: DemandedServices {
            security: None,
            cipher_suite: None,
            compressed: None,
            signed_response: None,
        },
        services: FileServices {
            security: SecurityLevel::None,
            cipher_suite: 4,
            compressed: false,
            signed_response: false,
        },
        extra: vec![],
    }
}

/// A server's services, in memory: three files wait for `acme`; a partner `hang` never answers.
#[derive(Default)]
pub struct Server {
    kept: Mutex<HashMap<(String, String), Vec<u8>>>,
}

#[async_trait::async_trait]
impl HostServices for Server {
    async fn list_outbound(&self, partner: &str, limit: u32) -> Vec<OutboundFile> {
        if partner == "hang" {
            std::future::pending::<()>().await;
        }
        (1..=3)
            .take_while(|n| partner == "acme" && *n <= limit)
            .map(|n| OutboundFile {
                id: format!("out-{n}"),
                partner: partner.to_owned(),
                file: file(&format!("ORDERS{n}")),
                attempts: 0,
                queued_at: 1_795_356_000_000 + u64::from(n),
                labels: vec![],
            })
            .collect()
    }

    async fn kv_get(&self, policy: &str, key: &str) -> Option<Vec<u8>> {
        let key = (policy.to_owned(), key.to_owned());
        self.kept.lock().unwrap().get(&key).cloned()
    }

    async fn kv_set(&self, policy: &str, key: &str, value: Vec<u8>) -> Result<(), String> {
        let key = (policy.to_owned(), key.to_owned());
        self.kept.lock().unwrap().insert(key, value);
        Ok(())
    }
}
