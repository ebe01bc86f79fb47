-- A file or a receipt that a session has is that session's for as long as it lives (`leased_to`: the program's name, `/`,
-- the session's), not until a time.
ALTER TABLE transfers RENAME COLUMN lease_node TO leased_to;
ALTER TABLE transfers DROP COLUMN lease_until;
ALTER TABLE receipts RENAME COLUMN lease_node TO leased_to;
ALTER TABLE receipts DROP COLUMN lease_until;
CREATE INDEX receipts_leased ON receipts (leased_to) WHERE leased_to IS NOT NULL;

-- Whether an EFID of it ever left: then its receipt counts. `in_doubt` ends when the partner says that it has not got it.
ALTER TABLE transfers ADD COLUMN may_have INTEGER NOT NULL DEFAULT 0;
UPDATE transfers SET may_have = in_doubt WHERE direction = 'out';

-- When an operator ordered that it goes now.
ALTER TABLE transfers ADD COLUMN ordered INTEGER NOT NULL DEFAULT 0;

-- What waits longest goes first, whether or not it was under way in between: an id tells when it was given to us.
DROP INDEX transfers_open;
CREATE INDEX transfers_open ON transfers (partner, priority DESC, ordered, id) WHERE direction = 'out' AND state = 'ready';
DROP INDEX receipts_owed;
CREATE INDEX receipts_owed ON receipts (partner, created, transfer) WHERE state = 'owed';
