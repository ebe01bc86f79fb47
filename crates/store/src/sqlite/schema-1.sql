-- Times are milliseconds since 1970. A state word is one of InboundState or OutboundState.
CREATE TABLE transfers (
    id           TEXT PRIMARY KEY,
    direction    TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    partner      TEXT NOT NULL,
    state        TEXT NOT NULL,
    -- the identity (RFC 1.5.2), and who sent it
    dataset      TEXT NOT NULL,
    date         TEXT NOT NULL,
    time         TEXT NOT NULL,
    originator   TEXT NOT NULL,
    destination  TEXT NOT NULL,
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
    -- the content
    position     INTEGER NOT NULL DEFAULT 0,
    octets       INTEGER NOT NULL DEFAULT 0,
    digest       TEXT NOT NULL DEFAULT '',
    -- inbound: where it goes
    directory    TEXT NOT NULL DEFAULT '',
    file_name    TEXT NOT NULL DEFAULT '',
    overwrite    INTEGER NOT NULL DEFAULT 0,
    path         TEXT,
    -- whether the receipt waits for a decision; when to ask for it (NULL: an operator's), how often it was
    receipt_later INTEGER NOT NULL DEFAULT 0,
    ask_at       INTEGER,
    asked        INTEGER NOT NULL DEFAULT 0,
    -- outbound: the queue
    attempts     INTEGER NOT NULL DEFAULT 0,
    in_doubt     INTEGER NOT NULL DEFAULT 0,
    not_before   INTEGER NOT NULL DEFAULT 0,
    lease_node   TEXT,
    lease_until  INTEGER NOT NULL DEFAULT 0,
    reason       TEXT,
    created      INTEGER NOT NULL,
    -- the guard of "never twice": a check before it is a courtesy, this is the promise
    UNIQUE (direction, partner, dataset, date, time, originator, destination)
) STRICT;

CREATE INDEX transfers_open ON transfers (partner, not_before, id) WHERE direction = 'out' AND state = 'ready';
CREATE INDEX transfers_undelivered ON transfers (id) WHERE direction = 'in' AND state IN ('received', 'placing');
CREATE INDEX transfers_receiving ON transfers (id) WHERE direction = 'in' AND state = 'receiving';
CREATE INDEX transfers_asking ON transfers (ask_at) WHERE receipt_later = 1 AND ask_at IS NOT NULL;
CREATE INDEX transfers_leased ON transfers (lease_node) WHERE lease_node IS NOT NULL;

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
    lease_node   TEXT,
    lease_until  INTEGER NOT NULL DEFAULT 0,
    created      INTEGER NOT NULL
) STRICT;

CREATE INDEX receipts_owed ON receipts (partner, not_before, transfer) WHERE state = 'owed';

CREATE TABLE timeline (
    seq          INTEGER PRIMARY KEY,
    transfer     TEXT NOT NULL,
    at           INTEGER NOT NULL,
    session      TEXT,
    event        TEXT NOT NULL,
    detail       TEXT NOT NULL
) STRICT;

CREATE INDEX timeline_transfer ON timeline (transfer, seq);

CREATE TABLE policy_values (
    policy       TEXT NOT NULL,
    key          TEXT NOT NULL,
    value        BLOB NOT NULL,
    PRIMARY KEY (policy, key)
) STRICT, WITHOUT ROWID;
