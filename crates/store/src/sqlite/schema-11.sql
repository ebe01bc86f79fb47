-- What whoever sends a file, or the policies that take one, said of it in labels: JSON, '' where nothing was said.
ALTER TABLE transfers ADD COLUMN labels TEXT NOT NULL DEFAULT '';
