//! The example policies at work: what an operator who deploys them gets.

#![cfg(test)]

mod common;

use common::*;
use pointsman_policy::FailureKind;
use pointsman_policy::types::*;

#[tokio::test]
async fn known_partners_come_in_and_others_do_not() {
    let settings = [
        ("partners", "O0013000001ACME, O0013000003WIDGET"),
        ("networks", "198.51.100.0/24"),
    ];
    let mut session = session(vec![spec("known-partners", &settings)]).await;
    let mut ask = async |change: fn(&mut ConnectionInfo)| {
        let mut connection = acme();
        change(&mut connection);
        let answer = session.accept_connection(&connection, noon()).await;
        assert_eq!(answer.failures, []);
        (answer.decision, answer.decided_by.map(|by| by.policy))
    };
    let refused = |reason, text: &str| {
        let refusal = Refusal {
            reason,
            text: text.to_owned(),
            retry: false,
        };
        (
            ConnectionDecision::Refuse(refusal),
            Some("known-partners".to_owned()),
        )
    };

    assert_eq!(
        ask(|_| ()).await,
        (
            ConnectionDecision::Accept(SessionTerms::default()),
            Some("known-partners".to_owned())
        )
    );
    assert_eq!(
        ask(|c| c.ssid_code = "O0013000009OTHER".to_owned()).await,
        refused(3, "user code not known")
    );
    assert_eq!(
        ask(|c| c.remote_address = "203.0.113.9".to_owned()).await,
        refused(3, "user code not known")
    );
    assert_eq!(
        ask(|c| c.password_ok = false).await,
        refused(4, "invalid password")
    );
}

#[tokio::test]
async fn known_partners_says_which_setting_is_wrong() {
    for (settings, told) in [
        (vec![], "the setting `partners` is missing"),
        (
            vec![
                ("partners", "O0013000001ACME"),
                ("networks", "10.0.0.0/8, acme"),
            ],
            "the setting `networks`: `acme` is no network; write 192.0.2.0/24, 2001:db8::/32 or one address",
        ),
    ] {
        let mut session = session(vec![spec("known-partners", &settings)]).await;
        let answer = session.accept_connection(&acme(), noon()).await;
        let ConnectionDecision::Refuse(refusal) = answer.decision else {
            panic!("a policy that cannot decide let somebody in");
        };
        assert_eq!((refusal.reason, refusal.retry), (8, true));
        let [failure] = answer.failures.as_slice() else {
            panic!("no failure was told")
        };
        assert_eq!(
            (failure.kind, failure.detail.as_str()),
            (FailureKind::ErrorText, told)
        );
    }
}

#[tokio::test]
async fn files_go_where_their_names_say() {
    let rules =
        "# deliveries\nDELFOR* -> delfor/{originator}/{date}-{dataset}\nINV* -> {partner}.{time}\n";
    let settings = [
        ("rules", rules),
        ("refuse-reason", "14"),
        ("refuse-text", "not taken here"),
        ("overwrite", "no"),
    ];
    let mut session = session(vec![spec("route-by-name", &settings)]).await;

    let answer = session
        .accept_file(&acme(), &file("DELFOR/01"), noon())
        .await;
    assert_eq!(
        answer.decision,
        FileDecision::Accept(FileTerms {
            directory: Some("delfor/O0013000001ACME".to_owned()),
            file_name: Some("20261122-DELFOR_01".to_owned()),
            overwrite: Some(false),
            restart: None,
            record_layout: None,
            labels: vec![("rule".to_owned(), "DELFOR*".to_owned())],
        })
    );
    let by = answer.decided_by.unwrap();
    assert_eq!((by.policy.as_str(), by.generation), ("route-by-name", 1));

    let FileDecision::Accept(terms) = session
        .accept_file(&acme(), &file("INVOIC"), noon())
        .await
        .decision
    else {
        panic!("an invoice was refused");
    };
    assert_eq!(
        (terms.directory, terms.file_name.as_deref()),
        (None, Some("acme.1405590001"))
    );

    let answer = session.accept_file(&acme(), &file("ENGDAT"), noon()).await;
    let refusal = Refusal {
        reason: 14,
        text: "not taken here".to_owned(),
        retry: false,
    };
    assert_eq!(answer.decision, FileDecision::Refuse(refusal));
}

#[tokio::test]
async fn route_by_name_says_which_rule_is_wrong() {
    for (settings, told) in [
        (vec![], "the setting `rules` is missing"),
        (
            vec![("rules", "A -> a\nB -> ../b")],
            "the setting `rules`: line 2: `..` cannot be part of a path: relative paths only, no empty part, `.`, `..` or backslash",
        ),
        (
            vec![("rules", "A -> a"), ("refuse-reason", "7")],
            "the setting `refuse-reason`: `7` is no reason of an SFNA; there are 1 to 6, 10 to 20 and 99",
        ),
        (
            vec![("rules", "A -> a"), ("overwrite", "maybe")],
            "the setting `overwrite`: write yes or no, not `maybe`",
        ),
    ] {
        let mut session = session(vec![spec("route-by-name", &settings)]).await;
        let answer = session.accept_file(&acme(), &file("A"), noon()).await;
        let [failure] = answer.failures.as_slice() else {
            panic!("no failure was told for {told}")
        };
        assert_eq!(
            (failure.kind, failure.detail.as_str()),
            (FailureKind::ErrorText, told)
        );
        let FileDecision::Refuse(refusal) = answer.decision else {
            panic!("a policy that cannot decide took a file");
        };
        assert_eq!((refusal.reason, refusal.retry), (99, true));
    }
}

#[tokio::test]
async fn secure_by_name_secures_what_its_rules_name() {
    let rules = "acme *.CATPART -> encrypted-and-signed compressed suite-6\n* *.CATPART -> never\n";
    let mut session = session(vec![spec("secure-by-name", &[("rules", rules)])]).await;
    let answer = session.queue_file(&to_queue("DOOR.CATPART"), noon()).await;
    assert_eq!(
        answer.decision,
        QueueDecision::Queue(QueueTerms {
            security: Some(SecurityLevel::EncryptedAndSigned),
            cipher_suite: Some(6),
            compressed: Some(true),
            signed_response: Some(false),
            labels: vec![],
        })
    );
    let other = FileToQueue {
        partner: "other".to_owned(),
        ..to_queue("DOOR.CATPART")
    };
    let answer = session.queue_file(&other, noon()).await;
    let text = "DOOR.CATPART is no file for other".to_owned();
    assert_eq!(answer.decision, QueueDecision::Refuse(text));
    let answer = session.queue_file(&to_queue("ORDERS"), noon()).await;
    assert_eq!(answer.decision, QueueDecision::Pass);

    let mut session = common::session(vec![spec("secure-by-name", &[])]).await;
    let answer = session.queue_file(&to_queue("ORDERS"), noon()).await;
    assert!(
        matches!(answer.decision, QueueDecision::Later(_)),
        "{answer:?}"
    );
}
