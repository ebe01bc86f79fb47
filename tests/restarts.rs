//! Restart positions, queues and waits over broken connections and restarts.
