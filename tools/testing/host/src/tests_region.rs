// SPDX-License-Identifier: GPL-2.0

//! Where frames can be, against the sets of bytes that they are.

use crate::gic::{
    refusal::Refusal,
    region::{
        spis_of,
        v2_can_be,
        FrameKind,
        Memory,
        Region,
        RegionAttr,
        Regions,
        Request, //
    },
};
use proptest::prelude::*;

const K64: u64 = 0x1_0000;
const SLOT: u64 = 0x2_0000;

/// Numbers near what matters: pages of a small memory, its end, the end of all addresses.
fn base() -> impl Strategy<Value = u64> {
    let step = prop_oneof![Just(0x1000), Just(0x8000), Just(K64)];
    let page = prop_oneof![8 => 0u64..70, 1 => Just(u64::MAX), 1 => any::<u64>()];
    let top =
        prop_oneof![4 => Just(0u64), 1 => Just(1 << 32), 1 => Just(0u64.wrapping_sub(1 << 21))];

    (step, page, top).prop_map(|(step, page, top)| top.wrapping_add(page.wrapping_mul(step)))
}

fn memory() -> impl Strategy<Value = Memory> {
    prop_oneof![Just(21u32), Just(32), Just(36), Just(52)].prop_map(|bits| Memory { bits })
}

/// The end, in numbers that do not wrap.
fn end(base: u64, size: u64) -> u128 {
    u128::from(base) + u128::from(size)
}

/// Whether two ranges have a byte in common, or one that is empty is within the other.
fn overlap(base: u64, size: u64, other: u64, other_size: u64) -> bool {
    end(base, size) > other.into() && end(other, other_size) > base.into()
}

fn range_error(base: u64, size: u64, align: u64, memory: Memory) -> Option<Refusal> {
    if base % align != 0 || size % align != 0 || end(base, size) > u128::from(u64::MAX) {
        Some(Refusal::Invalid)
    } else if end(base, size) > 1 << memory.bits || base >= 1 << memory.bits {
        Some(Refusal::TooBig)
    } else {
        None
    }
}

