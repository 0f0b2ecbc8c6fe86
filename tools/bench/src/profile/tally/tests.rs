// SPDX-License-Identifier: GPL-2.0
//! A made-up kernel and program, whose counts are worked out by hand.

use super::*;

const MAP: &str = "ffff800080000000 T _text\nffff800080010000 T _stext\n\
    ffff800080010000 t other\nffff800080010800 T vectors\nffff800080011000 t after\n\
    ffff8000800a4000 T __kvm_hyp_vector\nffff8000800a4800 t kvm_function\n\
    ffff8000800a5000 t _RNvNtCs2FBrkgPYkiv_9kvm_arm645timer5drive\n\
    ffff8000806c0000 T _etext\nffff800080900000 T __init_begin\nffff800080a00000 R __init_end\n\
    ffff800080b50000 B _end\n";
/// Where QEMU keeps the guest's memory, and where in it the Image is.
const DISTANCE: u64 = 0x7f00_4020_0000u64.wrapping_sub(0xffff_8000_8000_0000);
const NOP: u32 = 0xd503_201f;

fn insn(count: u64, vaddr: u64, haddr: u64, opcode: u32, level: u8) -> Insn {
    Insn {
        count,
        vaddr,
        haddr,
        opcode,
        level,
    }
}

/// At the address it was linked at.
fn linked(count: u64, vaddr: u64, opcode: u32) -> Insn {
    insn(count, vaddr, vaddr.wrapping_add(DISTANCE), opcode, 2)
}

fn tally(insns: Vec<Insn>) -> Result<Tally> {
    let kernel = Kernel::parse(MAP).unwrap();
    let objects = HashMap::from([
        (0xffff_8000_800a_4800, "arch/arm64/kvm/arm.o".to_string()),
        (
            0xffff_8000_800a_5000,
            "arch/arm64/kvm/rust/kvm_arm64.o".to_string(),
        ),
        (0xffff_8000_8001_1000, "kernel/fork.o".to_string()),
    ]);
    let replaced = BTreeSet::from(["arch/arm64/kvm/arm.o".to_string()]);
    let program = program();
    let registers = Names::default();
    let naming = Naming {
        kernel: &kernel,
        objects: &objects,
        replaced: &replaced,
        program: &program,
        registers: &registers,
    };
    Tally::new(
        &Counts {
            regions: 1,
            stray: 0,
            insns,
            accesses: Vec::new(),
        },
        &naming,
    )
}

/// Two functions, of a NOP and of a HVC, at 0 and 4.
fn program() -> Program {
    use object::write::{Object, StandardSection, Symbol, SymbolSection};
    let (arch, end) = (object::Architecture::Aarch64, object::Endianness::Little);
    let mut file = Object::new(object::BinaryFormat::Elf, arch, end);
    let text = file.section_id(StandardSection::Text);
    let code: Vec<u8> = [NOP, 0xd400_0002]
        .iter()
        .flat_map(|o| o.to_le_bytes())
        .collect();
    file.append_section_data(text, &code, 4);
    for (value, name) in [(0, "loop"), (4, "call")] {
        file.add_symbol(Symbol {
            name: name.into(),
            value,
            size: 4,
            kind: object::SymbolKind::Text,
            scope: object::SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(text),
            flags: object::SymbolFlags::None,
        });
    }
    Program::parse(&file.write().unwrap()).unwrap()
}

fn sums(pairs: &[(&str, u64)]) -> Sums {
    pairs
        .iter()
        .map(|(name, count)| (name.to_string(), *count))
        .collect()
}

#[test]
fn all_mappings_of_the_image() {
    let function = 0xffff_8000_800a_4804;
    let found = tally(vec![
        linked(10, function, NOP),
        // The same code through another mapping, as nVHE's EL2 has it.
        insn(
            5,
            0x40_2000_4804,
            u64::wrapping_add(function, DISTANCE),
            NOP,
            2,
        ),
        linked(3, 0xffff_8000_8001_1000, NOP),
    ])
    .unwrap();
    assert_eq!(found.symbols, sums(&[("kvm_function", 15), ("after", 3)]));
    assert_eq!(
        found.modules,
        sums(&[("arch/arm64/kvm/arm.o", 15), ("kernel/fork.o", 3)])
    );
    assert_eq!(found.parts, sums(&[(REPLACED, 15), ("kernel", 3)]));
    assert_eq!((found.instructions, found.named), (18, 18));
}

