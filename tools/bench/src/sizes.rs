// SPDX-License-Identifier: GPL-2.0
//! Bytes of the objects that differ between the two kernels.
//!
//! Which objects those are is what the archives of KVM's objects of the two builds differ in; it
//! must be what Kbuild takes out and puts in for the Rust kernel's options.

use crate::kernels::parse_config;
use crate::site::{Site, KERNELS};
use anyhow::{bail, Context, Result};
use object::read::archive::ArchiveFile;
use object::{elf, Object, ObjectSection, SectionFlags};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Sum;
use std::ops::Add;
use std::path::{Component, Path, PathBuf};

const KVM: &str = "arch/arm64/kvm";
/// KVM's EL2 code is linked into one object first; it keeps its name whatever is in it.
const SAME_NAME: &str = "in both, but not the same";

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Size {
    pub text: u64,
    pub data: u64,
    pub rodata: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ObjectSize {
    pub object: String,
    pub c: Option<Size>,
    pub rust: Option<Size>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sizes {
    pub objects: Vec<ObjectSize>,
    /// The whole kernel.
    pub c: Size,
    pub rust: Size,
}

impl Add for Size {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            text: self.text + other.text,
            data: self.data + other.data,
            rodata: self.rodata + other.rodata,
        }
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}

impl Sizes {
    pub fn total_c(&self) -> Size {
        self.objects.iter().filter_map(|o| o.c).sum()
    }

    pub fn total_rust(&self) -> Size {
        self.objects.iter().filter_map(|o| o.rust).sum()
    }
}

/// What is loaded of an object, by what may be done with it.
pub fn measure(data: &[u8]) -> Result<Size> {
    let file = object::File::parse(data)?;
    let mut found = Size::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            bail!("not an ELF object");
        };
        let is = |flag: u32| sh_flags & u64::from(flag) != 0;
        let size = section.size();
        // In the linked kernel constants share a section with what is so after boot only.
        let constant = section.name_bytes()?.starts_with(b".rodata");
        match () {
            () if !is(elf::SHF_ALLOC) => {}
            () if is(elf::SHF_EXECINSTR) => found.text += size,
            () if is(elf::SHF_WRITE) && !constant => found.data += size,
            () => found.rodata += size,
        }
    }
    Ok(found)
}

fn measure_file(path: &Path) -> Result<Size> {
    let data = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    measure(&data).with_context(|| path.display().to_string())
}

/// KVM's objects, by their path in the kernel's output folder.
fn members(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let path = folder.join(KVM).join("built-in.a");
    let data = fs::read(&path).with_context(|| format!("no {}: make kernels", path.display()))?;
    let archive = ArchiveFile::parse(&*data).with_context(|| path.display().to_string())?;
    let mut found = BTreeMap::new();
    for member in archive.members() {
        let name = String::from_utf8_lossy(member?.name()).into_owned();
        // A thin archive names its members from where it lies.
        let relative = plain(&Path::new(KVM).join(&name));
        let path = folder.join(&relative);
        if !archive.is_thin() || !path.is_file() {
            bail!("{}: no object {}", folder.display(), path.display());
        }
        found.insert(relative.to_string_lossy().into_owned(), path);
    }
    Ok(found)
}

/// Without "..", for what it leads out of need not exist.
pub fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(found.pop()),
            other => found.push(other),
        }
    }
    found
}

/// Objects that Kbuild names in lines of this kind, for the options that are on in a configuration.
fn table<'a>(kbuild: &'a str, kind: &str, config: &str) -> Result<BTreeSet<&'a str>> {
    let on = parse_config(config);
    let mut found = BTreeSet::new();
    for (number, line) in kbuild.lines().enumerate() {
        let Some(row) = line.strip_prefix(kind).and_then(|l| l.strip_prefix('-')) else {
            continue;
        };
        let (option, objects) = row
            .strip_prefix("$(")
            .and_then(|r| r.split_once(')'))
            .and_then(|(option, r)| Some((option, r.trim_start().strip_prefix("+=")?)))
            .filter(|(_, objects)| objects.split_whitespace().all(|o| o.ends_with(".o")))
            .with_context(|| format!("Kbuild:{}: want {kind}-$(OPTION) += objects", number + 1))?;
        if on.get(option) == Some(&"y") {
            found.extend(objects.split_whitespace());
        }
    }
    Ok(found)
}

