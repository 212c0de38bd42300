//! Lines and text on white, and the whole as PNG.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use tiny_skia::{Color, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Stroke, Transform};

/// Red, green and blue.
pub type Colour = [u8; 3];
/// Ink of titles.
pub const BLACK: Colour = [26, 29, 33];
/// Ink of everything else.
pub const GREY: Colour = [74, 81, 91];
/// Ink of grid lines.
pub const LIGHT: Colour = [227, 228, 230];

/// Sizes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 20 pixels.
    Small,
    /// 32 pixels, bold.
    Large,
}

impl Size {
    fn font(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size20),
            Self::Large => (FontWeight::Bold, RasterHeight::Size32),
        }
    }
}

/// A colour that stands back: two thirds of it are white.
pub fn faded(colour: Colour) -> Colour {
    colour.map(|part| (u16::from(part) / 3 + 170) as u8)
}

/// Width of a line of text.
pub fn width(text: &str, size: Size) -> f32 {
    let (weight, height) = size.font();
    (text.chars().count() * get_raster_width(weight, height)) as f32
}

/// A white picture to draw on.
pub struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// A picture of this size; `None` if it is empty or too large.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixels = Pixmap::new(width, height)?;
        pixels.fill(Color::WHITE);
        Some(Self { pixels })
    }

    /// A line through these points; a dot where there is only one.
    pub fn line(&mut self, points: &[(f32, f32)], colour: Colour, thick: f32) {
        let mut path = PathBuilder::new();
        let Some((x, y)) = points.first() else { return };
        path.move_to(*x, *y);
        // A line without length has no round ends either, so a lone point gets a little.
        let rest = if points.len() == 1 { &[(x + 0.1, *y)][..] } else { &points[1..] };
        for (x, y) in rest {
            path.line_to(*x, *y);
        }
        let Some(path) = path.finish() else { return };
        let mut paint = Paint::default();
        paint.set_color_rgba8(colour[0], colour[1], colour[2], 255);
        let round = points.len() == 1;
        let stroke = Stroke {
            width: if round { 2.0 * thick } else { thick },
            line_cap: if round { LineCap::Round } else { LineCap::Butt },
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        self.pixels.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
    }

    /// One line of text from its upper left corner, cut where it would be wider than `most`. A character that the font lacks is a box.
    pub fn text(&mut self, left: f32, top: f32, text: &str, size: Size, colour: Colour, most: f32) {
        let (weight, height) = size.font();
        let step = get_raster_width(weight, height);
        let fitting = (most / step as f32) as usize;
        let cut = text.chars().count() > fitting;
        let shown = text.chars().take(if cut { fitting.saturating_sub(1) } else { fitting }).chain(cut.then_some('…'));
        for (place, c) in shown.enumerate() {
            let character = match c {
                // Close to what the font lacks.
                '…' => '.',
                '−' | '–' | '—' => '-',
                c => c,
            };
            let Some(raster) = get_raster(character, weight, height).or_else(|| get_raster('\u{a4}', weight, height)) else { continue };
            for (row, line) in raster.rows().enumerate() {
                for (column, part) in line.iter().enumerate() {
                    self.mix(left as usize + place * step + column, top as usize + row, colour, *part);
                }
            }
        }
    }

    /// The same, ending at `right`.
    pub fn text_right(&mut self, right: f32, top: f32, text: &str, colour: Colour) {
        let wide = width(text, Size::Small);
        self.text((right - wide).max(0.0), top, text, Size::Small, colour, wide);
    }

    /// The same, around `middle`.
    pub fn text_middle(&mut self, middle: f32, top: f32, text: &str, colour: Colour) {
        let wide = width(text, Size::Small);
        self.text((middle - wide / 2.0).max(0.0), top, text, Size::Small, colour, wide);
    }

    /// Lays `part` of 255 of a colour over a pixel; outside the picture nothing.
    fn mix(&mut self, x: usize, y: usize, colour: Colour, part: u8) {
        let (width, height) = (self.pixels.width() as usize, self.pixels.height() as usize);
        if x >= width || y >= height {
            return;
        }
        let pixel = &mut self.pixels.data_mut()[4 * (y * width + x)..][..3];
        for (under, over) in pixel.iter_mut().zip(colour) {
            *under = ((u16::from(*under) * (255 - u16::from(part)) + u16::from(over) * u16::from(part)) / 255) as u8;
        }
    }

    /// The picture; `None` if it cannot be encoded.
    pub fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.pixels.width(), self.pixels.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        // Everything is drawn on white, so that no pixel lets anything through.
        let rgb: Vec<u8> = self.pixels.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        writer.write_image_data(&rgb).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}
