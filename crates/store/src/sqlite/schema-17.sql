-- File security. The keys by which encrypted files were opened, as the files had them: SHA-256 of each encrypted key, and the
-- transfer that had it first, with the digest of its content as on the wire. Two contents never have the same, unless one was
-- made of the other.
CREATE TABLE content_keys (
    hash     BLOB    NOT NULL PRIMARY KEY,
    transfer TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    checksum INTEGER NOT NULL DEFAULT 0
);
