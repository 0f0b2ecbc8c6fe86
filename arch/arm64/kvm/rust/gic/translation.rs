// SPDX-License-Identifier: GPL-2.0

//! Translations of messages that an ITS remembers, for those who can't wait for its lock.
//!
//! A translation is one word, and a table of them can be read by anybody at any time. It is written
//! by who holds the ITS's lock. Words are of a *generation*: what is of a former one is not there. So
//! all translations are forgotten at once by going on to the next generation.
//!
//! A translation that is found may be forgotten at that very moment. So it names not only an LPI but
//! one life of it: who makes it pending does nothing if that life is over.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_cache_key, vgic_its_check_cache,
//!     vgic_its_cache_translation, vgic_its_invalidate_cache
#![forbid(unsafe_code)]

use super::{
    its::{
        DeviceId,
        EventId, //
    },
    list_register::Intid,
    word::Life, //
};
use crate::{
    arm64::fields::register_values,
    linux::atomic::{
        AtomicU32,
        AtomicU64, //
    },
};

register_values! {
    /// A translation.
    struct Slot {
        /// When it was made; never zero, but of a slot that is free.
        Generation = 11:0;
        /// The life of the LPI.
        Life = 15:12;
        /// The LPI, counted from the first.
        Lpi = 31:16;
        /// The event.
        Event = 47:32;
        /// Whose event.
        Device = 63:48;
    }
}

impl Slot {
    /// What one has to have to be the one that is looked for.
    const KEY: Self = Self::ZERO
        .with(Self::Device)
        .with(Self::Event)
        .with(Self::Generation);

    /// The key of a message; none if there can be no translation of it.
    #[inline(always)]
    const fn key(device: DeviceId, event: EventId) -> Option<Self> {
        match (device.checked(), event.checked()) {
            // CAST: widening.
            (Some(device), Some(event)) => Some(
                Self::ZERO
                    .put(Self::Device, device as u64)
                    .put(Self::Event, event as u64),
            ),
            _ => None,
        }
    }

    /// What a message is translated to, if there can be such an LPI.
    const fn of_target(lpi: Intid, life: Life) -> Option<Self> {
        match lpi.0.checked_sub(Intid::FIRST_LPI) {
            // CAST: widening.
            Some(lpi) if lpi >> 16 == 0 => Some(
                Self::ZERO
                    .put(Self::Lpi, lpi as u64)
                    .put(Self::Life, life.get() as u64),
            ),
            _ => None,
        }
    }

    /// The same, back.
    #[inline(always)]
    const fn target(self) -> (Intid, Life) {
        // CAST: 16 bits.
        let lpi = self.get(Self::Lpi) as u32;

        (
            Intid(lpi.wrapping_add(Intid::FIRST_LPI)),
            Life::wrapping(self.get(Self::Life)),
        )
    }

    /// Whether it is of the same generation.
    const fn is_like(self, key: Self) -> bool {
        self.get(Self::Generation) == key.get(Self::Generation)
    }

    /// Whether it is of that key, generation and all.
    #[inline(always)]
    const fn is_of(self, key: Self) -> bool {
        (self.into_raw() ^ key.into_raw()) & Self::KEY.into_raw() == 0
    }
}

/// How many are looked at together: a cache line.
const WAYS: usize = 8;

/// Slots that are looked at together.
#[repr(align(64))]
pub(crate) struct Bucket([AtomicU64; WAYS]);

impl Bucket {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self([(); WAYS].map(|()| AtomicU64::new(0)))
    }

    /// The translation with that key.
    #[inline(always)]
    fn find(&self, key: Slot) -> Option<Slot> {
        // What the LPI's number leads to depends on what is read here, and so is not older.
        self.0
            .iter()
            .map(|slot| Slot::from_raw(slot.load_relaxed()))
            .find(|slot| slot.is_of(key))
    }

    /// The slots that are so. With the ITS's lock.
    fn those(&self, are: impl Fn(Slot) -> bool) -> impl Iterator<Item = &AtomicU64> {
        self.0
            .iter()
            .filter(move |slot| are(Slot::from_raw(slot.load_relaxed())))
    }

    /// One of the slots, whatever the number.
    fn get(&self, number: u32) -> Option<&AtomicU64> {
        // CAST: widening.
        self.0.get(number as usize % WAYS)
    }
}

/// Least and most slots that a table has.
const MIN_SLOTS: usize = 64;
const MAX_SLOTS: usize = 128 * 1024;

/// How many buckets a table has that is to have room for so many translations.
pub(crate) fn buckets_for(translations: usize) -> usize {
    let slots = translations.saturating_mul(2).clamp(MIN_SLOTS, MAX_SLOTS);

    // Both are powers of two, so it stays between them.
    slots.checked_next_power_of_two().unwrap_or(MAX_SLOTS) / WAYS
}

