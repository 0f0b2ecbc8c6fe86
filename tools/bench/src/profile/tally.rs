// SPDX-License-Identifier: GPL-2.0
//! Sums of one kernel's counts: by symbol, by part, by what is dear on hardware.

use super::counts::{Counts, Insn};
use super::opcode::{decode, Kind, Register};
use super::symbols::{Kernel, Program};
use super::sysregs::Names;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Distance of two exception vectors; a table has four groups of four.
const VECTOR: u64 = 0x80;
const FROM: [&str; 4] = ["own, SP0", "own", "lower", "lower, 32 bits"];
const WHAT: [&str; 4] = ["sync", "IRQ", "FIQ", "SError"];
const KERNEL_TABLES: [&str; 8] = [
    "vectors",
    "__bp_harden_el1_vectors",
    "__hyp_stub_vectors",
    "__kvm_hyp_vector",
    "__bp_harden_hyp_vecs",
    "__kvm_nvhe___kvm_hyp_host_vector",
    "__kvm_nvhe___kvm_hyp_vector",
    "__kvm_nvhe___bp_harden_hyp_vecs",
];

pub type Sums = BTreeMap<String, u64>;

/// All that is known to name the counts of one kernel.
pub struct Naming<'a> {
    pub kernel: &'a Kernel,
    pub objects: &'a HashMap<u64, String>,
    /// Objects that Rust replaces.
    pub replaced: &'a BTreeSet<String>,
    pub program: &'a Program,
    pub registers: &'a Names,
}

#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    pub instructions: u64,
    /// Those that belong to a symbol.
    pub named: u64,
    pub levels: Sums,
    pub parts: Sums,
    pub modules: Sums,
    pub symbols: Sums,
    pub reads: Sums,
    pub writes: Sums,
    pub barriers: Sums,
    pub atomics: Sums,
    pub exceptions: Sums,
    pub others: Sums,
    pub mmio: Sums,
}

/// Where an instruction is.
struct Place {
    symbol: String,
    module: String,
    part: &'static str,
    named: bool,
    /// The vector that this is the first instruction of.
    vector: Option<String>,
}

fn add(sums: &mut Sums, name: impl Into<String>, count: u64) {
    *sums.entry(name.into()).or_default() += count;
}

impl Tally {
    pub fn new(counts: &Counts, naming: &Naming) -> Result<Self> {
        let places = counts.insns.iter().map(|i| (i.vaddr, i.haddr, i.count + 1));
        let distance = naming.kernel.distance(places)?;
        let mut tally = Self::default();
        for insn in counts.insns.iter().filter(|i| i.count > 0) {
            tally.insn(insn, naming, naming.place(insn, distance));
        }
        for access in &counts.accesses {
            let way = if access.store { "write" } else { "read" };
            let name = format!("{} {:#x} {way}", access.device, access.address);
            add(&mut tally.mmio, name, access.count);
        }
        Ok(tally)
    }

    fn insn(&mut self, insn: &Insn, naming: &Naming, place: Place) {
        let count = insn.count;
        self.instructions += count;
        self.named += if place.named { count } else { 0 };
        let level = if insn.level < 4 {
            format!("EL{}", insn.level)
        } else {
            "EL?".into()
        };
        add(&mut self.levels, level, count);
        add(&mut self.parts, place.part, count);
        add(&mut self.modules, place.module, count);
        if let Some(vector) = place.vector {
            add(&mut self.exceptions, format!("to {vector}"), count);
        }
        let register = |r: Register| naming.registers.name(r);
        match decode(insn.opcode) {
            Kind::Read(r) => add(&mut self.reads, register(r), count),
            Kind::Write(r) => add(&mut self.writes, register(r), count),
            Kind::Pstate(field) => add(&mut self.writes, field, count),
            Kind::Barrier(name) => add(&mut self.barriers, name, count),
            Kind::Atomic(name) => add(&mut self.atomics, name, count),
            Kind::Exception(name) => {
                add(
                    &mut self.exceptions,
                    format!("{name} in {}", place.symbol),
                    count,
                );
            }
            Kind::Maintenance(name) | Kind::Hint(name) => add(&mut self.others, name, count),
            Kind::PointerAuthentication => add(&mut self.others, "pointer authentication", count),
            Kind::Other => {}
        }
        add(&mut self.symbols, place.symbol, count);
    }
}

