-- What the rest of a row was when it was written: `sums.rs` makes the triggers that keep it, and the first ones.
ALTER TABLE transfers ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE receipts ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE timeline ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policy_values ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE policy_kept ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
