//! A small editor for BER: a file becomes a tree, is changed anywhere, and becomes a file in any form.

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub tag: u8,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Octets(Vec<u8>),
    Nodes(Vec<Node>),
}

/// How a tree becomes octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Definite lengths, in their shortest form.
    Der,
    /// Every container of indefinite length.
    Indefinite,
    /// Definite lengths of eight octets.
    Long,
    /// Indefinite, with strings in segments of that many octets.
    Segments(usize),
}

impl Node {
    pub fn primitive(tag: u8, octets: &[u8]) -> Self {
        let body = Body::Octets(octets.to_vec());
        Self { tag, body }
    }

    pub fn container(tag: u8, nodes: Vec<Self>) -> Self {
        let body = Body::Nodes(nodes);
        Self { tag, body }
    }

    /// Reads one element that is all there is.
    pub fn parse(octets: &[u8]) -> Self {
        let (node, length) = Self::take(octets);
        assert_eq!(length, octets.len(), "octets follow");
        node
    }

    fn take(octets: &[u8]) -> (Self, usize) {
        let (tag, first) = (octets[0], octets[1]);
        let count = usize::from(first & 0x7f) * usize::from(first >> 7);
        let header = 2 + count;
        if first == 0x80 {
            let (nodes, used) = Self::take_all(&octets[2..], None);
            return (Self::container(tag, nodes), 2 + used + 2);
        }
        let length = match first {
            0..=0x7f => usize::from(first),
            _ => octets[2..header]
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
        };
        let body = &octets[header..header + length];
        let node = match tag & 0x20 {
            0 => Self::primitive(tag, body),
            _ => Self::container(tag, Self::take_all(body, Some(length)).0),
        };
        (node, header + length)
    }

    fn take_all(octets: &[u8], length: Option<usize>) -> (Vec<Self>, usize) {
        let (mut nodes, mut at) = (Vec::new(), 0);
        loop {
            let ended = length.map_or_else(|| octets[at..at + 2] == [0, 0], |length| at == length);
            if ended {
                return (nodes, at);
            }
            let (node, used) = Self::take(&octets[at..]);
            nodes.push(node);
            at += used;
        }
    }

    pub fn encode(&self, form: Form) -> Vec<u8> {
        match (&self.body, form) {
            (Body::Octets(octets), Form::Segments(size))
                if self.tag == 4 && octets.len() > size =>
            {
                let segments = octets
                    .chunks(size)
                    .map(|part| Self::primitive(4, part))
                    .collect();
                Self::container(0x24, segments).encode(Form::Indefinite)
            }
            (Body::Octets(octets), _) => {
                [header(self.tag, octets.len(), form), octets.clone()].concat()
            }
            (Body::Nodes(nodes), Form::Indefinite | Form::Segments(_)) => {
                let body: Vec<Vec<u8>> = nodes.iter().map(|node| node.encode(form)).collect();
                [&[self.tag, 0x80], body.concat().as_slice(), &[0, 0]].concat()
            }
            (Body::Nodes(nodes), _) => {
                let body = nodes
                    .iter()
                    .map(|node| node.encode(form))
                    .collect::<Vec<_>>()
                    .concat();
                [header(self.tag, body.len(), form), body].concat()
            }
        }
    }

    pub fn der(&self) -> Vec<u8> {
        self.encode(Form::Der)
    }

    pub fn nodes(&mut self) -> &mut Vec<Self> {
        match &mut self.body {
            Body::Nodes(nodes) => nodes,
            Body::Octets(_) => panic!("{:x} has no elements", self.tag),
        }
    }

    pub fn octets(&mut self) -> &mut Vec<u8> {
        match &mut self.body {
            Body::Octets(octets) => octets,
            Body::Nodes(_) => panic!("{:x} has no octets of its own", self.tag),
        }
    }

    /// The element that is reached by these steps.
    pub fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter()
            .fold(self, |node, step| &mut node.nodes()[*step])
    }

    /// Where each element begins in the DER form, and its tag.
    pub fn places(&self) -> Vec<(usize, u8)> {
        let mut places = Vec::new();
        self.collect(0, &mut places);
        places
    }

    fn collect(&self, at: usize, places: &mut Vec<(usize, u8)>) {
        places.push((at, self.tag));
        if let Body::Nodes(nodes) = &self.body {
            let body: usize = nodes.iter().map(|node| node.der().len()).sum();
            let mut at = at + self.der().len() - body;
            for node in nodes {
                node.collect(at, places);
                at += node.der().len();
            }
        }
    }

    /// Strings in one piece again, where they came in segments.
    pub fn joined(mut self) -> Self {
        if let Body::Nodes(nodes) = self.body {
            let nodes: Vec<Self> = nodes.into_iter().map(Self::joined).collect();
            if self.tag == 0x24 {
                let octets: Vec<u8> = nodes
                    .into_iter()
                    .flat_map(|mut node| node.octets().clone())
                    .collect();
                return Self::primitive(4, &octets);
            }
            self.body = Body::Nodes(nodes);
        }
        self
    }
}

fn header(tag: u8, length: usize, form: Form) -> Vec<u8> {
    let octets = (length as u64).to_be_bytes();
    if form == Form::Long {
        return [&[tag, 0x88][..], &octets].concat();
    }
    if length < 0x80 {
        return vec![tag, length as u8];
    }
    let short: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
    [&[tag, 0x80 | short.len() as u8], short.as_slice()].concat()
}

pub const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
pub const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
pub const ENVELOPED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3];
