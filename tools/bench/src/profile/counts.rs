// SPDX-License-Identifier: GPL-2.0
//! The file that the plugin leaves.
//!
//! One line each: the format's name and version; `regions`, how often a start and a stop
//! mark enclosed something; `stray`, marks that did not pair; `i COUNT VADDR HADDR OPCODE EL`
//! for each instruction (some, of count 0, ran outside the marks only), where HADDR is its
//! place in QEMU's memory; `m COUNT r|w ADDRESS DEVICE` for each kind of access to a device;
//! `end`. All but counts and levels are hexadecimal.

use anyhow::{bail, Context, Result};
use std::str::FromStr;

const FORMAT: &str = "kvm-bench-counts 1";

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Insn {
    pub count: u64,
    pub vaddr: u64,
    pub haddr: u64,
    pub opcode: u32,
    /// Exception level; above 3 if QEMU would not tell.
    pub level: u8,
}

#[derive(Debug, PartialEq)]
pub struct Access {
    pub count: u64,
    pub store: bool,
    pub address: u64,
    pub device: String,
}

#[derive(Debug, Default, PartialEq)]
pub struct Counts {
    pub regions: u64,
    pub stray: u64,
    pub insns: Vec<Insn>,
    pub accesses: Vec<Access>,
}

/// The words of a line, taken one by one.
struct Words<'a>(std::str::SplitWhitespace<'a>);

impl<'a> Words<'a> {
    fn word(&mut self) -> Result<&'a str> {
        self.0.next().context("it ends early")
    }

    fn number<T: FromStr>(&mut self) -> Result<T> {
        let word = self.word()?;
        word.parse()
            .ok()
            .with_context(|| format!("'{word}' is no number"))
    }

    fn hex(&mut self) -> Result<u64> {
        let word = self.word()?;
        u64::from_str_radix(word, 16).with_context(|| format!("'{word}' is not hexadecimal"))
    }

    fn insn(&mut self) -> Result<Insn> {
        Ok(Insn {
            count: self.number()?,
            vaddr: self.hex()?,
            haddr: self.hex()?,
            opcode: u32::try_from(self.hex()?)?,
            level: self.number()?,
        })
    }

    fn access(&mut self) -> Result<Access> {
        let count = self.number()?;
        let store = match self.word()? {
            "r" => false,
            "w" => true,
            other => bail!("'{other}' is neither read nor write"),
        };
        let address = self.hex()?;
        let device = self.0.next().unwrap_or("unknown").to_string();
        Ok(Access {
            count,
            store,
            address,
            device,
        })
    }
}

impl Counts {
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FORMAT) {
            bail!("no counts of this plugin; rebuild it");
        }
        let mut found = Self::default();
        let mut ended = false;
        for line in lines {
            found
                .line(line, &mut ended)
                .with_context(|| format!("line '{line}'"))?;
        }
        if !ended {
            bail!("the counts are cut off");
        }
        Ok(found)
    }

    fn line(&mut self, line: &str, ended: &mut bool) -> Result<()> {
        let mut words = Words(line.split_whitespace());
        match words.word()? {
            "regions" => self.regions = words.number()?,
            "stray" => self.stray = words.number()?,
            "i" => self.insns.push(words.insn()?),
            "m" => self.accesses.push(words.access()?),
            "end" => *ended = true,
            other => bail!("'{other}' is unknown"),
        }
        Ok(())
    }

    pub fn instructions(&self) -> u64 {
        self.insns.iter().map(|i| i.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "kvm-bench-counts 1\nregions 1\nstray 0\n\
        i 2000 ffff80008002a608 7f0000102608 d53b002a 2\nm 3 w 8000f00 gicv3_dist\nend\n";

    #[test]
    fn whole() {
        let found = Counts::parse(GOOD).unwrap();
        assert_eq!((found.regions, found.stray), (1, 0));
        let insn = Insn {
            count: 2000,
            vaddr: 0xffff_8000_8002_a608,
            haddr: 0x7f00_0010_2608,
            opcode: 0xd53b_002a,
            level: 2,
        };
        assert_eq!(found.insns, [insn]);
        assert_eq!(found.accesses.len(), 1);
        assert!(found.accesses[0].store);
        assert_eq!(found.accesses[0].address, 0x800_0f00);
        assert_eq!(found.instructions(), 2000);
    }

    #[test]
    fn broken() {
        for (from, to) in [
            ("counts 1", "counts 2"),
            ("end\n", ""),
            (" 2\nm", "\nm"),
            ("d53b002a", "1d53b002a"),
            ("3 w", "3 x"),
            ("stray 0", "stray"),
            ("regions", "region"),
        ] {
            assert!(GOOD.contains(from));
            assert!(
                Counts::parse(&GOOD.replacen(from, to, 1)).is_err(),
                "{from} -> {to}"
            );
        }
    }
}
