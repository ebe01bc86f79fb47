//! Limits: per address, partner and listener; what a hostile or broken peer costs.
