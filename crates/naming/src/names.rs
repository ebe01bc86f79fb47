//! Text of others made into one safe part of a path, and the place of a received file.

use oftp::FileHeader;

use crate::template::Template;

/// Longest part of a path, in octets: below every file system's limit, with room for a number.
pub const LONGEST: usize = 200;

/// A name that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be {what}: {why}")]
pub struct BadName {
    name: String,
    what: &'static str,
    why: &'static str,
}

/// Where a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalName {
    /// Folder below the inbox, made of safe parts joined by `/`; empty is the inbox itself.
    pub directory: String,
    /// File name, one safe part.
    pub file_name: String,
    /// Nothing had to be replaced. Two names may become one when they are made safe: then the second must not replace
    /// the first file, whoever chose them.
    pub is_as_meant: bool,
}

/// Where a file goes: as the policies said, whose names may have macros; else as the configuration's `template`
/// has it; else `<folder>/<dataset>.<date><time>`, where `folder` is the partner's.
///
/// # Errors
/// A policy's answer that is absolute, climbs, or is empty. Characters that a name may not have are replaced.
pub fn local_name(
    folder: &str,
    header: &FileHeader,
    directory: Option<&str>,
    file_name: Option<&str>,
    template: Option<&Template>,
) -> Result<LocalName, BadName> {
    let meant = directory.unwrap_or(folder).trim_end_matches('/');
    let directory = match directory {
        Some(chosen) => chosen_directory(chosen)?,
        None => safe(folder),
    };
    let (wanted, file_name) = match (file_name, template) {
        (Some(chosen), _) => {
            let wanted = Template::of_policy(chosen, header).name(header);
            let name = chosen_name(&wanted)?;
            (wanted, name)
        }
        (None, Some(template)) => made_safe(template.name(header)),
        (None, None) => made_safe(usual(header)),
    };
    Ok(LocalName {
        is_as_meant: meant == directory && wanted == file_name,
        directory,
        file_name,
    })
}

/// A name, and what it is when it has been made safe.
fn made_safe(name: String) -> (String, String) {
    let safe = safe(&name);
    (name, safe)
}

fn usual(header: &FileHeader) -> String {
    let key = &header.key;
    format!("{}.{}{}", key.dataset, key.stamp.date(), key.stamp.time())
}

/// The longest name that file systems take, in octets.
const LONGEST_OF_ALL: usize = 255;

/// What is longer behind the last dot is no extension.
const LONGEST_EXTENSION: usize = 100;

/// The name a file takes when `name` is there already: the number goes before the last extension. What is too long with
/// it loses the end of what stands before.
#[must_use]
pub fn numbered(name: &str, number: u32) -> String {
    if number == 0 {
        return name.to_owned();
    }
    let parts = name
        .rsplit_once('.')
        .filter(|(stem, extension)| !stem.is_empty() && extension.len() <= LONGEST_EXTENSION);
    let (stem, end) = match parts {
        Some((stem, extension)) => (stem, format!("-{number}.{extension}")),
        None => (name, format!("-{number}")),
    };
    let room = LONGEST_OF_ALL.saturating_sub(end.len());
    format!(
        "{}{end}",
        stem.get(..stem.floor_char_boundary(room))
            .unwrap_or_default()
    )
}

/// Any text as one part of a path: letters, digits, `.`, `_`, `-`; never empty, never leading with a dot.
#[must_use]
pub fn safe(text: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '_'
        }
    };
    let mut part: String = text.chars().map(kept).take(LONGEST).collect();
    if part.starts_with('.') || is_device(&part) || part.is_empty() {
        part.insert(0, '_');
    }
    part
}

fn chosen_directory(chosen: &str) -> Result<String, BadName> {
    let bad = |why| BadName {
        name: chosen.to_owned(),
        what: "a folder below the inbox",
        why,
    };
    if chosen.is_empty() {
        return Ok(String::new());
    }
    if chosen.starts_with('/') {
        return Err(bad("it is absolute"));
    }
    let parts = chosen
        .trim_end_matches('/')
        .split('/')
        .map(|part| match part {
            "" => Err(bad("it has an empty part")),
            "." | ".." => Err(bad("it has a part `.` or `..`")),
            _ if part.contains('\0') => Err(bad("it has a NUL")),
            _ => Ok(safe(part)),
        });
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
}

fn chosen_name(chosen: &str) -> Result<String, BadName> {
    let bad = |why| BadName {
        name: chosen.to_owned(),
        what: "a file name",
        why,
    };
    match chosen {
        "" => Err(bad("it is empty")),
        "." | ".." => Err(bad("it names a folder")),
        _ if chosen.contains('/') => Err(bad("it has a `/`")),
        _ if chosen.contains('\0') => Err(bad("it has a NUL")),
        _ => Ok(safe(chosen)),
    }
}

/// Names that Windows takes for devices: a delivered folder may be shared with one.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_uppercase();
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.len() == 4
            && (stem.starts_with("COM") || stem.starts_with("LPT"))
            && stem.ends_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_partner_calls_its_file_it_is_one_safe_part() {
        for hostile in [
            "../../etc/passwd",
            "/etc/passwd",
            "..",
            ".",
            "",
            ".ssh",
            "A/B",
            "NUL",
            "com1.txt",
            "a\0b",
            "ä€\u{202e}x",
            "x\n",
        ] {
            let part = safe(hostile);
            assert!(
                !part.is_empty() && !part.starts_with('.') && !is_device(&part),
                "{hostile:?} became {part:?}"
            );
            assert!(
                part.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
                "{hostile:?} became {part:?}"
            );
        }
        assert!(safe(&"x".repeat(5000)).len() <= LONGEST);
    }

    #[test]
    fn a_policy_that_climbs_is_refused_and_one_that_decorates_is_made_safe() {
        for climbing in ["/abs", "a/../b", "..", "a//b", "a/./b", "a/\0"] {
            assert!(chosen_directory(climbing).is_err(), "{climbing:?}");
        }
        assert_eq!(
            chosen_directory("delfor/O0013 ACME/").as_deref(),
            Ok("delfor/O0013_ACME")
        );
        for wrong in ["", "..", "a/b", "a\0"] {
            assert!(chosen_name(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(chosen_name("Ümlaut.edi").as_deref(), Ok("_mlaut.edi"));
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        let long = numbered(&"Ü".repeat(127), 12);
        assert!(long.len() <= 255 && long.ends_with("Ü-12"), "{long}");
        let long = numbered(&format!("A.{}", "B".repeat(253)), 1);
        assert!(long.len() <= 255 && long.ends_with("B-1"), "{long}");
        assert_eq!(numbered("DELFOR.20261122", 0), "DELFOR.20261122");
        assert_eq!(numbered("order.edi", 2), "order-2.edi");
        assert_eq!(numbered("order", 1), "order-1");
    }
}
