//! JSON of a bounded size: what is too long is cut, and says so.

use std::borrow::Cow;

use serde_json::Value;

/// Octets of a text that are kept.
const TEXT: usize = 1000;
/// Items of a list that are kept.
const ITEMS: usize = 50;

/// Cuts texts and lists that are too long, and all lists where the whole is longer than so many octets.
pub(crate) fn cut(value: &mut Value, most: usize) {
    let mut left = most;
    cut_within(value, &mut left);
}

fn cut_within(value: &mut Value, left: &mut usize) {
    match value {
        Value::String(long) => {
            if let Cow::Owned(short) = text(long, TEXT) {
                *long = short;
            }
            *left = left.saturating_sub(long.len());
        }
        Value::Array(items) => {
            let mut kept = 0;
            for item in items.iter_mut().take(ITEMS) {
                if *left == 0 {
                    break;
                }
                cut_within(item, left);
                kept += 1;
            }
            if let Some(rest) = items.len().checked_sub(kept).filter(|rest| *rest > 0) {
                items.truncate(kept);
                items.push(more(rest));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                *left = left.saturating_sub(name.len() + 4);
                cut_within(field, left);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => *left = left.saturating_sub(4),
    }
}

/// A text of at most so many octets; a longer one ends with its length.
pub(crate) fn text(text: &str, most: usize) -> Cow<'_, str> {
    match text.len() > most {
        false => text.into(),
        true => {
            let kept = text.get(..text.floor_char_boundary(most)).unwrap_or("");
            format!("{kept}… ({} octets)", text.len()).into()
        }
    }
}

/// The last item of a list, in place of items that were left out.
pub(crate) fn more(items: usize) -> Value {
    format!("… {items} more").into()
}

/// The approximate number of octets of a value as JSON.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| name.len() + 4 + size(field))
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_short_stays_as_it_is() {
        let mut value = json!({ "labels": [["a", "b"]], "restart": 7, "partner": null });
        let before = value.clone();
        cut(&mut value, 1000);
        assert_eq!(value, before);
    }

    #[test]
    fn long_texts_and_lists_are_cut_and_say_so() {
        let ids: Vec<String> = (0..1000).map(|n| format!("file-{n}")).collect();
        let mut value = json!({ "text": "ü".repeat(2000), "files": ids });
        cut(&mut value, 64 << 10);
        let text = value["text"].as_str().unwrap();
        assert!(text.ends_with("ü… (4000 octets)"), "{text}");
        let files = value["files"].as_array().unwrap();
        assert_eq!(files.len(), ITEMS + 1);
        assert_eq!(files[ITEMS], json!("… 950 more"));
    }

    #[test]
    fn many_lists_together_are_bounded() {
        let list: Vec<String> = (0..50).map(|_| "x".repeat(1000)).collect();
        let lists: Vec<_> = (0..50).map(|_| list.clone()).collect();
        let mut value = json!(lists);
        cut(&mut value, 8 << 10);
        let octets = value.to_string().len();
        assert!((8 << 10..12 << 10).contains(&octets), "{octets}");
    }
}
