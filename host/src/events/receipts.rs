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

            /// a receipt whose hash or signature is not what it must be, or that lacks the signature that was asked for. The
            /// partner got its RTR; the file continues to wait for its receipt, and does not count as receipted
            "RCP-013" "receipt-invalid" Error Every
            ReceiptInvalid { session: Talk, kind: &'static str, transfer: TransferId, file: String, reason: String }
            says("{session}: {kind} for transfer {transfer}, {file}, is not taken: {reason}")
            remedy("ask the partner whether it made this receipt, and with which certificate; give `partners.NAME.certificates` the one it signs receipts with. Where it cannot sign, send without `signed_receipt`. `queue resend` sends the file again")

            /// a receipt of ours goes without the signature that SFIDSIGN asked for
            "RCP-014" "receipt-unsigned" Warn Counted
            ReceiptUnsigned { session: Talk, transfer: TransferId, reason: String }
            says("{session}: the receipt of transfer {transfer} is not signed, though the partner asked for it: {reason}")
            remedy("give `station.keys` a key that signs receipts; or agree with the partner that its files ask for no signed receipt")

            /// a receipt of ours waits, since it cannot be signed now
            "RCP-015" "receipt-not-signed" Error Counted
            ReceiptNotSigned { session: Talk, transfer: TransferId, reason: String }
            says("{session}: the receipt of transfer {transfer} waits, and cannot be signed now: {reason}")
            remedy("give `station.keys` a key that signs receipts and is valid now, and reload; or let receipts go unsigned by `partners.NAME.unsigned_receipts: true`")

            /// a file is refused, since it asks for a signed receipt and no key signs receipts for this partner
            "RCP-016" "no-receipt-key" Warn Counted
            NoReceiptKey { session: Talk, file: String, reason: String }
            says("{session}: {file} asks for a signed receipt, which cannot be given: {reason}")
            remedy("give `station.keys` a key that signs receipts, and reload; or let receipts go unsigned by `partners.NAME.unsigned_receipts: true`")

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
