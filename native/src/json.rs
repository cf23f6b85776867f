//! Values as JSON, byte for byte as orjson (3.13; older ones write `1e16` for `1e+16`) writes them.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Whether 16 bytes can be written as they are.
#[inline(always)]
fn plain(chunk: &[u8; 16]) -> bool {
    let mut bad = 0u8;
    for &sign in chunk {
        bad |= u8::from(sign < 0x20) | u8::from(sign == b'"') | u8::from(sign == b'\\');
    }
    bad == 0
}

/// Appends a text with its quotes.
pub fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut chunks = value.as_bytes().chunks_exact(16);
    for chunk in &mut chunks {
        match <&[u8; 16]>::try_from(chunk) {
            Ok(whole) if plain(whole) => out.extend_from_slice(whole),
            _ => escaped(out, chunk),
        }
    }
    escaped(out, chunks.remainder());
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, part: &[u8]) {
    for &sign in part {
        let short = match sign {
            b'"' | b'\\' => sign,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            0x00..=0x1f => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(sign >> 4)]);
                out.push(HEX[usize::from(sign & 15)]);
                continue;
            }
            _ => {
                out.push(sign);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
}

/// Appends a whole number.
pub fn integer<N: itoa::Integer>(out: &mut Vec<u8>, value: N) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a finite number.
pub fn double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
}
