//! Timestamps: RFC 3339 as the schema narrows it.

use crate::text::byte;

const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const MINUTE: usize = 16; // bytes of 2023-09-10T12:34

/// Reads timestamps; of the same minute only the first one is taken apart.
pub struct Clock {
    text: [u8; MINUTE],
    seconds: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            text: *b"1970-01-01T00:00",
            seconds: 0,
        }
    }
}

impl Clock {
    /// A timestamp whose first byte behind the opening quote is at `at`: the place of its closing quote,
    /// and the microseconds since 1970.
    #[inline]
    pub fn read(&mut self, data: &[u8], at: usize) -> Option<(usize, i64)> {
        let minute = data.get(at..at + MINUTE)?;
        if minute != self.text {
            let minute = <[u8; MINUTE]>::try_from(minute).ok()?;
            self.seconds = seconds(&minute)?;
            self.text = minute;
        }
        if byte(data, at + 16) != b':' {
            return None;
        }
        let second = two(data, at + 17)?;
        if second > 59 {
            return None;
        }
        let (mut place, mut micros) = (at + 19, 0);
        if byte(data, place) == b'.' {
            let from = place + 1;
            place = from;
            let mut scale = 100_000;
            while byte(data, place).is_ascii_digit() {
                micros += scale * i64::from(data[place] - b'0');
                scale /= 10;
                place += 1;
            }
            if place == from || place - from > 9 {
                return None;
            }
        }
        let mut offset = 0;
        match byte(data, place) {
            b'Z' => place += 1,
            sign @ (b'+' | b'-') => {
                let (hours, minutes) = (two(data, place + 1)?, two(data, place + 4)?);
                let sound = byte(data, place + 3) == b':' && minutes < 60;
                if !sound || hours * 60 + minutes > 18 * 60 {
                    return None;
                }
                offset = (hours * 60 + minutes) * 60;
                if sign == b'-' {
                    offset = -offset;
                }
                place += 6;
            }
            _ => return None,
        }
        let whole = self.seconds + second - offset;
        (byte(data, place) == b'"').then_some((place, whole * 1_000_000 + micros))
    }
}

fn two(data: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (byte(data, at), byte(data, at + 1));
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

/// The seconds since 1970 of a minute, `2023-09-10T12:34`.
fn seconds(text: &[u8; MINUTE]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' || text[10] != b'T' || text[13] != b':' {
        return None;
    }
    let year = two(text, 0)? * 100 + two(text, 2)?;
    let (month, day) = (two(text, 5)?, two(text, 8)?);
    let (hour, minute) = (two(text, 11)?, two(text, 14)?);
    if year < 1970 || !(1..=12).contains(&month) || hour > 23 || minute > 59 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let past = year - 1;
    let leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    let days = (year - 1970) * 365
        + leaps
        + DAYS_BEFORE[usize::try_from(month - 1).ok()?]
        + i64::from(leap && month > 2)
        + day
        - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60)
}
