// SPDX-License-Identifier: GPL-2.0
//! The file that the plugin leaves.
//!
//! One line each: the format's name and version; `( EL` and `)`, a start and a stop mark and the
//! exception level of the first; between them `i VADDR HADDR OPCODE EL [VALUE]` for a system
//! instruction, `a VADDR` for an address that was asked for, `m r|w ADDRESS DEVICE` for an access
//! to a device; `stray`, a mark that does not pair, which the first stop mark is; `end`. All but
//! levels is hexadecimal.

use anyhow::{bail, Context, Result};

const FORMAT: &str = "kvm-bench-record 1";

#[derive(Debug, PartialEq)]
pub enum Event {
    Insn {
        vaddr: u64,
        haddr: u64,
        opcode: u32,
        value: Option<u64>,
    },
    Anchor(u64),
    Device {
        store: bool,
        address: u64,
        device: String,
    },
}

#[derive(Debug, Default, PartialEq)]
pub struct Window {
    /// Whether the marks are a guest's, not the VMM's.
    pub inside: bool,
    pub events: Vec<Event>,
}

fn hex(word: &str) -> Result<u64> {
    u64::from_str_radix(word, 16).with_context(|| format!("'{word}' is not hexadecimal"))
}

fn insn(words: &[&str]) -> Result<Event> {
    let (place, value) = match words {
        [place @ .., _] if words.len() == 5 => (place, Some(hex(words[4])?)),
        _ => (words, None),
    };
    let &[vaddr, haddr, opcode, _] = place else {
        bail!("an instruction has {} fields", words.len())
    };
    Ok(Event::Insn {
        vaddr: hex(vaddr)?,
        haddr: hex(haddr)?,
        opcode: u32::try_from(hex(opcode)?)?,
        value,
    })
}

fn event(words: &[&str]) -> Result<Event> {
    match *words {
        ["i", ref rest @ ..] => insn(rest),
        ["a", vaddr] => Ok(Event::Anchor(hex(vaddr)?)),
        ["m", way @ ("r" | "w"), address, ref device @ ..] => Ok(Event::Device {
            store: way == "w",
            address: hex(address)?,
            device: device.first().unwrap_or(&"unknown").to_string(),
        }),
        _ => bail!("it is no event"),
    }
}

/// All windows, in their order.
pub fn parse(text: &str) -> Result<Vec<Window>> {
    let mut lines = text.lines();
    if lines.next() != Some(FORMAT) {
        bail!("the plugin's record is of another version: build both anew");
    }
    let mut windows: Vec<Window> = Vec::new();
    let mut open: Option<Window> = None;
    for (number, line) in (2..).zip(&mut lines) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["end"] if open.is_none() => return Ok(windows),
            ["(", level] if open.is_none() => {
                open = Some(Window {
                    inside: level != "0",
                    ..Window::default()
                });
            }
            [")"] if open.is_some() => windows.extend(open.take()),
            ["stray"] if windows.is_empty() && open.is_none() => {}
            _ => match &mut open {
                Some(window) => window.events.push(
                    event(&words).with_context(|| format!("the record's line {number}: {line}"))?,
                ),
                None => bail!("the record's line {number} is between windows: {line}"),
            },
        }
    }
    bail!("the record is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        let text = "kvm-bench-record 1\nstray\n( 0\ni ffff8 7f8 d51c1103 2 80\na ffff8\n\
             i f 7 d5033fdf 2\nm w 8010000 gicv2\n)\n( 1\n)\nend\n";
        let found = parse(text).unwrap();
        let [first, second] = &found[..] else {
            panic!()
        };
        assert!(!first.inside && second.inside && second.events.is_empty());
        assert_eq!(first.events.len(), 4);
        assert_eq!(
            first.events[0],
            Event::Insn {
                vaddr: 0xffff8,
                haddr: 0x7f8,
                opcode: 0xd51c_1103,
                value: Some(0x80)
            }
        );
        assert!(matches!(first.events[2], Event::Insn { value: None, .. }));
        assert!(
            matches!(&first.events[3], Event::Device { store: true, device, .. } if device == "gicv2")
        );
    }

    #[test]
    fn broken_records() {
        let error = |text: &str| parse(&format!("{FORMAT}\n{text}")).unwrap_err().to_string();
        assert!(error("( 0\n)\n").contains("cut off"));
        assert!(error("( 0\nend\n").contains("line 3"));
        assert!(error("( 0\n)\nstray\nend\n").contains("line 4"));
        assert!(error("( 0\ni x\n)\nend\n").contains("line 3"));
        assert!(error("a ffff\nend\n").contains("between"));
        assert!(parse("kvm-bench-counts 1\n").is_err());
    }
}
