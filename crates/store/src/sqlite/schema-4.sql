-- Whether the partner is known to have our EFPA.
ALTER TABLE transfers ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
-- Whether the receipt waits for the command that takes the file; `ask_at` says when it is run next.
ALTER TABLE transfers ADD COLUMN hand_over INTEGER NOT NULL DEFAULT 0;
-- How much a partner sent lately, for its quota.
CREATE INDEX transfers_arrived ON transfers (partner, created) WHERE direction = 'in';
-- Files that were sent before that was written down are not overdue at once.
UPDATE transfers SET sent_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000
    WHERE direction = 'out' AND state = 'sent' AND sent_at = 0;
