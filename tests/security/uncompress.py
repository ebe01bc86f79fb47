"""CompressedData (RFC 3274) from the standard input to its content: the usual openssl command has no zlib."""
import sys
import zlib


def element(octets, at):
    """The tag of the element that begins there, its parts or its octets, and where it ends."""
    tag = octets[at]
    length = octets[at + 1]
    at += 2
    if length == 0x80:
        parts = []
        while octets[at:at + 2] != b"\0\0":
            inner, at = element(octets, at)
            parts.append(inner)
        return (tag, parts), at + 2
    if length & 0x80:
        many = length & 0x7F
        length = int.from_bytes(octets[at:at + many], "big")
        at += many
    end = at + length
    assert end <= len(octets), "it ends early"
    if not tag & 0x20:
        return (tag, octets[at:end]), end
    parts = []
    while at < end:
        inner, at = element(octets, at)
        parts.append(inner)
    assert at == end, "a length is wrong"
    return (tag, parts), end


def string(found):
    tag, value = found
    return value if tag == 0x04 else b"".join(string(part) for part in value)


octets = sys.stdin.buffer.read()
(_, (kind, (_, (compressed,)))), end = element(octets, 0)
assert end == len(octets), "something follows"
assert kind == (0x06, bytes.fromhex("2a864886f70d0109100109")), "it is no CompressedData"
version, algorithm, (_, (inner, (_, (content,)))) = compressed[1]
assert version == (0x02, b"\0")
assert algorithm[1][0] == (0x06, bytes.fromhex("2a864886f70d0109100308")), "it is no zlib"
assert inner == (0x06, bytes.fromhex("2a864886f70d010701")), "it has no data"
inflate = zlib.decompressobj()
plain = inflate.decompress(string(content)) + inflate.flush()
assert inflate.eof and not inflate.unused_data, "the zlib stream has no end"
sys.stdout.buffer.write(plain)
