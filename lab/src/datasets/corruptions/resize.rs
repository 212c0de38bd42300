//! Changing the size of planes, and reading them between pixels.

use super::blur::Border;

/// The plane at a place between pixels, bilinear.
pub(super) fn between(plane: &[f32], height: usize, width: usize, y: f32, x: f32, border: Border) -> f32 {
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let at = |row: isize, column: isize| plane[border.place(row, height) * width + border.place(column, width)];
    let (top, left) = (top as isize, left as isize);
    let upper = at(top, left) * (1.0 - right) + at(top, left + 1) * right;
    let lower = at(top + 1, left) * (1.0 - right) + at(top + 1, left + 1) * right;
    upper * (1.0 - down) + lower * down
}

/// The middle of a plane enlarged by `factor`, at least 1, cut to the plane's size. The corners of what is enlarged stay corners.
pub(super) fn zoomed_middle(plane: &[f32], height: usize, width: usize, factor: f32) -> Vec<f32> {
    // Per side: where the middle begins, its size, and the distance of two new pixels in it and the first of them that is kept.
    let side = |size: usize| {
        let part = (size as f32 / factor).ceil() as usize;
        let larger = ((part as f32 * factor).round() as usize).max(size);
        let step = if larger > 1 { (part - 1) as f32 / (larger - 1) as f32 } else { 0.0 };
        ((size - part) / 2, step, (larger - size) / 2)
    };
    let ((top, down, first_row), (left, right, first_column)) = (side(height), side(width));
    let places = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    places
        .map(|(row, column)| {
            let (y, x) = (top as f32 + (row + first_row) as f32 * down, left as f32 + (column + first_column) as f32 * right);
            between(plane, height, width, y, x, Border::Nearest)
        })
        .collect()
}

/// A line of pixels resized with a box: every new pixel is the mean of the old ones whose centres it covers, or the one it lies in.
fn box_line(size: usize, new_size: usize) -> Vec<(usize, usize)> {
    let scale = size as f64 / new_size as f64;
    let reach = 0.5 * scale.max(1.0);
    (0..new_size)
        .map(|at| {
            let centre = (at as f64 + 0.5) * scale;
            let first = (centre - reach + 0.5).max(0.0) as usize;
            let end = ((centre + reach + 0.5) as usize).min(size);
            (first.min(size - 1), end.max(first + 1).min(size))
        })
        .collect()
}

/// A plane resized with a box filter.
pub(super) fn with_box(plane: &[f32], (height, width): (usize, usize), (new_height, new_width): (usize, usize)) -> Vec<f32> {
    let (rows, columns) = (box_line(height, new_height), box_line(width, new_width));
    let mut resized = Vec::with_capacity(new_height * new_width);
    for (top, bottom) in &rows {
        for (left, right) in &columns {
            let lines = (*top..*bottom).map(|row| &plane[row * width + left..row * width + right]);
            let sum: f32 = lines.map(|line| line.iter().sum::<f32>()).sum();
            resized.push(sum / ((bottom - top) * (right - left)) as f32);
        }
    }
    resized
}