fn read_table(site: &Site) -> Result<(String, String)> {
    let kbuild = fs::read_to_string(site.repo.join("Kbuild")).context("no Kbuild")?;
    let config = fs::read_to_string(site.kernel("rust").join(".config")).context("make kernels")?;
    Ok((kbuild, config))
}

/// Objects of the C kernel that the Rust kernel has not, the hypervisor's included.
pub fn replaced(site: &Site) -> Result<BTreeSet<String>> {
    let (kbuild, config) = read_table(site)?;
    let objects = table(&kbuild, "replaces", &config)?;
    Ok(objects.into_iter().map(|o| format!("{KVM}/{o}")).collect())
}

/// Only what Kbuild names may be in one kernel alone, and all of that.
fn check_table<V>(
    kbuild: &str,
    config: &str,
    c: &BTreeMap<String, V>,
    rust: &BTreeMap<String, V>,
) -> Result<()> {
    for (kind, one, other) in [("replaces", c, rust), ("adds", rust, c)] {
        let named: BTreeSet<String> = table(kbuild, kind, config)?
            .into_iter()
            // These are linked into one object first, which is in both kernels.
            .filter(|o| !o.ends_with(".nvhe.o"))
            .map(|o| format!("{KVM}/{o}"))
            .collect();
        let found = one.keys().filter(|o| !other.contains_key(*o)).cloned();
        let found: BTreeSet<String> = found.collect();
        if let Some(object) = named.symmetric_difference(&found).next() {
            bail!("Kbuild and the kernels do not agree on {object} ({kind}): make kernels");
        }
    }
    Ok(())
}

