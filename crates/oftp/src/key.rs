//! What makes a virtual file the same file (RFC 5024, 1.5.2).

use std::fmt;

use crate::{DatasetName, FieldProblem, InvalidField, OdetteId};

/// What makes a virtual file the same file: in a restart, a duplicate and its response
/// (RFC 5024, 1.5.2, with originator and destination as practice adds them).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// SFIDDSN.
    pub dataset: DatasetName,
    /// SFIDDATE and SFIDTIME.
    pub stamp: FileStamp,
    /// SFIDORIG: who made the file.
    pub originator: OdetteId,
    /// SFIDDEST: who is to have it.
    pub destination: OdetteId,
}

impl FileKey {
    /// The same file with originator and destination exchanged: how a response of the protocol's
    /// first edition (1986) names it, to look it up by or to answer in the same way.
    #[must_use]
    pub fn swapped(&self) -> Self {
        let (originator, destination) = (self.destination.clone(), self.originator.clone());
        Self {
            originator,
            destination,
            ..self.clone()
        }
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}>{}",
            self.dataset, self.stamp, self.originator, self.destination
        )
    }
}

/// A virtual file's date and time stamp (SFIDDATE, SFIDTIME; RFC 5024, 5.3.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileStamp {
    date: String,
    time: String,
}

impl FileStamp {
    /// Takes a date `CCYYMMDD` and a time `HHMMSScccc`; the counter `cccc` tells files made in the
    /// same second apart.
    ///
    /// # Errors
    /// [`InvalidField`] if that day or that time of day does not exist.
    pub fn new(date: &str, time: &str) -> Result<Self, InvalidField> {
        if !is_date(date) {
            return Err(InvalidField {
                field: "file date",
                problem: FieldProblem::NotADate,
            });
        }
        if !is_time(time) {
            return Err(InvalidField {
                field: "file time",
                problem: FieldProblem::NotATime,
            });
        }
        Ok(Self {
            date: date.to_owned(),
            time: time.to_owned(),
        })
    }

    /// Takes what a partner sent: digits, whether or not there is such a day, so that a response
    /// can repeat them octet for octet; the counter may be blank.
    ///
    /// # Errors
    /// [`InvalidField`] for anything but digits.
    pub fn from_wire(date: &[u8], time: &[u8]) -> Result<Self, InvalidField> {
        let (clock, counter) = time.split_at_checked(6).unwrap_or((time, &[]));
        let digits = |octets: &[u8]| octets.iter().all(u8::is_ascii_digit);
        if date.len() != 8 || !digits(date) {
            return Err(InvalidField {
                field: "file date",
                problem: FieldProblem::NotADate,
            });
        }
        let blank = counter.iter().all(|&octet| octet == b' ');
        if counter.len() != 4 || !digits(clock) || !(blank || digits(counter)) {
            return Err(InvalidField {
                field: "file time",
                problem: FieldProblem::NotATime,
            });
        }
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Ok(Self {
            date: text(date),
            time: text(time),
        })
    }

    /// Whether it names no day, as partners without a clock have it: `00000000`. Then it tells no two files apart.
    pub fn is_undated(&self) -> bool {
        self.date.bytes().all(|digit| digit == b'0')
    }

    /// The first stamp of the next second, with the counter 0001: for levels whose times have no counter. A stamp that
    /// is no date continues from the first of January of its year.
    #[must_use]
    pub fn next_second(&self) -> Self {
        let part = |text: &str, at, digits| number(text, at, digits).unwrap_or(0);
        let (hour, minute, second) = (
            part(&self.time, 0, 2),
            part(&self.time, 2, 2),
            part(&self.time, 4, 2),
        );
        let seconds = (hour.min(23) * 60 + minute.min(59)) * 60 + second.min(59) + 1;
        let date = if seconds < SECONDS_A_DAY {
            self.date.clone()
        } else {
            next_day(&self.date)
        };
        let seconds = seconds % SECONDS_A_DAY;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = format!("{hour:02}{minute:02}{second:02}0001");
        Self { date, time }
    }

    /// The date, `CCYYMMDD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The time, `HHMMSScccc`.
    pub fn time(&self) -> &str {
        &self.time
    }
}

impl fmt::Display for FileStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.date, self.time)
    }
}

const SECONDS_A_DAY: u32 = 24 * 60 * 60;

fn is_date(text: &str) -> bool {
    let (Some(year), Some(month), Some(day)) =
        (number(text, 0, 4), number(text, 4, 2), number(text, 6, 2))
    else {
        return false;
    };
    text.len() == 8 && (1..=days_of(year, month)).contains(&day)
}

/// Days of that month; none for a month that does not exist.
fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

fn next_day(date: &str) -> String {
    let part = |at, digits| number(date, at, digits).unwrap_or(0);
    let (year, month, day) = (part(0, 4), part(4, 2), part(6, 2));
    let (year, month, day) = match (month, day) {
        (0 | 13.., _) => (year, 1, 1),
        (12, 31..) => ((year + 1).min(9999), 1, 1),
        (month, day) if day >= days_of(year, month) => (year, month + 1, 1),
        (month, day) => (year, month, day + 1),
    };
    format!("{year:04}{month:02}{day:02}")
}

fn is_time(text: &str) -> bool {
    let (Some(hour), Some(minute), Some(second)) =
        (number(text, 0, 2), number(text, 2, 2), number(text, 4, 2))
    else {
        return false;
    };
    text.len() == 10 && number(text, 6, 4).is_some() && hour < 24 && minute < 60 && second < 60
}

fn number(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    digits
        .bytes()
        .all(|octet| octet.is_ascii_digit())
        .then(|| digits.parse().ok())?
}
