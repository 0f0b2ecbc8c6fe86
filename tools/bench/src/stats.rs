// SPDX-License-Identifier: GPL-2.0
//! Median and spread, and what two kernels' figures say of each other.

use serde::{Deserialize, Serialize};

/// From here on a ratio is called out.
pub const CALLED_OUT: f64 = 1.02;
/// How far two runs of the same kernel may lie apart.
pub const TRUSTED: f64 = 0.01;
/// Below this many nanoseconds a difference is one of alignment, not of work.
pub const ALIKE_NS: f64 = 1.0;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Figure {
    pub median: f64,
    /// Largest less smallest, as a part of the median.
    pub spread: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Comparison {
    pub c: Figure,
    pub rust: Figure,
    /// Rust by C; none where C's figure is not above zero.
    pub ratio: Option<f64>,
    /// Distance of the two C measurements, as a part of their mean; none if there was one only.
    pub drift: Option<f64>,
}

pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

pub fn figure(values: &[f64]) -> Option<Figure> {
    let median = median(values)?;
    let largest = values.iter().copied().fold(f64::MIN, f64::max);
    let smallest = values.iter().copied().fold(f64::MAX, f64::min);
    Some(Figure {
        median,
        spread: share(largest - smallest, median),
    })
}

/// A part of a whole that may be nothing.
fn share(part: f64, whole: f64) -> f64 {
    if part == 0.0 {
        0.0
    } else {
        part / whole.abs().max(ALIKE_NS)
    }
}

/// Of the repetitions of each boot: those of C in one or two boots, those of Rust in one.
pub fn compare(c: &[Vec<f64>], rust: &[Vec<f64>]) -> Option<Comparison> {
    let c_figure = figure(&c.concat())?;
    let rust_figure = figure(&rust.concat())?;
    let boots: Vec<f64> = c.iter().filter_map(|b| median(b)).collect();
    let drift = match boots[..] {
        [first, second] if (first - second).abs() > ALIKE_NS => {
            Some(share((first - second).abs(), (first + second) / 2.0))
        }
        [_, _] => Some(0.0),
        _ => None,
    };
    let ratio = (c_figure.median > 0.0).then(|| rust_figure.median / c_figure.median);
    Some(Comparison {
        c: c_figure,
        rust: rust_figure,
        ratio,
        drift,
    })
}

impl Comparison {
    pub fn trusted(&self) -> bool {
        self.drift.is_none_or(|d| d <= TRUSTED)
    }

    pub fn called_out(&self) -> bool {
        self.ratio.is_some_and(|r| r > CALLED_OUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn spread() {
        let found = figure(&[100.0, 101.0, 99.0, 100.0, 100.0]).unwrap();
        assert_eq!(found.median, 100.0);
        assert!((found.spread - 0.02).abs() < 1e-12);
        assert_eq!(figure(&[7.0]).unwrap().spread, 0.0);
        assert_eq!(figure(&[0.0, 0.0]).unwrap().spread, 0.0);
    }

    #[test]
    fn comparison() {
        let found = compare(&[vec![100.0; 5], vec![102.0; 5]], &[vec![103.0; 5]]).unwrap();
        assert_eq!(found.c.median, 101.0);
        assert!((found.ratio.unwrap() - 103.0 / 101.0).abs() < 1e-12);
        assert!((found.drift.unwrap() - 2.0 / 101.0).abs() < 1e-12);
        assert!(!found.trusted());
        assert!(!found.called_out());
    }

    #[test]
    fn one_measurement_of_c_tells_nothing_of_drift() {
        let found = compare(&[vec![100.0]], &[vec![103.0]]).unwrap();
        assert_eq!(found.drift, None);
        assert!(found.trusted() && found.called_out());
    }

    #[test]
    fn limits() {
        let ratio = |rust| compare(&[vec![1000.0]], &[vec![rust]]).unwrap();
        assert!(!ratio(1020.0).called_out());
        assert!(ratio(1020.1).called_out());
        let drift = |second| compare(&[vec![1000.0], vec![second]], &[vec![1.0]]).unwrap();
        assert!(drift(1010.0).trusted());
        assert!(!drift(1011.0).trusted());
        assert!(!drift(989.0).trusted());
    }

    #[test]
    fn tiny_and_empty_figures() {
        let found = compare(&[vec![0.0], vec![0.5]], &[vec![1.0]]).unwrap();
        assert!(found.trusted());
        assert_eq!(compare(&[vec![0.0]], &[vec![1.0]]).unwrap().ratio, None);
        assert_eq!(compare(&[vec![-2.0]], &[vec![1.0]]).unwrap().ratio, None);
        assert_eq!(compare(&[], &[vec![1.0]]), None);
        assert_eq!(compare(&[vec![1.0]], &[vec![]]), None);
    }
}
