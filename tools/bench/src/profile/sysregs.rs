// SPDX-License-Identifier: GPL-2.0
//! Names of system registers, from the kernel tree's own lists.

use super::opcode::Register;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

const LIST: &str = "arch/arm64/tools/sysreg";
const HEADER: &str = "arch/arm64/include/asm/sysreg.h";

/// Registers that the kernel has no number of, for its assembler knows their names.
const BY_NAME: [(&str, Register); 8] = [
    ("SP_EL0", Register(3, 0, 4, 1, 0)),
    ("SPSel", Register(3, 0, 4, 2, 0)),
    ("CurrentEL", Register(3, 0, 4, 2, 2)),
    ("PAN", Register(3, 0, 4, 2, 3)),
    ("NZCV", Register(3, 3, 4, 2, 0)),
    ("DAIF", Register(3, 3, 4, 2, 1)),
    ("DIT", Register(3, 3, 4, 2, 5)),
    ("SP_EL2", Register(3, 6, 4, 1, 0)),
];

#[derive(Default)]
pub struct Names(HashMap<Register, String>);

impl Names {
    pub fn read(tree: &Path) -> Result<Self> {
        let read = |path: &str| {
            let path = tree.join(path);
            fs::read_to_string(&path).with_context(|| format!("no {}: make tree", path.display()))
        };
        Ok(Self::parse(&read(LIST)?, &read(HEADER)?))
    }

    fn parse(list: &str, header: &str) -> Self {
        let mut names = Self::default();
        for line in list.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["Sysreg", name, fields @ ..] = words.as_slice() {
                names.add(name, register(fields));
            }
        }
        names.header(header);
        for (name, register) in BY_NAME {
            names.add(name, Some(register));
        }
        names
    }

    /// The first name is kept.
    fn add(&mut self, name: &str, register: Option<Register>) {
        if let Some(register) = register {
            self.0.entry(register).or_insert_with(|| name.to_string());
        }
    }

    /// `#define SYS_NAME sys_reg(...)`, or another macro that is defined as a `sys_reg(...)`.
    fn header(&mut self, header: &str) {
        let mut macros: HashMap<&str, (&str, &str)> = HashMap::new();
        for line in header.lines() {
            let Some(rest) = line.strip_prefix("#define ") else {
                continue;
            };
            let Some((head, body)) = rest.split_once(char::is_whitespace) else {
                continue;
            };
            let body = body.trim();
            if let Some((name, parameter)) = call(head) {
                macros.insert(name, (parameter, body));
                self.numbered(name, parameter, body);
            } else if let Some(name) = head.strip_prefix("SYS_") {
                let found = match call(body) {
                    Some(("sys_reg", fields)) => numbers(fields),
                    Some((other, value)) => {
                        let known = macros.get(other);
                        known.and_then(|(parameter, body)| expand(body, parameter, value))
                    }
                    None => None,
                };
                self.add(name, found);
            }
        }
    }

    /// `#define SYS_NAMEn_EL1(n) sys_reg(...)`: one register for each n.
    fn numbered(&mut self, name: &str, parameter: &str, body: &str) {
        let Some(name) = name.strip_prefix("SYS_").filter(|n| n.contains("n_")) else {
            return;
        };
        for n in 0..16 {
            let register = expand(body, parameter, &n.to_string());
            self.add(&name.replacen("n_", &format!("{n}_"), 1), register);
        }
    }

    pub fn name(&self, register: Register) -> String {
        let Register(op0, op1, crn, crm, op2) = register;
        let unnamed = || format!("S{op0}_{op1}_C{crn}_C{crm}_{op2}");
        self.0.get(&register).cloned().unwrap_or_else(unnamed)
    }
}

/// `NAME(ARGUMENTS)`
fn call(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    Some((
        name,
        rest.split_once("/*")
            .map_or(rest, |(code, _)| code)
            .trim()
            .strip_suffix(')')?,
    ))
}

fn expand(body: &str, parameter: &str, value: &str) -> Option<Register> {
    let fields = call(body).filter(|(name, _)| *name == "sys_reg")?.1;
    let field = |f: &str| {
        f.split('|')
            .map(|part| part.trim().replace(parameter, value))
            .collect()
    };
    let fields: Vec<Vec<String>> = fields.split(',').map(field).collect();
    let or = |parts: &Vec<String>| -> Option<String> {
        let numbers: Option<Vec<u8>> = parts.iter().map(|p| p.parse().ok()).collect();
        Some(numbers?.iter().fold(0, |all, n| all | n).to_string())
    };
    let fields: Option<Vec<String>> = fields.iter().map(or).collect();
    register(&fields?.iter().map(String::as_str).collect::<Vec<_>>())
}

fn numbers(fields: &str) -> Option<Register> {
    register(&fields.split(',').map(str::trim).collect::<Vec<_>>())
}

fn register(fields: &[&str]) -> Option<Register> {
    let parsed: Option<Vec<u8>> = fields.iter().map(|f| f.parse().ok()).collect();
    match parsed?[..] {
        [op0 @ 2..=3, op1 @ 0..=7, crn @ 0..=15, crm @ 0..=15, op2 @ 0..=7] => {
            Some(Register(op0, op1, crn, crm, op2))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL_LIST: &str = "# comment\nSysreg\tHCR_EL2\t3\t4\t1\t1\t0\nField\t1\tX\nEndSysreg\n\
         Sysreg\tSCTLR_EL12\t3\t5\t1\t0\t0\n";
    const SMALL_HEADER: &str = "#define sys_reg(op0, op1, crn, crm, op2) (0)\n\
        #define SYS_CNTVCT_EL0\t\tsys_reg(3, 3, 14, 0, 2)\n\
        #define SYS_HCR_OTHER_NAME sys_reg(3, 4, 1, 1, 0)\n\
        #define SYS_ICC_AP0Rn_EL1(n)\t\tsys_reg(3, 0, 12, 8, 4 | n)\n\
        #define __SYS__LR0_EL2(x)\t\tsys_reg(3, 4, 12, 12, x)\n\
        #define SYS_ICH_LR3_EL2\t\t\t__SYS__LR0_EL2(3)\n\
        #define SYS_DC_CSW sys_insn(1, 0, 7, 10, 2)\n";

    #[test]
    fn both_lists() {
        let names = Names::parse(SMALL_LIST, SMALL_HEADER);
        for (register, name) in [
            (Register(3, 4, 1, 1, 0), "HCR_EL2"),
            (Register(3, 5, 1, 0, 0), "SCTLR_EL12"),
            (Register(3, 3, 14, 0, 2), "CNTVCT_EL0"),
            (Register(3, 4, 12, 12, 3), "ICH_LR3_EL2"),
            (Register(3, 0, 12, 8, 6), "ICC_AP0R2_EL1"),
            (Register(3, 0, 4, 1, 0), "SP_EL0"),
            (Register(3, 7, 15, 15, 7), "S3_7_C15_C15_7"),
            (Register(3, 0, 7, 10, 2), "S3_0_C7_C10_2"),
        ] {
            assert_eq!(names.name(register), name);
        }
    }

    #[test]
    fn missing_tree() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", Names::read(folder.path()).err().unwrap());
        assert!(error.contains("make tree"), "{error}");
    }
}
