// SPDX-License-Identifier: GPL-2.0

//! Frames of memory-mapped registers as tables, and what an access to one is an access of.
//!
//! A frame is a list of rows, one for each register or bank of registers, that tells of each
//! place in it which widths it has, and what reading and writing mean there to a guest and to
//! user space. One table serves the accesses of both and the question whether there is anything
//! at all; the frames themselves are in the modules `frame_*`.
//!
//! No access fails. Where there is nothing, or nothing of that width, at an odd address, or no
//! interrupt with that number, reads give zero and writes do nothing: a guest sees no abort, user
//! space no error. Only [`Frame::has`] tells such a place from one that reads as zero.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio.h: vgic_register_region, VGIC_ADDR_IRQ_MASK,
//!     VGIC_ADDR_TO_INTID, REGISTER_DESC_WITH_BITS_PER_IRQ, REGISTER_DESC_WITH_LENGTH,
//!     REGISTER_DESC_WITH_LENGTH_UACCESS; arch/arm64/kvm/vgic/vgic-mmio.c: match_region,
//!     vgic_find_mmio_region, check_region, vgic_get_mmio_region, vgic_mmio_read_raz,
//!     vgic_mmio_read_rao, vgic_mmio_write_wi, vgic_mmio_uaccess_write_wi, dispatch_mmio_read,
//!     dispatch_mmio_write, vgic_uaccess_read, vgic_uaccess_write;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: REGISTER_DESC_WITH_BITS_PER_IRQ_SHARED, extract_bytes,
//!     update_64bit_reg, vgic_v3_has_attr_regs; arch/arm64/kvm/vgic/vgic-mmio-v2.c:
//!     vgic_v2_has_attr_regs
#![forbid(unsafe_code)]

use super::list_register::Intid;

/// Who makes an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// A guest, by a load or a store.
    Guest,
    /// User space, to save or to restore; always 32 bits at once.
    User,
}

/// A bank of registers with a field for each interrupt, of those that all GICs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    /// One bit: the group.
    Igroupr,
    /// One bit: whether the guest wants it; ones enable.
    Isenabler,
    /// The same bit; ones disable.
    Icenabler,
    /// One bit: whether it is pending; ones make it so.
    Ispendr,
    /// The same bit; ones take it back.
    Icpendr,
    /// `ISPENDR` as user space has it of a GICv3: the latch without the line, and a write gives all
    /// of them the value written, zeros too.
    Latch,
    /// One bit: whether it is active; ones make it so.
    Isactiver,
    /// The same bit; ones deactivate.
    Icactiver,
    /// A byte: the priority.
    Ipriorityr,
    /// Two bits, of which the high one says edge-triggered.
    Icfgr,
}

/// The widths that a register can be accessed in: the sum of the numbers of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Widths(u32);

impl Widths {
    /// 32 bits.
    pub(crate) const WORD: Self = Self(4);
    /// 32 bits, or one byte.
    pub(crate) const WORD_OR_BYTE: Self = Self(4 | 1);
    /// 64 bits, or either half.
    pub(crate) const DOUBLE_OR_WORD: Self = Self(8 | 4);

    /// Whether so many bytes are one of them.
    #[inline(always)]
    pub(crate) const fn allow(self, bytes: u32) -> bool {
        bytes.is_power_of_two() && self.0 & bytes != 0
    }
}

/// What reading a place gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads<R> {
    /// What the register holds.
    From(R),
    /// Zeros, whatever is written.
    Zero,
    /// Ones.
    Ones,
}

/// What somebody can do with a place: read, and write if there is anything to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights<R> {
    reads: Reads<R>,
    writes: Option<R>,
}

/// A register, or a bank of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<R> {
    offset: u32,
    length: u32,
    widths: Widths,
    /// How many bits each interrupt has, if it is a bank.
    bits: u32,
    /// The interrupt at its start.
    first: u32,
    guest: Rights<R>,
    user: Rights<R>,
}

impl<R: Copy> Row<R> {
    /// Reads as zero, ignores writes; but is there.
    pub(crate) const fn reserved(offset: u32, length: u32, widths: Widths) -> Self {
        let nothing = Rights {
            reads: Reads::Zero,
            writes: None,
        };

        Self {
            offset,
            length,
            widths,
            bits: 0,
            first: 0,
            guest: nothing,
            user: nothing,
        }
    }

