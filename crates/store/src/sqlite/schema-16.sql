-- File security. The hash of the file as it was transmitted, as receipts carry it: 'sha256:0a1b...', '' where none is known.
-- Size and digest of the plain content of a file that came secured, once it is opened ('': it is not, or was not secured);
-- `octets` and `digest` stay those of the content as on the wire.
ALTER TABLE transfers ADD COLUMN wire_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN plain_octets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN plain_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX transfers_opening ON transfers (id) WHERE direction = 'in' AND state = 'opening';
