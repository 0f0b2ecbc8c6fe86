// SPDX-License-Identifier: GPL-2.0
//! Names for addresses: the kernel's from System.map, the program's from its ELF file.

use anyhow::{bail, Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::collections::HashMap;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    pub address: u64,
    /// As the linker knows it.
    pub raw: String,
    pub name: String,
}

/// Symbols by address; each reaches to the next.
#[derive(Debug, Default)]
pub struct Table(Vec<Symbol>);

impl Table {
    fn new(mut all: Vec<(u64, String)>) -> Self {
        all.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| rank(&a.1).cmp(&rank(&b.1))));
        all.dedup_by_key(|(address, _)| *address);
        let symbol = |(address, raw): (u64, String)| Symbol {
            address,
            name: readable(&raw),
            raw,
        };
        Self(all.into_iter().map(symbol).collect())
    }

    /// The symbol that an address is in, and that symbol's end.
    pub fn find(&self, address: u64) -> Option<(&Symbol, Option<u64>)> {
        let after = self.0.partition_point(|s| s.address <= address);
        let symbol = self.0[..after].last()?;
        Some((symbol, self.0.get(after).map(|s| s.address)))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.0.iter()
    }

    pub fn address(&self, raw: &str) -> Option<u64> {
        self.0.iter().find(|s| s.raw == raw).map(|s| s.address)
    }
}

/// Of several names of an address the lowest is taken: a function's, not that of a section's
/// border, and the plainest of its aliases.
fn rank(name: &str) -> (bool, usize, usize, &str) {
    let border = ["_start", "_end", "_begin"]
        .iter()
        .any(|e| name.ends_with(e))
        || ["_text", "_stext", "_etext", "_sinittext", "_einittext"].contains(&name);
    let underscores = name.len() - name.trim_start_matches('_').len();
    (border, underscores, name.len(), name)
}

/// Demangled, and without what tells copies of the same function apart: a Rust function's
/// generic arguments and closures count as the function, C's clones as the original.
fn readable(raw: &str) -> String {
    if let Some(mangled) = raw
        .strip_prefix("__kvm_nvhe_")
        .filter(|r| r.starts_with("_R"))
    {
        return format!("__kvm_nvhe_{}", readable(mangled));
    }
    match rustc_demangle::try_demangle(raw) {
        Ok(name) => without_copies(&format!("{name:#}")),
        Err(_) => raw
            .split('.')
            .next()
            .filter(|n| !n.is_empty())
            .unwrap_or(raw)
            .to_string(),
    }
}

/// Takes `::{closure#0}` and `::<T>` out of a path.
fn without_copies(path: &str) -> String {
    let mut kept = String::new();
    let mut rest = path;
    while let Some(at) = [rest.find("::{"), rest.find("::<")]
        .into_iter()
        .flatten()
        .min()
    {
        kept += &rest[..at];
        rest = &rest[at + 2..];
        rest = &rest[closing(rest)..];
    }
    kept + rest
}

/// Length of the bracketed group that a text begins with.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '{' => depth += 1,
            '>' if before == '-' => {}
            '>' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
        before = c;
    }
    text.len()
}

/// Where the parts of the kernel's image begin and end.
const BORDERS: [&str; 6] = [
    "_text",
    "_stext",
    "_etext",
    "__init_begin",
    "__init_end",
    "_end",
];

/// What was linked at the kernel's addresses.
#[derive(Debug)]
pub struct Kernel {
    pub table: Table,
    text: Range<u64>,
    image: Range<u64>,
    /// What is given back when the kernel is up: a guest's memory, or a program's, may be there.
    freed: Range<u64>,
}

