//! What partners' software does in practice: names, cases, receipts, record formats.
