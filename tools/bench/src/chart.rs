// SPDX-License-Identifier: GPL-2.0
//! The results as a picture: how much dearer or cheaper Rust is, per operation and machine.

use crate::picture::{
    self, grid_line, write, Area, Drawn, FAINT, FOOTER, INK, LEGEND, MARGIN, TITLE,
};
use crate::results::{Machine, Measured, Results};
use crate::stats::Comparison;
use crate::table::{number, ratio};
use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

const WIDTH: i32 = 900;
const LABELS: i32 = 168;
const FIGURES: i32 = 184;
const ROW: i32 = 20;
const GROUP: i32 = 30;
const HEADING: i32 = 46;
const PER_BAND: usize = 2;

const CHEAPER: RGBColor = RGBColor(0x2e, 0x7d, 0x32);
const DEARER: RGBColor = RGBColor(0xd9, 0x96, 0x00);
const CALLED_OUT: RGBColor = RGBColor(0xc6, 0x28, 0x28);

/// Where a machine's bars and figures stand.
struct Panel<'a> {
    machine: &'a Machine,
    left: i32,
    right: i32,
    /// Distance of the scale's ends from 1, as a part of 1.
    span: f64,
}

impl Panel<'_> {
    fn bars(&self) -> (i32, i32) {
        (self.left, self.right - FIGURES)
    }

    fn middle(&self) -> i32 {
        let (left, right) = self.bars();
        (left + right) / 2
    }

    fn at(&self, ratio: f64) -> i32 {
        let (left, right) = self.bars();
        let part = ((ratio - 1.0) / self.span).clamp(-1.0, 1.0);
        self.middle() + (part * f64::from(right - left) / 2.0).round() as i32
    }
}

/// The smallest handy span that shows every ratio, and half of 1 at most.
fn span(results: &Results) -> f64 {
    let far = results
        .summaries()
        .filter_map(|s| s.ratio)
        .map(|r| (r - 1.0).abs());
    let far = far.fold(0.0, f64::max);
    [0.05, 0.1, 0.2, 0.5]
        .into_iter()
        .find(|s| far <= *s)
        .unwrap_or(0.5)
}

fn rows(machines: &[Machine]) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for measured in machines.iter().take(1).flat_map(|m| &m.operations) {
        match found.last_mut() {
            Some((group, names)) if *group == measured.group => names.push(&measured.name),
            _ => found.push((&measured.group, vec![&measured.name])),
        }
    }
    found
}

fn band_height(machines: &[Machine]) -> i32 {
    let rows = rows(machines);
    let operations: usize = rows.iter().map(|(_, names)| names.len()).sum();
    HEADING + rows.len() as i32 * GROUP + operations as i32 * ROW + MARGIN
}

pub fn render(results: &Results) -> Result<String> {
    let bands: Vec<&[Machine]> = results.machines.chunks(PER_BAND).collect();
    let height = TITLE + bands.iter().map(|b| band_height(b)).sum::<i32>() + FOOTER;
    let title = "KVM/arm64 in Rust against C";
    let explanation = "Instructions of one operation, C \u{2192} Rust, and Rust by C. Bars show the ratio; the shorter, the more alike.";
    picture::render(results, (WIDTH, height), title, explanation, |area| {
        legend(area)?;
        let mut top = TITLE;
        for band in &bands {
            draw_band(area, band, span(results), top)?;
            top += band_height(band);
        }
        Ok(())
    })
}

fn legend(area: &Area) -> Drawn {
    let mut left = MARGIN;
    for (ink, text) in [
        (CHEAPER, "cheaper in Rust"),
        (DEARER, "dearer, by 2 % at most"),
        (CALLED_OUT, "dearer by more than 2 %"),
    ] {
        let square = [(left, LEGEND - 5), (left + 12, LEGEND + 5)];
        area.draw(&Rectangle::new(square, ink.filled()))?;
        write(area, text, (left + 18, LEGEND), 13, FAINT, HPos::Left)?;
        left += 190;
    }
    Ok(())
}

