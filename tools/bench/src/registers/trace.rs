// SPDX-License-Identifier: GPL-2.0
//! What the host accessed in a window, by name, and by phase of the switch.

use super::record::{Event, Window};
use crate::profile::opcode::{decode, Kind};
use crate::profile::symbols::Kernel;
use crate::profile::sysregs::Names;
use anyhow::{Context, Result};

/// C functions of both kernels: with the first instruction of each a phase begins.
pub const ANCHORS: [(&str, &str); 3] = [
    ("kvm_arch_vcpu_load", "load"),
    ("kvm_vgic_flush_hwstate", "entry"),
    ("kvm_arch_vcpu_put", "put"),
];
/// Its ERET is the guest's beginning.
const ENTER: [&str; 2] = ["__guest_enter", "__kvm_nvhe___guest_enter"];
/// Where a phase that began with none of them did: at the guest's exception.
const EXIT: &str = "exit";

#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub what: String,
    /// What is written.
    pub value: Option<u64>,
    /// The function.
    pub place: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    pub name: &'static str,
    pub accesses: Vec<Access>,
}

/// All that is known to name a kernel's accesses.
pub struct Naming<'a> {
    pub kernel: &'a Kernel,
    pub registers: &'a Names,
    /// Of QEMU's memory from the kernel's addresses.
    pub distance: u64,
}

impl<'a> Naming<'a> {
    pub fn new(kernel: &'a Kernel, registers: &'a Names, windows: &[Window]) -> Result<Self> {
        let events = windows.iter().flat_map(|w| &w.events);
        let places = events.filter_map(|e| match e {
            Event::Insn { vaddr, haddr, .. } => Some((*vaddr, *haddr, 1)),
            _ => None,
        });
        Ok(Self {
            kernel,
            registers,
            distance: kernel.distance(places)?,
        })
    }

    /// The function of the kernel that an instruction is in. What only ran at boot may be a
    /// guest's memory now, so it has to be text.
    fn place(&self, haddr: u64) -> Option<&str> {
        let address = haddr.wrapping_sub(self.distance);
        let symbol = self.kernel.table.find(address);
        let name = || symbol.map_or("[kernel]", |(s, _)| s.name.as_str());
        self.kernel.is_text(address).then(name)
    }

    fn access(&self, event: &Event) -> Option<Access> {
        match event {
            Event::Insn {
                haddr,
                opcode,
                value,
                ..
            } => Some(Access {
                place: self.place(*haddr)?.to_string(),
                what: what(*opcode, self.registers)?,
                value: *value,
            }),
            Event::Device {
                store,
                address,
                device,
            } => device.starts_with("gic").then(|| Access {
                what: format!(
                    "{} {device} {address:#x}",
                    if *store { "STR" } else { "LDR" }
                ),
                value: None,
                place: String::new(),
            }),
            Event::Anchor(_) => None,
        }
    }

    /// What the host did, from the first phase on.
    pub fn phases(&self, window: &Window) -> Result<Vec<Phase>> {
        let anchors: Vec<(u64, &'static str)> = addresses(self.kernel)?;
        let mut cutter = Cutter {
            phases: Vec::new(),
            begun: window.inside,
            outside: window.inside,
        };
        for event in &window.events {
            if let Event::Anchor(at) = event {
                let found = anchors.iter().find(|(address, _)| address == at);
                cutter.begin(found.context("the record has an unknown anchor")?.1);
            } else if let Some(access) = self.access(event) {
                cutter.add(access);
            }
        }
        Ok(cutter.phases)
    }
}

pub fn addresses(kernel: &Kernel) -> Result<Vec<(u64, &'static str)>> {
    let address = |(name, phase): &(&str, &'static str)| {
        let found = kernel.table.address(name);
        let missing = || format!("System.map has no {name}");
        Ok((found.with_context(missing)?, *phase))
    };
    ANCHORS.iter().map(address).collect()
}

struct Cutter {
    phases: Vec<Phase>,
    /// Whether there was a first phase, or there need be none.
    begun: bool,
    /// Whether the guest runs.
    outside: bool,
}

impl Cutter {
    fn begin(&mut self, name: &'static str) {
        self.begun = true;
        self.outside = false;
        self.phases.push(Phase {
            name,
            accesses: Vec::new(),
        });
    }

    fn add(&mut self, access: Access) {
        if !self.begun {
            return;
        }
        if self.outside {
            self.begin(EXIT);
        }
        let entered = access.what == "ERET" && ENTER.contains(&access.place.as_str());
        if let Some(phase) = self.phases.last_mut() {
            phase.accesses.push(access);
        }
        self.outside = entered;
    }
}

/// The instruction's name and its register's, none if its order is of no matter here.
fn what(opcode: u32, registers: &Names) -> Option<String> {
    let field = |low: u32, width: u32| opcode >> low & ((1 << width) - 1);
    Some(match decode(opcode) {
        Kind::Read(register) => format!("MRS {}", registers.name(register)),
        Kind::Write(register) => format!("MSR {}", registers.name(register)),
        Kind::Pstate(name) => format!("MSR {name}, #{}", field(8, 4)),
        Kind::Barrier(name) if name.starts_with("DMB") => return None,
        Kind::Barrier(name) if name.starts_with("DSB") => {
            const KINDS: [&str; 4] = ["", "LD", "ST", ""];
            format!("{name}{}", KINDS[field(8, 2) as usize])
        }
        Kind::Barrier(name) | Kind::Exception(name) => name.to_string(),
        Kind::Maintenance(name) => format!(
            "{name} #{}, C{}, C{}, #{}",
            field(16, 3),
            field(12, 4),
            field(8, 4),
            field(5, 3)
        ),
        _ => return None,
    })
}