proptest! {
    #![proptest_config(crate::edges::config(4000))]

    #[test]
    fn ranges(
        before in proptest::option::of(base()),
        base in base(),
        size in base(),
        align in prop_oneof![Just(0x1000u64), Just(K64)],
        memory in memory(),
    ) {
        let expected = match before {
            Some(_) => Err(Refusal::Exists),
            None => range_error(base, size, align, memory).map_or(Ok(()), Err),
        };

        prop_assert_eq!(memory.check(before, base, align, size), expected);
    }

    /// Of nothing at the very end, too, C says that it is beyond it.
    #[test]
    fn nothing_at_the_end(bits in 20u32..52, align in prop_oneof![Just(0x1000u64), Just(K64)]) {
        let memory = Memory { bits };

        prop_assert_eq!(memory.check(None, 1 << bits, align, 0), Err(Refusal::TooBig));
        prop_assert_eq!(memory.check(None, (1 << bits) - align, align, 0), Ok(()));
        prop_assert_eq!(memory.check(None, (1 << bits) - align, align, align), Ok(()));
    }

    #[test]
    fn frames(base in base(), memory in memory()) {
        for (kind, size, align) in [
            (FrameKind::V2_DISTRIBUTOR, 0x1000, 0x1000),
            (FrameKind::V2_CPU_INTERFACE, 0x2000, 0x1000),
            (FrameKind::V3_DISTRIBUTOR, K64, K64),
            (FrameKind::REDISTRIBUTOR, SLOT, K64),
        ] {
            prop_assert_eq!(
                memory.check_frame(None, base, kind).err(),
                range_error(base, size, align, memory)
            );
        }
    }

    #[test]
    fn gicv2(distributor in base(), cpu in base()) {
        let whole = |base, size| end(base, size) <= u128::from(u64::MAX);

        prop_assert_eq!(
            v2_can_be(distributor, cpu),
            whole(distributor, 0x1000)
                && whole(cpu, 0x2000)
                && !overlap(distributor, 0x1000, cpu, 0x2000)
        );
    }

    /// Any sequence of requests, against the checks of vgic_v3_alloc_redist_region one by one.
    #[test]
    fn requests(
        requests in proptest::collection::vec((base(), 0u32..4, 0u32..8), 1..6),
        vcpus in 0u32..5,
        distributor in proptest::option::of(base().prop_map(|base| base / K64 * K64 % (1 << 33))),
        memory in memory(),
    ) {
        let mut list: Vec<Region> = Vec::new();

        for (base, count, skip) in requests {
            // Mostly the next number.
            let next = list.len() as u32;
            let index = match skip {
                _ if count == 0 => 0,
                0 => next + 1,
                1 => next.saturating_sub(1),
                _ => next,
            };
            let request = if count == 0 {
                Request::for_all(base)
            } else {
                Request { index, base, count }
            };
            let of = |region: &Region| SLOT * u64::from(if region.count == 0 { vcpus } else { region.count });
            let size = SLOT * u64::from(if count == 0 { vcpus } else { count });
            let expected = if end(base, size) > u128::from(u64::MAX) {
                Some(Refusal::Invalid)
            } else if list.is_empty() && index != 0 {
                Some(Refusal::Invalid)
            } else if list.last().is_some_and(|last| count == 0 && last.count != 0) {
                Some(Refusal::Invalid)
            } else if !list.is_empty() && count == 0 {
                Some(Refusal::Exists)
            } else if !list.is_empty() && index as usize != list.len() {
                Some(Refusal::Invalid)
            } else if count == 0 && distributor.is_some_and(|at| overlap(base, size, at, K64)) {
                Some(Refusal::Invalid)
            } else if list.iter().any(|other| overlap(base, size, other.base, of(other))) {
                Some(Refusal::Invalid)
            } else {
                range_error(base, size, K64, memory)
            };
            let regions = Regions { list: &list, vcpus, distributor, memory };
            let got = regions.check(request);

            prop_assert_eq!(got.err(), expected, "{:?} {:?}", request, list);
            if let Ok(region) = got {
                prop_assert_eq!(region, Region { base, count, used: 0 });
                list.push(region);
            }
        }

        // With another number of vCPUs later on.
        for vcpus in 0..8 {
            let regions = Regions { list: &list, vcpus, distributor, memory };
            let of = |region: &Region| SLOT * u64::from(if region.count == 0 { vcpus } else { region.count });
            let good = list.iter().all(|region| {
                range_error(region.base, of(region), K64, memory).is_none()
            }) && distributor.is_none_or(|at| {
                !list.iter().any(|region| overlap(at, K64, region.base, of(region)))
            });

            prop_assert_eq!(regions.can_be(), good);
        }
    }

    /// Redistributors fill the regions in order; only the last of those that follow one another
    /// says so.
    #[test]
    fn redistributors_in_a_row(
        counts in proptest::collection::vec(1u32..4, 1..5),
        gaps in proptest::collection::vec(any::<bool>(), 5),
        vcpus in 1u32..16,
    ) {
        let mut list = Vec::new();
        let mut base = 0x10_0000;

        for (count, gap) in counts.iter().zip(&gaps) {
            list.push(Region { base, count: *count, used: 0 });
            base += SLOT * u64::from(*count) + if *gap { K64 } else { 0 };
        }
        let memory = Memory { bits: 40 };
        let mut placed = Vec::new();

        for _ in 0..vcpus {
            let free = Regions { list: &list, vcpus, distributor: None, memory }.free();
            let expected = list.iter().position(|region| region.used < region.count);

            prop_assert_eq!(free, expected);
            let Some(index) = free else { break };
            let slot = list[index].used;

            placed.push((index, slot, list[index].slot(slot)));
            list[index].used += 1;
        }
        for (at, &(index, slot, address)) in placed.iter().enumerate() {
            let regions = Regions { list: &list, vcpus, distributor: None, memory };
            let follows = placed.get(at + 1).is_some_and(|next| next.2 == address + SLOT);

            prop_assert_eq!(regions.is_last(index, slot), !follows);
            prop_assert_eq!(address, list[index].base + SLOT * u64::from(slot));
        }
    }

    #[test]
    fn attributes(raw in any::<u64>(), few in 0u64..1 << 20) {
        for raw in [raw, raw & !0xf000, few << 44 | few] {
            let attr = RegionAttr::from_raw(raw);
            let expected = if raw >> 52 == 0 || raw >> 12 & 0xf != 0 {
                Err(Refusal::Invalid)
            } else {
                Ok(Request {
                    index: (raw & 0xff) as u32,
                    base: raw >> 16 << 16 & ((1 << 52) - 1),
                    count: (raw >> 52) as u32,
                })
            };

            prop_assert_eq!(attr.request(), expected);
            prop_assert_eq!(u64::from(attr.index()), raw & 0xff);
            if let Ok(request) = expected {
                let region = Region { base: request.base, count: request.count, used: 1 };

                prop_assert_eq!(region.attr(request.index).into_raw(), raw & !0xff00);
            }
        }
    }
}

