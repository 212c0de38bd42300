//! Writing pictures as PNG (ISO/IEC 15948), eight bits a channel.

use flate2::{Compression, Crc, write::ZlibEncoder};
use std::io::Write;

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
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
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

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read;

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
}
