//! What policies keep beyond sessions, and how much of it.

use rusqlite::{Connection, OptionalExtension, params};

use super::failed::database;
use crate::error::LedgerError;
use crate::request::Quota;
use crate::transition::VerbName;

const VERB: &str = VerbName::KvSet.as_str();

pub(super) fn get(
    db: &Connection,
    policy: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, LedgerError> {
    db.query_row(
        "SELECT value FROM policy_values WHERE policy = ?1 AND key = ?2",
        params![policy, key],
        |row| row.get(0),
    )
    .optional()
    .map_err(database("kv-get"))
}

/// The quota is checked after the value is written: the writer rolls a failed verb back.
pub(super) fn set(
    db: &Connection,
    policy: &str,
    key: &str,
    value: &[u8],
    quota: Quota,
) -> Result<(), LedgerError> {
    let before = kept(db, policy)?;
    let done = if value.is_empty() {
        db.execute(
            "DELETE FROM policy_values WHERE policy = ?1 AND key = ?2",
            params![policy, key],
        )
    } else {
        db.execute(
            "INSERT INTO policy_values (policy, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (policy, key) DO UPDATE SET value = excluded.value",
            params![policy, key, value],
        )
    };
    done.map_err(database(VERB))?;
    let after = kept(db, policy)?;
    if after <= before {
        // Where a quota was made smaller, a policy can still make do with less.
        return Ok(());
    }
    let more = after - before;
    if after > quota.policy {
        let policy = policy.to_owned();
        return Err(LedgerError::PolicyKeepsTooMuch {
            policy,
            kept: before,
            more,
            quota: quota.policy,
        });
    }
    // The policy's own quota is checked first, since its author can act on that error.
    let all = kept_by_all(db)?;
    if all > quota.all {
        return Err(LedgerError::PoliciesKeepTooMuch {
            kept: all - more,
            more,
            quota: quota.all,
        });
    }
    Ok(())
}

fn kept(db: &Connection, policy: &str) -> Result<u64, LedgerError> {
    db.prepare_cached("SELECT octets FROM policy_kept WHERE policy = ?1")
        .and_then(|mut sum| {
            sum.query_row([policy], |row| row.get::<_, i64>(0))
                .optional()
        })
        .map(|octets| octets.unwrap_or_default().unsigned_abs())
        .map_err(database(VERB))
}

fn kept_by_all(db: &Connection) -> Result<u64, LedgerError> {
    db.prepare_cached("SELECT coalesce(sum(octets), 0) FROM policy_kept")
        .and_then(|mut sum| sum.query_row([], |row| row.get::<_, i64>(0)))
        .map(i64::unsigned_abs)
        .map_err(database(VERB))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::MIGRATIONS;

    #[test]
    fn what_policies_kept_before_there_were_quotas_counts() {
        let db = Connection::open_in_memory().unwrap();
        let this = MIGRATIONS
            .iter()
            .position(|schema| schema.contains("CREATE TABLE policy_kept"))
            .unwrap();
        let (before, after) = MIGRATIONS.split_at(this);
        db.execute_batch(&before.concat()).unwrap();
        let keep = "INSERT INTO policy_values (policy, key, value) VALUES ('one', ?1, ?2)";
        db.execute(keep, params!["a", vec![1_u8; 3000]]).unwrap();
        db.execute(keep, params!["b", vec![1_u8; 10]]).unwrap();
        db.execute_batch(&after.concat()).unwrap();
        assert_eq!(kept(&db, "one").unwrap(), 3000 + 10 + 2 * (3 + 1 + 64));
        assert_eq!(kept(&db, "other").unwrap(), 0);
        assert_eq!(kept_by_all(&db).unwrap(), kept(&db, "one").unwrap());
    }
}