/// One region for all never fills, and grows with the number of vCPUs.
#[test]
fn one_region_for_all() {
    let memory = Memory { bits: 40 };
    let list = [Region {
        base: 0x10_0000,
        count: 0,
        used: 3,
    }];
    let regions = |vcpus, distributor| Regions {
        list: &list,
        vcpus,
        distributor,
        memory,
    };

    assert_eq!(regions(1, None).free(), Some(0));
    assert!(!regions(3, None).is_last(0, 1));
    assert!(regions(3, None).is_last(0, 2));
    assert!(!regions(3, None).is_last(1, 0));
    assert!(regions(2, Some(0x14_0000)).can_be());
    assert!(!regions(3, Some(0x14_0000)).can_be());
    assert_eq!(list[0].attr(0).into_raw(), 0x10_0000);
    // A counted one may follow if it has number 1; not number 0, nor another for all.
    let counted = |index, base| Request {
        index,
        base,
        count: 1,
    };
    assert!(regions(3, None).check(counted(1, 0x20_0000)).is_ok());
    assert_eq!(
        regions(3, None).check(counted(0, 0x20_0000)),
        Err(Refusal::Invalid)
    );
    assert_eq!(
        regions(3, None).check(Request::for_all(0x20_0000)),
        Err(Refusal::Exists)
    );
}

/// A counted region may meet the distributor: only the last check finds it.
#[test]
fn a_counted_region_and_the_distributor() {
    let memory = Memory { bits: 40 };
    let empty = Regions {
        list: &[],
        vcpus: 1,
        distributor: Some(0x10_0000),
        memory,
    };
    let request = Request {
        index: 0,
        base: 0x10_0000,
        count: 1,
    };
    let list = [empty.check(request).unwrap()];

    assert!(!Regions {
        list: &list,
        ..empty
    }
    .can_be());
    assert_eq!(
        empty.check(Request::for_all(0x10_0000)),
        Err(Refusal::Invalid)
    );
    // Nothing of the kind without a distributor; nor can one be at the end of all addresses.
    let at = |distributor| Regions {
        list: &[],
        vcpus: 1,
        distributor,
        memory,
    };
    assert!(at(None).check(Request::for_all(0x10_0000)).is_ok());
    assert!(!at(Some(0u64.wrapping_sub(K64))).can_be());
}

/// IHI 0069, GICR_TYPER.Last: the highest of a series of contiguous redistributors. A region need
/// not be above those that were filled before it, and only if it is full does it reach them.
#[test]
fn a_region_below_one_that_is_full() {
    let memory = Memory { bits: 40 };

    for used in 1..=2 {
        let list = [
            Region {
                base: 0x10_0000 + 2 * SLOT,
                count: 1,
                used: 1,
            },
            Region {
                base: 0x10_0000,
                count: 2,
                used,
            },
        ];
        let regions = Regions {
            list: &list,
            vcpus: 3,
            distributor: None,
            memory,
        };

        assert!(regions.is_last(0, 0));
        assert_eq!(regions.is_last(1, 0), used == 1);
        assert!(used == 1 || !regions.is_last(1, 1));
    }
}

/// C takes an unused region's last redistributor to be number 2^32 - 1.
#[test]
fn an_unused_region() {
    let list = [Region {
        base: 0,
        count: 2,
        used: 0,
    }];
    let regions = Regions {
        list: &list,
        vcpus: 1,
        distributor: None,
        memory: Memory { bits: 40 },
    };

    assert!(!regions.is_last(0, 0));
}

#[test]
fn numbers_of_interrupts() {
    for irqs in 0..2000 {
        let good = (64..=992).contains(&irqs) && irqs % 32 == 0;

        assert_eq!(
            spis_of(irqs, 0),
            if good {
                Ok(irqs - 32)
            } else {
                Err(Refusal::Invalid)
            }
        );
        assert_eq!(
            spis_of(irqs, 32),
            Err(if good {
                Refusal::Busy
            } else {
                Refusal::Invalid
            })
        );
    }
    assert_eq!(spis_of(u32::MAX - 31, 0), Err(Refusal::Invalid));
}
