-- Why files that wait for the partner did not go in its last session: '' where they went, or nothing waited.
ALTER TABLE contacts ADD COLUMN stayed TEXT NOT NULL DEFAULT '';
