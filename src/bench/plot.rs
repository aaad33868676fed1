//! Plots as SVG, drawn by hand: an axis, a grid, a few curves.

use std::fmt::Write as _;

/// The room for the whole plot and what is left of it for the curves, in pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 44.0;

/// About so many lines across.
const TICKS: f64 = 6.0;

/// Colours that people who see fewer of them tell apart, too (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// How numbers become places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scale {
    /// From zero on, evenly.
    Linear,
    /// Each power of ten as long as the next.
    Logarithmic,
    /// Quantiles below one: each further nine as long as the one before.
    Nines,
}

/// A curve and its name.
#[derive(Clone, Debug)]
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Plot {
    pub title: String,
    pub x_name: &'static str,
    pub y_name: &'static str,
    pub x_scale: Scale,
    pub y_scale: Scale,
    pub curves: Vec<Curve>,
}

/// One direction: the numbers at its ends, in the scale's own measure.
struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
}

impl Plot {
    /// The plot as an element of a page; nothing if there is nothing to draw.
    pub fn svg(&self) -> String {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        if points().count() == 0 {
            return String::new();
        }
        let x_axis = Axis::of(self.x_scale, points().map(|point| point.0));
        let y_axis = Axis::of(self.y_scale, points().map(|point| point.1));
        let x = |number: f64| LEFT + x_axis.part(number) * (WIDTH - LEFT - RIGHT);
        let y = |number: f64| HEIGHT - BOTTOM - y_axis.part(number) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(&self.title)
        );
        let title = escaped(&self.title);
        let _ = writeln!(
            svg,
            "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}</text>"
        );
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for (number, name) in x_axis.ticks() {
            let at = x(number);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>\
                 <text class=\"tick middle\" x=\"{at:.1}\" y=\"{:.1}\">{name}</text>",
                bottom + 16.0
            );
        }
        for (number, name) in y_axis.ticks() {
            let at = y(number);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"tick end\" x=\"{right}\" y=\"16\">{}</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 8.0,
            self.x_name,
            self.y_name
        );
        for (curve, colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
            let places = curve.points.iter().map(|point| (x(point.0), y(point.1)));
            let path: Vec<String> = places.map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            let _ = writeln!(
                svg,
                "<path class=\"curve\" stroke=\"{colour}\" d=\"M{}\"/>",
                path.join("L")
            );
        }
        svg.push_str("</svg>\n");
        svg.push_str(&self.legend());
        svg
    }

    fn legend(&self) -> String {
        let mut legend = String::from("<p class=\"legend\">");
        for (curve, colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
            let name = escaped(&curve.name);
            let _ = write!(legend, "<span style=\"--c:{colour}\">{name}</span> ");
        }
        legend.push_str("</p>\n");
        legend
    }
}

impl Axis {
    fn of(scale: Scale, numbers: impl Iterator<Item = f64>) -> Self {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers {
            let measure = scale.measure(number);
            from = from.min(measure);
            to = to.max(measure);
        }
        match scale {
            Scale::Linear => from = from.min(0.0),
            Scale::Logarithmic => (from, to) = (from.floor(), to.ceil()),
            Scale::Nines => from = 0.0,
        }
        if to - from < 1e-9 {
            to = from + 1.0;
        }
        Self { scale, from, to }
    }

    /// Where between the ends a number is, from 0 to 1.
    fn part(&self, number: f64) -> f64 {
        ((self.scale.measure(number) - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// The numbers that have a line of their own, and how they are written.
    fn ticks(&self) -> Vec<(f64, String)> {
        let whole = |measure: f64| measure.round() as i32;
        match self.scale {
            Scale::Linear => {
                let step = step_of((self.to - self.from) / TICKS);
                let count = ((self.to - self.from) / step + 1e-9).floor() as u32;
                let numbers = (0..=count).map(|n| self.from + f64::from(n) * step);
                numbers.map(|number| (number, short(number))).collect()
            }
            Scale::Logarithmic => {
                let powers = whole(self.from)..=whole(self.to);
                let numbers = powers.map(|power| 10_f64.powi(power));
                numbers.map(|number| (number, short(number))).collect()
            }
            Scale::Nines => {
                let nines = 0..=self.to.floor() as i32;
                let numbers = nines.map(|nines| 1.0 - 10_f64.powi(-nines));
                numbers
                    .map(|number| (number, format!("{}%", short(number * 100.0))))
                    .collect()
            }
        }
    }
}

impl Scale {
    fn measure(self, number: f64) -> f64 {
        match self {
            Self::Linear => number,
            // Less than a nanosecond of a millisecond, or a millionth of a share, is nothing.
            Self::Logarithmic => number.max(1e-6).log10(),
            Self::Nines => -(1.0 - number).max(1e-7).log10(),
        }
    }
}

/// A step of 1, 2 or 5 and zeros, at least `least`.
fn step_of(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let step = steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
    step.unwrap_or(power * 10.0)
}

/// A number without zeros that say nothing.
fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// Text that means nothing to a browser.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(scale: Scale, numbers: &[f64]) -> Vec<String> {
        let axis = Axis::of(scale, numbers.iter().copied());
        axis.ticks().into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        let linear = ["0", "50", "100", "150", "200", "250"];
        assert_eq!(names(Scale::Linear, &[10.0, 290.0]), linear);
        assert_eq!(
            names(Scale::Logarithmic, &[0.02, 7.0]),
            ["0.01", "0.1", "1", "10"]
        );
        let nines = ["0%", "90%", "99%", "99.9%"];
        assert_eq!(names(Scale::Nines, &[0.0, 0.9995]), nines);
    }

    #[test]
    fn a_curve_goes_from_corner_to_corner() {
        let plot = Plot {
            title: "a < b".to_owned(),
            x_name: "s",
            y_name: "MB/s",
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            curves: vec![Curve {
                name: "run 1".to_owned(),
                points: vec![(0.0, 0.0), (10.0, 100.0)],
            }],
        };
        let svg = plot.svg();
        assert!(svg.contains("d=\"M64.0 256.0L704.0 28.0\""), "{svg}");
        assert!(svg.contains("a &lt; b"), "{svg}");
        let empty = Plot {
            curves: Vec::new(),
            ..plot
        };
        assert_eq!(empty.svg(), "");
    }
}
