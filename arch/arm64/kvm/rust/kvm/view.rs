// SPDX-License-Identifier: GPL-2.0

//! Views of C's structures: what a type that is a pointer has for fields and functions of C.
//!
//! ```text
//! view! {
//!     /// What it is of, and its invariant.
//!     pub(crate) struct DebugRegs<'a>(bindings::kvm_guest_debug_arch);
//! }
//!
//! impl OwnVcpu<'_> {
//!     // SAFETY: Why each row may be used by whoever has the value.
//!     fields! { unsafe
//!         /// `MDSCR_EL1` by which user space debugs the guest.
//!         pub(crate) external_mdscr: u64 = arch.external_mdscr_el1;
//!     }
//!
//!     calls! { unsafe
//!         /// Whether it has SVE.
//!         pub(crate) fn has_sve() -> bool = bindings::vcpu_has_sve;
//!     }
//! }
//! ```
//!
//! No Rust reference to a structure of C is made: C may write to other fields at the same time.

use crate::arm64::fields::Value;

/// What a field of C's type `C` says.
pub(super) trait Field<C>: Copy {
    /// From what is in the field.
    fn from_c(raw: C) -> Self;
    /// What goes into the field.
    fn into_c(self) -> C;
}

/// The value of a register, `u64` among them.
impl<V: Value> Field<u64> for V {
    #[inline(always)]
    fn from_c(raw: u64) -> Self {
        Self::from_raw(raw)
    }

    #[inline(always)]
    fn into_c(self) -> u64 {
        self.into_raw()
    }
}

/// A register whose upper half is reserved.
impl<V: Value> Field<u32> for V {
    #[inline(always)]
    fn from_c(raw: u32) -> Self {
        Self::from_raw(u64::from(raw))
    }

    #[inline(always)]
    fn into_c(self) -> u32 {
        // CAST: see above.
        self.into_raw() as u32
    }
}

macro_rules! plain {
    ($($ty:ty),*) => {$(
        impl Field<$ty> for $ty {
            #[inline(always)]
            fn from_c(raw: $ty) -> Self {
                raw
            }

            #[inline(always)]
            fn into_c(self) -> $ty {
                self
            }
        }
    )*};
}

plain!(bool, u8, u16, u32, i32, usize, [u64; 8]);

/// A bitmap of 64 bits.
impl Field<[usize; 1]> for u64 {
    #[inline(always)]
    fn from_c([bits]: [usize; 1]) -> Self {
        // CAST: as wide, here and below.
        bits as u64
    }

    #[inline(always)]
    fn into_c(self) -> [usize; 1] {
        [self as usize]
    }
}

/// Makes a type that is a pointer to a structure of C, for the lifetime that it has.
macro_rules! view {
    ($(#[$meta:meta])* $vis:vis struct $View:ident<$a:lifetime>(bindings::$Struct:ident);) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        $vis struct $View<$a> {
            ptr: core::ptr::NonNull<$crate::bindings::$Struct>,
            _of: core::marker::PhantomData<&$a $crate::bindings::$Struct>,
        }

        #[allow(dead_code, reason = "not every view is handed to C")]
        impl<$a> $View<$a> {
            /// # Safety
            ///
            /// The type's invariant must hold for `ptr` as long as the value is in use.
            #[inline(always)]
            $vis const unsafe fn from_raw(ptr: *mut $crate::bindings::$Struct) -> Self {
                // INVARIANT: By the safety requirements.
                Self {
                    // SAFETY: What is valid is not NULL.
                    ptr: unsafe { core::ptr::NonNull::new_unchecked(ptr) },
                    _of: core::marker::PhantomData,
                }
            }

            /// For calls into C.
            #[inline(always)]
            $vis const fn as_ptr(self) -> *mut $crate::bindings::$Struct {
                self.ptr.as_ptr()
            }
        }
    };
}

