//! Points as TensorBoard's event file: records of protocol buffers, each with its length and masked checksums.
//!
//! Source: tensorflow/core/lib/io/record_writer.h (framing), tensorflow/core/util/event.proto and framework/summary.proto (messages). Values
//! are single precision there.

use super::{ExportError, Source};
use std::io::{self, Write};

/// CRC-32C, which the format asks for.
const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// A checksum as the format stores it: turned and shifted, for a checksum of bytes that hold checksums tells little.
fn masked(bytes: &[u8]) -> u32 {
    CHECKSUM.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn write_record(out: &mut impl Write, event: &[u8]) -> io::Result<()> {
    let length = (event.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked(&length).to_le_bytes())?;
    out.write_all(event)?;
    out.write_all(&masked(event).to_le_bytes())
}

/// Appends a number in groups of seven bits.
fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a field of bytes: text or a message.
fn push_bytes(bytes: &mut Vec<u8>, field: u8, value: &[u8]) {
    bytes.push(field << 3 | 2);
    push_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// `Event { wall_time = 1, … }`, its seconds since 1970.
fn event_at(time_ms: i64) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend((time_ms as f64 / 1e3).to_le_bytes());
    event
}

/// An event with one scalar.
fn scalar_event(tag: &str, step: i64, time_ms: i64, value: f64) -> Vec<u8> {
    // Summary.Value { tag = 1, simple_value = 2 }
    let mut scalar = Vec::with_capacity(tag.len() + 8);
    push_bytes(&mut scalar, 1, tag.as_bytes());
    scalar.push(2 << 3 | 5);
    scalar.extend((value as f32).to_le_bytes());
    // Summary { value = 1 }
    let mut summary = Vec::with_capacity(scalar.len() + 4);
    push_bytes(&mut summary, 1, &scalar);
    // Event { step = 2, summary = 5 }
    let mut event = event_at(time_ms);
    event.push(2 << 3);
    push_varint(&mut event, step as u64);
    push_bytes(&mut event, 5, &summary);
    event
}

pub(super) fn write(source: &Source, out: &mut impl Write) -> Result<(), ExportError> {
    // Event { file_version = 3 }
    let mut first = event_at(source.run.created_at_ms);
    push_bytes(&mut first, 3, b"brain.Event:2");
    write_record(out, &first)?;
    for series in source.series()? {
        let tag = if series.arm.is_empty() { series.name.clone() } else { format!("{}/{}", series.name, series.arm) };
        source.points(&series, |points| {
            for point in points {
                write_record(out, &scalar_event(&tag, point.step, point.time_ms, point.value))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_crc_32c_and_masked() {
        // RFC 3720, B.4: 32 bytes of zeroes, and 32 ascending bytes.
        assert_eq!(CHECKSUM.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CHECKSUM.checksum(&std::array::from_fn::<u8, 32, _>(|i| i as u8)), 0x46dd_794e);
        // LevelDB's crc32c_test: a mask can be taken off again.
        let unmask = |masked: u32| masked.wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmask(masked(b"foo")), CHECKSUM.checksum(b"foo"));
    }

    #[test]
    fn an_event_is_the_message_that_the_proto_files_describe() {
        // By hand: wall_time 1.5 s, step 300, tag "a", value 0.5.
        let wanted = [
            &[0x09][..],
            &1.5f64.to_le_bytes(),
            &[0x10, 0xac, 0x02],
            &[0x2a, 10],
            &[0x0a, 8],
            &[0x0a, 1, b'a'],
            &[0x15],
            &0.5f32.to_le_bytes(),
        ];
        assert_eq!(scalar_event("a", 300, 1_500, 0.5), wanted.concat());
    }
}
