//! Writing and reading pictures as PNG (ISO/IEC 15948) of red, green and blue, eight bits each.

use flate2::{Compression, Crc, read::ZlibDecoder, write::ZlibEncoder};
use std::io::{Read, Write};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
/// Bytes of a pixel.
const PIXEL: usize = 3;
/// Bytes that a picture may unpack to.
const MOST_BYTES: usize = 1 << 28;

/// A picture of red, green and blue bytes, `[height, width, 3]` row-major, as a PNG file. Panics when `pixels` is of another size.
pub fn encode_rgb(width: usize, height: usize, pixels: &[u8]) -> std::io::Result<Vec<u8>> {
    assert_eq!(pixels.len(), 3 * width * height, "a picture of {width} x {height}");
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((height as u32).to_be_bytes());
    // Eight bits, colour, and the only compression, filter and order that need no more words.
    header.extend([8, 2, 0, 0, 0]);
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    for line in pixels.chunks_exact(3 * width) {
        packer.write_all(&[0])?;
        packer.write_all(line)?;
    }
    let mut file = SIGNATURE.to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", packer.finish()?), (b"IEND", Vec::new())] {
        file.extend((data.len() as u32).to_be_bytes());
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(&data);
        file.extend(kind);
        file.extend(data);
        file.extend(crc.sum().to_be_bytes());
    }
    Ok(file)
}

/// Width, height and pixels, `[height, width, 3]`, of a PNG file without transparency, palette or interlacing.
///
/// Errors, as the end of a sentence: no PNG, of another kind, cut short, damaged, or larger than 256 MiB unpacked.
pub fn decode_rgb(file: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    let mut rest = file.strip_prefix(SIGNATURE).ok_or("it is no PNG file")?;
    let (mut size, mut packed, mut whole) = (None, Vec::new(), false);
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (data, after) = after.split_at_checked(length).ok_or("it is cut short")?;
        let (sum, after) = after.split_first_chunk::<4>().ok_or("it is cut short")?;
        let mut crc = Crc::new();
        crc.update(&head[4..]);
        crc.update(data);
        if crc.sum() != u32::from_be_bytes(*sum) {
            return Err("a checksum is wrong".to_owned());
        }
        match &head[4..] {
            b"IHDR" => {
                let number = |at: usize| data.get(at..at + 4).map(|bytes| bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)));
                if data.get(8..) != Some(&[8, 2, 0, 0, 0]) {
                    return Err("it is not of red, green and blue with eight bits each".to_owned());
                }
                size = number(0).zip(number(4)).filter(|(width, height)| *width > 0 && (1 + PIXEL * width) * height <= MOST_BYTES);
            }
            b"IDAT" => packed.extend_from_slice(data),
            b"IEND" => {
                whole = true;
                break;
            }
            _ => {}
        }
        rest = after;
    }
    if !whole {
        return Err("it is cut short".to_owned());
    }
    let (width, height) = size.ok_or("its size is missing or too large")?;
    let line = PIXEL * width;
    let mut lines = Vec::with_capacity((1 + line) * height);
    let unpacked = ZlibDecoder::new(packed.as_slice()).take(((1 + line) * height) as u64 + 1).read_to_end(&mut lines);
    unpacked.map_err(|error| format!("it cannot be unpacked: {error}"))?;
    if lines.len() != (1 + line) * height {
        return Err("it holds another number of lines than it tells".to_owned());
    }
    let mut pixels = vec![0u8; line * height];
    for (row, filtered) in lines.chunks_exact(1 + line).enumerate() {
        let (before, now) = pixels.split_at_mut(row * line);
        let above = (row > 0).then(|| &before[(row - 1) * line..]);
        unfilter(filtered[0], &filtered[1..], above, &mut now[..line])?;
    }
    Ok((width, height, pixels))
}

/// Takes back the filter of a line, given the line above, or none.
fn unfilter(filter: u8, filtered: &[u8], above: Option<&[u8]>, line: &mut [u8]) -> Result<(), String> {
    for at in 0..line.len() {
        let left = if at >= PIXEL { line[at - PIXEL] } else { 0 };
        let up = above.map_or(0, |above| above[at]);
        let corner = above.filter(|_| at >= PIXEL).map_or(0, |above| above[at - PIXEL]);
        let guess = match filter {
            0 => 0,
            1 => left,
            2 => up,
            3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
            4 => {
                // Of left, up and corner the one nearest to left + up - corner, in this order.
                let sum = i16::from(left) + i16::from(up) - i16::from(corner);
                let [a, b, c] = [left, up, corner].map(|value| (sum - i16::from(value)).abs());
                if a <= b && a <= c {
                    left
                } else if b <= c {
                    up
                } else {
                    corner
                }
            }
            _ => return Err("it has a filter that does not exist".to_owned()),
        };
        line[at] = filtered[at].wrapping_add(guess);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_file_are_where_the_standard_wants_them() {
        let pixels: Vec<u8> = (0..18).collect();
        let file = encode_rgb(2, 3, &pixels).unwrap();
        assert_eq!(file[..16], *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
        assert_eq!(file[16..29], [0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0]);
        // The checksum of an empty IEND is known.
        assert_eq!(file[file.len() - 12..], [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
        let size = u32::from_be_bytes(file[33..37].try_into().unwrap()) as usize;
        assert_eq!(file[37..41], *b"IDAT");
        let mut lines = Vec::new();
        ZlibDecoder::new(&file[41..41 + size]).read_to_end(&mut lines).unwrap();
        assert_eq!(lines.len(), 21);
        assert_eq!((lines[0], &lines[1..7], lines[7], &lines[15..]), (0, &pixels[..6], 0, &pixels[12..]));
    }

    #[test]
    fn pictures_are_read_back_and_damage_is_found() {
        let pixels: Vec<u8> = (0..2 * 3 * 3).map(|at| (at * 37 % 251) as u8).collect();
        let file = encode_rgb(2, 3, &pixels).unwrap();
        assert_eq!(decode_rgb(&file), Ok((2, 3, pixels)));
        let mut damaged = file.clone();
        damaged[45] ^= 1;
        assert!(decode_rgb(&damaged).unwrap_err().contains("checksum"));
        assert!(decode_rgb(&file[..40]).unwrap_err().contains("cut short"));
        assert!(decode_rgb(b"GIF89a").unwrap_err().contains("no PNG"));
    }

    #[test]
    fn every_filter_is_taken_back() {
        // Two pixels below two others, by hand.
        let above = [10u8, 20, 30, 40, 50, 60];
        let mut line = [0u8; 6];
        let mut lines = Vec::new();
        for filter in 0..5 {
            unfilter(filter, &[1, 2, 3, 4, 5, 6], Some(&above), &mut line).unwrap();
            lines.push(line);
        }
        assert_eq!(lines[0], [1, 2, 3, 4, 5, 6]);
        assert_eq!(lines[1], [1, 2, 3, 5, 7, 9]);
        assert_eq!(lines[2], [11, 22, 33, 44, 55, 66]);
        assert_eq!(lines[3], [6, 12, 18, 27, 36, 45]);
        assert_eq!(lines[4], [11, 22, 33, 44, 55, 66]);
        unfilter(4, &[1, 2, 3, 4, 5, 6], None, &mut line).unwrap();
        assert_eq!(line, [1, 2, 3, 5, 7, 9]);
        assert!(unfilter(5, &[0; 6], None, &mut line).is_err());
    }
}
