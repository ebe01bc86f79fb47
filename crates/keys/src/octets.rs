//! Big-endian fields one after the other, as Java's and OpenSSH's formats have them.

use crate::error::StoreFault;

/// What is left of some octets, and where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Octets<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Octets<'a> {
    pub(crate) fn of(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            at: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next octets, exactly that many.
    pub(crate) fn take(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<&'a [u8], StoreFault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(StoreFault::damaged(what, self.at))?;
        self.rest = rest;
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<usize, StoreFault> {
        Ok(number(self.take(2, what)?))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<usize, StoreFault> {
        Ok(number(self.take(4, what)?))
    }

    /// Octets after their length of four octets.
    pub(crate) fn counted(&mut self, what: &'static str) -> Result<&'a [u8], StoreFault> {
        let count = self.u32(what)?;
        self.take(count, what)
    }

    /// A text after its length of four octets; what is no UTF-8 in it is replaced.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<String, StoreFault> {
        Ok(String::from_utf8_lossy(self.counted(what)?).into_owned())
    }
}

/// Up to four octets as a number.
fn number(octets: &[u8]) -> usize {
    octets
        .iter()
        .fold(0, |sum, &octet| sum << 8 | usize::from(octet))
}

/// Octets of hexadecimal digits; none if there is anything else.
pub(crate) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

/// Octets as hexadecimal digits, with something between them.
pub(crate) fn hexadecimal(octets: &[u8], between: &str) -> String {
    let digits: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    digits.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_one_after_the_other_and_a_missing_one_says_where() {
        let mut octets = Octets::of(&[0, 2, 0, 0, 0, 1, b'x', 0xff]);
        assert_eq!(octets.u16("a"), Ok(2));
        assert_eq!(octets.counted("b"), Ok(&b"x"[..]));
        assert_eq!(octets.u16("c"), Err(StoreFault::damaged("c", 7)));
        assert_eq!(octets.take(1, "d"), Ok(&[0xff][..]));
        assert!(octets.is_empty());
    }

    #[test]
    fn hexadecimal_is_read_as_it_is_written() {
        assert_eq!(from_hexadecimal("00fFA0"), Some(vec![0, 255, 160]));
        assert_eq!(hexadecimal(&[0, 255, 160], ":"), "00:FF:A0");
        for wrong in ["0", "0g", "00 ", "ä0"] {
            assert_eq!(from_hexadecimal(wrong), None, "{wrong}");
        }
    }
}
