// SPDX-License-Identifier: GPL-2.0
//! All series in one picture: a panel each, cost against size, C and Rust, both axes logarithmic.

use super::Curve;
use crate::picture::{
    self, grid_line, write, Area, Drawn, FAINT, FOOTER, INK, LEGEND, MARGIN, TITLE,
};
use crate::results::Results;
use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

const PER_ROW: usize = 3;
const PANEL: (i32, i32) = (300, 230);
/// Room around a panel's axes.
const LEFT: i32 = 56;
const RIGHT: i32 = 20;
const ABOVE: i32 = 44;
const BELOW: i32 = 36;

const C: RGBColor = RGBColor(0x5c, 0x6b, 0xc0);
const RUST: RGBColor = RGBColor(0xd8, 0x5a, 0x10);

pub fn render(curves: &[Curve], results: &Results) -> Result<String> {
    let rows = curves.len().div_ceil(PER_ROW) as i32;
    let size = (
        2 * MARGIN + PER_ROW as i32 * PANEL.0,
        TITLE + rows * PANEL.1 + FOOTER,
    );
    let title = "KVM/arm64 as a VM grows";
    let explanation = "Instructions of one operation against size. Both axes are logarithmic.";
    picture::render(results, size, title, explanation, |area| {
        legend(area)?;
        for (at, curve) in curves.iter().enumerate() {
            let left = MARGIN + (at % PER_ROW) as i32 * PANEL.0;
            let top = TITLE + (at / PER_ROW) as i32 * PANEL.1;
            Panel::new(curve, left, top).draw(area)?;
        }
        Ok(())
    })
}

fn legend(area: &Area) -> Drawn {
    for (left, ink, name) in [(MARGIN, C, "C"), (MARGIN + 60, RUST, "Rust")] {
        area.draw(&PathElement::new(
            vec![(left, LEGEND), (left + 18, LEGEND)],
            ink.stroke_width(2),
        ))?;
        write(area, name, (left + 24, LEGEND), 13, FAINT, HPos::Left)?;
    }
    Ok(())
}

/// Powers of ten from below `low` to above `high`, at least one apart.
fn decades(low: f64, high: f64) -> (i32, i32) {
    let exponent = |value: f64| value.max(1.0).log10();
    let first = exponent(low).floor() as i32;
    (first, (exponent(high).ceil() as i32).max(first + 1))
}

/// A part of an axis, by powers of ten.
struct Axis {
    first: i32,
    last: i32,
    from: i32,
    to: i32,
}

impl Axis {
    fn new((first, last): (i32, i32), from: i32, to: i32) -> Self {
        Self {
            first,
            last,
            from,
            to,
        }
    }

    fn at(&self, value: f64) -> i32 {
        let exponent = value.max(1.0).log10() - f64::from(self.first);
        let part = exponent / f64::from(self.last - self.first);
        self.from + (part * f64::from(self.to - self.from)).round() as i32
    }

    fn ticks(&self) -> impl Iterator<Item = (i32, String)> + '_ {
        // Not one on the other.
        let step = (self.last - self.first + 3) / 4;
        let ticks = (self.first..=self.last).step_by(step as usize);
        ticks.map(|e| (self.at(10_f64.powi(e)), power(e)))
    }
}

fn power(exponent: i32) -> String {
    let unit = ["", " k", " M", " G"];
    let at = (exponent / 3).clamp(0, 3);
    format!(
        "{}{}",
        10_u64.pow((exponent - 3 * at) as u32),
        unit[at as usize]
    )
}

struct Panel<'a> {
    curve: &'a Curve<'a>,
    left: i32,
    top: i32,
    figures: Vec<(u64, f64, f64)>,
    x: Axis,
    y: Axis,
}

