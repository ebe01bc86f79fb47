-- How often the partner refused the file for now. What broke off is counted in `attempts` alone.
ALTER TABLE transfers ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
