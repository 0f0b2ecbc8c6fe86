// SPDX-License-Identifier: GPL-2.0
//! What all charts have in common: a title above, where the figures come from below, and how text and
//! lines of a grid look.

use crate::results::Results;
use anyhow::{anyhow, Result};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub const MARGIN: i32 = 16;
/// Room for the title, an explanation and a legend; what is drawn begins below it.
pub const TITLE: i32 = 78;
/// Where the legend is.
pub const LEGEND: i32 = 68;
/// Room below what is drawn.
pub const FOOTER: i32 = 30;
/// plotters divides by this before it writes the size of a font.
const EM: f64 = 1.24;

pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub const FAINT: RGBColor = RGBColor(0x66, 0x66, 0x66);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A picture of that size, as SVG, with what `draw` puts between title and footer.
pub fn render(
    results: &Results,
    size: (i32, i32),
    title: &str,
    explanation: &str,
    draw: impl FnOnce(&Area) -> Drawn,
) -> Result<String> {
    let mut text = String::new();
    let whole = || -> Drawn {
        let backend = SVGBackend::with_string(&mut text, (size.0 as u32, size.1 as u32));
        let area = backend.into_drawing_area();
        area.fill(&WHITE)?;
        let release = results.kernels.get("c").map_or("", |k| &k.release);
        let title = format!("{title}, Linux {release}");
        write(&area, &title, (MARGIN, 24), 20, INK, HPos::Left)?;
        write(&area, explanation, (MARGIN, 48), 13, FAINT, HPos::Left)?;
        draw(&area)?;
        let foot = format!("{}; {}", results.qemu, results.date);
        let bottom = size.1 - FOOTER / 2;
        write(&area, &foot, (MARGIN, bottom), 12, FAINT, HPos::Left)?;
        area.present()?;
        Ok(())
    };
    whole().map_err(|e| anyhow!("the chart: {e}"))?;
    Ok(text)
}

pub fn write(
    area: &Area,
    text: &str,
    at: (i32, i32),
    size: i32,
    ink: RGBColor,
    side: HPos,
) -> Drawn {
    let font = ("Helvetica, Arial, sans-serif", f64::from(size) * EM);
    let style = font.into_font().color(&ink);
    let style = style.pos(Pos::new(side, VPos::Center));
    area.draw(&Text::new(text.to_string(), at, style))?;
    Ok(())
}

/// A line of a grid.
pub fn grid_line(area: &Area, from: (i32, i32), to: (i32, i32)) -> Drawn {
    area.draw(&PathElement::new(vec![from, to], GRID))?;
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use roxmltree::Node;

    pub fn number_of(node: &Node, name: &str) -> i32 {
        node.attribute(name).unwrap().parse().unwrap()
    }
}
