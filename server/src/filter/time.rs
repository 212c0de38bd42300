//! Times as a filter may write them: RFC 3339, a date, or a while ago as `7d`.

/// Milliseconds since 1970 of `2026-11-28`, `2026-11-28T20:00:00Z` (with or without seconds, fractions and an offset; without one in UTC),
/// or of `90s`, `30m`, `12h`, `7d`, `2w` before `now_ms`.
pub fn read_time(text: &str, now_ms: i64) -> Option<i64> {
    ago(text).map(|ms| now_ms - ms).or_else(|| read_rfc3339(text))
}

fn ago(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let ms: i64 = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let count: u32 = text[..text.len() - 1].parse().ok()?;
    i64::from(count).checked_mul(ms)
}

fn read_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00Z"));
    let mut parts = date.splitn(3, '-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if date.len() != 10 || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let offset_minutes = match &time[end..] {
        "" | "Z" | "z" => 0,
        offset => {
            let (hours, minutes) = offset[1..].split_once(':')?;
            let minutes = digits(hours)?.checked_mul(60)?.checked_add(digits(minutes)?)?;
            if offset.starts_with('-') { -minutes } else { minutes }
        }
    };
    let (clock, fraction) = time[..end].split_once('.').unwrap_or((&time[..end], "0"));
    let mut parts = clock.split(':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if hour > 23 || minute > 59 || second > 60 || parts.next().is_some() {
        return None;
    }
    digits(fraction)?;
    let millis = digits(&format!("{fraction:0<3}")[..3])?;
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some((minutes * 60 + second) * 1_000 + millis)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", as the other way round in `clock.rs`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
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
    }

    #[test]
    fn a_while_ago_is_counted_from_now() {
        let now = 1_795_593_599_999;
        assert_eq!(read_time("7d", now), Some(now - 604_800_000));
        assert_eq!(["90s", "2m", "1h", "1w"].map(|text| now - read_time(text, now).unwrap()), [90_000, 120_000, 3_600_000, 604_800_000]);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "d", "7y", "-7d", "7.5d", "2026-13-01", "2026-02-30", "2026-1-1", "2026-01-01T25:00", "2026-01-01T1", "yesterday", "9d9d"]
        {
            assert_eq!(read_time(text, 0), None, "{text}");
        }
    }
}
