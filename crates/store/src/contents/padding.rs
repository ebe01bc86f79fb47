//! Lines that are filled with blanks to records of one length while they are copied.

use std::io::{self, BufRead, BufReader, Read};

/// Octets read at once.
const CHUNK: usize = 64 * 1024;

/// The lines of another reader, each at least so long. Shorter lines get blanks before their CR LF; the last line gets
/// them at its end where it has no CR LF. Longer lines stay as they are.
#[derive(Debug)]
pub struct Padded<R> {
    lines: BufReader<R>,
    length: u64,
    /// Octets of the line so far.
    column: u64,
    /// A CR was read, and what follows says whether it ends a line.
    after_cr: bool,
    /// Blanks that are to be written before anything more is read.
    blanks: u64,
    end: &'static [u8],
}

impl<R: Read> Padded<R> {
    /// Lines of at least `length` octets.
    pub fn new(inner: R, length: u32) -> Self {
        Self {
            lines: BufReader::with_capacity(CHUNK, inner),
            length: u64::from(length),
            column: 0,
            after_cr: false,
            blanks: 0,
            end: b"",
        }
    }

    /// The next octet; none at the end.
    fn next(&mut self) -> io::Result<Option<u8>> {
        loop {
            if let Some(octet) = self.owed() {
                return Ok(Some(octet));
            }
            let Some(octet) = self.lines.fill_buf()?.first().copied() else {
                if self.after_cr {
                    self.after_cr = false;
                    return Ok(Some(self.put(b'\r')));
                }
                if self.column == 0 {
                    return Ok(None);
                }
                self.end_line(b"");
                if self.blanks == 0 {
                    return Ok(None);
                }
                continue;
            };
            if let Some(octet) = self.take(octet) {
                return Ok(Some(octet));
            }
        }
    }

    /// The next octet that is to be written before anything more is read.
    fn owed(&mut self) -> Option<u8> {
        if self.blanks > 0 {
            self.blanks -= 1;
            return Some(b' ');
        }
        let (first, rest) = self.end.split_first()?;
        self.end = rest;
        Some(*first)
    }

    /// Takes the octet that was read. Returns the octet to write; none where blanks come before it, or where the next
    /// octet decides.
    fn take(&mut self, octet: u8) -> Option<u8> {
        match (self.after_cr, octet) {
            (true, b'\n') => {
                self.lines.consume(1);
                self.after_cr = false;
                self.end_line(b"\r\n");
                None
            }
            // The CR before it ended no line.
            (true, _) => {
                self.after_cr = false;
                Some(self.put(b'\r'))
            }
            (false, b'\r') => {
                self.lines.consume(1);
                self.after_cr = true;
                None
            }
            (false, octet) => {
                self.lines.consume(1);
                Some(self.put(octet))
            }
        }
    }

    fn put(&mut self, octet: u8) -> u8 {
        self.column += 1;
        octet
    }

    fn end_line(&mut self, end: &'static [u8]) {
        self.blanks = self.length.saturating_sub(self.column);
        self.end = end;
        self.column = 0;
    }
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        for place in buffer {
            match self.next()? {
                Some(octet) => *place = octet,
                None => break,
            }
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

    use super::*;

    #[test]
    fn short_lines_are_filled_and_others_stay() {
        for (lines, padded) in [
            ("", ""),
            ("ab", "ab  "),
            ("abcd", "abcd"),
            ("abcde", "abcde"),
            ("ab\r\ncdef\r\n", "ab  \r\ncdef\r\n"),
            ("\r\nx", "    \r\nx   "),
            ("a\rb\r\r\n", "a\rb\r\r\n"),
            ("a\r", "a\r  "),
            ("a\nb\r\n", "a\nb \r\n"),
        ] {
            let mut whole = String::new();
            let mut reader = Padded::new(lines.as_bytes(), 4);
            reader.read_to_string(&mut whole).unwrap();
            assert_eq!(whole, padded, "{lines:?}");
        }
    }

    /// What padding means, said the long way: line by line.
    fn padded(text: &[u8], length: usize) -> Vec<u8> {
        let mut whole: Vec<u8> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.windows(2).position(|two| two == b"\r\n");
            let (line, ending) = match end {
                Some(at) => (rest.get(..at).unwrap(), &b"\r\n"[..]),
                None => (rest, &b""[..]),
            };
            whole.extend(line);
            whole.extend(std::iter::repeat_n(b' ', length.saturating_sub(line.len())));
            whole.extend(ending);
            rest = rest.get(line.len() + ending.len()..).unwrap();
        }
        whole
    }

    #[test]
    fn any_text_is_padded_as_line_by_line_whatever_is_read_at_once() {
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..400 {
            let mut text: Vec<u8> = Vec::new();
            for _ in 0..round % 40 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(*b"ab\r\n\r\n c".get((dice >> 61) as usize).unwrap());
            }
            for length in [0, 1, 4, 9] {
                for at_once in [1, 2, 7, 1000] {
                    let mut reader = Padded::new(text.as_slice(), length);
                    let (mut whole, mut part) = (Vec::<u8>::new(), vec![0; at_once]);
                    loop {
                        let count = reader.read(&mut part).unwrap();
                        whole.extend(part.get(..count).unwrap());
                        if count == 0 {
                            break;
                        }
                    }
                    let meant = padded(&text, length as usize);
                    assert_eq!(
                        whole,
                        meant,
                        "{:?} to {length}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
    }

    /// Gives what it has, and then fails.
    struct Fails(&'static [u8]);

    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("the disk"));
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_source_that_fails_is_not_taken_for_one_that_ends() {
        let mut whole = Vec::new();
        let failed = Padded::new(Fails(b"ab\r\ncd"), 4).read_to_end(&mut whole);
        assert!(failed.unwrap_err().to_string().contains("the disk"));
    }
}
