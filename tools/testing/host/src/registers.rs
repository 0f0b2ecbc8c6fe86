// SPDX-License-Identifier: GPL-2.0

//! The table of system registers without the registers: what there is to tell of each.

use super::{
    encoding::Encoding,
    esr::Esr,
    fields::Value,
    pstate::Pstate,
    values::*, //
};

#[path = "../../../../arch/arm64/kvm/rust/arm64/registers/table.rs"]
mod table;

/// A row of the table.
pub(crate) trait Row {
    const ENCODING: Encoding;
}

/// A row as data: name, encoding, by which name it is accessed, fields.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) by: Option<&'static str>,
    pub(crate) fields: &'static [(&'static str, u32, u32)],
}

macro_rules! entries {
    ($(
        $(#[$meta:meta])*
        $name:ident: ($($number:literal),*), $kind:ident $(($by:ident))?, $slot:ident, $value:ty;
    )*) => {
        $(
            #[allow(non_camel_case_types)]
            pub(crate) struct $name;

            impl Row for $name {
                const ENCODING: Encoding = Encoding::new($($number),*);
            }
        )*

        pub(crate) const ENTRIES: &[Entry] = &[$(
            Entry {
                name: stringify!($name),
                encoding: $name::ENCODING,
                by: [$(Some(stringify!($by)),)? None][0],
                fields: <$value as Value>::FIELDS,
            },
        )*];
    };
}

table::with_registers!(entries);