fn draw_band(area: &Area, machines: &[Machine], span: f64, top: i32) -> Drawn {
    let first = MARGIN + LABELS;
    let width = (WIDTH - MARGIN - first) / machines.len() as i32;
    let panel = |(at, machine)| {
        let left = first + at as i32 * width;
        Panel {
            machine,
            left: left + 8,
            right: left + width,
            span,
        }
    };
    let panels: Vec<Panel> = machines.iter().enumerate().map(panel).collect();
    let bottom = top + band_height(machines) - MARGIN;
    for panel in &panels {
        heading(area, panel, top, bottom)?;
    }
    let mut y = top + HEADING;
    for (group, names) in rows(machines) {
        write(
            area,
            group,
            (MARGIN, y + GROUP / 2 + 3),
            14,
            INK,
            HPos::Left,
        )?;
        y += GROUP;
        for name in names {
            write(area, name, (MARGIN + 10, y + ROW / 2), 13, INK, HPos::Left)?;
            for panel in &panels {
                if let Some(found) = panel.machine.operations.iter().find(|o| o.name == name) {
                    row(area, panel, found, y)?;
                }
            }
            y += ROW;
        }
    }
    Ok(())
}

fn heading(area: &Area, panel: &Panel, top: i32, bottom: i32) -> Drawn {
    write(
        area,
        &panel.machine.name,
        (panel.left, top + 14),
        16,
        INK,
        HPos::Left,
    )?;
    let (left, right) = panel.bars();
    for (x, ratio) in [
        (left, 1.0 - panel.span),
        (panel.middle(), 1.0),
        (right, 1.0 + panel.span),
    ] {
        grid_line(area, (x, top + HEADING), (x, bottom))?;
        write(
            area,
            &format!("{ratio:.2}"),
            (x, top + 36),
            12,
            FAINT,
            HPos::Center,
        )?;
    }
    Ok(())
}

fn row(area: &Area, panel: &Panel, measured: &Measured, y: i32) -> Drawn {
    let middle = y + ROW / 2;
    let text =
        |text: &str, right: i32, ink| write(area, text, (right, middle), 13, ink, HPos::Right);
    let figures = panel.right - FIGURES;
    let (Some(found), None) = (&measured.summary, &measured.failed) else {
        let verdict = if measured.failed.is_some() {
            "failed"
        } else {
            "skipped"
        };
        return text(verdict, panel.right - 18, FAINT);
    };
    if let Some(ratio) = found.ratio {
        let (from, to) = (panel.middle(), panel.at(ratio));
        let bar = [(from.min(to), y + 4), (from.max(to), y + ROW - 4)];
        area.draw(&Rectangle::new(bar, ink(found).filled()))?;
    }
    let both = format!(
        "{} \u{2192} {}",
        short(found.c.median),
        short(found.rust.median)
    );
    text(&both, figures + 122, INK)?;
    let ink = if found.called_out() { CALLED_OUT } else { INK };
    text(&ratio(found.ratio), panel.right - 18, ink)?;
    text(if found.trusted() { "" } else { "?" }, panel.right - 8, INK)
}

/// As much of a number as there is room for.
fn short(value: f64) -> String {
    match value.abs() {
        a if a >= 1e6 => format!("{:.2} M", value / 1e6),
        a if a >= 1e5 => format!("{:.1} k", value / 1e3),
        _ => number(value),
    }
}

