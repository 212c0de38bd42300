//! A line chart of text: curves in dots of Braille cells, in colours, or in letters where there are none.

use console::Style;
use worker::terminal::digits;

/// The dashboard's order of colours, each the nearest of the 256 that terminals have.
const COLORS: [u8; 7] = [32, 166, 36, 175, 214, 117, 245];
/// Dots of a Braille cell by row and column.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// Where letters take the place of colours.
const LETTERS: [char; 7] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/// A curve: its place among the arms, which gives its colour, and its points of step and value.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// Place among the arms.
    pub place: usize,
    /// Step and value; what is not finite leaves a gap.
    pub points: &'a [(f64, f64)],
}

/// Size of a chart in characters, and whether it has colours.
#[derive(Debug, Clone, Copy)]
pub struct Canvas {
    /// With labels.
    pub width: usize,
    /// Without the two lines of the axis below.
    pub rows: usize,
    /// Else letters.
    pub has_colors: bool,
}

/// The mark that stands for a curve in a legend.
pub fn mark(place: usize, has_colors: bool) -> String {
    match has_colors {
        true => color(place).apply_to('━').to_string(),
        false => LETTERS[place % LETTERS.len()].to_string(),
    }
}

fn color(place: usize) -> Style {
    Style::new().color256(COLORS[place % COLORS.len()]).for_stderr().force_styling(true)
}

/// The lines of a chart up to the step `end`; none where no value is finite.
pub fn draw(curves: &[Curve], end: f64, canvas: Canvas) -> Vec<String> {
    let values = || curves.iter().flat_map(|curve| curve.points).map(|(_, value)| *value).filter(|value| value.is_finite());
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if least > most {
        return Vec::new();
    }
    let (low, high) = rounded(least, most);
    let labels: Vec<String> = (0..canvas.rows).map(|row| label(row, canvas.rows, low, high)).collect();
    let margin = labels.iter().map(String::len).max().unwrap_or(0);
    let columns = canvas.width.saturating_sub(margin + 2).max(2);
    let cells = drawn(curves, (low, high), end.max(1.0), columns, canvas.rows);
    let mut lines: Vec<String> = labels
        .iter()
        .zip(cells.chunks(columns))
        .map(|(label, row)| {
            let axis = if label.is_empty() { '│' } else { '┤' };
            // Neighbours of one colour are one piece: a colour takes more bytes than what it colours.
            let pieces = row.chunk_by(|one, other| (one.dots == 0, one.place) == (other.dots == 0, other.place));
            let row: String = pieces.map(|cells| shown(cells, canvas.has_colors)).collect();
            format!("{label:>margin$} {axis}{}", row.trim_end())
        })
        .collect();
    let last = digits(end.max(1.0));
    lines.push(format!("{:margin$} └{}", "", "─".repeat(columns)));
    lines.push(format!("{:margin$}  0{last:>fill$}", "", fill = columns - 1));
    lines
}

