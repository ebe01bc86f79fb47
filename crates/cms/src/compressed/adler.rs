//! Adler-32 (RFC 1950, 8.2), of parts that are summed apart.

const MODULUS: u32 = 65_521;

/// The sum of that.
pub(super) fn adler32(octets: &[u8]) -> u32 {
    let (mut low, mut high) = (1u32, 0u32);
    // As many as cannot overflow 32 bits.
    for part in octets.chunks(5552) {
        for octet in part {
            low += u32::from(*octet);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

/// The sum of two parts, from their sums and the length of the second.
pub(super) fn combine(first: u32, second: u32, length: u64) -> u32 {
    let modulus = u64::from(MODULUS);
    let halves = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
    let ((low1, high1), (low2, high2)) = (halves(first), halves(second));
    let length = length % modulus;
    let low = (low1 + low2 + modulus - 1) % modulus;
    let high = (length * low1 + high1 + high2 + modulus - length) % modulus;
    u32::try_from(high << 16 | low).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_rfc() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 1 << 20]), 0x8e88_ef11);
    }

    #[test]
    fn parts_sum_up_wherever_they_are_cut() {
        let octets: Vec<u8> = (0..200_000u32)
            .map(|n| (n.wrapping_mul(n) >> 5) as u8)
            .collect();
        for cut in [0, 1, 2, 65_520, 65_521, 65_522, 199_999, 200_000] {
            let (one, two) = octets.split_at(cut);
            let both = combine(adler32(one), adler32(two), two.len() as u64);
            assert_eq!(both, adler32(&octets), "{cut}");
        }
    }
}
