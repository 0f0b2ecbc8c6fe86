// SPDX-License-Identifier: GPL-2.0
//! Which object file a function of the kernel came from.

use super::symbols::Table;
use crate::sizes::plain;
use anyhow::{Context, Result};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol, SymbolKind};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Everything that is linked into the kernel, in the order of linking.
const LINKED: &str = "vmlinux.a";
/// Linked into one object with a prefix before each name.
const NVHE: &str = "arch/arm64/kvm/hyp/nvhe/kvm_nvhe.o";
const NVHE_LINK: &str = "arch/arm64/kvm/hyp/nvhe/.kvm_nvhe.tmp.o.cmd";
const NVHE_PREFIX: &str = "__kvm_nvhe_";

/// Objects by the functions they define.
#[derive(Default)]
struct Definitions(HashMap<String, Vec<String>>);

impl Definitions {
    fn add(&mut self, build: &Path, object: &str, prefix: &str) -> Result<()> {
        let path = build.join(object);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let Ok(file) = object::File::parse(&*bytes) else {
            return Ok(());
        };
        for symbol in file.symbols().filter(|s| s.section_index().is_some()) {
            if matches!(
                symbol.kind(),
                SymbolKind::Text | SymbolKind::Unknown | SymbolKind::Label
            ) {
                let name = format!("{prefix}{}", symbol.name().unwrap_or_default());
                self.0.entry(name).or_default().push(object.to_string());
            }
        }
        Ok(())
    }
}

/// Objects of the kernel's symbols by their address; empty if the build has no archive.
pub fn of_symbols(build: &Path, table: &Table) -> Result<HashMap<u64, String>> {
    let Ok(archive) = fs::read(build.join(LINKED)) else {
        return Ok(HashMap::new());
    };
    let mut found = Definitions::default();
    for member in ArchiveFile::parse(&*archive)?.members() {
        let name = String::from_utf8_lossy(member?.name()).into_owned();
        if name != NVHE {
            found.add(build, &name, "")?;
        }
    }
    let link = build.join(NVHE_LINK);
    let link = fs::read_to_string(&link).with_context(|| link.display().to_string())?;
    for part in hypervisor(&link) {
        found.add(build, &part, NVHE_PREFIX)?;
    }
    Ok(assign(table, &found.0))
}

/// What the hypervisor object was linked from: others may lie about from an earlier build.
fn hypervisor(command: &str) -> Vec<String> {
    let line = command.lines().next().unwrap_or_default();
    let objects = line.split_whitespace().filter(|w| w.ends_with(".nvhe.o"));
    objects
        .map(|o| plain(Path::new(o)).to_string_lossy().into_owned())
        .collect()
}

/// Static functions of the same name are linked in the order of their objects.
fn assign(table: &Table, objects: &HashMap<String, Vec<String>>) -> HashMap<u64, String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut found = HashMap::new();
    for symbol in table.iter() {
        let Some(candidates) = objects.get(&symbol.raw) else {
            continue;
        };
        let nth = seen.entry(&symbol.raw).or_default();
        let object = &candidates[(*nth).min(candidates.len() - 1)];
        *nth += 1;
        found.insert(symbol.address, object.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::symbols::Kernel;

    #[test]
    fn what_the_hypervisor_is_linked_from() {
        let command = "savedcmd_h/kvm_nvhe.tmp.o := ld -r -T k/h/hyp.lds k/h/tlb.nvhe.o \
            k/h/../../rust/nvhe.nvhe.o -o k/h/kvm_nvhe.tmp.o\nsource k/h/stale.nvhe.o\n";
        assert_eq!(hypervisor(command), ["k/h/tlb.nvhe.o", "rust/nvhe.nvhe.o"]);
    }

    #[test]
    fn same_name_twice() {
        let map = "0000000000001000 T _text\n0000000000001000 T _stext\n\
            0000000000001010 t twin\n0000000000001020 T once\n0000000000001030 t twin\n\
            0000000000002000 T _etext\n0000000000002800 T __init_begin\n\
            0000000000002900 R __init_end\n0000000000003000 B _end\n";
        let kernel = Kernel::parse(map).unwrap();
        let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let objects = HashMap::from([
            ("twin".to_string(), list(&["a.o", "b.o"])),
            ("once".to_string(), list(&["a.o"])),
        ]);
        let found = assign(&kernel.table, &objects);
        assert_eq!(found[&0x1010], "a.o");
        assert_eq!(found[&0x1020], "a.o");
        assert_eq!(found[&0x1030], "b.o");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn no_archive() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of_symbols(folder.path(), &Table::default())
            .unwrap()
            .is_empty());
    }
}
