//! Folders whose names belong to others: watched folders, the inbox, what is private.