    /// A place for `count` interrupts from `first` on, with so many bits each.
    pub(crate) const fn bank(
        offset: u32,
        bits: u32,
        first: u32,
        count: u32,
        widths: Widths,
    ) -> Self {
        assert!(bits.is_power_of_two());

        let mut row = Self::reserved(offset, bits * count / 8, widths);

        row.bits = bits;
        row.first = first;
        row
    }

    /// What reading it gives, to anybody.
    pub(crate) const fn reads(mut self, reads: Reads<R>) -> Self {
        self.guest.reads = reads;
        self.user.reads = reads;
        self
    }

    /// It can be written, by anybody.
    pub(crate) const fn writes(mut self, register: R) -> Self {
        self.guest.writes = Some(register);
        self.user.writes = Some(register);
        self
    }

    /// It is read by anybody, and written by anybody.
    pub(crate) const fn holds(self, register: R) -> Self {
        self.reads(Reads::From(register)).writes(register)
    }

    /// What it is to user space, if something else than to guests.
    pub(crate) const fn user(mut self, reads: Reads<R>, writes: Option<R>) -> Self {
        self.user = Rights { reads, writes };
        self
    }

    const fn end(&self) -> u32 {
        self.offset.wrapping_add(self.length)
    }
}

/// The bytes of a register that an access is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// The first, counted from the start of the register or row.
    pub(crate) byte: u32,
    /// How many: 1, 4 or 8.
    pub(crate) bytes: u32,
}

impl Lanes {
    #[inline(always)]
    const fn shift(self) -> u32 {
        (self.byte & 7).wrapping_mul(8)
    }

    #[inline(always)]
    const fn mask(self) -> u64 {
        u64::MAX.wrapping_shr(64_u32.wrapping_sub(self.bytes.wrapping_mul(8)))
    }

    /// These bytes of a 64-bit register.
    #[inline(always)]
    pub(crate) const fn of(self, register: u64) -> u64 {
        register.wrapping_shr(self.shift()) & self.mask()
    }

    /// A 64-bit register in which these bytes are `value`'s.
    #[inline(always)]
    pub(crate) const fn put(self, register: u64, value: u64) -> u64 {
        let mask = self.mask().wrapping_shl(self.shift());

        register & !mask | value.wrapping_shl(self.shift()) & mask
    }

    /// Whether they are in the upper half of a 64-bit register, and none in the lower.
    #[inline(always)]
    pub(crate) const fn are_upper_half(self) -> bool {
        self.byte & 4 != 0
    }

    /// Which 32-bit register of a row of such they are in.
    #[inline(always)]
    pub(crate) const fn word(self) -> u32 {
        self.byte / 4
    }

    /// Which 64-bit register of a row of such they are in.
    #[inline(always)]
    pub(crate) const fn double(self) -> u32 {
        self.byte / 8
    }
}

/// What an access is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access<R> {
    /// The register, or bank.
    pub(crate) register: R,
    /// Of a bank: the first interrupt; else 0.
    pub(crate) first: Intid,
    /// Of a bank: how many interrupts; else 0.
    pub(crate) count: u32,
    /// The bytes.
    pub(crate) lanes: Lanes,
}

impl<R> Access<R> {
    /// The same, whatever its register: all frames have the same banks.
    #[inline(always)]
    pub(crate) fn of_bank(self) -> Access<()> {
        Access {
            register: (),
            first: self.first,
            count: self.count,
            lanes: self.lanes,
        }
    }
}

/// What a read is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read<R> {
    /// This.
    From(Access<R>),
    /// Nothing: it gives this, cut to the width.
    Constant(u64),
}

/// 128 bytes at a time, a frame is looked up by its offset: so much has a bank of one bit for each
/// interrupt.
const SLOT_BITS: u32 = 7;

/// A frame.
pub(crate) struct Frame<R: 'static, const SLOTS: usize> {
    rows: &'static [Row<R>],
    /// Of each slot: the first row that ends in it or later.
    slots: [u8; SLOTS],
}

