//! What an audit says of each damage, word for word: an operator goes by it.

use pointsman_store::{Finding, TransferId, Weight};

use crate::yard::{Yard, everything};

/// A damage of a file of [`everything`], and what is said of it; `{id}` stands for the transfer.
struct Expected {
    which: &'static str,
    harm: fn(&Yard, TransferId),
    weight: Weight,
    kind: &'static str,
    file: &'static str,
    what: &'static str,
    /// How the remedy begins.
    remedy: &'static str,
}

fn wrong(
    which: &'static str,
    harm: fn(&Yard, TransferId),
    [kind, file, what, remedy]: [&'static str; 4],
) -> Expected {
    Expected {
        which,
        harm,
        weight: Weight::Discrepancy,
        kind,
        file,
        what,
        remedy,
    }
}

fn note(which: &'static str, harm: fn(&Yard, TransferId), said: [&'static str; 4]) -> Expected {
    Expected {
        weight: Weight::Note,
        ..wrong(which, harm, said)
    }
}

fn no_receipt(yard: &Yard, id: TransferId) {
    yard.sql(&format!("DELETE FROM receipts WHERE transfer = '{id}'"));
}

fn no_content(yard: &Yard, id: TransferId) {
    for part in ["sealed", "outgoing"] {
        let path = yard.file(&format!("{part}/{id}"));
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn expected() -> Vec<Expected> {
    let content = "spool/sealed/{id}";
    let to_send = "spool/outgoing/{id}";
    vec![
        wrong(
            "received",
            no_content,
            [
                "content-missing",
                content,
                "`received`, and its content is not there",
                "put the content back from a backup",
            ],
        ),
        wrong(
            "ready",
            no_content,
            [
                "content-missing",
                to_send,
                "`ready`, and its content is not there",
                "cancel it (`pointsman queue cancel`)",
            ],
        ),
        wrong(
            "held",
            no_content,
            [
                "content-missing",
                to_send,
                "`held`, and its content is not there",
                "cancel it (`pointsman queue cancel`)",
            ],
        ),
        wrong(
            "SENT",
            no_content,
            [
                "content-missing",
                to_send,
                "`sent`, and its content is not there",
                "nothing as long as the partner gives its receipt",
            ],
        ),
        note(
            "ACKED",
            no_content,
            [
                "outgoing-removed",
                to_send,
                "its content was removed: it cannot be sent again from here",
                "nothing",
            ],
        ),
        note(
            "cancelled",
            no_content,
            [
                "outgoing-removed",
                to_send,
                "its content was removed: it cannot be sent again from here",
                "nothing",
            ],
        ),
        wrong(
            "received",
            |yard, id| {
                std::fs::write(yard.file(&format!("sealed/{id}")), "conten").unwrap();
            },
            [
                "content-size",
                content,
                "it has 6 octets, its row says 7",
                "put the content back from a backup",
            ],
        ),
        wrong(
            "ready",
            |yard, id| {
                std::fs::write(yard.file(&format!("outgoing/{id}")), "contents").unwrap();
            },
            [
                "content-size",
                to_send,
                "it has 8 octets, its row says 7",
                "cancel it",
            ],
        ),
        wrong(
            "owed",
            |yard, id| {
                std::fs::write(yard.file(&format!("sealed/{id}")), "content").unwrap();
            },
            [
                "delivered-still-sealed",
                content,
                "delivered, and its content is still in the spool",
                "compare it with the delivered file",
            ],
        ),
        wrong(
            "owed",
            |yard, id| {
                std::fs::remove_file(yard.file(&format!("sealed/{id}.jsonl"))).unwrap();
            },
            [
                "row-without-sidecar",
                "spool/sealed/{id}.jsonl",
                "there is no sidecar: a rebuilt ledger would not know this file",
                "run `pointsman store describe`",
            ],
        ),
        wrong(
            "owed",
            no_receipt,
            [
                "receipt",
                "ledger.db receipts",
                "delivered, and neither is a receipt owed nor does a question wait",
                "this must not be",
            ],
        ),
        wrong(
            "ACKED",
            no_receipt,
            [
                "receipt",
                "ledger.db receipts",
                "answered, and the partner's receipt is not there",
                "this must not be",
            ],
        ),
        wrong(
            "refused",
            no_receipt,
            [
                "receipt",
                "ledger.db receipts",
                "rejected, and no NERP is owed or given",
                "this must not be",
            ],
        ),
        wrong(
            "ready",
            |yard, id| yard.sql(&format!("DELETE FROM transfers WHERE id = '{id}'")),
            [
                "sidecar-without-row",
                "spool/outgoing/{id}.jsonl",
                "its sidecar knows the file, the ledger does not",
                "the ledger is older than the spool, or was lost",
            ],
        ),
        note(
            "owed",
            |yard, _| std::fs::remove_file(yard.inbox().join("in/OWED")).unwrap(),
            [
                "delivered-taken",
                "inbox/in/OWED",
                "delivered, and not there any more",
                "nothing, if its reader took it",
            ],
        ),
        note(
            "given",
            |yard, _| std::fs::write(yard.inbox().join("in/GIVEN"), "more octets").unwrap(),
            [
                "delivered-changed",
                "inbox/in/GIVEN",
                "it has 11 octets, 7 were delivered",
                "nothing, if its reader changed it",
            ],
        ),
    ]
}

#[tokio::test]
async fn each_damage_is_said_in_words_with_its_file_and_what_to_do() {
    let original = Yard::new();
    let ids = everything(&original).await;
    let mut tests = Vec::new();
    for expected in expected() {
        let (yard, id) = (original.twin(), ids[expected.which]);
        tests.push(tokio::spawn(async move {
            (expected.harm)(&yard, id);
            let audited = yard.audit().await;
            let found: Vec<&Finding> = audited
                .findings
                .iter()
                .filter(|one| one.kind == expected.kind)
                .collect();
            let [finding] = found.as_slice() else {
                panic!(
                    "{}, {}: {:#?}",
                    expected.which, expected.kind, audited.findings
                )
            };
            assert_eq!(finding.id, Some(id));
            assert_eq!(finding.weight, expected.weight, "{}", expected.kind);
            assert_eq!(finding.file, expected.file.replace("{id}", &id.to_string()));
            assert_eq!(finding.what, expected.what);
            assert!(
                finding.remedy.starts_with(expected.remedy),
                "{}",
                finding.remedy
            );
            assert_eq!(audited.is_clean(), expected.weight == Weight::Note);
        }));
    }
    for test in tests {
        test.await.unwrap();
    }
}

/// What nobody can look at was not taken by its reader for all we know.
#[tokio::test]
async fn a_delivered_file_that_cannot_be_looked_at_is_not_taken_for_gone() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let folder = yard.inbox().join("in");
    std::fs::rename(&folder, yard.inbox().join("aside")).unwrap();
    std::os::unix::fs::symlink(&folder, &folder).unwrap();
    let audited = yard.audit().await;
    let mut findings = audited.findings.iter();
    let owed = Some(ids["owed"]);
    let finding = findings.find(|finding| finding.id == owed).unwrap();
    assert_eq!(finding.kind, "delivered-unseen");
    assert_eq!(finding.file, "inbox/in/OWED");
    assert!(finding.what.ends_with("(os error 40)"), "{}", finding.what);
    assert!(audited.is_clean(), "it is a note");
}

/// Two damages of one transfer are two findings, and those of others do not hide them.
#[tokio::test]
async fn each_of_several_damages_is_named() {
    let yard = Yard::new();
    let ids = everything(&yard).await;
    let (received, owed) = (ids["received"], ids["owed"]);
    no_content(&yard, received);
    std::fs::remove_file(yard.file(&format!("sealed/{received}.jsonl"))).unwrap();
    no_receipt(&yard, owed);
    let audited = yard.audit().await;
    let found: Vec<_> = audited
        .discrepancies()
        .map(|one| (one.id, one.kind))
        .collect();
    assert_eq!(
        found,
        [
            (Some(received), "content-missing"),
            (Some(received), "row-without-sidecar"),
            (Some(owed), "receipt"),
        ]
    );
    assert_eq!(audited.transfers, ids.len() as u64);
}
