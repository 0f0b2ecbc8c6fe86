// SPDX-License-Identifier: GPL-2.0
//! What was counted, and the file it is written to.

use qemu_plugin::MemoryInfo;
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{BufWriter, Result, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Between the marks perhaps only the guest ran. These many instructions that ran outside
/// are written too, so that it is known where the kernel is in QEMU's memory.
const SAMPLES: usize = 64;
const KERNEL_HALF: u64 = 1 << 63;

/// What makes two executions the same instruction. The same code may run at
/// several addresses, at one address programs differ, and code is patched.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub vaddr: u64,
    /// Where the instruction is in QEMU's own memory: the same for all mappings.
    pub haddr: u64,
    pub opcode: u32,
    pub level: u8,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Access {
    device: String,
    address: u64,
    store: bool,
}

#[derive(Default)]
pub struct Counts {
    pub regions: u64,
    /// Marks out of order: a start while running, a stop while not.
    pub stray: u64,
    insns: HashMap<Key, &'static AtomicU64>,
    accesses: BTreeMap<Access, u64>,
}

impl Counts {
    /// The counter of an instruction; translated code keeps pointing at it.
    pub fn counter(&mut self, key: Key) -> &'static AtomicU64 {
        self.insns
            .entry(key)
            .or_insert_with(|| Box::leak(Box::default()))
    }

    /// Counts the access if it went to a device.
    pub fn access(&mut self, info: &MemoryInfo, vaddr: u64) {
        let Some(place) = info.hwaddr(vaddr).filter(|p| p.is_io()) else {
            return;
        };
        let device = place
            .device_name()
            .ok()
            .flatten()
            .unwrap_or_default()
            .replace(' ', "_");
        let access = Access {
            device,
            address: place.hwaddr(),
            store: info.is_store(),
        };
        *self.accesses.entry(access).or_default() += 1;
    }

    fn write(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "kvm-bench-counts 1")?;
        writeln!(out, "regions {}", self.regions)?;
        writeln!(out, "stray {}", self.stray)?;
        let mut samples = SAMPLES;
        for (key, counter) in &self.insns {
            let count = counter.load(Ordering::Relaxed);
            let is_sample = count == 0 && key.vaddr >= KERNEL_HALF && samples > 0;
            samples -= usize::from(is_sample);
            if count > 0 || is_sample {
                let Key {
                    vaddr,
                    haddr,
                    opcode,
                    level,
                } = key;
                writeln!(out, "i {count} {vaddr:x} {haddr:x} {opcode:08x} {level}")?;
            }
        }
        for (access, count) in &self.accesses {
            let way = if access.store { "w" } else { "r" };
            writeln!(
                out,
                "m {count} {way} {:x} {}",
                access.address, access.device
            )?;
        }
        writeln!(out, "end")
    }

    /// Whoever finds the file finds all of it.
    pub fn save(&self, path: &Path) -> Result<()> {
        let temporary = path.with_extension("partial");
        let mut out = BufWriter::new(fs::File::create(&temporary)?);
        self.write(&mut out)?;
        out.flush()?;
        fs::rename(&temporary, path)
    }
}
