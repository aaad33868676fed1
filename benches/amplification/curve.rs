//! The curve as a picture: bytes per turn to the right, each step four times as many, bytes written
//! for each byte produced upwards.

use std::fmt::Write as _;

/// Batches of one size.
pub struct Curve {
    pub batch_bytes: usize,
    pub points: Vec<Point>,
}

pub struct Point {
    pub turn_bytes: usize,
    pub amplification: f64,
}

/// The picture, and the frame of the curves in it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 600.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 390.0;

/// From 128 bytes to 1 MiB, and from once to 64 times: each step doubles.
const TURN_BITS: (f64, f64) = (7.0, 20.0);
const TIMES_BITS: (f64, f64) = (0.0, 6.0);

/// What a small load and one of large batches are to stay below.
const GOALS: [f64; 2] = [2.5, 1.3];

const COLORS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"];

fn right(turn_bytes: f64) -> f64 {
    let (from, to) = TURN_BITS;
    LEFT + (turn_bytes.log2() - from) / (to - from) * (RIGHT - LEFT)
}

fn up(amplification: f64) -> f64 {
    let (from, to) = TIMES_BITS;
    BOTTOM - (amplification.log2().clamp(from, to) - from) / (to - from) * (BOTTOM - TOP)
}

fn amount(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// The picture in SVG.
pub fn draw(curves: &[Curve]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for bits in [8, 10, 12, 14, 16, 18, 20] {
        let (x, name) = (right(f64::from(1 << bits)), amount(1 << bits));
        line(&mut svg, (x, TOP), (x, BOTTOM), "stroke=\"#dddddd\"");
        text(&mut svg, (x, BOTTOM + 18.0), "middle", &name);
    }
    for bits in 0..=6 {
        let times = 1 << bits;
        let y = up(f64::from(times));
        line(&mut svg, (LEFT, y), (RIGHT, y), "stroke=\"#dddddd\"");
        text(&mut svg, (LEFT - 8.0, y + 4.0), "end", &times.to_string());
    }
    for goal in GOALS {
        let (y, dashed) = (up(goal), "stroke=\"black\" stroke-dasharray=\"4 4\"");
        line(&mut svg, (LEFT, y), (RIGHT, y), dashed);
        text(
            &mut svg,
            (RIGHT + 6.0, y + 4.0),
            "start",
            &format!("{goal}"),
        );
    }
    for ((curve, color), place) in curves.iter().zip(COLORS).zip(0..) {
        let place_of = |point: &Point| (right(point.turn_bytes as f64), up(point.amplification));
        let points = curve.points.iter().map(place_of);
        let points = points.map(|(x, y)| format!("{x:.1},{y:.1}"));
        let points = points.collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
        );
        for (x, y) in curve.points.iter().map(place_of) {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>"
            );
        }
        let y = TOP + 14.0 + 18.0 * f64::from(place);
        let stroke = format!("stroke=\"{color}\" stroke-width=\"2\"");
        line(
            &mut svg,
            (RIGHT + 50.0, y - 4.0),
            (RIGHT + 70.0, y - 4.0),
            &stroke,
        );
        let name = format!("batches of {}", amount(curve.batch_bytes));
        text(&mut svg, (RIGHT + 74.0, y), "start", &name);
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    text(
        &mut svg,
        (middle, HEIGHT - 10.0),
        "middle",
        "bytes per turn",
    );
    text(
        &mut svg,
        (LEFT, TOP - 6.0),
        "middle",
        "bytes written per byte produced",
    );
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, what: &str) {
    let (x, y) = at;
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}
