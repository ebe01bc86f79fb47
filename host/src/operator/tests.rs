//! Requests of operators, in the server's own process and outside of it.

use std::time::{Duration, SystemTime};

use pointsman_store::{Direction, InboundState, OutboundState, ReceiptState};

use super::error::ErrorCode;
use super::lock::StorageLock;
use super::partners::PartnersReport;
use super::queue::{QueueAction, QueueOrder, QueueReport};
use super::receipts::{ReceiptAnswer, ReceiptChoice};
use super::reload::Reloaded;
use super::send::{SendFormat, SendRequest};
use super::transfers::{StateReport, TransferQuery, TransferSummary};
use super::utc_time::UtcTime;
use super::*;
use crate::station::Inbox;
use crate::station::in_force::InForce;

const CONFIG: &str = "version: 1\nstation: {ssid: O0013US, password: OURS}\nstorage: {state: state, inbox: inbox}\n\
                      listeners: [{address: '127.0.0.1:0'}]\npartners:\n  them: {ssid: O0013THEM, password: THEIRS}\n";

/// A station with one file in its queue.
struct OneQueued {
    temp: tempfile::TempDir,
    station: Arc<Station>,
    transfer: String,
}

impl OneQueued {
    async fn with_a_file() -> Self {
        let temp = tempfile::TempDir::new().unwrap();
        let station = Station::open(InForce::of(plan(temp.path())), "test", Inbox::Made).await;
        let station = station.unwrap();
        let file = temp.path().join("ORDERS.EDI");
        std::fs::write(&file, "UNB+UNOA:1'").unwrap();
        let call = within(&station)
            .send(&SendRequest {
                partner: "them".to_owned(),
                file: Some(file),
                queue_only: true,
                ..SendRequest::default()
            })
            .await;
        let queued = call.unwrap().queued.unwrap();
        assert_eq!(queued.dataset, "ORDERS.EDI");
        Self {
            temp,
            station,
            transfer: queued.transfer,
        }
    }

    fn operators(&self) -> [Operator; 2] {
        let outside = Operator::of(plan(self.temp.path()));
        [within(&self.station), outside]
    }

    fn order(&self, action: QueueAction) -> QueueOrder {
        QueueOrder {
            transfer: self.transfer.parse().unwrap(),
            action,
            why: "a test".to_owned(),
        }
    }
}

/// A station that no server runs.
struct NoServer;

#[async_trait::async_trait]
impl Reload for NoServer {
    async fn reload(&self) -> Result<Reloaded, OperatorError> {
        Err(ErrorCode::NoServer.because("a station alone reloads nothing"))
    }
}

fn within(station: &Arc<Station>) -> Operator {
    Operator::within(RunningServer {
        station: Arc::clone(station),
        reloader: Arc::new(NoServer),
    })
}

fn plan(folder: &std::path::Path) -> Plan {
    let path = folder.join("pointsman.yaml");
    std::fs::write(&path, CONFIG).unwrap();
    Plan::load(&path).unwrap()
}

