-- What led to a decision, as JSON for programs, beside the sentence for people in `detail`: what policies were asked, what
-- they called and answered, and which they were.
ALTER TABLE timeline ADD COLUMN data TEXT;
