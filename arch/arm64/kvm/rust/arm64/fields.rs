// SPDX-License-Identifier: GPL-2.0

//! Values of registers as types with named fields.
//!
//! On `core` alone, for the kernel, an EL2 object and the host tests alike. A field belongs to one
//! register's values, so one register's field cannot be looked up in another's value.
#![forbid(unsafe_code)]

use core::marker::PhantomData;

/// A field of the values `V`: adjacent bits.
pub(crate) struct Field<V> {
    shift: u32,
    width: u32,
    _of: PhantomData<fn(V) -> V>,
}

impl<V> Clone for Field<V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Field<V> {}

impl<V> Field<V> {
    /// Bits `high` to `low`, for constants: others than those of a register do not compile.
    pub(crate) const fn bits(high: u32, low: u32) -> Self {
        assert!(low <= high && high < 64);
        Self {
            shift: low,
            width: high - low + 1,
            _of: PhantomData,
        }
    }

    /// All ones, where the field is.
    #[inline(always)]
    pub(crate) const fn mask(self) -> u64 {
        // Bits 63 to 0 are cut down at either end: no shift is as wide as the value.
        u64::MAX
            .wrapping_shr(u32::wrapping_sub(64, self.width))
            .wrapping_shl(self.shift)
    }

    /// The lowest bit.
    #[inline(always)]
    pub(crate) const fn lowest(self) -> u64 {
        1u64.wrapping_shl(self.shift)
    }

    /// What the field is of `bits`.
    #[inline(always)]
    pub(crate) const fn of(self, bits: u64) -> u64 {
        (bits & self.mask()).wrapping_shr(self.shift)
    }

    /// `value`, cut to the width of the field, where the field is.
    #[inline(always)]
    pub(crate) const fn place(self, value: u64) -> u64 {
        value.wrapping_shl(self.shift) & self.mask()
    }
}

/// The value of a register as a type.
pub(crate) trait Value: Copy {
    /// From the register's bits.
    fn from_raw(raw: u64) -> Self;
    /// The register's bits.
    fn into_raw(self) -> u64;

    /// Names, highest and lowest bits, for the comparison with the kernel's own table.
    #[cfg(test)]
    const FIELDS: &'static [(&'static str, u32, u32)] = &[];
}

/// Of a register of which no field matters here.
impl Value for u64 {
    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        raw
    }

    #[inline(always)]
    fn into_raw(self) -> u64 {
        self
    }
}

/// Makes types of values: `FIELD = high:low`, or `FIELD = bit`, named as the architecture does.
macro_rules! register_values {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $Name:ident {
            $($(#[$field_meta:meta])* $FIELD:ident = $high:literal $(: $low:literal)?;)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        $vis struct $Name(u64);

        #[allow(non_upper_case_globals, reason = "the architecture's names")]
        impl $Name {
            $(
                $(#[$field_meta])*
                $vis const $FIELD: $crate::arm64::fields::Field<Self> =
                    register_values!(@field $high $($low)?);
            )*
        }

        #[allow(dead_code, reason = "not every value has use for all of them")]
        impl $Name {
            /// No bit is set.
            $vis const ZERO: Self = Self(0);

            /// From the register's bits.
            #[inline(always)]
            $vis const fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The register's bits.
            #[inline(always)]
            $vis const fn into_raw(self) -> u64 {
                self.0
            }

            /// What a field holds.
            #[inline(always)]
            $vis const fn get(self, field: $crate::arm64::fields::Field<Self>) -> u64 {
                field.of(self.0)
            }

            /// Whether any bit of a field is set.
            #[inline(always)]
            $vis const fn has(self, field: $crate::arm64::fields::Field<Self>) -> bool {
                self.0 & field.mask() != 0
            }

            /// All bits of a field set.
            #[inline(always)]
            #[must_use]
            $vis const fn with(self, field: $crate::arm64::fields::Field<Self>) -> Self {
                Self(self.0 | field.mask())
            }

            /// All bits of a field clear.
            #[inline(always)]
            #[must_use]
            $vis const fn without(self, field: $crate::arm64::fields::Field<Self>) -> Self {
                Self(self.0 & !field.mask())
            }

            /// A field set to `value`, which is cut to its width.
            #[inline(always)]
            #[must_use]
            $vis const fn put(
                self,
                field: $crate::arm64::fields::Field<Self>,
                value: u64,
            ) -> Self {
                Self(self.without(field).0 | field.place(value))
            }

            /// All bits that are set in either.
            #[inline(always)]
            #[must_use]
            $vis const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// All bits that are set in both.
            #[inline(always)]
            #[must_use]
            $vis const fn and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// All bits that are not set in `other`.
            #[inline(always)]
            #[must_use]
            $vis const fn minus(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl $crate::arm64::fields::Value for $Name {
            #[inline(always)]
            fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            #[inline(always)]
            fn into_raw(self) -> u64 {
                self.0
            }

            #[cfg(test)]
            const FIELDS: &'static [(&'static str, u32, u32)] = &[
                $(register_values!(@row $FIELD $high $($low)?)),*
            ];
        }

        #[cfg(any(test, all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe))))]
        impl core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    )*};
    (@field $bit:literal) => { $crate::arm64::fields::Field::bits($bit, $bit) };
    (@field $high:literal $low:literal) => { $crate::arm64::fields::Field::bits($high, $low) };
    (@row $name:ident $bit:literal) => { (stringify!($name), $bit, $bit) };
    (@row $name:ident $high:literal $low:literal) => { (stringify!($name), $high, $low) };
}

pub(crate) use register_values;
