// SPDX-License-Identifier: GPL-2.0

//! The tables of registers of the C code, from the tree that is built.

use crate::tests_registers::read;
use std::collections::BTreeMap;

/// A row of C's.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) bits: u32,
    pub(crate) widths: Vec<u32>,
    pub(crate) read: String,
    pub(crate) write: String,
    pub(crate) user_read: String,
    pub(crate) user_write: String,
}

/// `#define NAME value` of a header, where the value is a number or another name.
pub(crate) fn defines(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, value) = line
                .strip_prefix("#define ")?
                .split_once(char::is_whitespace)?;

            Some((name.to_string(), value.trim().to_string()))
        })
        .collect()
}

pub(crate) fn value(defines: &BTreeMap<String, String>, text: &str) -> u32 {
    let text = text.trim();

    if let Some((left, right)) = text.split_once('+') {
        return value(defines, left) + value(defines, right);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).expect(text);
    }
    if text == "SZ_64K" {
        return 0x1_0000;
    }
    text.parse().unwrap_or_else(|_| {
        value(
            defines,
            defines.get(text).unwrap_or_else(|| panic!("{text}?")),
        )
    })
}

/// The rows of a table, expanded as the macros of the C code expand them.
pub(crate) fn table(file: &str, name: &str) -> Vec<Region> {
    let defines = defines(
        &["arm-gic.h", "arm-gic-v3.h"]
            .map(|h| read(&format!("../../include/linux/irqchip/{h}")))
            .concat(),
    );
    let text = read(&format!("kvm/vgic/{file}"));
    let start = format!("static const struct vgic_register_region {name}[] = {{");
    let (_, body) = text.split_once(&start).expect(name);
    let (body, _) = body.split_once("\n};").expect(name);
    let mut regions = Vec::new();

    for row in body.split("REGISTER_DESC_WITH_").skip(1) {
        let (kind, arguments) = row.split_once('(').expect(row);
        let (arguments, _) = arguments.rsplit_once(')').expect(row);
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let (accesses, length, users) = match (kind, &arguments[..]) {
            ("LENGTH", [_, _, _, length, acc]) => (acc, length, ["NULL", "NULL"]),
            ("LENGTH_UACCESS", [_, _, _, ur, uw, length, acc]) => (acc, length, [*ur, *uw]),
            ("BITS_PER_IRQ" | "BITS_PER_IRQ_SHARED", [_, _, _, ur, uw, bits, acc]) => {
                (acc, bits, [*ur, *uw])
            }
            _ => panic!("{row}"),
        };
        let number = value(&defines, length);
        let mut region = Region {
            offset: value(&defines, arguments[0]),
            length: number,
            bits: 0,
            widths: accesses
                .split('|')
                .map(|width| match width.trim() {
                    "VGIC_ACCESS_8bit" => 1,
                    "VGIC_ACCESS_32bit" => 4,
                    "VGIC_ACCESS_64bit" => 8,
                    _ => panic!("{row}"),
                })
                .collect(),
            read: arguments[1].to_string(),
            write: arguments[2].to_string(),
            user_read: users[0].to_string(),
            user_write: users[1].to_string(),
        };

        if kind.starts_with("BITS") {
            region.bits = number;
            region.length = number * 1024 / 8;
        }
        if kind.ends_with("SHARED") {
            let private = number * 32 / 8;

            regions.push(Region {
                length: private,
                read: "vgic_mmio_read_raz".into(),
                write: "vgic_mmio_write_wi".into(),
                user_read: "NULL".into(),
                user_write: "NULL".into(),
                ..region.clone()
            });
            region.offset += private;
            region.length -= private;
        }
        regions.push(region);
    }
    regions
}

/// The search of include/linux/bsearch.h, on a table that need not be in order.
pub(crate) fn bsearch(regions: &[Region], offset: u32) -> Option<&Region> {
    let (mut base, mut count) = (0, regions.len());

    while count > 0 {
        let pivot = base + (count >> 1);
        let region = &regions[pivot];

        if offset < region.offset {
        } else if offset >= region.offset + region.length {
            base = pivot + 1;
            count -= 1;
        } else {
            return Some(region);
        }
        count >>= 1;
    }
    None
}

/// `vgic_get_mmio_region`.
pub(crate) fn region(regions: &[Region], offset: u32, bytes: u32, irqs: u32) -> Option<&Region> {
    let region = bsearch(regions, offset)?;
    let first = |bits: u32| (offset & (bits * 1024 / 8 - 1)) * 8 >> bits.ilog2();

    (region.widths.contains(&bytes)
        && offset % bytes == 0
        && (region.bits == 0 || first(region.bits) < irqs))
        .then_some(region)
}
