// SPDX-License-Identifier: GPL-2.0
//! QEMU plugin that counts, per instruction, what runs between two marks, or writes down
//! what of it accesses system registers.
//!
//! `-plugin FILE,out=COUNTS` or `-plugin FILE,record=RECORD,anchors=ADDRESS:ADDRESS...`.
//! The files are written at exit; their formats are described where they are read, in
//! `tools/bench/src/profile/counts.rs` and `tools/bench/src/registers/record.rs`.
//!
//! Until the first start mark only marks are looked for, so that booting takes no
//! longer than without. Then all translated code is thrown away, and translated
//! again with a call before each instruction. Calls rather than QEMU's inline
//! counters: with `thread=single`, QEMU 10.0 takes the CPU's number for a constant
//! and overwrites it while computing a counter's address, and so destroys other
//! uses of the same constant, in the guest's own code, on every CPU but the first.

mod counts;
mod record;

use counts::{Counts, Key};
use qemu_plugin::{
    qemu_plugin_get_registers, qemu_plugin_register_atexit_cb, qemu_plugin_register_vcpu_init_cb,
    qemu_plugin_register_vcpu_tb_trans_cb, register,
    sys::{self, qemu_plugin_tb},
    Args, HasCallbacks, Info, Instruction, MemRW, PluginId, Register, RegisterDescriptor, Result,
    TranslationBlock, VCPUIndex,
};
use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
    },
};

/// `hint #112` and `hint #113`: no-operations on every CPU.
const START: u32 = 0xd503_2e1f;
const STOP: u32 = 0xd503_2e3f;
/// Exception level of code whose level QEMU would not tell.
const UNKNOWN_LEVEL: u8 = 9;

/// Whether execution is between the marks.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// Whether the first start mark was met.
static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTS: LazyLock<Mutex<Counts>> = LazyLock::new(Mutex::default);
static PSTATE: OnceLock<RegisterDescriptor<'static>> = OnceLock::new();
static OUT: OnceLock<PathBuf> = OnceLock::new();

fn counts() -> MutexGuard<'static, Counts> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// QEMU would go on after an error, and only the counts would be missing.
fn give_up(why: &str) -> ! {
    eprintln!("kvm-bench-plugin: {why}");
    std::process::exit(1)
}

fn opcode(insn: &Instruction) -> u32 {
    let mut bytes = [0; 4];
    if insn.read_data(&mut bytes) != bytes.len() {
        give_up("QEMU does not show an instruction's opcode");
    }
    u32::from_le_bytes(bytes)
}

fn mark(start: bool) {
    if RUNNING.swap(start, Relaxed) == start {
        counts().stray += 1;
    } else if !start {
        counts().regions += 1;
    }
}

/// PSTATE.EL; a block is translated for one level, right before it runs there.
fn level() -> u8 {
    match PSTATE.get().and_then(|r| r.read().ok()).as_deref() {
        Some([low, ..]) => low >> 2 & 3,
        _ => UNKNOWN_LEVEL,
    }
}

fn save() {
    if record::wanted() {
        return record::save();
    }
    let mut counts = counts();
    counts.stray += u64::from(RUNNING.load(Relaxed));
    let Some(path) = OUT.get() else { return };
    if let Err(error) = counts.save(path) {
        eprintln!("kvm-bench-plugin: {}: {error}", path.display());
    }
}

/// Registers one of the two ways to look at code, and the end of it all.
fn register_phase(id: PluginId, look: extern "C" fn(PluginId, *mut qemu_plugin_tb)) -> Result<()> {
    qemu_plugin_register_vcpu_tb_trans_cb(id, Some(look))?;
    qemu_plugin_register_atexit_cb(id, |_| save())
}

extern "C" fn vcpu_init(_: PluginId, _: VCPUIndex) {
    let registers = qemu_plugin_get_registers().unwrap_or_default();
    record::find_registers(&registers);
    if let Some(cpsr) = registers.into_iter().find(|r| r.name == "cpsr") {
        PSTATE.get_or_init(|| cpsr);
    }
}

/// Before the first start mark.
extern "C" fn watch(id: PluginId, tb: *mut qemu_plugin_tb) {
    let tb = TranslationBlock::from(tb);
    for insn in tb.instructions().filter(|i| opcode(i) == START) {
        insn.register_execute_callback(move |_| {
            mark(true);
            if !COUNTING.swap(true, Relaxed) {
                // SAFETY: the callback is a function. Not the crate's wrapper, which
                // of 10.1.0-v2 never calls it.
                unsafe { sys::qemu_plugin_reset(id, Some(was_reset)) };
            }
        });
    }
}

/// All translated code and all callbacks are gone.
extern "C" fn was_reset(id: PluginId) {
    let look = if record::wanted() {
        record::look
    } else {
        count
    };
    if let Err(error) = register_phase(id, look) {
        give_up(&error.to_string());
    }
}

/// After it.
extern "C" fn count(_: PluginId, tb: *mut qemu_plugin_tb) {
    let tb = TranslationBlock::from(tb);
    let level = level();
    for insn in tb.instructions() {
        let opcode = opcode(&insn);
        let key = Key {
            vaddr: insn.vaddr(),
            haddr: insn.haddr(),
            opcode,
            level,
        };
        let counter = counts().counter(key);
        insn.register_execute_callback(move |_| {
            if RUNNING.load(Relaxed) {
                counter.fetch_add(1, Relaxed);
            }
        });
        if opcode == START || opcode == STOP {
            insn.register_execute_callback(move |_| mark(opcode == START));
        }
        // Devices are the kernel's; programs have none mapped.
        if level > 0 {
            insn.register_memory_access_callback(
                |_, info, vaddr| {
                    if RUNNING.load(Relaxed) {
                        counts().access(&info, vaddr);
                    }
                },
                MemRW::QEMU_PLUGIN_MEM_RW,
            );
        }
    }
}

struct Profiler;

impl HasCallbacks for Profiler {}

impl Register for Profiler {
    fn register_default(&mut self, id: PluginId, args: &Args, info: &Info) -> Result<()> {
        if info.target_name != "aarch64" || info.system.is_none() {
            give_up(&format!(
                "profiles qemu-system-aarch64 only, not {}",
                info.target_name
            ));
        }
        let arguments: Vec<_> = args.raw.iter().filter_map(|a| a.split_once('=')).collect();
        match arguments[..] {
            [("out", file)] => {
                OUT.get_or_init(|| PathBuf::from(file));
            }
            [("record", file), ("anchors", list)] => record::set_up(file, list),
            _ => give_up(&format!(
                "wants out=FILE or record=FILE,anchors=LIST, not '{}'",
                args.raw.join(",")
            )),
        }
        qemu_plugin_register_vcpu_init_cb(id, Some(vcpu_init))?;
        register_phase(id, watch)
    }
}

register!(Profiler);