pub fn compare(site: &Site) -> Result<Sizes> {
    let [c, rust] = KERNELS.map(|k| members(&site.kernel(k)));
    let (c, rust) = (c?, rust?);
    let (kbuild, config) = read_table(site)?;
    check_table(&kbuild, &config, &c, &rust)?;
    let names: BTreeSet<&String> = c.keys().chain(rust.keys()).collect();
    let mut objects = Vec::new();
    for name in names {
        let size =
            |from: &BTreeMap<String, PathBuf>| from.get(name).map(|p| measure_file(p)).transpose();
        let (c, rust) = (size(&c)?, size(&rust)?);
        if c != rust {
            let note = if c.is_some() && rust.is_some() {
                format!(" ({SAME_NAME})")
            } else {
                String::new()
            };
            let short = name
                .strip_prefix(KVM)
                .unwrap_or(name)
                .trim_start_matches('/');
            objects.push(ObjectSize {
                object: format!("{short}{note}"),
                c,
                rust,
            });
        }
    }
    let vmlinux = |kernel: &str| measure_file(&site.kernel(kernel).join("vmlinux"));
    Ok(Sizes {
        objects,
        c: vmlinux("c")?,
        rust: vmlinux("rust")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write;
    use object::{Architecture, BinaryFormat, Endianness, SectionKind};

    fn elf(sections: &[(&str, SectionKind, usize)]) -> Vec<u8> {
        let mut file =
            write::Object::new(BinaryFormat::Elf, Architecture::Aarch64, Endianness::Little);
        for (name, kind, size) in sections {
            let id = file.add_section(Vec::new(), name.as_bytes().to_vec(), *kind);
            if *kind == SectionKind::UninitializedData {
                file.append_section_bss(id, *size as u64, 1);
            } else {
                file.append_section_data(id, &vec![1; *size], 1);
            }
        }
        file.write().unwrap()
    }

    #[test]
    fn sections() {
        let data = elf(&[
            (".text", SectionKind::Text, 100),
            (".init.text", SectionKind::Text, 10),
            (".data", SectionKind::Data, 20),
            (".bss", SectionKind::UninitializedData, 3),
            (".rodata", SectionKind::ReadOnlyData, 7),
            (".comment", SectionKind::Other, 1000),
            (".debug_info", SectionKind::Debug, 1000),
        ]);
        assert_eq!(
            measure(&data).unwrap(),
            Size {
                text: 110,
                data: 23,
                rodata: 7
            }
        );
        assert!(measure(b"nothing").is_err());
    }

    #[test]
    fn paths() {
        let path = Path::new("arch/arm64/kvm/../../../virt/kvm/vfio.o");
        assert_eq!(plain(path), Path::new("virt/kvm/vfio.o"));
    }

    const KBUILD: &str = "# replaces-this\n\
        replaces-$(CONFIG_T)  += arch_timer.o\nreplaces-$(CONFIG_S) += hyp/vhe/switch.o\n\
        replaces-$(CONFIG_N) += hyp/nvhe/switch.nvhe.o\n\
        adds-$(CONFIG_T) += rust/k.o rust/t.o\nadds-$(CONFIG_S) += rust/k.o\n\
        kvm-y := $(filter-out $(replaces-y),$(kvm-y))\n";

    #[test]
    fn rows() {
        let both = "CONFIG_T=y\nCONFIG_S=y\n";
        let list = |kind, config| Vec::from_iter(table(KBUILD, kind, config).unwrap());
        assert_eq!(list("replaces", both), ["arch_timer.o", "hyp/vhe/switch.o"]);
        assert_eq!(list("adds", both), ["rust/k.o", "rust/t.o"]);
        assert_eq!(
            list("adds", "# CONFIG_T is not set\nCONFIG_S=y"),
            ["rust/k.o"]
        );
        for line in [
            "adds-y += a.o",
            "adds-$(CONFIG_T) := a.o",
            "adds-$(CONFIG_T) += a.o \\",
        ] {
            let error = table(line, "adds", both).expect_err(line);
            assert!(error.to_string().starts_with("Kbuild:1: "), "{error}");
        }
    }

    #[test]
    fn what_the_table_names() {
        let set = |names: &[&str]| {
            let path = |n: &&str| (format!("{KVM}/{n}"), ());
            names.iter().map(path).collect::<BTreeMap<_, _>>()
        };
        let c = set(&["arm.o", "arch_timer.o"]);
        let check = |rust: &[&str]| check_table(KBUILD, "CONFIG_T=y\nCONFIG_N=y", &c, &set(rust));
        check(&["arm.o", "rust/k.o", "rust/t.o"]).unwrap();
        for (rust, object) in [
            (vec!["rust/k.o", "rust/t.o"], "arm.o"),
            (
                vec!["arm.o", "arch_timer.o", "rust/k.o", "rust/t.o"],
                "arch_timer.o",
            ),
            (vec!["arm.o", "rust/k.o"], "rust/t.o"),
            (vec!["arm.o", "rust/k.o", "rust/t.o", "other.o"], "other.o"),
        ] {
            let error = check(&rust).expect_err(object).to_string();
            assert!(error.contains(&format!("/{object} ")), "{error}");
        }
    }

    #[test]
    fn totals() {
        let size = |text| {
            Some(Size {
                text,
                data: 1,
                rodata: 2,
            })
        };
        let object = |name: &str, c, rust| ObjectSize {
            object: name.into(),
            c,
            rust,
        };
        let sizes = Sizes {
            objects: vec![
                object("a", size(5), None),
                object("b", None, size(3)),
                object("c", None, size(4)),
            ],
            c: Size::default(),
            rust: Size::default(),
        };
        assert_eq!(
            sizes.total_c(),
            Size {
                text: 5,
                data: 1,
                rodata: 2
            }
        );
        assert_eq!(
            sizes.total_rust(),
            Size {
                text: 7,
                data: 2,
                rodata: 4
            }
        );
    }
}
