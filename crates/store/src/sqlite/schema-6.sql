-- What is remembered of each partner's sessions, the last of each kind: for whoever asks why nothing goes.
CREATE TABLE contacts (
    partner      TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('session', 'good', 'failure', 'refusal')),
    at           INTEGER NOT NULL,
    dialled      INTEGER NOT NULL,
    remote       TEXT NOT NULL,
    words        TEXT NOT NULL,
    PRIMARY KEY (partner, kind)
) STRICT, WITHOUT ROWID;

-- What an operator or a partner is to be reminded of: few among all that was ever sent and received.
CREATE INDEX transfers_overdue ON transfers (partner, sent_at) WHERE direction = 'out' AND state = 'overdue';
CREATE INDEX transfers_unanswered ON transfers (partner) WHERE receipt_later = 1 AND ask_at IS NULL;
