//! The picture that a link preview shows: the curves of a share, drawn by the server as PNG.

mod axes;
mod canvas;

use axes::Axis;
use canvas::{BLACK, Canvas, Colour, GREY, LIGHT, Size};

/// Width and height that previews are shown in.
pub const WIDTH: u32 = 1_200;
/// See [`WIDTH`].
pub const HEIGHT: u32 = 630;

/// The colours of arms, as on every page with a light theme: `static/js/palette.js`.
const COLOURS: [Colour; 7] = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [179, 106, 158], [121, 82, 21], [1, 143, 255], [81, 84, 91]];
/// Room around the curves.
const LEFT: f32 = 130.0;
const RIGHT: f32 = 40.0;
const TOP: f32 = 150.0;
const BOTTOM: f32 = 96.0;
/// Entries of the legend; more would not fit.
const MOST_NAMED: usize = 6;

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Its arm's place in the card: its colour.
    pub colour: usize,
    /// Its arm's name; empty for a curve that the legend leaves out, drawn thin: one seed of several.
    pub label: String,
    /// Steps and values; what is not finite makes a gap.
    pub points: Vec<(f64, f64)>,
}

/// What a preview shows.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Over everything.
    pub title: String,
    /// How it came out.
    pub outcome: String,
    /// The metric drawn, with its unit.
    pub metric: String,
    /// Whether the values are drawn on a logarithmic axis.
    pub log: bool,
    /// The curves; the first lie on top.
    pub curves: Vec<Curve>,
}

impl Preview {
    /// The picture as PNG. `None` if there is no memory for it.
    pub fn png(&self) -> Option<Vec<u8>> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let wide = WIDTH as f32 - LEFT - RIGHT;
        canvas.text(40.0, 36.0, &self.title, Size::Large, BLACK, WIDTH as f32 - 80.0);
        canvas.text(40.0, 84.0, &self.outcome, Size::Small, GREY, WIDTH as f32 - 80.0);
        canvas.text(LEFT, 118.0, &self.metric, Size::Small, GREY, wide);
        let drawable = |value: f64| value.is_finite() && (!self.log || value > 0.0);
        let shown = || self.curves.iter().flat_map(|curve| &curve.points).filter(|(_, value)| drawable(*value));
        let (x, y) = (Axis::of(shown().map(|(step, _)| *step), false), Axis::of(shown().map(|(_, value)| *value), self.log));
        let (Some(x), Some(y)) = (x, y) else {
            canvas.text(LEFT, 300.0, "The curve starts with the first point.", Size::Small, GREY, wide);
            return canvas.png();
        };
        let bottom = HEIGHT as f32 - BOTTOM;
        let across = |step: f64| LEFT + x.place(step) as f32 * wide;
        let up = |value: f64| bottom - y.place(value) as f32 * (bottom - TOP);
        for tick in y.ticks(5) {
            canvas.line(&[(LEFT, up(tick)), (LEFT + wide, up(tick))], LIGHT, 1.0);
            canvas.text_right(LEFT - 12.0, up(tick) - 10.0, &axes::label(tick), GREY);
        }
        for tick in x.ticks(6) {
            canvas.text_middle(across(tick), bottom + 10.0, &axes::label(tick), GREY);
        }
        canvas.line(&[(LEFT, bottom), (LEFT + wide, bottom)], GREY, 1.0);
        for curve in self.curves.iter().rev() {
            let colour = COLOURS[curve.colour % COLOURS.len()];
            let (colour, thick) = if curve.label.is_empty() { (canvas::faded(colour), 1.5) } else { (colour, 4.0) };
            for part in curve.points.split(|(_, value)| !drawable(*value)) {
                let part: Vec<_> = part.iter().map(|(step, value)| (across(*step), up(*value))).collect();
                canvas.line(&part, colour, thick);
            }
        }
        let mut left = LEFT;
        for curve in self.curves.iter().filter(|curve| !curve.label.is_empty()).take(MOST_NAMED) {
            let colour = COLOURS[curve.colour % COLOURS.len()];
            let end = left + 44.0 + canvas::width(&curve.label, Size::Small);
            if end > WIDTH as f32 - RIGHT {
                break;
            }
            canvas.line(&[(left, HEIGHT as f32 - 34.0), (left + 32.0, HEIGHT as f32 - 34.0)], colour, 4.0);
            canvas.text(left + 44.0, HEIGHT as f32 - 44.0, &curve.label, Size::Small, BLACK, wide);
            left = end + 32.0;
        }
        canvas.png()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(points: &[(f64, f64)]) -> Preview {
        let curve = Curve { colour: 0, label: "first".to_owned(), points: points.to_vec() };
        Preview { title: "A title".to_owned(), outcome: "Ended".to_owned(), metric: "Loss".to_owned(), log: false, curves: vec![curve] }
    }

    /// Where the picture has the colour of the first arm: columns and rows of the plotting area.
    fn coloured(png: &[u8]) -> Vec<(u32, u32)> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height, info.color_type), (WIDTH, HEIGHT, png::ColorType::Rgb));
        let bottom = HEIGHT - BOTTOM as u32;
        let all = (TOP as u32 - 4..=bottom + 4).flat_map(|row| (0..WIDTH).map(move |column| (column, row)));
        all.filter(|(column, row)| {
            let at = 3 * (row * WIDTH + column) as usize;
            pixels[at..at + 3] == COLOURS[0]
        })
        .collect()
    }

    #[test]
    fn the_colours_are_those_of_the_pages() {
        let palette = include_str!("../../static/js/palette.js");
        let list = palette.split("ON_LIGHT = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        let parts = |hex: &str| [1, 3, 5].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        let colours: Vec<Colour> = list.split(", ").map(|hex| parts(hex.trim_matches('\''))).collect();
        assert_eq!(colours, COLOURS);
    }

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let found = coloured(&preview(&[(0.0, 0.0), (100.0, 1.0)]).png().unwrap());
        let (first, last) = (found.iter().min().unwrap(), found.iter().max().unwrap());
        assert!(first.0.abs_diff(LEFT as u32) < 4 && first.1 > HEIGHT - BOTTOM as u32 - 8, "{first:?}");
        assert!(last.0.abs_diff(WIDTH - RIGHT as u32) < 4 && last.1 < TOP as u32 + 8, "{last:?}");
    }

    #[test]
    fn what_is_not_finite_makes_a_gap_and_nothing_to_draw_is_said() {
        let points = [(0.0, 1.0), (40.0, 1.0), (50.0, f64::NAN), (60.0, 1.0), (100.0, 1.0)];
        let found = coloured(&preview(&points).png().unwrap());
        let middle = LEFT as u32 + (WIDTH as f32 - LEFT - RIGHT) as u32 / 2;
        assert!(!found.is_empty() && found.iter().all(|(column, _)| column.abs_diff(middle) > 20));
        assert!(coloured(&preview(&[(0.0, f64::INFINITY)]).png().unwrap()).is_empty());
        assert!(coloured(&preview(&[]).png().unwrap()).is_empty());
    }
}