fn ink(found: &Comparison) -> RGBColor {
    match found.ratio {
        _ if found.called_out() => CALLED_OUT,
        Some(ratio) if ratio > 1.0 => DEARER,
        _ => CHEAPER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::number_of;
    use crate::table::tests::{measured, results};
    use roxmltree::{Document, Node};

    fn texts(document: &Document) -> Vec<String> {
        let nodes = document.descendants().filter(|n| n.has_tag_name("text"));
        nodes
            .filter_map(|n| n.text())
            .map(|t| t.trim().to_string())
            .collect()
    }

    fn bars<'a>(document: &'a Document, ink: &str) -> Vec<Node<'a, 'a>> {
        let is = |n: &Node| n.has_tag_name("rect") && n.attribute("fill") == Some(ink);
        document.descendants().filter(is).collect()
    }

    #[test]
    fn well_formed_and_complete() {
        let text = render(&results(vec![
            measured("hvc", &[1000.0, 1000.0], 900.0),
            measured("ipi", &[6000.0, 6000.0], 6300.0),
        ]));
        let text = text.unwrap();
        let document = Document::parse(&text).unwrap();
        assert_eq!(document.root_element().attribute("width"), Some("900"));
        let texts = texts(&document);
        for wanted in ["hvc", "1000 \u{2192} 900", "0.900", "vhe", "exits", "1.050"] {
            assert!(texts.iter().any(|t| t == wanted), "{wanted}: {texts:?}");
        }
    }

    #[test]
    fn bars_lie_on_their_side_of_1() {
        let text = render(&results(vec![
            measured("hvc", &[1000.0], 900.0),
            measured("ipi", &[1000.0], 1100.0),
            measured("eoi", &[1000.0], 1010.0),
        ]));
        let text = text.unwrap();
        let document = Document::parse(&text).unwrap();
        // The first of each colour is the legend's.
        let bar = |ink: &str| *bars(&document, ink).get(1).unwrap();
        let (cheaper, dearer, little) = (bar("#2E7D32"), bar("#C62828"), bar("#D99600"));
        let middle = number_of(&dearer, "x");
        assert_eq!(
            number_of(&cheaper, "x") + number_of(&cheaper, "width"),
            middle
        );
        assert_eq!(number_of(&little, "x"), middle);
        assert_eq!(number_of(&cheaper, "width"), number_of(&dearer, "width"));
        assert!(number_of(&little, "width") * 9 < number_of(&dearer, "width"));
        assert!(number_of(&little, "width") > 0);
    }

    #[test]
    fn everything_lies_within() {
        let mut all = results(vec![
            measured("hvc", &[1e7], 9e7),
            measured("x", &[0.0], 1.0),
        ]);
        for name in ["nvhe", "gicv4"] {
            let operations = vec![measured("hvc", &[10.0], 1.0)];
            all.machines.push(Machine {
                name: name.into(),
                operations,
                memory: Vec::new(),
            });
        }
        let text = render(&all).unwrap();
        let document = Document::parse(&text).unwrap();
        let height = number_of(&document.root_element(), "height");
        for node in document.descendants().filter(|n| n.has_tag_name("rect")) {
            assert!(number_of(&node, "x") + number_of(&node, "width") <= WIDTH);
            assert!(number_of(&node, "y") + number_of(&node, "height") <= height);
        }
        assert!(texts(&document).iter().any(|t| t == "gicv4"));
    }

    #[test]
    fn no_small_type() {
        let text = render(&results(vec![measured("hvc", &[1.0], 1.0)])).unwrap();
        let document = Document::parse(&text).unwrap();
        let nodes = document.descendants().filter(|n| n.has_tag_name("text"));
        let sizes: Vec<f64> = nodes
            .filter_map(|n| n.attribute("font-size")?.parse().ok())
            .collect();
        assert!(
            !sizes.is_empty() && sizes.iter().all(|s| *s >= 12.0),
            "{sizes:?}"
        );
    }

    #[test]
    fn large_numbers() {
        assert_eq!([short(3629392.0), short(649886.0)], ["3.63 M", "649.9 k"]);
        assert_eq!(short(12922.0), "12922");
    }

    #[test]
    fn spans() {
        let of = |rust| span(&results(vec![measured("hvc", &[1000.0], rust)]));
        assert_eq!(
            [of(1000.0), of(1070.0), of(850.0), of(3000.0)],
            [0.05, 0.1, 0.2, 0.5]
        );
    }
}
