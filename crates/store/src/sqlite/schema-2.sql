-- Files of records: how they stand in the spool ('' where records do not count), how many are in the partial
-- up to `position`, and the totals that EFID tells of a file to send.
ALTER TABLE transfers ADD COLUMN layout TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN position_records INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN virtual_octets INTEGER NOT NULL DEFAULT 0;
UPDATE transfers SET virtual_octets = octets WHERE direction = 'out';

-- When a file was sent, to know when its receipt is overdue.
ALTER TABLE transfers ADD COLUMN sent_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX transfers_sent ON transfers (partner, sent_at) WHERE direction = 'out' AND state = 'sent';