#[tokio::test]
async fn a_file_is_held_and_released_alike_in_the_server_and_outside() {
    let queue = OneQueued::with_a_file().await;
    for operator in queue.operators() {
        let done = operator
            .order(queue.order(QueueAction::Hold))
            .await
            .unwrap();
        assert_eq!(done.transfer, queue.transfer);
        for operator in queue.operators() {
            let report = operator.queue(Some("them")).await.unwrap();
            let [file] = report.files.as_slice() else {
                panic!("{report:?}");
            };
            assert_eq!((file.state, file.standing()), (OutboundState::Held, "held"));
            let waiting = operator.attention(None).await.unwrap();
            assert_eq!(waiting.transfers[0].waits_for, "held until you release it");
            let history = operator.transfer(&queue.transfer.parse().unwrap()).await;
            let data = serde_json::to_value(history.unwrap()).unwrap();
            let why = data["outbound"]["why_it_waits"].as_str().unwrap();
            assert!(why.starts_with("it is held"), "{why}");
        }
        let released = operator.order(queue.order(QueueAction::Release)).await;
        assert!(released.unwrap().done.starts_with("released"));
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_done_has_the_code_of_its_cause() {
    let queue = OneQueued::with_a_file().await;
    let [_, outside] = queue.operators();
    let code = |error: Option<OperatorError>| error.map(|error| error.code);
    assert_eq!(
        code(outside.queue(Some("nobody")).await.err()),
        Some(ErrorCode::NoSuchPartner)
    );
    assert_eq!(code(outside.calls().await.err()), Some(ErrorCode::NoServer));
    let nothing = "ffff".parse().unwrap();
    assert_eq!(
        code(outside.transfer(&nothing).await.err()),
        Some(ErrorCode::NoSuchTransfer)
    );
    let answer = ReceiptAnswer {
        transfer: queue.transfer.parse().unwrap(),
        receipt: ReceiptChoice::Positive,
    };
    assert_eq!(
        code(outside.answer(answer).await.err()),
        Some(ErrorCode::WrongState)
    );
    let wrong = SendRequest {
        partner: "them".to_owned(),
        file: Some(queue.temp.path().join("ORDERS.EDI")),
        format: SendFormat::F,
        queue_only: true,
        ..SendRequest::default()
    };
    assert_eq!(
        code(outside.send(&wrong).await.err()),
        Some(ErrorCode::ArgumentsDisagree)
    );
    let _lock = StorageLock::take(outside.plan()).unwrap();
    assert_eq!(
        code(outside.rebuild_store().err()),
        Some(ErrorCode::ServerRuns)
    );
}

#[tokio::test]
async fn where_no_server_ever_ran_nothing_is_made_by_looking() {
    let temp = tempfile::TempDir::new().unwrap();
    let operator = Operator::of(plan(temp.path()));
    let error = operator.queue(None).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::NoStore);
    let known = operator.partners(None).await.unwrap();
    assert_eq!(known.partners.len(), 1);
    assert!(!temp.path().join("state").exists());
}

#[tokio::test]
async fn transfers_are_found_by_what_is_given_of_them() {
    let queue = OneQueued::with_a_file().await;
    let [_, outside] = queue.operators();
    let query = |name: &str, state: &str| TransferQuery {
        count: 10,
        partner: Some("them".to_owned()),
        state: Some(state.to_owned()),
        direction: Some(Direction::Outbound),
        name: Some(name.to_owned()),
    };
    let rows = outside.transfers(query("ORD*", "ready")).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].file.dataset, "ORDERS.EDI");
    assert_eq!(outside.transfers(query("ORD*", "sent")).await.unwrap(), []);
    let wrong = outside.transfers(query("ORD*", "gone")).await.err();
    assert_eq!(wrong.unwrap().code, ErrorCode::ArgumentsDisagree);
}

#[test]
fn requests_are_data() {
    let request = serde_json::json!({
        "transfer": "0199aaaa",
        "receipt": {"negative": {"reason": 34, "text": "no such order"}},
    });
    let answer: ReceiptAnswer = serde_json::from_value(request.clone()).unwrap();
    assert_eq!(serde_json::to_value(&answer).unwrap(), request);
    let senseless = serde_json::json!({
        "transfer": "0199aaaa",
        "receipt": {"negative": {"reason": 77, "text": ""}},
    });
    assert!(serde_json::from_value::<ReceiptAnswer>(senseless).is_err());
}

#[tokio::test]
async fn what_waits_and_what_is_known_of_partners_is_read_back_as_it_was() {
    let waiting = OneQueued::with_a_file().await;
    let [within, _] = waiting.operators();
    let mut queue = within.queue(None).await.unwrap();
    queue.unknown.push("the running server".to_owned());
    queue.files[0].since = UtcTime(SystemTime::UNIX_EPOCH); // Times are shown to the second.
    let json = serde_json::to_value(&queue).unwrap();
    assert_eq!(json["files"][0]["transfer"], waiting.transfer.as_str());
    assert!(json["partners"]["them"]["next_call"].is_string());
    assert_eq!(serde_json::from_value::<QueueReport>(json).unwrap(), queue);
    let mut known = within.partners(None).await.unwrap();
    known.partners[0].to_send.oldest = None;
    let json = serde_json::to_value(&known).unwrap();
    assert_eq!(json["partners"][0]["to_send"]["files"], 1);
    let read = serde_json::from_value::<PartnersReport>(json);
    assert_eq!(read.unwrap(), known);
}

