-- What each policy keeps, in octets, each value with what stands around it: so that its quota is looked up and not
-- counted. Triggers keep it, whoever changes the values.
CREATE TABLE policy_kept (
    policy       TEXT PRIMARY KEY,
    octets       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO policy_kept (policy, octets)
SELECT policy, sum(octet_length(policy) + octet_length(key) + octet_length(value) + 64) FROM policy_values GROUP BY policy;

CREATE TRIGGER policy_value_kept AFTER INSERT ON policy_values BEGIN
    INSERT INTO policy_kept (policy, octets)
    VALUES (new.policy, octet_length(new.policy) + octet_length(new.key) + octet_length(new.value) + 64)
    ON CONFLICT (policy) DO UPDATE SET octets = octets + excluded.octets;
END;

CREATE TRIGGER policy_value_changed AFTER UPDATE OF value ON policy_values BEGIN
    UPDATE policy_kept SET octets = octets + octet_length(new.value) - octet_length(old.value)
    WHERE policy = new.policy;
END;

CREATE TRIGGER policy_value_removed AFTER DELETE ON policy_values BEGIN
    UPDATE policy_kept
    SET octets = octets - (octet_length(old.policy) + octet_length(old.key) + octet_length(old.value) + 64)
    WHERE policy = old.policy;
    DELETE FROM policy_kept WHERE policy = old.policy AND octets <= 0;
END;