impl Naming<'_> {
    fn place(&self, insn: &Insn, distance: u64) -> Place {
        let address = insn.haddr.wrapping_sub(distance);
        if insn.haddr != 0 && self.kernel.has(address) {
            self.in_kernel(address)
        } else if self.program.has(insn.vaddr, insn.opcode) {
            self.in_program(insn)
        } else {
            let symbol = format!("[unknown, EL{}]", insn.level);
            Place {
                module: symbol.clone(),
                symbol,
                part: "unknown",
                named: false,
                vector: None,
            }
        }
    }

    fn in_kernel(&self, address: u64) -> Place {
        let found = self.kernel.table.find(address);
        let Some((symbol, _)) = found else {
            let symbol = "[kernel]".to_string();
            return Place {
                module: symbol.clone(),
                symbol,
                part: "kernel",
                named: false,
                vector: None,
            };
        };
        let unknown = format!("[{}]", symbol.name);
        let object = self.objects.get(&symbol.address).unwrap_or(&unknown);
        let is_rust = symbol.raw.starts_with("_R");
        let vector = KERNEL_TABLES
            .contains(&symbol.raw.as_str())
            .then(|| vector(&symbol.name, address - symbol.address))
            .flatten();
        Place {
            symbol: symbol.name.clone(),
            module: if is_rust {
                rust_module(&symbol.name)
            } else {
                object.clone()
            },
            part: part(&symbol.raw, object, self.replaced.contains(object)),
            named: true,
            vector,
        }
    }

    /// The guest runs the VMM's own file, at EL1, and at the same addresses.
    fn in_program(&self, insn: &Insn) -> Place {
        let (part, prefix) = match insn.level {
            0 => ("program, as the VMM", "vmm: "),
            1..=3 => ("program, as the guest", "guest: "),
            _ => ("program", "program: "),
        };
        let found = self.program.table.find(insn.vaddr);
        let name = found.map_or("[program]", |(s, _)| s.name.as_str());
        let table = self.program.address("vectors");
        let offset = table
            .and_then(|t| insn.vaddr.checked_sub(t))
            .filter(|o| *o < 16 * VECTOR);
        let vector = offset
            .filter(|_| insn.level != 0)
            .and_then(|o| vector("guest: vectors", o));
        Place {
            symbol: format!("{prefix}{name}"),
            module: part.into(),
            part,
            named: found.is_some(),
            vector,
        }
    }
}

/// The vector that begins at this offset; tables may follow each other.
fn vector(table: &str, offset: u64) -> Option<String> {
    let nth = usize::try_from(offset / VECTOR).ok()?;
    (offset % VECTOR == 0).then(|| format!("{table}: {} {}", FROM[nth / 4 % 4], WHAT[nth % 4]))
}

/// `crate::module` of a path, also of `<crate::module::Type as ...>::f`.
fn rust_module(path: &str) -> String {
    let path = path.trim_start_matches('<');
    let end = path.find([' ', '<', '>']).unwrap_or(path.len());
    let mut parts = path[..end].split("::");
    match (parts.next(), parts.next(), parts.next()) {
        (Some(first), Some(second), Some(_)) => format!("Rust {first}::{second}"),
        (Some(first), ..) => format!("Rust {first}"),
        _ => "Rust".into(),
    }
}

/// What there is in C alone, and in Rust alone.
pub const REPLACED: &str = "KVM, C that is replaced";
pub const RUST: &str = "KVM, Rust";
pub const GLUE: &str = "KVM, C glue of Rust";

fn part(raw: &str, object: &str, is_replaced: bool) -> &'static str {
    let is_ours = object.starts_with("arch/arm64/kvm/rust/");
    let is_glue = object.ends_with("/glue.o") || object.ends_with("/glue.nvhe.o");
    match () {
        () if is_ours && is_glue => GLUE,
        () if is_ours => RUST,
        () if is_replaced => REPLACED,
        () if raw.starts_with("_R") && raw.contains("kvm_arm64") => RUST,
        () if raw.starts_with("_R") => "Rust libraries",
        () if raw.starts_with("__kvm_nvhe_") => "KVM, C, EL2 below the host",
        () if object.starts_with("arch/arm64/kvm/") => "KVM, C",
        () if object.starts_with("virt/kvm/") => "KVM, C",
        () => "kernel",
    }
}

#[cfg(test)]
mod tests;
