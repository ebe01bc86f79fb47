-- A file may be taken under the identity that an earlier one had: after a NERP that its sender knows of, or where the
-- partner's identities do not count. `edition` tells such files apart, 0 being the first. SQLite changes no constraint
-- of a table, so both tables are created again, receipts because they refer to the other one.
DROP INDEX receipts_owed;
DROP INDEX receipts_leased;
ALTER TABLE receipts RENAME TO receipts_before;
DROP INDEX transfers_open;
DROP INDEX transfers_queued;
DROP INDEX transfers_sent;
DROP INDEX transfers_overdue;
DROP INDEX transfers_undelivered;
DROP INDEX transfers_receiving;
DROP INDEX transfers_arrived;
DROP INDEX transfers_asking;
DROP INDEX transfers_unanswered;
DROP INDEX transfers_leased;
ALTER TABLE transfers RENAME TO transfers_before;

CREATE TABLE transfers (
    id           TEXT PRIMARY KEY,
    direction    TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    partner      TEXT NOT NULL,
    state        TEXT NOT NULL,
    -- the identity (RFC 1.5.2), who sent it, and which of the files of that identity it is
    dataset      TEXT NOT NULL,
    date         TEXT NOT NULL,
    time         TEXT NOT NULL,
    originator   TEXT NOT NULL,
    destination  TEXT NOT NULL,
    edition      INTEGER NOT NULL DEFAULT 0,
    -- the rest of the SFID (RFC 5.3.3)
    user         TEXT NOT NULL,
    format       TEXT NOT NULL,
    record       INTEGER NOT NULL,
    size_blocks  INTEGER NOT NULL,
    original_blocks INTEGER NOT NULL,
    security     INTEGER NOT NULL,
    cipher       INTEGER NOT NULL,
    compressed   INTEGER NOT NULL,
    enveloped    INTEGER NOT NULL,
    signed_receipt INTEGER NOT NULL,
    description  TEXT NOT NULL,
    -- the content; of files of records how they stand in the spool ('' where records do not count), how many are in the
    -- partial up to `position`, and the totals that EFID tells
    position     INTEGER NOT NULL DEFAULT 0,
    octets       INTEGER NOT NULL DEFAULT 0,
    digest       TEXT NOT NULL DEFAULT '',
    layout       TEXT NOT NULL DEFAULT '',
    position_records INTEGER NOT NULL DEFAULT 0,
    records      INTEGER NOT NULL DEFAULT 0,
    virtual_octets INTEGER NOT NULL DEFAULT 0,
    -- inbound: where it goes, and whether the partner is known to have our EFPA
    directory    TEXT NOT NULL DEFAULT '',
    file_name    TEXT NOT NULL DEFAULT '',
    overwrite    INTEGER NOT NULL DEFAULT 0,
    path         TEXT,
    confirmed    INTEGER NOT NULL DEFAULT 0,
    -- whether the receipt waits for a decision; when to ask for it (NULL: an operator's), how often it was; whether it
    -- is the command that takes the file which decides
    receipt_later INTEGER NOT NULL DEFAULT 0,
    ask_at       INTEGER,
    asked        INTEGER NOT NULL DEFAULT 0,
    hand_over    INTEGER NOT NULL DEFAULT 0,
    -- outbound: the queue (priorities 0 to 9, higher goes first)
    priority     INTEGER NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9),
    ordered      INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0,
    refusals     INTEGER NOT NULL DEFAULT 0,
    breaks       INTEGER NOT NULL DEFAULT 0,
    in_doubt     INTEGER NOT NULL DEFAULT 0,
    may_have     INTEGER NOT NULL DEFAULT 0,
    not_before   INTEGER NOT NULL DEFAULT 0,
    leased_to    TEXT,
    sent_at      INTEGER NOT NULL DEFAULT 0,
    reason       TEXT,
    created      INTEGER NOT NULL,
    -- the guard of "never twice": a check before it is a courtesy, this is the promise
    UNIQUE (direction, partner, dataset, date, time, originator, destination, edition)
) STRICT;

INSERT INTO transfers (id, direction, partner, state, dataset, date, time, originator, destination, user, format, record,
    size_blocks, original_blocks, security, cipher, compressed, enveloped, signed_receipt, description, position, octets,
    digest, layout, position_records, records, virtual_octets, directory, file_name, overwrite, path, confirmed,
    receipt_later, ask_at, asked, hand_over, priority, ordered, attempts, refusals, breaks, in_doubt, may_have, not_before,
    leased_to, sent_at, reason, created)
SELECT id, direction, partner, state, dataset, date, time, originator, destination, user, format, record,
    size_blocks, original_blocks, security, cipher, compressed, enveloped, signed_receipt, description, position, octets,
    digest, layout, position_records, records, virtual_octets, directory, file_name, overwrite, path, confirmed,
    receipt_later, ask_at, asked, hand_over, priority, ordered, attempts, refusals, breaks, in_doubt, may_have, not_before,
    leased_to, sent_at, reason, created
FROM transfers_before ORDER BY rowid;

-- A receipt: owed by us (owed, given) or got from a partner (received).
CREATE TABLE receipts (
    transfer     TEXT PRIMARY KEY REFERENCES transfers (id),
    partner      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('owed', 'given', 'received')),
    positive     INTEGER NOT NULL,
    user         TEXT NOT NULL DEFAULT '',
    creator      TEXT NOT NULL DEFAULT '',
    reason       INTEGER NOT NULL DEFAULT 0,
    text         TEXT NOT NULL DEFAULT '',
    hash         BLOB NOT NULL DEFAULT x'',
    signature    BLOB NOT NULL DEFAULT x'',
    not_before   INTEGER NOT NULL DEFAULT 0,
    leased_to    TEXT,
    tries        INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL
) STRICT;

INSERT INTO receipts (transfer, partner, state, positive, user, creator, reason, text, hash, signature, not_before,
    leased_to, tries, created)
SELECT transfer, partner, state, positive, user, creator, reason, text, hash, signature, not_before,
    leased_to, tries, created
FROM receipts_before ORDER BY rowid;

DROP TABLE receipts_before;
DROP TABLE transfers_before;

CREATE INDEX transfers_open ON transfers (partner, priority DESC, ordered, id) WHERE direction = 'out' AND state = 'ready';
CREATE INDEX transfers_queued ON transfers (partner, id)
    WHERE direction = 'out' AND state IN ('ready', 'held', 'parked');
CREATE INDEX transfers_sent ON transfers (partner, sent_at) WHERE direction = 'out' AND state = 'sent';
CREATE INDEX transfers_overdue ON transfers (partner, sent_at) WHERE direction = 'out' AND state = 'overdue';
CREATE INDEX transfers_undelivered ON transfers (id) WHERE direction = 'in' AND state IN ('received', 'placing');
CREATE INDEX transfers_receiving ON transfers (id) WHERE direction = 'in' AND state = 'receiving';
CREATE INDEX transfers_arrived ON transfers (partner, created) WHERE direction = 'in';
CREATE INDEX transfers_asking ON transfers (ask_at) WHERE receipt_later = 1 AND ask_at IS NOT NULL;
CREATE INDEX transfers_unanswered ON transfers (partner) WHERE receipt_later = 1 AND ask_at IS NULL;
CREATE INDEX transfers_leased ON transfers (leased_to) WHERE leased_to IS NOT NULL;
CREATE INDEX receipts_owed ON receipts (partner, created, transfer) WHERE state = 'owed';
CREATE INDEX receipts_leased ON receipts (leased_to) WHERE leased_to IS NOT NULL;