impl<'a> Panel<'a> {
    fn new(curve: &'a Curve, left: i32, top: i32) -> Self {
        let figures = curve.figures();
        let costs = || figures.iter().flat_map(|(_, c, rust)| [*c, *rust]);
        let sizes = || figures.iter().map(|(size, ..)| *size as f64);
        let range = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, 1.0), |(low, high): (f64, f64), v| {
                (low.min(v), high.max(v))
            })
        };
        let (low, high) = range(&mut costs());
        let (small, large) = range(&mut sizes());
        Self {
            curve,
            left,
            top,
            x: Axis::new(decades(small, large), left + LEFT, left + PANEL.0 - RIGHT),
            y: Axis::new(decades(low, high), top + PANEL.1 - BELOW, top + ABOVE),
            figures,
        }
    }

    fn draw(&self, area: &Area) -> Drawn {
        let series = self.curve.series;
        let head = (self.left + LEFT, self.top + 12);
        write(area, &series.title, head, 14, INK, HPos::Left)?;
        let name = format!("{}, {}", series.name, self.curve.machine);
        write(area, &name, (head.0, head.1 + 17), 12, FAINT, HPos::Left)?;
        self.axes(area)?;
        if self.figures.is_empty() {
            let middle = (self.left + PANEL.0 / 2, self.top + PANEL.1 / 2);
            return write(area, "nothing", middle, 13, FAINT, HPos::Center);
        }
        self.line(area, C, |f| f.1)?;
        self.line(area, RUST, |f| f.2)
    }

    fn axes(&self, area: &Area) -> Drawn {
        for (x, text) in self.x.ticks() {
            grid_line(area, (x, self.y.from), (x, self.y.to))?;
            write(area, &text, (x, self.y.from + 10), 12, FAINT, HPos::Center)?;
        }
        for (y, text) in self.y.ticks() {
            grid_line(area, (self.x.from, y), (self.x.to, y))?;
            write(area, &text, (self.x.from - 6, y), 12, FAINT, HPos::Right)?;
        }
        let below = (self.x.to, self.y.from + 25);
        write(area, &self.curve.series.by, below, 12, FAINT, HPos::Right)
    }

    fn line(&self, area: &Area, ink: RGBColor, cost: impl Fn(&(u64, f64, f64)) -> f64) -> Drawn {
        let place = |f: &(u64, f64, f64)| (self.x.at(f.0 as f64), self.y.at(cost(f)));
        let places: Vec<(i32, i32)> = self.figures.iter().map(place).collect();
        for at in &places {
            area.draw(&Circle::new(*at, 3, ink.filled()))?;
        }
        area.draw(&PathElement::new(places, ink.stroke_width(2)))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{curves, tests::*};
    use super::*;
    use crate::picture::tests::number_of;
    use crate::table::tests::results;
    use roxmltree::{Document, Node};

    fn dots(document: &Document, ink: &str) -> Vec<(i32, i32)> {
        let is = |n: &Node| n.has_tag_name("circle") && n.attribute("fill") == Some(ink);
        let nodes = document.descendants().filter(is);
        nodes
            .map(|n| (number_of(&n, "cx"), number_of(&n, "cy")))
            .collect()
    }

    #[test]
    fn each_size_has_a_dot_in_its_place() {
        let (series, results) = (series(), results(three()));
        let text = render(&curves(&series, &results), &results).unwrap();
        let document = Document::parse(&text).unwrap();
        let (c, rust) = (dots(&document, "#5C6BC0"), dots(&document, "#D85A10"));
        assert_eq!((c.len(), rust.len()), (3, 3));
        let columns = |dots: &[(i32, i32)]| dots.iter().map(|d| d.0).collect::<Vec<_>>();
        assert_eq!(columns(&c), columns(&rust));
        assert!(c.is_sorted_by(|a, b| a.0 < b.0));
        // The dearer, the higher.
        assert!(
            c.iter().zip(&rust).all(|(c, rust)| c.1 < rust.1),
            "{c:?} {rust:?}"
        );
        assert!(c[2].1 < c[1].1 && c[1].1 < c[0].1);
        assert_eq!(rust[0].1, rust[1].1);
    }

    #[test]
    fn everything_lies_within() {
        let (series, results) = (series(), results(three()));
        let some = curves(&series, &results);
        let many: Vec<Curve> = (0..4).flat_map(|_| curves(&series, &results)).collect();
        for curves in [some, many, Vec::new()] {
            let text = render(&curves, &results).unwrap();
            let document = Document::parse(&text).unwrap();
            let root = document.root_element();
            let (width, height) = (number_of(&root, "width"), number_of(&root, "height"));
            for node in document
                .descendants()
                .filter(|n| n.has_tag_name("text") || n.has_tag_name("circle"))
            {
                let at = |a, b| {
                    node.attribute(a)
                        .or(node.attribute(b))
                        .unwrap()
                        .parse::<i32>()
                        .unwrap()
                };
                let (x, y) = (at("x", "cx"), at("y", "cy"));
                assert!(
                    (0..width).contains(&x) && (0..height).contains(&y),
                    "{node:?}"
                );
            }
        }
    }

    #[test]
    fn without_figures() {
        let (series, mut all) = (series(), three());
        all.iter_mut().for_each(|m| m.failed = Some("lost".into()));
        let results = results(all);
        let text = render(&curves(&series, &results), &results).unwrap();
        assert!(text.contains("nothing") && !text.contains("circle"));
    }

    #[test]
    fn axes() {
        assert_eq!(decades(1.0, 50000.0), (0, 5));
        assert_eq!(decades(2045.0, 2050.0), (3, 4));
        assert_eq!(decades(0.0, 1.0), (0, 1));
        let axis = Axis::new((0, 2), 100, 300);
        assert_eq!(
            [axis.at(1.0), axis.at(10.0), axis.at(100.0)],
            [100, 200, 300]
        );
        assert_eq!(
            [power(0), power(2), power(3), power(7)],
            ["1", "100", "1 k", "10 M"]
        );
    }
}