#[tokio::test]
async fn a_reply_is_read_back_as_it_was() {
    let queue = OneQueued::with_a_file().await;
    let [_, outside] = queue.operators();
    let query = TransferQuery {
        count: 1,
        partner: None,
        state: None,
        direction: None,
        name: None,
    };
    let mut row = outside.transfers(query).await.unwrap().remove(0);
    row.since = UtcTime(SystemTime::UNIX_EPOCH); // Times are shown to the second.
    let states = [
        OutboundState::Rejected.into(),
        InboundState::Rejected.into(),
    ];
    for (state, receipt) in states.into_iter().zip([None, Some(ReceiptState::Owed)]) {
        (row.state, row.receipt) = (StateReport(state), receipt);
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["state"], "rejected");
        assert_eq!(json["direction"], state.direction().as_str());
        assert_eq!(
            serde_json::from_value::<TransferSummary>(json).unwrap(),
            row
        );
    }
    let mut odd = serde_json::to_value(&row).unwrap();
    odd["state"] = "parked".into();
    let error = serde_json::from_value::<TransferSummary>(odd).unwrap_err();
    assert!(
        error.to_string().contains("no file that goes in is parked"),
        "{error}"
    );
}

/// A port that somebody may call, and whether one has.
struct Port(std::net::TcpListener);

impl Port {
    fn open() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    /// Profile of the partner with this address.
    fn profile(&self) -> String {
        let port = self.0.local_addr().unwrap().port();
        format!("  them: {{ssid: O0013THEM, password: THEIRS, address: 'localhost:{port}'}}\n")
    }

    async fn is_called(&self) -> bool {
        let caller = async {
            loop {
                match self.0.accept() {
                    Ok((caller, _)) => return drop(caller),
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let caller = tokio::time::timeout(Duration::from_secs(20), caller);
        caller.await.is_ok()
    }
}

/// Puts a configuration with these partners in force.
async fn put_in_force(station: &Station, folder: &std::path::Path, partners: &str) {
    let path = folder.join("pointsman.yaml");
    let before = CONFIG.split("partners:").next().unwrap();
    std::fs::write(&path, format!("{before}partners:\n{partners}")).unwrap();
    let next = InForce::of(Plan::load(&path).unwrap());
    let policies = station.policies.prepare(Vec::new()).await.unwrap();
    station.put_in_force(next, policies);
}

#[tokio::test]
async fn a_call_that_waits_while_the_plan_changes_is_made_by_the_new_one_alone() {
    let temp = tempfile::TempDir::new().unwrap();
    let station = Station::open(InForce::of(plan(temp.path())), "test", Inbox::Made).await;
    let station = station.unwrap();
    let (old, new) = (Port::open(), Port::open());
    let prepared = async || {
        put_in_force(&station, temp.path(), &old.profile()).await;
        let request = SendRequest {
            partner: "them".to_owned(),
            ..SendRequest::default()
        };
        within(&station).send(&request).await.unwrap()
    };
    let call = prepared().await;
    put_in_force(&station, temp.path(), &new.profile()).await;
    tokio::select! {
        is_called = new.is_called() => assert!(is_called, "nobody called the new address"),
        ended = call.make() => panic!("the new address was not reached: {ended:?}"),
    }
    let gone = "  others: {ssid: O0013OTHERS, password: THEIRS}\n";
    let without_address = "  them: {ssid: O0013THEM, password: THEIRS}\n";
    for (partners, says) in [
        (gone, "`them` is not in the configuration"),
        (without_address, "`them` has no address"),
    ] {
        let call = prepared().await;
        put_in_force(&station, temp.path(), partners).await;
        let error = call.make().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::PartnerUnreached);
        assert!(error.cause.contains(says), "{error}");
    }
    let called = old.0.accept().map_err(|error| error.kind());
    let called = called.map(|(_, from)| from);
    assert_eq!(called, Err(std::io::ErrorKind::WouldBlock), "the old one");
}
