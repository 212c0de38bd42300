//! Times as a filter may write them: RFC 3339, a date, or a while ago as `7d`.

use crate::clock::read_seconds;
use chrono::{FixedOffset, NaiveDate, NaiveTime, Offset, Utc};

/// Milliseconds since 1970 of `2026-11-28`, `2026-11-28T20:00:00Z` (with or without seconds, fractions and an offset; without one in UTC),
/// or of `90s`, `30m`, `12h`, `7d`, `2w` before `now_ms`.
pub fn read_time(text: &str, now_ms: i64) -> Option<i64> {
    let ago = read_seconds(text).and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1_000));
    ago.map(|ms| now_ms - ms).or_else(|| read_rfc3339(text))
}

fn read_rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok().filter(|_| date.len() == "2026-11-28".len())?;
    let time = ["%H:%M", "%H:%M:%S%.f"].iter().find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
    let offset: FixedOffset = if matches!(offset, "" | "Z" | "z") { Utc.fix() } else { offset.parse().ok()? };
    Some(date.and_time(time).and_local_timezone(offset).single()?.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::rfc3339;

    #[test]
    fn times_are_read_as_they_are_written() {
        for ms in [0, 951_782_400_001, 1_795_593_599_999, 4_107_542_400_000] {
            assert_eq!(read_time(&rfc3339(ms), 0), Some(ms), "{}", rfc3339(ms));
        }
        assert_eq!(read_time("2000-02-29", 0), Some(951_782_400_000));
        assert_eq!(read_time("2000-02-29T02:30+02:30", 0), Some(951_782_400_000));
        assert_eq!(read_time("2000-02-28T23:00:00.5-01:00", 0), Some(951_782_400_500));
        assert_eq!(read_time("2000-02-29 00:00:00.0019z", 0), Some(951_782_400_001));
    }

    #[test]
    fn a_while_ago_is_counted_from_now() {
        let now = 1_795_593_599_999;
        assert_eq!(read_time("7d", now), Some(now - 604_800_000));
        assert_eq!(["90s", "2m", "1h", "1w"].map(|text| now - read_time(text, now).unwrap()), [90_000, 120_000, 3_600_000, 604_800_000]);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "d",
            "7y",
            "-7d",
            "7.5d",
            "2026-13-01",
            "2026-02-30",
            "2026-1-1",
            "2026-01-01T25:00",
            "2026-01-01T1",
            "2026-01-01T10:00+25:00",
            "2026-01-01T10:00:61",
            "yesterday",
            "9d9d",
        ] {
            assert_eq!(read_time(text, 0), None, "{text}");
        }
    }
}