/// So few slots are free in a bucket that another one is better, if more are free there.
const FEW: u32 = 2;

/// The two buckets of a key. Nearly all are in the first: only what finds that nearly full, and the
/// second not so, is in the second. So a table that is half full has room for all.
#[inline(always)]
fn candidates(table: &[Bucket], key: Slot) -> [Option<&Bucket>; 2] {
    // Numbers of devices and events are at regular distances: one multiplication leaves them so.
    let once = key
        .into_raw()
        .wrapping_shr(32)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (once ^ once.wrapping_shr(32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mask = table.len().saturating_sub(1);
    // CAST: As wide, and most of it is cut off.
    let bucket = |shift: u32| table.get(hash.wrapping_shr(shift) as usize & mask);

    [bucket(32), bucket(48)]
}

/// The state of an ITS's translations but for the table, which is a slice of a power of two of
/// [`Bucket`]s: with another number of them, few are used.
pub(crate) struct Translations {
    /// The generation.
    generation: AtomicU32,
    /// Which slot of a full bucket goes next.
    victim: AtomicU32,
}

impl Translations {
    /// The generations go from 1 to this, and then start again.
    pub(crate) const LAST_GENERATION: u32 = 0xfff;

    /// Of an ITS without any.
    pub(crate) fn new() -> Self {
        Self {
            generation: AtomicU32::new(1),
            victim: AtomicU32::new(0),
        }
    }

    /// Of an ITS that has forgotten often.
    #[cfg(test)]
    pub(crate) fn of_generation(generation: u32) -> Self {
        let new = Self::new();

        new.generation.store_relaxed(generation);
        new
    }

    /// The translation of a message, from anywhere. `table` gives the table, and is asked when the
    /// generation is known.
    ///
    /// What is found was remembered at some time while this looked. All that the one who remembered
    /// it had done before is seen by who uses the number of the LPI to find out where to look.
    #[inline(always)]
    pub(crate) fn lookup<'t>(
        &self,
        table: impl FnOnce() -> &'t [Bucket],
        device: DeviceId,
        event: EventId,
    ) -> Option<(Intid, Life)> {
        let key = Slot::key(device, event)?;
        // Acquire: no slot is older, nor is the table. So when the generations start again, what is
        // found of the first of them is not of the first that there has been: all slots have been
        // cleared before, and tables that came earlier are not found.
        let key = key.put(Slot::Generation, self.generation.load_acquire().into());

        candidates(table(), key)
            .into_iter()
            .flatten()
            .find_map(|bucket| bucket.find(key))
            .map(Slot::target)
    }

    /// Remembers a translation, of an LPI that there can be and a message that can be translated;
    /// others are ignored. With the ITS's lock.
    pub(crate) fn insert(
        &self,
        table: &[Bucket],
        device: DeviceId,
        event: EventId,
        lpi: Intid,
        life: Life,
    ) {
        let (Some(key), Some(target)) = (Slot::key(device, event), Slot::of_target(lpi, life))
        else {
            return;
        };
        let key = key.put(Slot::Generation, self.generation.load_relaxed().into());
        let (Some(first), Some(second)) = candidates(table, key).into() else {
            return;
        };
        let free = |bucket: &Bucket| {
            bucket
                .those(|slot| !slot.is_like(key))
                .fold(0_u32, |all, _| all.wrapping_add(1))
        };
        let (first_free, second_free) = (free(first), free(second));
        let bucket = if first_free > FEW || first_free >= second_free {
            first
        } else {
            second
        };
        let place = first
            .those(|slot| slot.is_of(key))
            .chain(second.those(|slot| slot.is_of(key)))
            .chain(bucket.those(|slot| !slot.is_like(key)))
            .next()
            .or_else(|| bucket.get(self.victim.fetch_add_relaxed(1)));

        if let Some(place) = place {
            // Release: who finds this finds the LPI as well.
            place.store_release(key.or(target).into_raw());
        }
    }

    /// Forgets all: who looks from now on finds nothing that was there. With the ITS's lock; `table`
    /// is the present one.
    pub(crate) fn invalidate(&self, table: &[Bucket]) {
        let next = match self.generation.load_relaxed() {
            Self::LAST_GENERATION => {
                for slot in table.iter().flat_map(|bucket| &bucket.0) {
                    slot.store_relaxed(0);
                }
                1
            }
            now => now.wrapping_add(1),
        };

        // Release: above all after the slots have been cleared.
        self.generation.store_release(next);
    }
}