impl Kernel {
    pub fn parse(system_map: &str) -> Result<Self> {
        let mut all = Vec::new();
        let mut borders = Vec::new();
        for line in system_map.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [address, kind, name] = words[..] else {
                bail!("System.map has a line '{line}'")
            };
            let address = u64::from_str_radix(address, 16)
                .with_context(|| format!("System.map has an address '{address}'"))?;
            if BORDERS.contains(&name) {
                borders.push((name, address));
            }
            if kind != "A" && kind != "a" {
                all.push((address, name.to_string()));
            }
        }
        let border = |name: &str| {
            let found = borders.iter().find(|(n, _)| *n == name).map(|(_, a)| *a);
            found.with_context(|| format!("System.map has no {name}"))
        };
        let text = border("_stext")?..border("_etext")?;
        let image = border("_text")?..border("_end")?;
        let freed = border("__init_begin")?..border("__init_end")?;
        all.retain(|(address, _)| image.contains(address));
        Ok(Self {
            table: Table::new(all),
            text,
            image,
            freed,
        })
    }

    /// Distance of QEMU's memory from the kernel's own addresses, from code that runs at these,
    /// given as its two addresses and its weight. The Image is in one piece in both, so that one
    /// distance is right for all of it.
    pub fn distance(&self, code: impl Iterator<Item = (u64, u64, u64)>) -> Result<u64> {
        let mut votes: HashMap<u64, u64> = HashMap::new();
        for (vaddr, haddr, weight) in code {
            if self.is_text(vaddr) && haddr != 0 {
                *votes.entry(haddr.wrapping_sub(vaddr)).or_default() += weight;
            }
        }
        match votes
            .into_iter()
            .max_by_key(|(distance, count)| (*count, *distance))
        {
            Some((distance, _)) => Ok(distance),
            None => bail!("no instruction ran at an address of System.map; is it of this kernel?"),
        }
    }

    pub fn is_text(&self, address: u64) -> bool {
        self.text.contains(&address)
    }

    pub fn has(&self, address: u64) -> bool {
        self.image.contains(&address) && !self.freed.contains(&address)
    }
}

/// The bench program, which is mapped at the same addresses in the guest.
pub struct Program {
    pub table: Table,
    code: Vec<(u64, Vec<u8>)>,
}

impl Program {
    pub fn parse(elf: &[u8]) -> Result<Self> {
        let file = object::File::parse(elf)?;
        let functions = file.symbols().filter(|s| {
            // The guest's vectors are in assembly, and have no type.
            matches!(
                s.kind(),
                SymbolKind::Text | SymbolKind::Unknown | SymbolKind::Label
            ) && s.section_index().is_some()
        });
        let named = functions.filter_map(|s| Some((s.address(), s.name().ok()?.to_string())));
        let named = named.filter(|(_, n)| !n.is_empty() && !n.starts_with('$'));
        let mut code = Vec::new();
        for section in file.sections().filter(|s| s.kind() == SectionKind::Text) {
            code.push((section.address(), section.data()?.to_vec()));
        }
        let within = |address: u64| {
            code.iter()
                .any(|(start, bytes)| (*start..start + bytes.len() as u64).contains(&address))
        };
        Ok(Self {
            table: Table::new(named.filter(|(a, _)| within(*a)).collect()),
            code,
        })
    }

    /// Whether this is the program's own instruction, not another program's at its address.
    pub fn has(&self, address: u64, opcode: u32) -> bool {
        self.code.iter().any(|(start, bytes)| {
            let at = address
                .checked_sub(*start)
                .and_then(|at| usize::try_from(at).ok());
            let found = at.and_then(|at| bytes.get(at..at.checked_add(4)?));
            found == Some(&opcode.to_le_bytes())
        })
    }

