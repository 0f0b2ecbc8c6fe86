// SPDX-License-Identifier: GPL-2.0
//! What an A64 instruction does that its being one instruction hides.

/// A system register's encoding: op0, op1, CRn, CRm, op2.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register(pub u8, pub u8, pub u8, pub u8, pub u8);

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Read(Register),
    Write(Register),
    /// MSR with an immediate: DAIFSet and the like.
    Pstate(&'static str),
    Barrier(&'static str),
    /// Cache, TLB and address translation instructions.
    Maintenance(&'static str),
    Atomic(&'static str),
    /// Raises an exception or returns from one.
    Exception(&'static str),
    PointerAuthentication,
    Hint(&'static str),
    Other,
}

fn bits(opcode: u32, low: u32, width: u32) -> u8 {
    (opcode >> low & ((1 << width) - 1)) as u8
}

pub fn decode(opcode: u32) -> Kind {
    match opcode >> 24 {
        0xd4 => exception(opcode),
        0xd5 => system(opcode),
        0xd6 | 0xd7 => branch(opcode),
        0xda if opcode >> 16 == 0xdac1 => Kind::PointerAuthentication,
        _ => memory(opcode),
    }
}

fn exception(opcode: u32) -> Kind {
    match opcode & 0xffe0_001f {
        0xd400_0001 => Kind::Exception("SVC"),
        0xd400_0002 => Kind::Exception("HVC"),
        0xd400_0003 => Kind::Exception("SMC"),
        0xd420_0000 => Kind::Exception("BRK"),
        _ => Kind::Other,
    }
}

fn branch(opcode: u32) -> Kind {
    match opcode {
        0xd69f_03e0 => Kind::Exception("ERET"),
        0xd69f_0bff | 0xd69f_0fff => Kind::Exception("ERETA"),
        // RETAA, RETAB; BRAA, BLRAA and their kin.
        0xd65f_0bff | 0xd65f_0fff => Kind::PointerAuthentication,
        _ if opcode & 0xfe9f_f800 == 0xd61f_0800 => Kind::PointerAuthentication,
        _ => Kind::Other,
    }
}

fn system(opcode: u32) -> Kind {
    let register = Register(
        bits(opcode, 19, 2),
        bits(opcode, 16, 3),
        bits(opcode, 12, 4),
        bits(opcode, 8, 4),
        bits(opcode, 5, 3),
    );
    let Register(op0, op1, crn, crm, op2) = register;
    let read = bits(opcode, 21, 1) == 1;
    match (bits(opcode, 22, 2), op0, crn) {
        (0, 2 | 3, _) if read => Kind::Read(register),
        (0, 2 | 3, _) => Kind::Write(register),
        (0, 1, 7) => cache(op1, crm, op2),
        (0, 1, 8 | 9) => Kind::Maintenance("TLBI"),
        (0, 0, 2) if !read => hint(crm << 3 | op2),
        (0, 0, 3) if !read => barrier(crm, op2),
        (0, 0, 4) if !read && bits(opcode, 0, 5) == 31 => pstate(op1, op2),
        _ => Kind::Other,
    }
}

fn barrier(crm: u8, op2: u8) -> Kind {
    const DSB: [&str; 4] = ["DSB OSH", "DSB NSH", "DSB ISH", "DSB SY"];
    const DMB: [&str; 4] = ["DMB OSH", "DMB NSH", "DMB ISH", "DMB SY"];
    // What comes before which is of no matter here, only how far it reaches.
    let reach = usize::from(crm >> 2);
    match op2 {
        1 => Kind::Barrier("DSB nXS"),
        2 => Kind::Atomic("CLREX"),
        // SSBB and PSSBB have the encodings of a DSB without a type.
        4 if crm & 3 == 0 => Kind::Barrier("SSBB"),
        4 => Kind::Barrier(DSB[reach]),
        5 => Kind::Barrier(DMB[reach]),
        6 => Kind::Barrier("ISB"),
        7 => Kind::Barrier("SB"),
        _ => Kind::Other,
    }
}

fn hint(number: u8) -> Kind {
    match number {
        1 => Kind::Hint("YIELD"),
        2 => Kind::Hint("WFE"),
        3 => Kind::Hint("WFI"),
        4 => Kind::Hint("SEV"),
        5 => Kind::Hint("SEVL"),
        16 => Kind::Barrier("ESB"),
        20 => Kind::Barrier("CSDB"),
        7 | 8 | 10 | 12 | 14 | 24..=31 => Kind::PointerAuthentication,
        _ => Kind::Other,
    }
}

fn pstate(op1: u8, op2: u8) -> Kind {
    match (op1, op2) {
        (0, 3) => Kind::Pstate("UAO"),
        (0, 4) => Kind::Pstate("PAN"),
        (0, 5) => Kind::Pstate("SPSel"),
        (3, 1) => Kind::Pstate("SSBS"),
        (3, 2) => Kind::Pstate("DIT"),
        (3, 3) => Kind::Pstate("SVCR"),
        (3, 4) => Kind::Pstate("TCO"),
        (3, 6) => Kind::Pstate("DAIFSet"),
        (3, 7) => Kind::Pstate("DAIFClr"),
        _ => Kind::Pstate("other"),
    }
}

/// SYS with CRn 7.
fn cache(op1: u8, crm: u8, op2: u8) -> Kind {
    match (op1, crm, op2) {
        (0 | 3, 1 | 5, _) => Kind::Maintenance("IC"),
        (_, 8 | 9, _) => Kind::Maintenance("AT"),
        (3, 4, _) => Kind::Maintenance("DC Z"),
        (0 | 3, 6 | 10..=14, _) => Kind::Maintenance("DC"),
        _ => Kind::Maintenance("SYS"),
    }
}

/// Loads and stores that order or exclude others.
fn memory(opcode: u32) -> Kind {
    let load = bits(opcode, 22, 1) == 1;
    // Compare and swap, of one register and of a pair.
    if opcode & 0x3fa0_7c00 == 0x08a0_7c00 || opcode & 0xbfa0_7c00 == 0x0820_7c00 {
        return Kind::Atomic("CAS");
    }
    match opcode & 0x3f80_0000 {
        0x0800_0000 if load => return Kind::Atomic("LDXR"),
        0x0800_0000 => return Kind::Atomic("STXR"),
        0x0880_0000 if load => return Kind::Atomic("load-acquire"),
        0x0880_0000 => return Kind::Atomic("store-release"),
        _ => {}
    }
    match opcode & 0x3f20_0c00 {
        0x3820_0000 => atomic(bits(opcode, 12, 4)),
        // LDAPUR and STLUR.
        0x1900_0000 if bits(opcode, 22, 2) == 0 => Kind::Atomic("store-release"),
        0x1900_0000 => Kind::Atomic("load-acquire"),
        _ => Kind::Other,
    }
}

/// Read-modify-write in one instruction, by o3 and opc.
fn atomic(operation: u8) -> Kind {
    match operation {
        0 => Kind::Atomic("LDADD"),
        1 => Kind::Atomic("LDCLR"),
        2 => Kind::Atomic("LDEOR"),
        3 => Kind::Atomic("LDSET"),
        4..=7 => Kind::Atomic("LDMIN/MAX"),
        8 => Kind::Atomic("SWP"),
        // LDAPR
        12 => Kind::Atomic("load-acquire"),
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Assembly, and what it is by the Arm Architecture Reference Manual.
    fn expected() -> Vec<(&'static str, u32, Kind)> {
        use Kind::*;
        vec![
            (
                "mrs x0, cntvct_el0",
                0xd53b_e040,
                Read(Register(3, 3, 14, 0, 2)),
            ),
            (
                "msr hcr_el2, x3",
                0xd51c_1103,
                Write(Register(3, 4, 1, 1, 0)),
            ),
            (
                "msr mdscr_el1, x1",
                0xd510_0241,
                Write(Register(2, 0, 0, 2, 2)),
            ),
            (
                "mrs x9, s3_4_c12_c11_0",
                0xd53c_cb09,
                Read(Register(3, 4, 12, 11, 0)),
            ),
            ("msr daifset, #2", 0xd503_42df, Pstate("DAIFSet")),
            ("msr daifclr, #15", 0xd503_4fff, Pstate("DAIFClr")),
            ("msr spsel, #1", 0xd500_41bf, Pstate("SPSel")),
            ("isb", 0xd503_3fdf, Barrier("ISB")),
            ("dsb sy", 0xd503_3f9f, Barrier("DSB SY")),
            ("dsb ishst", 0xd503_3a9f, Barrier("DSB ISH")),
            ("dsb nsh", 0xd503_379f, Barrier("DSB NSH")),
            ("dmb ishld", 0xd503_39bf, Barrier("DMB ISH")),
            ("dmb oshst", 0xd503_32bf, Barrier("DMB OSH")),
            ("sb", 0xd503_30ff, Barrier("SB")),
            ("csdb", 0xd503_229f, Barrier("CSDB")),
            ("wfi", 0xd503_207f, Hint("WFI")),
            ("yield", 0xd503_203f, Hint("YIELD")),
            ("nop", 0xd503_201f, Other),
            ("hint #112", 0xd503_2e1f, Other),
            ("paciasp", 0xd503_233f, PointerAuthentication),
            ("autiasp", 0xd503_23bf, PointerAuthentication),
            ("pacia x0, x1", 0xdac1_0020, PointerAuthentication),
            ("retaa", 0xd65f_0bff, PointerAuthentication),
            ("blraaz x8", 0xd63f_091f, PointerAuthentication),
            ("blr x8", 0xd63f_0100, Other),
            ("ret", 0xd65f_03c0, Other),
            ("eret", 0xd69f_03e0, Exception("ERET")),
            ("svc #0", 0xd400_0001, Exception("SVC")),
            ("hvc #0", 0xd400_0002, Exception("HVC")),
            ("smc #0", 0xd400_0003, Exception("SMC")),
            ("brk #0x800", 0xd421_0000, Exception("BRK")),
            ("tlbi vmalle1is", 0xd508_831f, Maintenance("TLBI")),
            ("tlbi ipas2e1is, x0", 0xd50c_8020, Maintenance("TLBI")),
            ("at s1e1r, x0", 0xd508_7800, Maintenance("AT")),
            ("dc civac, x0", 0xd50b_7e20, Maintenance("DC")),
            ("dc cvau, x0", 0xd50b_7b20, Maintenance("DC")),
            ("dc zva, x0", 0xd50b_7420, Maintenance("DC Z")),
            ("ic ialluis", 0xd508_711f, Maintenance("IC")),
            ("ic ivau, x0", 0xd50b_7520, Maintenance("IC")),
            ("ldadd w0, w1, [x2]", 0xb820_0041, Atomic("LDADD")),
            ("ldaddal x0, x1, [x2]", 0xf8e0_0041, Atomic("LDADD")),
            ("stclr x0, [x2]", 0xf820_105f, Atomic("LDCLR")),
            ("ldeor x0, x1, [x2]", 0xf820_2041, Atomic("LDEOR")),
            ("ldsetb w0, w1, [x2]", 0x3820_3041, Atomic("LDSET")),
            ("ldumax x0, x1, [x2]", 0xf820_6041, Atomic("LDMIN/MAX")),
            ("swpa w0, w1, [x2]", 0xb8a0_8041, Atomic("SWP")),
            ("cas x0, x1, [x2]", 0xc8a0_7c41, Atomic("CAS")),
            ("casal w0, w1, [x2]", 0x88e0_fc41, Atomic("CAS")),
            ("casp x0, x1, x2, x3, [x4]", 0x4820_7c82, Atomic("CAS")),
            ("ldxr w0, [x1]", 0x885f_7c20, Atomic("LDXR")),
            ("ldaxr x0, [x1]", 0xc85f_fc20, Atomic("LDXR")),
            ("stlxrb w0, w1, [x2]", 0x0800_fc41, Atomic("STXR")),
            ("ldxp x0, x1, [x2]", 0xc87f_0440, Atomic("LDXR")),
            ("clrex", 0xd503_3f5f, Atomic("CLREX")),
            ("ldar x0, [x1]", 0xc8df_fc20, Atomic("load-acquire")),
            ("ldapr x0, [x1]", 0xf8bf_c020, Atomic("load-acquire")),
            ("stlr w0, [x1]", 0x889f_fc20, Atomic("store-release")),
            ("stlur x0, [x1, #8]", 0xd900_8020, Atomic("store-release")),
            ("ldapur w0, [x1, #8]", 0x9940_8020, Atomic("load-acquire")),
            ("ldr x0, [x1, x2]", 0xf862_6820, Other),
            ("ldr x0, [x1]", 0xf940_0020, Other),
            ("ldp x29, x30, [sp], #16", 0xa8c1_7bfd, Other),
            ("prfm pldl1keep, [x0]", 0xf980_0000, Other),
            ("add x0, x0, #1", 0x9100_0400, Other),
        ]
    }

    #[test]
    fn kinds() {
        for (text, opcode, kind) in expected() {
            assert_eq!(decode(opcode), kind, "{text} {opcode:08x}");
        }
    }

    /// The opcodes above are those of their text, by an assembler if there is one.
    #[test]
    fn opcodes() {
        let assembler = std::env::var("LLVM_MC").unwrap_or_else(|_| "llvm-mc-22".into());
        let source: String = expected()
            .iter()
            .map(|(text, ..)| format!("{text}\n"))
            .collect();
        let started = Command::new(&assembler)
            .args([
                "-triple=aarch64",
                "-mattr=+v8.5a,+rcpc-immo,+pauth",
                "-show-encoding",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            eprintln!("skipped: no {assembler}");
            return;
        };
        child
            .stdin
            .take()
            .unwrap()
            .write_all(source.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let encoded: Vec<u32> = text.lines().filter_map(encoding).collect();
        let wanted: Vec<u32> = expected().iter().map(|(_, opcode, _)| *opcode).collect();
        assert_eq!(encoded.len(), wanted.len());
        for ((text, opcode, _), by_assembler) in expected().iter().zip(encoded) {
            assert_eq!(by_assembler, *opcode, "{text}");
        }
    }

    /// `// encoding: [0xdf,0x3f,0x03,0xd5]`
    fn encoding(line: &str) -> Option<u32> {
        let list = line.split_once("encoding: [")?.1.split_once(']')?.0;
        let byte = |b: &str| u32::from_str_radix(b.trim_start_matches("0x"), 16).ok();
        let bytes: Option<Vec<u32>> = list.split(',').map(byte).collect();
        Some(bytes?.iter().rev().fold(0, |all, byte| all << 8 | byte))
    }
}
