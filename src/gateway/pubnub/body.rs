//! Bodies as they come: compressed or not, whatever their headers say.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadBody {
    /// It has more bytes than allowed, once it is unpacked.
    TooLong,
    /// It begins as something compressed, and does not go on so.
    Damaged,
}

/// A body as it was before it was compressed. Some libraries name another compression than they use, and some none, so only its
/// first bytes count; no JSON begins with them. No more than `limit` bytes are ever unpacked.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn unpacked(body: &Bytes, limit: usize) -> Result<Bytes, BadBody> {
    match body.as_ref() {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(body.as_ref()), limit),
        [0x78, second, ..] if is_zlib(*second) => read(ZlibDecoder::new(body.as_ref()), limit),
        plain if plain.len() > limit => Err(BadBody::TooLong),
        _ => Ok(body.clone()),
    }
}

/// The first two bytes of zlib are together a multiple of 31.
fn is_zlib(second: u8) -> bool {
    (0x7800 + u16::from(second)).is_multiple_of(31)
}

fn read(from: impl Read, limit: usize) -> Result<Bytes, BadBody> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(most).read_to_end(&mut out).map_err(|_| BadBody::Damaged)?;
    if out.len() > limit { Err(BadBody::TooLong) } else { Ok(out.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zlib(bytes: &[u8], level: u32) -> Bytes {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![0; 50_000_000];
        for packed in [gzip(&zeros), zlib(&zeros, 9)] {
            assert!(packed.len() < 300_000);
            assert_eq!(unpacked(&packed, 1024), Err(BadBody::TooLong));
        }
    }

    #[test]
    fn half_a_body_is_damaged() {
        let whole = zlib(br#"{"y":1}"#, 6);
        assert_eq!(unpacked(&whole, 100).unwrap().as_ref(), br#"{"y":1}"#);
        assert_eq!(unpacked(&whole.slice(..whole.len() - 5), 100), Err(BadBody::Damaged));
        assert_eq!(unpacked(&Bytes::from_static(b"\x1f\x8b"), 100), Err(BadBody::Damaged));
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(text in "[\\[{\"0-9].{0,200}", level in 0_u32..10) {
            let plain = Bytes::from(text.clone());
            for packed in [plain.clone(), gzip(text.as_bytes()), zlib(text.as_bytes(), level)] {
                prop_assert_eq!(unpacked(&packed, text.len()), Ok(plain.clone()));
                prop_assert_eq!(unpacked(&packed, text.len() - 1), Err(BadBody::TooLong));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), start in 0_usize..3) {
            let head: &[u8] = [&b""[..], b"\x1f\x8b\x08\x00", b"\x78\x9c"][start];
            let body = Bytes::from([head, &bytes].concat());
            if let Ok(read) = unpacked(&body, 256) {
                prop_assert!(read.len() <= 256);
            }
        }
    }
}
