-- How often the partner refused the file for now. What broke off is counted in `attempts` alone.
ALTER TABLE transfers ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
-- How often a receipt was given to a session: one that the partner chokes on lets everything else pass.
ALTER TABLE receipts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- How often in a row the file was given to a session that did not bring it to an end, not even to an SFNA.
ALTER TABLE transfers ADD COLUMN breaks INTEGER NOT NULL DEFAULT 0;
