// SPDX-License-Identifier: GPL-2.0

//! What an ITS has translated lately, for who must not sleep: the memory of
//! [`translation`](crate::gic::translation).
//!
//! It grows with the number of events. A table that has become too small stays until the ITS goes:
//! somebody may still look at it. All of them together are less than twice the largest.
//!
//! Mirrors: nothing, C has an array of references

use crate::{
    gic::{
        its::{
            DeviceId,
            EventId, //
        },
        list_register::Intid,
        translation::{
            buckets_for,
            Bucket,
            Translations, //
        },
        word::Life, //
    },
    linux::prelude::*, //
};
use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KBox,
        KVVec, //
    },
    error::{
        code::ENOMEM,
        Result, //
    }, //
};

/// A table, and those that were too small.
struct Table {
    buckets: KVVec<Bucket>,
    former: Option<KBox<Table>>,
}

/// The cache of one ITS.
pub(super) struct TranslationCache {
    translations: Translations,
    /// NULL, or from `KBox::into_raw()`, stored with release.
    table: AtomicPtr<Table>,
}

impl TranslationCache {
    /// With nothing in it, and no memory.
    pub(super) fn new() -> Self {
        Self {
            translations: Translations::new(),
            table: AtomicPtr::null(),
        }
    }

    #[inline(always)]
    fn buckets(&self) -> &[Bucket] {
        // SAFETY: From `KBox::into_raw()`, stored with release, and freed with `self`.
        match unsafe { self.table.load().as_ref() } {
            Some(table) => &table.buckets,
            None => &[],
        }
    }

    /// Looks an event up. Any context.
    #[inline(always)]
    pub(super) fn lookup(&self, device: DeviceId, event: EventId) -> Option<(Intid, Life)> {
        self.translations.lookup(|| self.buckets(), device, event)
    }

    /// Adds an event of an ITS that has so many. It is not for sure: there may be no memory.
    ///
    /// # Safety
    ///
    /// Nobody else may insert or invalidate at the same time.
    pub(super) unsafe fn insert(
        &self,
        device: DeviceId,
        event: EventId,
        lpi: Intid,
        life: Life,
        nr_events: u32,
    ) {
        // CAST: widening.
        let wanted = buckets_for(nr_events as usize);

        if wanted > self.buckets().len() {
            // SAFETY: By the safety requirements. Without memory it goes on as it is.
            unsafe { self.grow(wanted) }.unwrap_or(());
        }
        self.translations
            .insert(self.buckets(), device, event, lpi, life);
    }

    /// # Safety
    ///
    /// As for [`Self::insert`].
    unsafe fn grow(&self, size: usize) -> Result {
        let mut buckets = KVVec::with_capacity(size, GFP_KERNEL_ACCOUNT)?;

        for _ in 0..size {
            buckets
                .push_within_capacity(Bucket::new())
                .map_err(|_| ENOMEM)?;
        }
        let mut table = KBox::new(
            Table {
                buckets,
                former: None,
            },
            GFP_KERNEL_ACCOUNT,
        )?;
        let former = self.table.load();

        if !former.is_null() {
            // SAFETY: From `KBox::into_raw()`. References to it that there are stay good: it is not
            // moved, and freed with `self`.
            table.former = Some(unsafe { KBox::from_raw(former) });
        }
        self.table.store_release(KBox::into_raw(table));
        Ok(())
    }

    /// Forgets everything: whoever looks from now on finds nothing that was there.
    ///
    /// # Safety
    ///
    /// As for [`Self::insert`].
    pub(super) unsafe fn invalidate(&self) {
        self.translations.invalidate(self.buckets());
    }
}

impl Drop for TranslationCache {
    fn drop(&mut self) {
        let ptr = self.table.load();

        if !ptr.is_null() {
            // SAFETY: From `KBox::into_raw()`, and nobody has a reference to `self` any more.
            drop(unsafe { KBox::from_raw(ptr) });
        }
    }
}
