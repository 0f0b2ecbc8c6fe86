// SPDX-License-Identifier: GPL-2.0

//! The table of system registers against the kernel's own, in the tree that is built.

use crate::{
    arm64::{
        encoding::Encoding,
        fields::Value,
        registers::ENTRIES, //
    },
    gic::{
        list_register::{
            ListRegister,
            Vtr, //
        },
        maintenance::Misr,
        vmcr::Vmcr, //
    },
};
use std::{
    collections::BTreeMap,
    env,
    fs,
    path::PathBuf, //
};

type Fields = BTreeMap<String, (u32, u32)>;

/// What the kernel says of a register.
#[derive(Default)]
pub(crate) struct Kernels {
    pub(crate) encodings: BTreeMap<String, Encoding>,
    fields: BTreeMap<String, Fields>,
}

fn tree() -> PathBuf {
    let build = env::var_os("BUILD")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../build")));

    build.join("linux/arch/arm64")
}

/// A file of the tree, by its path under `arch/arm64`.
pub(crate) fn read(name: &str) -> String {
    let path = tree().join(name);

    fs::read_to_string(&path)
        .unwrap_or_else(|why| panic!("{}: {why}; 'make tree' makes it", path.display()))
}

fn encoding(numbers: &[u32]) -> Encoding {
    let [op0, op1, crn, crm, op2] = numbers else {
        panic!("{numbers:?}");
    };

    Encoding::new(*op0, *op1, *crn, *crm, *op2)
}

/// `63:60`, or `4`.
fn bits(text: &str) -> (u32, u32) {
    let mut numbers = text.split(':').map(|n| n.parse().expect(text));
    let high = numbers.next().expect(text);

    (high, numbers.next().unwrap_or(high))
}

impl Kernels {
    pub(crate) fn load() -> Self {
        let mut found = Self::default();

        found.header(&read("include/asm/sysreg.h"));
        found.table(&read("tools/sysreg"));
        assert!(found.encodings.len() > 500, "{}", found.encodings.len());
        found
    }

    /// `#define SYS_NAME sys_reg(3, 0, 1, 0, 0)`.
    fn header(&mut self, text: &str) {
        for line in text.lines() {
            let Some((name, rest)) = line
                .strip_prefix("#define SYS_")
                .and_then(|l| l.split_once(char::is_whitespace))
            else {
                continue;
            };
            let Some(numbers) = rest
                .trim()
                .strip_prefix("sys_reg(")
                .and_then(|r| r.split_once(')'))
            else {
                continue;
            };
            let numbers: Vec<u32> = numbers
                .0
                .split(',')
                .filter_map(|n| n.trim().parse().ok())
                .collect();

            if numbers.len() == 5 {
                self.encodings.insert(name.to_string(), encoding(&numbers));
            }
        }
    }

    /// `Sysreg NAME 3 0 1 0 0`, then lines such as `Field 63:60 NAME`.
    fn table(&mut self, text: &str) {
        let mut shared: BTreeMap<String, Fields> = BTreeMap::new();
        let (mut current, mut is_shared) = (None, false);

        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();

            match words[..] {
                ["Sysreg", name, ..] => {
                    let numbers: Vec<u32> =
                        words[2..7].iter().map(|n| n.parse().unwrap()).collect();

                    self.encodings.insert(name.to_string(), encoding(&numbers));
                    (current, is_shared) = (Some(name.to_string()), false);
                }
                ["SysregFields", name] => (current, is_shared) = (Some(name.to_string()), true),
                ["EndSysreg" | "EndSysregFields"] => current = None,
                ["Fields", name] => {
                    let fields = shared.get(name).cloned().unwrap_or_default();

                    self.fields.insert(current.clone().expect(line), fields);
                }
                ["Field" | "Enum" | "UnsignedEnum" | "SignedEnum", place, name] => {
                    let to = if is_shared {
                        &mut shared
                    } else {
                        &mut self.fields
                    };

                    to.entry(current.clone().expect(line))
                        .or_default()
                        .insert(name.to_string(), bits(place));
                }
                _ => (),
            }
        }
    }
}

/// Registers that the kernel has macros with a number for.
const NOT_THERE: &[&str] = &[
    "ICC_AP0R0_EL1",
    "ICC_AP0R1_EL1",
    "ICC_AP0R2_EL1",
    "ICC_AP0R3_EL1",
    "ICC_AP1R0_EL1",
    "ICC_AP1R1_EL1",
    "ICC_AP1R2_EL1",
    "ICC_AP1R3_EL1",
];

/// Fields that are parts of the kernel's, or several of them, or of registers whose fields the
/// kernel defines elsewhere.
const OURS: &[(&str, &str)] = &[
    ("PMUSERENR_EL0", "ALL"),
    ("MPAM1_EL1", "PARTITIONS"),
    ("ICH_LR_EL2", "Pending"),
    ("ICH_LR_EL2", "Active"),
];

#[test]
fn encodings_are_the_kernels() {
    let kernels = Kernels::load();
    let mut wrong = Vec::new();
    let mut missing = Vec::new();

    for entry in ENTRIES {
        match kernels.encodings.get(entry.name) {
            Some(theirs) if *theirs == entry.encoding => (),
            Some(theirs) => wrong.push(format!(
                "{}: {theirs:?}, not {:?}",
                entry.name, entry.encoding
            )),
            None => missing.push(entry.name),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(missing, NOT_THERE);
}

#[test]
fn aliases_are_the_kernels() {
    let kernels = Kernels::load();

    for entry in ENTRIES {
        let (from, to) = match entry.by {
            Some("EL12") => ("_EL1", "_EL12"),
            Some("EL02") => ("_EL0", "_EL02"),
            _ => continue,
        };
        let alias = entry.name.replace(from, to);

        if let Some(theirs) = kernels.encodings.get(&alias) {
            assert_eq!(*theirs, entry.encoding.with_op1(5), "{alias}");
        }
    }
}

#[test]
fn fields_are_the_kernels() {
    let kernels = Kernels::load();
    let mut checked = 0;
    let entries = ENTRIES.iter().map(|e| (e.name, e.fields)).chain([
        ("ICH_MISR_EL2", Misr::FIELDS),
        ("ICH_VMCR_EL2", Vmcr::FIELDS),
        ("ICH_VTR_EL2", Vtr::FIELDS),
        ("ICH_LR_EL2", ListRegister::FIELDS),
    ]);

    for (name, fields) in entries {
        let Some(theirs) = kernels.fields.get(name) else {
            continue;
        };

        for (field, high, low) in fields {
            if OURS.contains(&(name, field)) {
                continue;
            }
            assert_eq!(theirs.get(*field), Some(&(*high, *low)), "{name}.{field}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn no_name_and_no_encoding_twice() {
    for (at, entry) in ENTRIES.iter().enumerate() {
        for other in &ENTRIES[..at] {
            assert_ne!(entry.name, other.name);
            assert_ne!(
                entry.encoding, other.encoding,
                "{} {}",
                entry.name, other.name
            );
        }
    }
}
