//! What a policy keeps with a session: bounded, and part of the memory of all sessions together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::memory::{Memory, Share};
use crate::mutex::lock;

/// The most octets of a key, both of a session's values and of durable ones.
const LONGEST_KEY: usize = 256;
/// Octets of such a value.
const LONGEST_VALUE: usize = 64 << 10;

/// The most octets of one policy in one session, including keys and [`EACH`].
const MOST: usize = 256 << 10;

/// What a value takes beside its octets and those of its key.
const EACH: usize = 128;

/// The values that one policy keeps with one session. They outlive the instance, and clones share them.
#[derive(Clone)]
pub(crate) struct SessionValues(Arc<Mutex<Values>>);

struct Values {
    values: BTreeMap<String, Vec<u8>>,
    /// Octets of all of them.
    octets: usize,
    /// As big as they were at their biggest.
    share: Share,
}

impl SessionValues {
    pub(crate) fn new(memory: &Arc<Memory>) -> Self {
        SessionValues(Arc::new(Mutex::new(Values {
            values: BTreeMap::new(),
            octets: 0,
            share: memory.nothing(),
        })))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        lock(&self.0).values.get(key).cloned()
    }

    /// Keeps a value; an empty one removes the key.
    ///
    /// # Errors
    /// A text for the policy: a limit is reached.
    pub(crate) fn set(&self, key: String, value: Vec<u8>) -> Result<(), String> {
        check_pair(&key, &value)?;
        let Values {
            values,
            octets: all,
            share,
        } = &mut *lock(&self.0);
        let before = values.get(&key).map_or(0, |before| size(&key, before));
        let others = *all - before;
        if value.is_empty() {
            values.remove(&key);
            *all = others;
            return Ok(());
        }
        let octets = others + size(&key, &value);
        if octets > MOST {
            return Err(format!(
                "a session keeps at most {MOST} octets for a policy"
            ));
        }
        if !share.grow(octets as u64) {
            return Err(
                "there is no memory left for it: all policies of all sessions together hold as much as they may, `limits.policies_memory` of the server"
                    .to_owned(),
            );
        }
        values.insert(key, value);
        *all = octets;
        Ok(())
    }
}

/// Checks that a key and its value are short enough, for a session's values and for durable ones.
pub(crate) fn check_pair(key: &str, value: &[u8]) -> Result<(), String> {
    if key.len() > LONGEST_KEY {
        return Err(format!(
            "a key has at most {LONGEST_KEY} octets, this one has {}",
            key.len()
        ));
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!(
            "a value has at most {LONGEST_VALUE} octets, this one has {}",
            value.len()
        ));
    }
    Ok(())
}

fn size(key: &str, value: &[u8]) -> usize {
    EACH + key.len() + value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &SessionValues, key: &str, octets: usize) -> Result<(), String> {
        values.set(key.to_owned(), vec![1; octets])
    }

    #[test]
    fn a_session_keeps_values_within_its_bound() {
        let values = SessionValues::new(&Memory::new(1 << 30));
        for key in ["a", "b", "c", "e"] {
            set(&values, key, 60 << 10).unwrap();
        }
        set(&values, "d", 60 << 10).unwrap_err();
        set(&values, "a", 60 << 10).unwrap();
        set(&values, "a", 0).unwrap();
        set(&values, "d", 60 << 10).unwrap();
        set(&values, "d", 60 << 10).unwrap();
    }

    #[test]
    fn small_values_count_with_what_it_takes_to_keep_them() {
        let values = SessionValues::new(&Memory::new(1 << 30));
        let kept = (0..10_000).take_while(|number| set(&values, &number.to_string(), 1).is_ok());
        let kept = kept.count();
        assert!((1_900..2_100).contains(&kept), "{kept} values in 256 KiB");
    }

    #[test]
    fn all_sessions_together_keep_no_more_than_there_is_memory() {
        let all = Memory::new(100 << 10);
        let [one, other] = [SessionValues::new(&all), SessionValues::new(&all)];
        set(&one, "key", 60 << 10).unwrap();
        let refused = set(&other, "key", 60 << 10).unwrap_err();
        assert!(refused.contains("limits.policies_memory"), "{refused}");
        drop(one);
        set(&other, "key", 60 << 10).unwrap();
    }

    #[test]
    fn keys_and_values_have_a_largest_size() {
        check_pair(&"k".repeat(LONGEST_KEY), &[0; 8]).unwrap();
        check_pair(&"k".repeat(LONGEST_KEY + 1), &[0; 8]).unwrap_err();
        check_pair("k", &vec![0; LONGEST_VALUE + 1]).unwrap_err();
    }
}