/// Ends of an axis that do not move with every point: whole steps of 1, 2 or 5 times a power of ten.
fn rounded(least: f64, most: f64) -> (f64, f64) {
    let span = if most > least { most - least } else { most.abs().max(1e-12) };
    let power = 10_f64.powf((span / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step * 4.0 >= span).unwrap_or(span);
    let (low, high) = ((least / step).floor() * step, (most / step).ceil() * step);
    // Values at the ends of what numbers can hold leave nothing to round.
    match low.is_finite() && high.is_finite() && low < high {
        true => (low, high),
        false => (least, most),
    }
}

/// Labels stand at the top, in the middle and at the foot.
fn label(row: usize, rows: usize, low: f64, high: f64) -> String {
    match row {
        0 => digits(high),
        row if row + 1 == rows => digits(low),
        row if row == rows / 2 && rows > 4 => digits(low / 2.0 + high / 2.0),
        _ => String::new(),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    dots: u8,
    /// Whose dots came last.
    place: usize,
}

/// Cells beside each other that are all empty, or all of one curve.
fn shown(cells: &[Cell], has_colors: bool) -> String {
    let Some(Cell { dots, place }) = cells.first() else { return String::new() };
    match (dots, has_colors) {
        (0, _) => " ".repeat(cells.len()),
        (_, true) => {
            let text: String = cells.iter().map(|cell| char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or('•')).collect();
            color(*place).apply_to(text).to_string()
        }
        (_, false) => LETTERS[place % LETTERS.len()].to_string().repeat(cells.len()),
    }
}

/// The cells of all curves, row by row.
fn drawn(curves: &[Curve], (low, high): (f64, f64), end: f64, columns: usize, rows: usize) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); columns * rows];
    let (right, bottom) = ((columns * 2 - 1) as f64, (rows * 4 - 1) as f64);
    // Halves, for the difference of two large numbers may be too large itself.
    let height = high / 2.0 - low / 2.0;
    let place_of = |(step, value): (f64, f64)| {
        let (x, y) = ((step / end).clamp(0.0, 1.0) * right, (high / 2.0 - value / 2.0) / height * bottom);
        (x.round() as i64, y.clamp(0.0, bottom).round() as i64)
    };
    for curve in curves {
        let mut dot = |x: i64, y: i64| {
            let (x, y) = (x as usize, y as usize);
            let cell = &mut cells[y / 4 * columns + x / 2];
            *cell = Cell { dots: cell.dots | DOTS[y % 4][x % 2], place: curve.place };
        };
        let mut before: Option<(i64, i64)> = None;
        for point in curve.points {
            if !point.1.is_finite() {
                before = None;
                continue;
            }
            let (x, y) = place_of(*point);
            let (x0, y0) = before.unwrap_or((x, y));
            let steps = (x - x0).abs().max((y - y0).abs()).max(1);
            for step in 0..=steps {
                let between = |from: i64, to: i64| from + ((to - from) as f64 * step as f64 / steps as f64).round() as i64;
                dot(between(x0, x), between(y0, y));
            }
            before = Some((x, y));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Canvas = Canvas { width: 20, rows: 5, has_colors: false };

    #[test]
    fn a_curve_goes_from_corner_to_corner_with_its_numbers_at_the_axes() {
        let points = [(0.0, 0.0), (10.0, 4.0)];
        let lines = draw(&[Curve { place: 0, points: &points }], 10.0, PLAIN);
        assert_eq!(lines.len(), 7);
        assert!(lines[0].starts_with("4 ┤") && lines[0].ends_with("aaa"), "{lines:#?}");
        assert!(lines[4].starts_with("0 ┤aa") && lines[4].len() < 12, "{lines:#?}");
        assert!(lines[6].ends_with("10") && lines[6].chars().count() == 20, "{lines:#?}");
    }

    #[test]
    fn curves_are_told_apart_and_gaps_stay_gaps() {
        let (up, flat) = ([(0.0, 0.0), (10.0, 4.0)], [(0.0, 2.0), (3.0, f64::NAN), (10.0, 2.0)]);
        let lines = draw(&[Curve { place: 0, points: &up }, Curve { place: 1, points: &flat }], 10.0, PLAIN);
        let middle: String = lines[2].chars().skip_while(|c| *c != '┤' && *c != '│').skip(1).collect();
        assert!(middle.starts_with('b') && middle.ends_with('b') && middle.contains("a") && middle.contains("   "), "{lines:#?}");
        let colored = draw(&[Curve { place: 1, points: &flat }], 10.0, Canvas { has_colors: true, ..PLAIN }).join("");
        assert!(colored.contains("\u{1b}[38;5;166m"), "{colored:?}");
    }

    #[test]
    fn no_value_breaks_a_chart() {
        for values in
            [vec![], vec![f64::NAN], vec![1.5], vec![0.0, 0.0], vec![f64::MAX, f64::MIN], vec![5e-324, 0.0], vec![f64::INFINITY, 1.0]]
        {
            let points: Vec<_> = values.iter().enumerate().map(|(step, value)| (step as f64, *value)).collect();
            let lines = draw(&[Curve { place: 9, points: &points }], 0.0, Canvas { width: 3, rows: 1, has_colors: false });
            assert_eq!(lines.is_empty(), !values.iter().any(|value| value.is_finite()), "{values:?}");
        }
    }

    #[test]
    fn ends_of_an_axis_are_round_and_hold_what_is_between_them() {
        assert_eq!(rounded(0.13, 0.87), (0.0, 1.0));
        assert_eq!(rounded(-3.0, 31.0), (-10.0, 40.0));
        let (low, high) = rounded(0.5, 0.5);
        assert!(low <= 0.5 && high >= 0.5 && low < high, "{low} {high}");
    }
}
