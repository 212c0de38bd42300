//! Writing and reading pictures as PNG (ISO/IEC 15948).

use flate2::{Compression, Crc, write::ZlibEncoder};
use png::{ColorType, Decoder, Limits, Transformations};
use std::io::{Cursor, Write};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
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

/// A picture as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Values of a pixel: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// `[height, width, channels]`, row-major.
    pub pixels: Vec<u8>,
}

/// Reads a PNG file of any kind as eight bits of grey or of red, green and blue; of sixteen bits the lower eight are left out.
///
/// Errors, as the end of a sentence: no PNG, cut short, damaged, see-through, or larger than 256 MiB unpacked.
pub fn decode(file: &[u8]) -> Result<Picture, String> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MOST_BYTES });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().filter(|size| *size <= MOST_BYTES).ok_or("it is too large")?;
    let mut pixels = vec![0; size];
    let info = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    // What follows the last line is checked too.
    reader.finish().map_err(|error| error.to_string())?;
    pixels.truncate(info.buffer_size());
    let (channels, alpha) = match info.color_type {
        ColorType::Grayscale => (1, false),
        ColorType::GrayscaleAlpha => (1, true),
        ColorType::Rgb | ColorType::Indexed => (3, false),
        ColorType::Rgba => (3, true),
    };
    if alpha {
        if pixels.chunks_exact(channels + 1).any(|pixel| pixel[channels] != u8::MAX) {
            return Err("it is see-through in places".to_owned());
        }
        pixels = pixels.chunks_exact(channels + 1).flat_map(|pixel| &pixel[..channels]).copied().collect();
    }
    Ok(Picture { width: info.width as usize, height: info.height as usize, channels, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;
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
        flate2::read::ZlibDecoder::new(&file[41..41 + size]).read_to_end(&mut lines).unwrap();
        assert_eq!(lines.len(), 21);
        assert_eq!((lines[0], &lines[1..7], lines[7], &lines[15..]), (0, &pixels[..6], 0, &pixels[12..]));
    }

    #[test]
    fn pictures_are_read_back_and_damage_is_found() {
        let pixels: Vec<u8> = (0..2 * 3 * 3).map(|at| (at * 37 % 251) as u8).collect();
        let file = encode_rgb(2, 3, &pixels).unwrap();
        assert_eq!(decode(&file), Ok(Picture { width: 2, height: 3, channels: 3, pixels }));
        let mut damaged = file.clone();
        damaged[45] ^= 1;
        assert!(decode(&damaged).is_err());
        assert!(decode(&file[..40]).is_err());
        assert!(decode(b"GIF89a").is_err());
    }

    /// A picture of 2 x 1 pixels as the crate writes it.
    fn written(kind: ColorType, depth: png::BitDepth, palette: &'static [u8], data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 2, 1);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        if !palette.is_empty() {
            encoder.set_palette(palette);
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        file
    }

    #[test]
    fn other_kinds_are_read_as_grey_or_colour() {
        use png::BitDepth::{Eight, One, Sixteen};
        let grey = |pixels: [u8; 2]| Ok(Picture { width: 2, height: 1, channels: 1, pixels: pixels.to_vec() });
        assert_eq!(decode(&written(ColorType::Grayscale, Eight, &[], &[7, 200])), grey([7, 200]));
        assert_eq!(decode(&written(ColorType::Grayscale, One, &[], &[0b0100_0000])), grey([0, 255]));
        assert_eq!(decode(&written(ColorType::Grayscale, Sixteen, &[], &[7, 99, 200, 1])), grey([7, 200]));
        assert_eq!(decode(&written(ColorType::GrayscaleAlpha, Eight, &[], &[7, 255, 200, 255])), grey([7, 200]));
        assert!(decode(&written(ColorType::GrayscaleAlpha, Eight, &[], &[7, 255, 200, 254])).unwrap_err().contains("see-through"));
        let palette = decode(&written(ColorType::Indexed, Eight, &[1, 2, 3, 4, 5, 6], &[1, 0])).unwrap();
        assert_eq!((palette.channels, palette.pixels), (3, vec![4, 5, 6, 1, 2, 3]));
    }
}
