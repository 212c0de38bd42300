//! The server's clock, and times as the contract writes them.

use chrono::{DateTime, SecondsFormat, Utc};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// RFC 3339 in UTC with milliseconds, as `2026-11-25T08:00:00.000Z`; of milliseconds beyond the calendar, its end.
pub fn rfc3339(ms: i64) -> String {
    let last = if ms < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp_millis(ms).unwrap_or(last).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Seconds of a length of time as people write it: a whole number and s, m, h, d or w, as `7d`.
pub fn read_seconds(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(rfc3339(1_795_593_599_999), "2026-11-25T07:59:59.999Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!([i64::MIN, i64::MAX].map(rfc3339), ["-262143-01-01T00:00:00.000Z", "+262142-12-31T23:59:59.999Z"]);
    }
}
