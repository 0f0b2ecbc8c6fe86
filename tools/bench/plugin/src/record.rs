// SPDX-License-Identifier: GPL-2.0
//! Writes down, in order, what runs between the marks on the CPU that met the first:
//! system instructions of EL1 and EL2, the values they write, and accesses to devices.

use crate::{give_up, level, opcode, START, STOP};
use qemu_plugin::{
    sys::{qemu_plugin_cb_flags, qemu_plugin_tb},
    MemRW, MemoryInfo, PluginId, RegisterDescriptor, TranslationBlock, VCPUIndex,
};
use std::{
    fmt::Write,
    fs,
    path::PathBuf,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
    },
};

/// No CPU is between the marks.
const NOBODY: u64 = u64::MAX;

struct Settings {
    out: PathBuf,
    anchors: Vec<u64>,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
static RECORD: LazyLock<Mutex<String>> = LazyLock::new(Mutex::default);
static CPU: AtomicU64 = AtomicU64::new(NOBODY);
/// X0 to X30.
static GENERAL: OnceLock<Vec<RegisterDescriptor<'static>>> = OnceLock::new();

fn record() -> MutexGuard<'static, String> {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn wanted() -> bool {
    SETTINGS.get().is_some()
}

pub fn set_up(file: &str, anchors: &str) {
    let address = |word: &str| u64::from_str_radix(word, 16).ok();
    let Some(anchors) = anchors.split(':').map(address).collect() else {
        give_up(&format!("'{anchors}' are no addresses"))
    };
    let out = PathBuf::from(file);
    SETTINGS.get_or_init(|| Settings { out, anchors });
}

pub fn find_registers(all: &[RegisterDescriptor<'static>]) {
    let find = |n| all.iter().find(|r| r.name == format!("x{n}")).cloned();
    if let Some(found) = (0..31).map(find).collect() {
        GENERAL.get_or_init(|| found);
    }
}

pub fn save() {
    let Some(settings) = SETTINGS.get() else {
        return;
    };
    let text = format!("kvm-bench-record 1\n{}end\n", record());
    let temporary = settings.out.with_extension("partial");
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &settings.out));
    if let Err(error) = written {
        eprintln!("kvm-bench-plugin: {}: {error}", settings.out.display());
    }
}

/// A line, if the CPU is the one that is between the marks.
fn note(cpu: VCPUIndex, line: impl FnOnce(&mut String) -> std::fmt::Result) {
    if CPU.load(Relaxed) == u64::from(cpu) {
        let mut text = record();
        // A string takes everything.
        let _ = line(&mut text);
        text.push('\n');
    }
}

/// A mark of another CPU's would begin what nobody could tell apart.
fn mark(cpu: VCPUIndex, start: bool, level: u8) {
    let (from, to) = if start {
        (NOBODY, u64::from(cpu))
    } else {
        (u64::from(cpu), NOBODY)
    };
    let line = match CPU.compare_exchange(from, to, Relaxed, Relaxed) {
        Ok(_) if start => format!("( {level}\n"),
        Ok(_) => ")\n".into(),
        Err(_) => "stray\n".into(),
    };
    record().push_str(&line);
}

/// The value that MSR or SYS hands over; the zero register is no register.
fn value(opcode: u32) -> Option<u64> {
    let number = (opcode & 31) as usize;
    if number == 31 {
        return Some(0);
    }
    let bytes = GENERAL.get()?.get(number)?.read().ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// MSR, MRS, SYS, the immediate forms, barriers, ERET, HVC, SMC and SVC; no hints.
fn is_system(opcode: u32) -> bool {
    match opcode >> 24 {
        0xd5 => opcode & 0xffff_f01f != 0xd503_201f,
        0xd4 => opcode & 3 != 0,
        0xd6 => matches!(opcode, 0xd69f_03e0 | 0xd69f_0bff | 0xd69f_0fff),
        _ => false,
    }
}

/// MSR of a register, and SYS.
fn hands_over(opcode: u32) -> bool {
    opcode >> 22 == 0x354 && opcode >> 21 & 1 == 0 && opcode >> 19 & 3 != 0
}

fn access(cpu: VCPUIndex, info: &MemoryInfo, vaddr: u64) {
    if CPU.load(Relaxed) != u64::from(cpu) {
        return;
    }
    let Some(place) = info.hwaddr(vaddr).filter(|p| p.is_io()) else {
        return;
    };
    let device = place.device_name().ok().flatten().unwrap_or_default();
    let way = if info.is_store() { 'w' } else { 'r' };
    let address = place.hwaddr();
    let device = device.replace(' ', "_");
    note(cpu, |text| write!(text, "m {way} {address:x} {device}"));
}

pub extern "C" fn look(_: PluginId, tb: *mut qemu_plugin_tb) {
    let tb = TranslationBlock::from(tb);
    let level = level();
    let anchors = SETTINGS.get().map_or(&[][..], |s| &s.anchors);
    for insn in tb.instructions() {
        let opcode = opcode(&insn);
        if opcode == START || opcode == STOP {
            insn.register_execute_callback(move |cpu| mark(cpu, opcode == START, level));
        }
        // Programs access neither.
        if level == 0 {
            continue;
        }
        let (vaddr, haddr) = (insn.vaddr(), insn.haddr());
        if anchors.contains(&vaddr) {
            insn.register_execute_callback(move |cpu| {
                note(cpu, |text| write!(text, "a {vaddr:x}"));
            });
        }
        if is_system(opcode) {
            insn.register_execute_callback_flags(
                move |cpu| {
                    note(cpu, |text| {
                        write!(text, "i {vaddr:x} {haddr:x} {opcode:08x} {level}")?;
                        match value(opcode).filter(|_| hands_over(opcode)) {
                            Some(value) => write!(text, " {value:x}"),
                            None => Ok(()),
                        }
                    });
                },
                qemu_plugin_cb_flags::QEMU_PLUGIN_CB_R_REGS,
            );
        }
        insn.register_memory_access_callback(
            |cpu, info, vaddr| access(cpu, &info, vaddr),
            MemRW::QEMU_PLUGIN_MEM_RW,
        );
    }
}
