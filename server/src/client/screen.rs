//! What goes on, drawn over itself in a terminal, or as plain lines where there is none. It is standard error's; results go elsewhere.

use super::{
    chart::{self, Canvas},
    watched::{Card, Watched},
};
use console::{Term, measure_text_width, truncate_str};
use std::time::{Duration, Instant};
use worker::terminal::digits;

/// Rows of a chart where the terminal is high enough for them; an odd number, so that one is in the middle.
const ROWS: usize = 15;
/// Lines of a frame beside the rows and the legend of its chart: name, bar, title, two of the axis, hint, and the cursor's own.
const OTHER_LINES: usize = 7;
/// Fewer rows are no chart.
const FEWEST_ROWS: usize = 4;
/// Longer bars say no more.
const WIDEST_BAR: usize = 30;
/// Plain lines about progress come no closer.
const PLAIN_PAUSE: Duration = Duration::from_secs(5);

/// A terminal that is drawn over, or a place for plain lines.
pub enum Screen {
    /// A terminal, and how many lines of it are ours.
    Drawn {
        /// Standard error.
        term: Term,
        /// Lines of the last frame.
        lines: usize,
    },
    /// No terminal.
    Plain {
        /// The last line, and when it was said.
        last: Option<(String, Instant)>,
    },
}

impl Screen {
    /// Standard error as it is.
    pub fn new() -> Self {
        let term = Term::stderr();
        if term.is_term() { Self::Drawn { term, lines: 0 } } else { Self::Plain { last: None } }
    }

    /// A line that stays.
    pub fn say(&mut self, line: &str) {
        match self {
            Self::Drawn { term, lines } => draw(term, lines, &[line.to_owned()], false),
            Self::Plain { .. } => eprintln!("{line}"),
        }
    }

    /// A run as it is now.
    pub fn show_run(&mut self, run: &Watched, card: &Card) {
        match self {
            Self::Drawn { term, lines } => {
                let told = run.lost.clone().unwrap_or_else(|| run.told());
                let frame = frame(term, run.name.clone(), (run.part(), told), Some((run, card)), run.is_over());
                draw(term, lines, &frame, true);
            }
            Self::Plain { .. } => self.plain(&run.state, || match run.latest(card) {
                latest if latest.is_empty() => run.told(),
                latest => format!("{}: {} {latest}", run.told(), card.metric),
            }),
        }
    }

    /// A sweep as it is now: how many of its runs have ended, and the curves of one that runs.
    pub fn show_sweep(&mut self, name: &str, part: f64, told: &str, run: Option<(&Watched, &Card)>) {
        match self {
            Self::Drawn { term, lines } => {
                let frame = frame(term, name.to_owned(), (part, told.to_owned()), run, part >= 1.0);
                draw(term, lines, &frame, true);
            }
            Self::Plain { .. } => self.plain(if part < 1.0 { "" } else { told }, || told.to_owned()),
        }
    }

    /// A plain line: at once when the state is another, else now and then when there is something new.
    fn plain(&mut self, state: &str, told: impl FnOnce() -> String) {
        let Self::Plain { last } = self else { return };
        if last.as_ref().is_some_and(|(said, when)| said.starts_with(state) && when.elapsed() < PLAIN_PAUSE) {
            return;
        }
        let line = told();
        if last.as_ref().is_none_or(|(said, _)| *said != line) {
            eprintln!("{line}");
            *last = Some((line, Instant::now()));
        }
    }
}

/// The lines of a frame: name, bar, chart, legend.
fn frame(term: &Term, title: String, (part, told): (f64, String), run: Option<(&Watched, &Card)>, is_over: bool) -> Vec<String> {
    let (height, width) = term.size();
    let (height, width) = (usize::from(height), usize::from(width));
    let has_colors = console::colors_enabled_stderr();
    let mut frame = vec![title, format!("{} {:>3.0}%  {told}", bar(part, WIDEST_BAR.min(width / 3)), (part * 100.0).floor())];
    if let Some((run, card)) = run {
        let curves = run.curves(card);
        let entry = |(name, curve): &(String, chart::Curve)| {
            let value = curve.points.last().map_or_else(String::new, |(_, value)| digits(*value));
            format!("{} {name} {value}", chart::mark(curve.place, has_colors))
        };
        let legend = wrapped(curves.iter().map(entry), width.saturating_sub(1));
        let rows = ROWS.min(height.saturating_sub(OTHER_LINES + legend.len()));
        let rows = rows - usize::from(rows.is_multiple_of(2)).min(rows);
        let places: Vec<_> = curves.iter().map(|(_, curve)| *curve).collect();
        let chart = chart::draw(&places, run.end(), Canvas { width: width.saturating_sub(1), rows, has_colors });
        if !chart.is_empty() && rows >= FEWEST_ROWS {
            frame.push(card.metric_title.clone());
            frame.extend(chart);
            frame.extend(legend);
        }
    }
    if !is_over {
        frame.push("Ctrl-C stops watching; what runs goes on".to_owned());
    }
    frame.into_iter().map(|line| truncate_str(&line, width.saturating_sub(1).max(1), "…").into_owned()).collect()
}

/// Entries side by side, in as many lines as it takes.
fn wrapped(entries: impl Iterator<Item = String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for entry in entries {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 3 + measure_text_width(&entry) <= width => *line = format!("{line}   {entry}"),
            _ => lines.push(entry),
        }
    }
    lines
}

fn bar(part: f64, width: usize) -> String {
    let full = (part.clamp(0.0, 1.0) * width as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

/// Writes lines over those of the frame before in one piece, so that nothing flickers. A frame will be drawn over; other lines stay.
fn draw(term: &Term, lines: &mut usize, text: &[String], is_frame: bool) {
    let up = if *lines > 0 { format!("\x1b[{lines}A") } else { String::new() };
    let shown: String = text.iter().map(|line| format!("{line}\x1b[K\n")).collect();
    // A terminal that has gone away sees nothing; the run and its result do not depend on it.
    let _ = term.write_str(&format!("\r{up}{shown}\x1b[J"));
    *lines = if is_frame { text.len() } else { 0 };
}
