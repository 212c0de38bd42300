//! Reading arrays in NumPy's format, versions 1 to 3.
//!
//! A file is the magic, the version, the length of a header, the header as a Python dictionary, then the values. Source:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::Read;

/// Bytes that a header may have.
const LONGEST_HEADER: u32 = 1 << 16;

/// What stands before the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Type of a value as NumPy writes it: `|u1`, `<f4`.
    pub kind: String,
    /// Whether the first index runs fastest.
    pub columns_first: bool,
    /// Sizes; none for a single value.
    pub shape: Vec<usize>,
}

/// An array of numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Sizes.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Values,
}

/// Values of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Unsigned bytes.
    Bytes(Vec<u8>),
    /// Numbers of any other type. Integers beyond 2^53 are rounded.
    Numbers(Vec<f64>),
}

/// Reads a header; the reader then stands at the first value. Errors, as the end of a sentence.
pub fn read_header(from: &mut impl Read) -> Result<Header, String> {
    let mut start = [0u8; 8];
    let short = |error: std::io::Error| format!("it cannot be read: {error}");
    from.read_exact(&mut start).map_err(short)?;
    if start[..6] != *b"\x93NUMPY" {
        return Err("it does not begin with the magic".to_owned());
    }
    let mut size = [0u8; 4];
    let bytes = if start[6] == 1 { 2 } else { 4 };
    from.read_exact(&mut size[..bytes]).map_err(short)?;
    let size = u32::from_le_bytes(size);
    if size > LONGEST_HEADER {
        return Err("its header is too long".to_owned());
    }
    let mut text = vec![0u8; size as usize];
    from.read_exact(&mut text).map_err(short)?;
    let text: String = String::from_utf8_lossy(&text).chars().filter(|letter| !letter.is_whitespace()).collect();
    let between = |from: &str, to: char| text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(found, _)| found);
    let kind = between("'descr':'", '\'').ok_or("its header tells no type of value, or one of many fields")?.to_owned();
    let sizes = between("'shape':(", ')').ok_or("its header tells no shape")?;
    let sizes: Result<Vec<usize>, _> = sizes.split(',').filter(|size| !size.is_empty()).map(str::parse).collect();
    let shape = sizes.map_err(|_| "its header tells no shape")?;
    Ok(Header { kind, columns_first: text.contains("'fortran_order':True"), shape })
}

/// Reads a whole array. Errors, as the end of a sentence: no array, of a type that is not a number, too short or too long.
pub fn read_array(mut from: impl Read) -> Result<Array, String> {
    let header = read_header(&mut from)?;
    let size = match header.kind.as_str() {
        "|u1" | "|i1" | "|b1" => 1,
        "<u2" | "<i2" => 2,
        "<u4" | "<i4" | "<f4" => 4,
        "<u8" | "<i8" | "<f8" => 8,
        kind => return Err(format!("its values must be numbers of one of the types u1 to u8, i1 to i8, f4, f8; they are {kind}")),
    };
    let count = header.shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size)).ok_or("its header tells too large a shape")?;
    let expected = count.checked_mul(size).ok_or("its header tells too large a shape")?;
    let mut bytes = Vec::new();
    from.take(expected as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() != expected {
        let found = if bytes.len() > expected { "more".to_owned() } else { bytes.len().to_string() };
        return Err(format!("its header tells {expected} bytes of values; it holds {found}"));
    }
    let kind = header.kind.clone();
    let values = match kind.as_str() {
        "|u1" => Values::Bytes(order(bytes, &header)?),
        _ => Values::Numbers(order(bytes.chunks_exact(size).map(|value| number(&kind, value)).collect(), &header)?),
    };
    Ok(Array { shape: header.shape, values })
}

/// A little-endian value of this type.
fn number(kind: &str, value: &[u8]) -> f64 {
    // The caller cuts values to the size of their type, so no index is beyond the end.
    let eight: [u8; 8] = std::array::from_fn(|at| value.get(at).copied().unwrap_or(0));
    let bits = u64::from_le_bytes(eight);
    match kind {
        "|i1" => f64::from(bits as u8 as i8),
        "<i2" => f64::from(bits as u16 as i16),
        "<i4" => f64::from(bits as u32 as i32),
        "<i8" => bits as i64 as f64,
        "<f4" => f64::from(f32::from_bits(bits as u32)),
        "<f8" => f64::from_bits(bits),
        _ => bits as f64,
    }
}

/// The values row-major.
fn order<T: Copy>(values: Vec<T>, header: &Header) -> Result<Vec<T>, String> {
    match header.shape.as_slice() {
        _ if !header.columns_first => Ok(values),
        [] | [_] => Ok(values),
        [rows, columns] => Ok((0..rows * columns).map(|at| values[(at % columns) * rows + at / columns]).collect()),
        _ => Err("its values must be in row-major order".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An array as NumPy writes it, format 1.0.
    fn file(header: &str, values: &[u8]) -> Vec<u8> {
        [b"\x93NUMPY\x01\x00", (header.len() as u16).to_le_bytes().as_slice(), header.as_bytes(), values].concat()
    }

    #[test]
    fn arrays_of_both_orders_and_several_types_are_read() {
        let bytes = file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", &[1, 2, 3, 4, 5, 6]);
        assert_eq!(read_array(&bytes[..]), Ok(Array { shape: vec![2, 3], values: Values::Bytes(vec![1, 2, 3, 4, 5, 6]) }));
        let turned = file("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }\n", &[1, 4, 2, 5, 3, 250]);
        assert_eq!(read_array(&turned[..]).unwrap().values, Values::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0, -6.0]));
        let floats = file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", &1.5f32.to_le_bytes());
        assert_eq!(read_array(&floats[..]).unwrap().values, Values::Numbers(vec![1.5]));
        let wide = file("{'descr': '<i8', 'fortran_order': False, 'shape': (), }\n", &(-7i64).to_le_bytes());
        assert_eq!(read_array(&wide[..]), Ok(Array { shape: vec![], values: Values::Numbers(vec![-7.0]) }));
    }

    #[test]
    fn what_is_no_array_of_numbers_is_told() {
        let fault = |header: &str, values: &[u8]| read_array(&file(header, values)[..]).unwrap_err();
        assert!(fault("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", &[0; 16]).contains("must be numbers"));
        assert!(
            fault("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[0; 2]).contains("tells 3 bytes of values; it holds 2")
        );
        assert!(fault("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", &[0; 4]).contains("it holds more"));
        assert!(fault("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1, 1), }", &[0; 1]).contains("row-major"));
        assert!(fault("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", &[]).contains("no type of value"));
        assert!(read_array(&b"no array at all"[..]).unwrap_err().contains("magic"));
    }
}
