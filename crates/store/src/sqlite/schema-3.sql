-- The queue has priorities: 0 to 9, higher goes first.
ALTER TABLE transfers ADD COLUMN priority INTEGER NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9);

DROP INDEX transfers_open;
CREATE INDEX transfers_open ON transfers (partner, priority DESC, not_before, id)
    WHERE direction = 'out' AND state = 'ready';
-- What an operator looks at: few among all that was ever sent.
CREATE INDEX transfers_queued ON transfers (partner, id)
    WHERE direction = 'out' AND state IN ('ready', 'held', 'parked');
