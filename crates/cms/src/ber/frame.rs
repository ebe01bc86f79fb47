//! The containers around a content, written without its being in memory.

use super::{header, tag};

/// What a container has before the next one, and how many octets follow it.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// Its tag.
    pub(crate) tag: u8,
    /// The elements before the next container, or before the content.
    pub(crate) before: Vec<u8>,
    /// The octets of the elements after it; only definite lengths need to know.
    pub(crate) after: u64,
}

impl Container {
    /// One that nothing follows in.
    pub(crate) fn new(tag: u8, before: &[&[u8]]) -> Self {
        let before = before.concat();
        let after = 0;
        Self { tag, before, after }
    }
}

/// Containers from the outermost to the innermost, and the string of octets that is the content.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The containers.
    pub(crate) containers: Vec<Container>,
    /// The tag of the content's primitive form.
    pub(crate) content: u8,
}

/// What ends a container of indefinite length.
pub(crate) const END: [u8; 2] = [0, 0];

impl Frame {
    /// All that stands before the content, which comes in segments.
    pub(crate) fn indefinite_head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        for container in &self.containers {
            head.extend([container.tag, 0x80]);
            head.extend_from_slice(&container.before);
        }
        head.extend([self.content | tag::CONSTRUCTED, 0x80]);
        head
    }

    /// What ends that many containers of indefinite length, the content counted as one.
    pub(crate) fn ends(count: usize) -> Vec<u8> {
        END.repeat(count)
    }

    /// All that stands before a content of that many octets, which is one string.
    pub(crate) fn definite_head(&self, content: u64) -> Vec<u8> {
        let string = header(self.content, content);
        let mut inside = string.len() as u64 + content;
        let mut parts = vec![string];
        for container in self.containers.iter().rev() {
            inside += container.before.len() as u64 + container.after;
            let head = header(container.tag, inside);
            inside += head.len() as u64;
            parts.push(container.before.clone());
            parts.push(head);
        }
        parts.reverse();
        parts.concat()
    }

    /// How many octets all is with a content of that many, in definite lengths.
    pub(crate) fn definite_length(&self, content: u64) -> u64 {
        let after: u64 = self.containers.iter().map(|one| one.after).sum();
        self.definite_head(content).len() as u64 + content + after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let mut inner = Container::new(0x30, &[&[2, 1, 1]]);
        inner.after = 2;
        let containers = vec![Container::new(0x30, &[&[5, 0], &[5, 0]]), inner];
        Frame {
            containers,
            content: 4,
        }
    }

    #[test]
    fn lengths_count_what_stands_before_and_after() {
        let head = frame().definite_head(1);
        assert_eq!(head, [0x30, 14, 5, 0, 5, 0, 0x30, 8, 2, 1, 1, 4, 1]);
        assert_eq!(frame().definite_length(1), 13 + 1 + 2);
        assert_eq!(
            frame().definite_length(300),
            frame().definite_head(300).len() as u64 + 302
        );
    }

    #[test]
    fn indefinite_heads_open_everything() {
        let head = frame().indefinite_head();
        assert_eq!(
            head,
            [0x30, 0x80, 5, 0, 5, 0, 0x30, 0x80, 2, 1, 1, 0x24, 0x80]
        );
        assert_eq!(Frame::ends(3), [0; 6]);
    }
}
