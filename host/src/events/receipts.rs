//! Receipts, both ways.

macro_rules! receipts {
    ($next:ident $($rest:ident)*; $($above:tt)*) => {
        $next! {
            $($rest)*;
            $($above)*

            /// the partner confirmed our receipt
            "RCP-001" "receipt-given" Info Every
            ReceiptGiven { session: Talk, transfer: TransferId }
            says("{session}: the partner has confirmed our receipt of transfer {transfer}")
            remedy("–")

            /// the EERP of a file of ours; and what was checked
            "RCP-002" "receipt-received" Info Every
            ReceiptReceived { session: Talk, transfer: TransferId, file: String, reason: String }
            says("{session}: EERP for transfer {transfer}: {reason}")
            remedy("–")

            /// a NERP with its reason: the partner has a file of ours and does not use it
            "RCP-009" "receipt-received" Warn Every
            NegativeReceipt { session: Talk, transfer: TransferId, file: String, reason: String }
            says("{session}: NERP for transfer {transfer}, {file}: {reason}")
            remedy("ask the partner")

            /// a receipt for a file that has its receipt: nothing changes, also where it says the contrary
            "RCP-012" "receipt-repeated" Info Counted
            RepeatedReceipt { session: Talk, kind: &'static str, transfer: TransferId, file: String, reason: String }
            says("{session}: {kind} for transfer {transfer}, {file}, once more: {reason}")
            remedy("`transfers show` tells whether it contradicts the first one; ask the partner then")

            /// a receipt for no file of ours
            "RCP-010" "receipt-received" Warn Counted
            UnknownReceipt { session: Talk, kind: &'static str, file: String, reason: String }
            says("{session}: {kind} for {file}, a file we did not send: {reason}")
            remedy("the partner mixed something up, or the ledger is new")

            /// a receipt of ours cannot go to the partner as things are
            "RCP-011" "receipt-not-sent" Warn Counted
            ReceiptNotSent { session: Talk, transfer: TransferId, reason: String }
            says("{session}: transfer {transfer}: {reason}")
            remedy("agree on level 1.4 or later with the partner, which knows NERPs, or tell it by other means")

            /// a receipt did not come within the partner's `receipt_deadline`
            "RCP-003" "receipt-overdue" Warn Every
            ReceiptOverdue { partner: String, transfer: TransferId, file: Option<String> }
            says("the receipt of transfer {transfer} is overdue; ask {partner} for it")
            remedy("ask the partner; the receipt is still taken when it comes")

            /// the ledger could not be read for what is overdue
            "RCP-004" "deadlines-unknown" Error Counted
            DeadlinesUnknown { reason: String }
            says("it is not known whose receipts are overdue: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// the ledger could not be read for receipts that wait
            "RCP-005" "questions-unknown" Error Counted
            QuestionsUnknown { reason: String }
            says("the receipts that wait for a decision cannot be read from the ledger: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// a receipt that waits could not be asked for, or the answer not written down
            "RCP-006" "question-failed" Error Counted
            QuestionFailed { transfer: Option<TransferId>, reason: String }
            says("a receipt that waits cannot be decided now: {reason}")
            remedy("look at the disk; the server tries again by itself")

            /// a policy or command answered after an operator had
            "RCP-007" "decided-before" Warn Counted
            DecidedBefore { transfer: TransferId, partner: String, answer: String }
            says("transfer {transfer}: {answer}, without effect: an operator has decided about its receipt before")
            remedy("nothing; the operator's answer holds")

            /// the receipt of a file waits until somebody decides about it
            "RCP-008" "receipt-waits" Warn Every
            ReceiptWaits { session: Option<String>, transfer: TransferId, partner: String, file: String, reason: String }
            says("{file} of {partner}, transfer {transfer}: its receipt waits for an operator: {reason}")
            remedy("mend what is named, then [answer](#a-receipt-that-waits)")
        }
    };
}
pub(super) use receipts;
