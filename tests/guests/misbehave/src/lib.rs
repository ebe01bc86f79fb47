//! Does on request what no policy should. What to do is said by the dataset name of a file, or at
//! the other moments by the setting `misbehave`.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use pointsman_policy_sdk::{
    Answer, ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileTerms, Policy,
    RecordLayout, Refusal, ResponseDecision, ResponseInfo, SessionTerms, TransferResult,
    TurnDecision, TurnTerms, info, kv_set, list_outbound, now, policy, refuse, refuse_for_now,
    session_get, session_set, setting, warn,
};

struct Misbehave;

policy!(Misbehave);

/// Called while the component is instantiated. To some runtimes, Go's among them, a clock at zero is a broken one.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    let second = Duration::from_secs(1);
    let monotonic = Instant::now().checked_sub(second).is_some();
    let wall = SystemTime::now() >= SystemTime::UNIX_EPOCH + second;
    assert!(monotonic && wall, "nanotime returning zero");
}

impl Policy for Misbehave {
    fn accept_connection(connection: &ConnectionInfo) -> Answer<ConnectionDecision> {
        let how = setting("misbehave").unwrap_or_default();
        // Loops for callers whose profile is not known yet, and passes all others.
        if how == "loop-for-strangers" && connection.partner.is_none() {
            misbehave("LOOP")?;
        }
        misbehave(&how)?;
        Ok(match how.as_str() {
            "refuse" => ConnectionDecision::Refuse(refuse(5, "closed today")),
            "absurd" => ConnectionDecision::Refuse(refuse(0, "no such reason")),
            "accept" => ConnectionDecision::Accept(SessionTerms {
                partner: setting("partner"),
                credit: number("credit"),
                buffer_size: number("buffer-size"),
                labels: vec![("by".to_owned(), connection.ssid_code.clone())],
                ..SessionTerms::default()
            }),
            _ => ConnectionDecision::Pass,
        })
    }

    fn accept_file(_: &ConnectionInfo, file: &FileInfo) -> Answer<FileDecision> {
        misbehave(&file.dataset_name)?;
        let accept = |terms| Ok(FileDecision::Accept(terms));
        match file.dataset_name.as_str() {
            "ABSURD.PATH" => accept(FileTerms {
                directory: Some("inbox/../../etc".to_owned()),
                ..FileTerms::default()
            }),
            "ABSURD.NAME" => accept(FileTerms {
                file_name: Some("a/b".to_owned()),
                ..FileTerms::default()
            }),
            "ABSURD.LABELS" => accept(FileTerms {
                labels: vec![("name".to_owned(), "value".to_owned()); 100_000],
                ..FileTerms::default()
            }),
            "ABSURD.TEXT" => Ok(FileDecision::Refuse(refuse(99, "x".repeat(1000)))),
            "ABSURD.REASON" => Ok(FileDecision::Refuse(refuse(77, ""))),
            "REFUSE" => Ok(FileDecision::Refuse(refuse_for_now(
                6,
                "come back when it is smaller",
            ))),
            // Where it has been before, in this instance and in this session.
            "COUNT" => accept(FileTerms {
                labels: counts()?,
                ..FileTerms::default()
            }),
            "WASI" => accept(FileTerms {
                labels: wasi(),
                ..FileTerms::default()
            }),
            "PREFIXED" => accept(FileTerms {
                record_layout: Some(RecordLayout::LengthPrefixed),
                ..FileTerms::default()
            }),
            "OVERWRITE" | "OVER WRITE" => accept(FileTerms {
                overwrite: Some(true),
                ..FileTerms::default()
            }),
            "VERSION" => accept(FileTerms {
                directory: setting("version"),
                ..FileTerms::default()
            }),
            _ => Ok(FileDecision::Pass),
        }
    }

    fn end_transfer(_: &ConnectionInfo, _: &TransferResult) -> Answer<ResponseDecision> {
        let how = setting("misbehave").unwrap_or_default();
        misbehave(&how)?;
        Ok(match how.as_str() {
            "later" => ResponseDecision::Later(number("seconds").unwrap_or(60)),
            "negative" => ResponseDecision::Negative(Refusal {
                reason: 35,
                text: "nobody home".to_owned(),
                retry: false,
            }),
            "absurd" => ResponseDecision::Later(u32::MAX),
            _ => ResponseDecision::Pass,
        })
    }

