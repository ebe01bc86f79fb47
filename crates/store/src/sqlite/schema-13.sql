-- When an inbound file was all here: for a quota it counts then, not when it was begun. 0: not yet, or an older program
-- received it.
ALTER TABLE transfers ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;
DROP INDEX transfers_arrived;
CREATE INDEX transfers_arrived ON transfers (partner, max(created, received_at)) WHERE direction = 'in';