impl<R: Copy, const SLOTS: usize> Frame<R, SLOTS> {
    /// A frame of such rows, for constants: rows out of order or beyond the end do not compile.
    pub(crate) const fn new(rows: &'static [Row<R>]) -> Self {
        let mut slots = [0; SLOTS];
        let (mut slot, mut row, mut end) = (0, 0, 0);

        assert!(rows.len() < 256);
        while slot < SLOTS {
            // CAST: widening, here and below.
            while row < rows.len() && rows[row].end() as usize <= slot << SLOT_BITS {
                row += 1;
            }
            // CAST: There are fewer rows.
            slots[slot] = row as u8;
            slot += 1;
        }
        row = 0;
        while row < rows.len() {
            assert!(rows[row].offset >= end && rows[row].end() > rows[row].offset);
            end = rows[row].end();
            row += 1;
        }
        assert!(end as usize <= SLOTS << SLOT_BITS);
        Self { rows, slots }
    }

    /// How many bytes it has.
    // CAST: A small constant.
    pub(crate) const SIZE: u32 = (SLOTS << SLOT_BITS) as u32;

    #[inline(always)]
    fn row(&self, offset: u32) -> Option<&'static Row<R>> {
        // CAST: widening.
        let first = *self.slots.get((offset >> SLOT_BITS) as usize)?;

        self.rows
            .get(usize::from(first)..)?
            .iter()
            .find(|row| offset < row.end())
            .filter(|row| row.offset <= offset)
    }

    /// The row that an access is to, and all but the register's name.
    #[inline(always)]
    fn find(&self, offset: u32, bytes: u32, irqs: u32) -> Option<(&'static Row<R>, Access<()>)> {
        let row = self.row(offset)?;

        if !row.widths.allow(bytes) || offset & bytes.wrapping_sub(1) != 0 {
            return None;
        }

        let byte = offset.wrapping_sub(row.offset);
        let (mut first, mut count) = (0, 0);

        if row.bits != 0 {
            let shift = row.bits.trailing_zeros();

            first = row.first.wrapping_add((byte.wrapping_mul(8)) >> shift);
            count = (bytes.wrapping_mul(8) >> shift).max(1);
            if first >= irqs {
                return None;
            }
        }
        let access = Access {
            register: (),
            first: Intid(first),
            count,
            lanes: Lanes { byte, bytes },
        };

        Some((row, access))
    }

    /// What a read of `bytes` bytes at `offset` is of, of a GIC with `irqs` interrupts (LPIs not
    /// counted).
    ///
    /// An offset that a guest has chosen is for the caller to keep below [`SIZE`](Self::SIZE), under
    /// speculation as well.
    #[inline(always)]
    pub(crate) fn read(&self, who: Who, offset: u32, bytes: u32, irqs: u32) -> Read<R> {
        let Some((row, access)) = self.find(offset, bytes, irqs) else {
            return Read::Constant(0);
        };

        match row.rights(who).reads {
            Reads::From(register) => Read::From(access.of(register)),
            Reads::Zero => Read::Constant(0),
            Reads::Ones => Read::Constant(u64::MAX),
        }
    }

    /// What a write is of, likewise. None if it does nothing.
    #[inline(always)]
    pub(crate) fn write(&self, who: Who, offset: u32, bytes: u32, irqs: u32) -> Option<Access<R>> {
        let (row, access) = self.find(offset, bytes, irqs)?;

        row.rights(who).writes.map(|register| access.of(register))
    }

    /// Whether so many bytes are read or written at once at an offset, be it that that does nothing.
    pub(crate) fn allows(&self, offset: u32, bytes: u32) -> bool {
        self.find(offset, bytes, 0).is_some()
    }

    /// Whether user space has anything to save at an offset, be it only zeros.
    pub(crate) fn has(&self, offset: u32, irqs: u32) -> bool {
        self.find(offset, 4, irqs).is_some()
    }
}

impl<R: Copy> Row<R> {
    #[inline(always)]
    const fn rights(&self, who: Who) -> Rights<R> {
        match who {
            Who::Guest => self.guest,
            Who::User => self.user,
        }
    }
}

impl Access<()> {
    #[inline(always)]
    const fn of<R>(self, register: R) -> Access<R> {
        Access {
            register,
            first: self.first,
            count: self.count,
            lanes: self.lanes,
        }
    }
}