    pub fn address(&self, name: &str) -> Option<u64> {
        self.table.address(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "0000000000000000 A kernel_size\n\
        ffff800080000000 T _text\n\
        ffff800080010000 T _stext\nffff800080010000 t first_function\n\
        ffff800080010040 T __alias\nffff800080010040 T function\nffff800080010040 T __irq_text_start\n\
        ffff800080010080 t _RNvNtCs2FBrkgPYkiv_9kvm_arm645timer5drive\n\
        ffff800080010100 t copied.isra.0\n\
        ffff8000806c0000 T _etext\nffff8000806ca000 D vdso_start\n\
        ffff800080900000 T __init_begin\nffff800080900000 t setup\nffff800080a00000 R __init_end\n\
        ffff800080b50000 B _end\n";

    fn name(kernel: &Kernel, address: u64) -> &str {
        &kernel.table.find(address).unwrap().0.name
    }

    #[test]
    fn resolution() {
        let kernel = Kernel::parse(MAP).unwrap();
        for (address, expected) in [
            (0xffff_8000_8001_0000, "first_function"),
            (0xffff_8000_8001_003c, "first_function"),
            (0xffff_8000_8001_0040, "function"),
            (0xffff_8000_8001_0084, "kvm_arm64::timer::drive"),
            (0xffff_8000_8001_0200, "copied"),
            (0xffff_8000_806c_a010, "vdso_start"),
        ] {
            assert_eq!(name(&kernel, address), expected, "{address:x}");
        }
        let (_, end) = kernel.table.find(0xffff_8000_8001_0044).unwrap();
        assert_eq!(end, Some(0xffff_8000_8001_0080));
        assert!(kernel.table.find(0xffff_8000_7fff_ffff).is_none());
        assert!(kernel.is_text(0xffff_8000_8001_0000) && !kernel.is_text(0xffff_8000_806c_0000));
        assert!(kernel.has(0xffff_8000_8000_0000) && !kernel.has(0xffff_8000_80b5_0000));
    }

    #[test]
    fn what_is_freed_is_not_the_kernels() {
        let kernel = Kernel::parse(MAP).unwrap();
        assert!(kernel.has(0xffff_8000_808f_fffc) && kernel.has(0xffff_8000_80a0_0000));
        assert!(!kernel.has(0xffff_8000_8090_0000) && !kernel.has(0xffff_8000_809f_fffc));
    }

    #[test]
    fn broken_maps() {
        let error = |text: &str| Kernel::parse(text).unwrap_err().to_string();
        assert!(error(&MAP.replace(" _etext", " etext")).contains("_etext"));
        assert!(error(&MAP.replace("ffff8000806c0000", "x")).contains("'x'"));
        assert!(error("one two\n").contains("one two"));
    }

    #[test]
    fn copies_of_a_function() {
        for (path, expected) in [
            ("a::f::{closure#0}", "a::f"),
            ("a::f::{closure#0}::{closure#1}", "a::f"),
            ("a::f::<u64, b::C<fn() -> u8>>", "a::f"),
            ("a::f::<T>::{closure#0}", "a::f"),
            (
                "<a::B as core::ops::Drop>::drop",
                "<a::B as core::ops::Drop>::drop",
            ),
            ("<a::B<u8>>::g", "<a::B<u8>>::g"),
            ("<a::B as c::D<E>>::g::<F>", "<a::B as c::D<E>>::g"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_copies(path), expected);
        }
    }

    #[test]
    fn program_is_told_from_others() {
        use object::write;
        let (arch, end) = (object::Architecture::Aarch64, object::Endianness::Little);
        let mut file = write::Object::new(object::BinaryFormat::Elf, arch, end);
        let text = file.section_id(write::StandardSection::Text);
        let code: Vec<u8> = [0xd503_201fu32, 0xd65f_03c0]
            .iter()
            .flat_map(|o| o.to_le_bytes())
            .collect();
        file.append_section_data(text, &code, 4);
        for (value, name) in [(0, "one"), (4, "two")] {
            file.add_symbol(write::Symbol {
                name: name.into(),
                value,
                size: 4,
                kind: SymbolKind::Text,
                scope: object::SymbolScope::Linkage,
                weak: false,
                section: write::SymbolSection::Section(text),
                flags: object::SymbolFlags::None,
            });
        }
        let program = Program::parse(&file.write().unwrap()).unwrap();
        assert!(program.has(4, 0xd65f_03c0));
        assert!(!program.has(4, 0xd503_201f) && !program.has(8, 0) && !program.has(u64::MAX, 0));
        assert_eq!(program.table.find(6).unwrap().0.name, "two");
        assert_eq!(program.address("two"), Some(4));
    }
}