#[test]
fn rust_by_path() {
    let found = tally(vec![linked(4, 0xffff_8000_800a_5010, NOP)]).unwrap();
    assert_eq!(found.symbols, sums(&[("kvm_arm64::timer::drive", 4)]));
    assert_eq!(found.modules, sums(&[("Rust kvm_arm64::timer", 4)]));
    assert_eq!(found.parts, sums(&[("KVM, Rust", 4)]));
    assert_eq!(
        rust_module("<kvm_arm64::host::irq::R as core::ops::Drop>::drop"),
        "Rust kvm_arm64::host"
    );
    assert_eq!(rust_module("core::panicking"), "Rust core");
}

#[test]
fn guest_and_vmm() {
    let found = tally(vec![
        linked(1, 0xffff_8000_8001_0000, NOP),
        insn(7, 0, 0x7f00_9000_0000, NOP, 1),
        insn(2, 0, 0x7f00_a000_0000, NOP, 0),
        insn(6, 4, 0x7f00_9000_0004, 0xd400_0002, 1),
        // Another program at the same address.
        insn(9, 4, 0x7f00_b000_0004, NOP, 0),
    ])
    .unwrap();
    let expected = [
        ("other", 1),
        ("guest: loop", 7),
        ("vmm: loop", 2),
        ("guest: call", 6),
        ("[unknown, EL0]", 9),
    ];
    assert_eq!(found.symbols, sums(&expected));
    assert_eq!(found.levels, sums(&[("EL0", 11), ("EL1", 13), ("EL2", 1)]));
    assert_eq!((found.instructions, found.named), (25, 16));
    assert_eq!(found.exceptions, sums(&[("HVC in guest: call", 6)]));
}

#[test]
fn hidden_costs() {
    let at = 0xffff_8000_800a_4800;
    let found = tally(vec![
        linked(1, at, 0xd53b_e040),
        linked(2, at + 4, 0xd51c_1103),
        linked(3, at + 8, 0xd503_3fdf),
        linked(4, at + 12, 0xb820_0041),
        linked(5, at + 16, 0xd503_42df),
        linked(6, at + 20, 0xd69f_03e0),
        linked(7, at + 24, 0xd503_233f),
        linked(8, at + 28, 0xd508_831f),
    ])
    .unwrap();
    assert_eq!(found.reads, sums(&[("S3_3_C14_C0_2", 1)]));
    assert_eq!(found.writes, sums(&[("S3_4_C1_C1_0", 2), ("DAIFSet", 5)]));
    assert_eq!(found.barriers, sums(&[("ISB", 3)]));
    assert_eq!(found.atomics, sums(&[("LDADD", 4)]));
    assert_eq!(found.exceptions, sums(&[("ERET in kvm_function", 6)]));
    assert_eq!(
        found.others,
        sums(&[("pointer authentication", 7), ("TLBI", 8)])
    );
}

#[test]
fn exceptions_taken() {
    let found = tally(vec![
        linked(3, 0xffff_8000_800a_4400, NOP),
        linked(3, 0xffff_8000_800a_4404, NOP),
        linked(2, 0xffff_8000_8001_0a80, NOP),
        linked(1, 0xffff_8000_8001_0000, NOP),
    ])
    .unwrap();
    let expected = [
        ("to __kvm_hyp_vector: lower sync", 3),
        ("to vectors: own IRQ", 2),
    ];
    assert_eq!(found.exceptions, sums(&expected));
}

#[test]
fn kernel_that_ran_outside_the_marks_only() {
    let found = tally(vec![
        linked(0, 0xffff_8000_8001_0000, NOP),
        insn(7, 0, 0x7f00_9000_0000, NOP, 1),
    ])
    .unwrap();
    assert_eq!(found.symbols, sums(&[("guest: loop", 7)]));
}

#[test]
fn another_kernel() {
    let error = tally(vec![insn(1, 0x1000, 0x7f00_0000_1000, NOP, 1)])
        .unwrap_err()
        .to_string();
    assert!(error.contains("System.map"), "{error}");
}
