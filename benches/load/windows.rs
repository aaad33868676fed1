//! Windows of a load, one after the other, and what they say together.

/// A broker is warm when this many windows in a row agree: a JVM compiles what it runs often, the
/// page cache fills, and before that it is no match for itself.
const WARM_WINDOWS: usize = 3;

/// How far such windows may lie apart, as a part of the greatest.
const WARM_SPREAD: f64 = 0.05;

/// Measure windows until a broker comes to rest, at most `windows_max`: one that never does is
/// compared all the same, and the progress lines of `window` tell.
pub fn warm_up(windows_max: usize, mut window: impl FnMut() -> f64) {
    let mut rates = Vec::<f64>::new();
    while rates.len() < windows_max {
        rates.push(window());
        let last = rates.iter().rev().take(WARM_WINDOWS);
        let (least, greatest) = last.fold((f64::MAX, 0.0_f64), |(least, greatest), &one| {
            (least.min(one), greatest.max(one))
        });
        if rates.len() >= WARM_WINDOWS && greatest - least <= greatest * WARM_SPREAD {
            return;
        }
    }
}

/// The middle of `values`.
///
/// # Panics
/// If there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
