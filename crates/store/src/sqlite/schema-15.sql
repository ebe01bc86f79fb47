-- Grows with every change of a row and of its receipt: who changes one writes where it still has the version that was read.
ALTER TABLE transfers ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
