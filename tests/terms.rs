//! Each key of the YAML and each term of the WIT, seen on the wire or in the folder.
