//! The timestamps of lines: UTC, milliseconds, `Z`.

/// The year 10000, in seconds since 1970.
const LAST: f64 = 253_402_300_800.0;
/// Added before cutting to milliseconds: a double holds the time of now to a quarter of a microsecond, so
/// .123 can be .1229999.
const EDGE: f64 = 0.0005;
const SECOND: usize = 19; // bytes of 2023-09-10T12:34:56

/// Writes timestamps; of the same second only the first one is worked out.
pub struct Stamp {
    whole: u64,
    text: [u8; SECOND],
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            whole: 0,
            text: *b"1970-01-01T00:00:00",
        }
    }
}

impl Stamp {
    /// Appends a time in seconds since 1970; None if the schema has no such time.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn write(&mut self, out: &mut Vec<u8>, time: f64) -> Option<()> {
        if !(1.0..LAST).contains(&time) {
            return None;
        }
        let whole = time as u64;
        if whole != self.whole {
            self.text = second(whole);
            self.whole = whole;
        }
        out.extend_from_slice(&self.text);
        // what is rounded up to a whole second stays below it
        let millis = (((time - whole as f64) * 1000.0 + EDGE) as u32).min(999);
        out.push(b'.');
        digits(out, millis, 100);
        out.push(b'Z');
        Some(())
    }
}

#[allow(clippy::cast_possible_truncation)] // of one decimal digit
fn digits(out: &mut Vec<u8>, value: u32, mut scale: u32) {
    while scale > 0 {
        out.push(b'0' + (value / scale % 10) as u8);
        scale /= 10;
    }
}

/// A time up to its seconds. The days of the calendar as in Howard Hinnant's "chrono-Compatible Low-Level
/// Date Algorithms", `civil_from_days`.
#[allow(clippy::cast_possible_truncation)] // no time here is beyond the year 9999
fn second(whole: u64) -> [u8; SECOND] {
    let (days, rest) = ((whole / 86_400) as u32 + 719_468, (whole % 86_400) as u32);
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u32::from(month <= 2);
    let mut out = Vec::with_capacity(SECOND);
    for (value, scale, sign) in [
        (year, 1_000, b'-'),
        (month, 10, b'-'),
        (day, 10, b'T'),
        (rest / 3_600, 10, b':'),
        (rest / 60 % 60, 10, b':'),
        (rest % 60, 10, b'Z'),
    ] {
        digits(&mut out, value, scale);
        out.push(sign);
    }
    let mut text = [0; SECOND];
    text.copy_from_slice(&out[..SECOND]);
    text
}