    fn ready_to_send(connection: &ConnectionInfo) -> Answer<TurnDecision> {
        let how = setting("misbehave").unwrap_or_default();
        misbehave(&how)?;
        let partner = connection.partner.as_deref().unwrap_or_default();
        Ok(match how.as_str() {
            "newest" => TurnDecision::Send(TurnTerms {
                files: Some(
                    list_outbound(partner, 10)
                        .into_iter()
                        .rev()
                        .map(|f| f.id)
                        .collect(),
                ),
                max_files: Some(1),
            }),
            "oldest" => TurnDecision::Send(TurnTerms {
                files: Some(
                    list_outbound(partner, 1)
                        .into_iter()
                        .map(|f| f.id)
                        .collect(),
                ),
                max_files: None,
            }),
            "hold" => TurnDecision::Hold("not on Sundays".to_owned()),
            "absurd" => TurnDecision::Send(TurnTerms {
                files: Some(vec!["id".to_owned(); 1001]),
                ..TurnTerms::default()
            }),
            _ => TurnDecision::Pass,
        })
    }

    fn end_response(_: &ConnectionInfo, response: &ResponseInfo) -> Answer<()> {
        misbehave(&setting("misbehave").unwrap_or_default())?;
        info!("response for {}", response.dataset_name);
        Ok(())
    }
}

fn misbehave(how: &str) -> Result<(), String> {
    match how.to_ascii_uppercase().as_str() {
        "LOOP" => loop {
            black_box(0);
        },
        "MEMORY" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(vec![1_u8; 1 << 20]);
                black_box(&hoard);
            }
        }
        // Memory that it never gives back, within its limit.
        "HOARD" => std::mem::forget(black_box(vec![1_u8; 16 << 20])),
        // Values without end.
        "KEEP" => (0..900).try_for_each(|n| kv_set(&format!("key-{n}"), &[1; 60 << 10]))?,
        "TRAP" => panic!("a bug in the policy"),
        "EXIT" => std::process::exit(3),
        "RECURSE" => {
            fn deeper(n: u64) -> u64 {
                black_box(deeper(black_box(n) + 1) + 1)
            }
            black_box(deeper(0));
        }
        "ERROR" => return Err("the table of partners is empty".to_owned()),
        "ERROR.LONG" => return Err("x".repeat(50_000)),
        "FLOOD" => (0..100_000).for_each(|n| warn!("line {n}")),
        "CALLS" => (0..100_000).for_each(|_| drop(black_box(setting("misbehave")))),
        "HANG" => drop(list_outbound("hang", 1)),
        "SLEEP" => std::thread::sleep(Duration::from_secs(3600)),
        _ => {}
    }
    Ok(())
}

fn number<N: std::str::FromStr>(key: &str) -> Option<N> {
    setting(key)?.parse().ok()
}

fn counts() -> Result<Vec<(String, String)>, String> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static HERE: AtomicU32 = AtomicU32::new(0);
    let here = HERE.fetch_add(1, Ordering::Relaxed) + 1;
    let before = session_get("count")
        .and_then(|value| value.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    session_set("count", &(before + 1).to_be_bytes())?;
    Ok(vec![
        ("instance".to_owned(), here.to_string()),
        ("session".to_owned(), (before + 1).to_string()),
    ])
}

/// What the world looks like from inside: it should be empty, and the same every time.
fn wasi() -> Vec<(String, String)> {
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;
    println!("printed");
    eprintln!("printed as an error");
    let clock = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    vec![
        (
            "files".to_owned(),
            std::fs::read_dir("/").is_ok().to_string(),
        ),
        (
            "network".to_owned(),
            std::net::TcpStream::connect("127.0.0.1:1")
                .err()
                .map(|e| e.kind().to_string())
                .unwrap_or_default(),
        ),
        (
            "environment".to_owned(),
            std::env::vars().count().to_string(),
        ),
        ("arguments".to_owned(), std::env::args().count().to_string()),
        ("clock".to_owned(), clock.as_millis().to_string()),
        ("now".to_owned(), now().to_string()),
        (
            "random".to_owned(),
            RandomState::new().hash_one(0).to_string(),
        ),
    ]
}