/// Reads, and with a second name writes, fields of what `as_ptr()` points at; `once` in one piece,
/// for those that others access meanwhile, `[N: MAX]` an element by a number that is checked when
/// compiling. `none` for one that is only written.
macro_rules! fields {
    (unsafe $(
        $(#[$meta:meta])*
        $vis:vis $get:ident $(, $set:ident)?: $ty:ty
            = $($field:ident).+ $([$($index:tt)+])? $(, $how:ident)?;
    )*) => {$(
        fields! {
            @$($how)? $([$($index)+])?
                ($(#[$meta])* #[inline(always)] $vis fn) $get $ty, $($field).+
        }
        fields! {
            @set($($set)?) $($how)? $([$($index)+])?
                ($(#[$meta])* #[doc = "\n\nSets it."] #[inline(always)] $vis fn) $ty, $($field).+
        }
    )*};
    (@ ($($head:tt)*) none $($row:tt)*) => {};
    (@once ($($head:tt)*) none $($row:tt)*) => {};
    (@set() $($row:tt)*) => {};
    (@ ($($head:tt)*) $get:ident $ty:ty, $($field:ident).+) => {
        $($head)* $get(self) -> $ty {
            // SAFETY: By whoever wrote the row.
            $crate::kvm::view::Field::from_c(unsafe { (*self.as_ptr()).$($field).+ })
        }
    };
    (@set($set:ident) ($($head:tt)*) $ty:ty, $($field:ident).+) => {
        $($head)* $set(self, value: $ty) {
            // SAFETY: By whoever wrote the row.
            unsafe { (*self.as_ptr()).$($field).+ = $crate::kvm::view::Field::into_c(value) };
        }
    };
    (@once ($($head:tt)*) $get:ident $ty:ty, $($field:ident).+) => {
        $($head)* $get(self) -> $ty {
            // SAFETY: By whoever wrote the row.
            $crate::kvm::view::Field::from_c(unsafe {
                (&raw const (*self.as_ptr()).$($field).+).read_volatile()
            })
        }
    };
    (@set($set:ident) once ($($head:tt)*) $ty:ty, $($field:ident).+) => {
        $($head)* $set(self, value: $ty) {
            // SAFETY: By whoever wrote the row.
            unsafe {
                (&raw mut (*self.as_ptr()).$($field).+)
                    .write_volatile($crate::kvm::view::Field::into_c(value));
            }
        }
    };
    (@[$n:ident: $max:expr] ($($head:tt)*) $get:ident $ty:ty, $($field:ident).+) => {
        $($head)* $get<const $n: u32>(self) -> $ty {
            const { assert!($n < $max) };
            // SAFETY: By whoever wrote the row. CAST: widening.
            unsafe { (*self.as_ptr()).$($field).+[$n as usize] }
        }
    };
    (@set($set:ident) [$n:ident: $max:expr] ($($head:tt)*) $ty:ty, $($field:ident).+) => {
        $($head)* $set<const $n: u32>(self, value: $ty) {
            const { assert!($n < $max) };
            // SAFETY: By whoever wrote the row. CAST: widening.
            unsafe { (*self.as_ptr()).$($field).+[$n as usize] = value };
        }
    };
}

/// Views of structures in what `as_ptr()` points at.
macro_rules! parts {
    (unsafe $(
        $(#[$meta:meta])*
        $vis:vis $get:ident: $View:ty = $($field:ident).+;
    )*) => {$(
        $(#[$meta])*
        #[inline(always)]
        $vis fn $get(self) -> $View {
            // SAFETY: By whoever wrote the row.
            unsafe { <$View>::from_raw(&raw mut (*self.as_ptr()).$($field).+) }
        }
    )*};
}

/// Calls of C's functions with `as_ptr()`, and with what is made of the arguments.
macro_rules! calls {
    (unsafe $(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($($arg:ident: $ty:ty $(=> $raw:expr)?),*) $(-> $ret:ty)?
            = bindings::$call:ident;
    )*) => {$(
        $(#[$meta])*
        #[inline(always)]
        $vis fn $name(self $(, $arg: $ty)*) $(-> $ret)? {
            // SAFETY: By whoever wrote the row.
            unsafe { $crate::bindings::$call(self.as_ptr() $(, calls!(@ $arg $($raw)?))*) }
        }
    )*};
    (@ $arg:ident) => { $arg };
    (@ $arg:ident $raw:expr) => { $raw };
}

/// Calls of C's functions that are of no object, with what is made of the arguments.
macro_rules! functions {
    (unsafe $(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($($arg:ident: $ty:ty $(=> $raw:expr)?),*) = bindings::$call:ident;
    )*) => {$(
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            // SAFETY: By whoever wrote the row.
            unsafe { $crate::bindings::$call($(calls!(@ $arg $($raw)?)),*) }
        }
    )*};
}
