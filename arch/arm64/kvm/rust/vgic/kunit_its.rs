// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of what an ITS has mapped, and of its device's attributes. What numbers mean, and how
//! tables are laid out, is tested on the build host.
//!
//! Mirrors: nothing, it is a test

use kernel::prelude::kunit_tests;

#[kunit_tests(kvm_arm64_vgic_its)]
mod tests {
    use super::super::its::device::has_attr;
    use crate::{
        gic::{
            its::{
                DeviceId,
                EventBits,
                EventId,
                Gpa,
                Icid, //
            },
            list_register::Intid,
            word::{
                Life,
                VcpuIdx, //
            },
        },
        kvm::prelude::*, //
    };
    use kernel::{
        alloc::{
            flags::GFP_KERNEL,
            KVec, //
        },
        bindings::{
            self,
            kvm_device_attr, //
        },
        error::{
            code::*,
            Result, //
        },
    };

    const DEVICE: DeviceId = DeviceId(3);
    const OTHER: DeviceId = DeviceId(1);

    fn ite(lpi: u32, icid: u16) -> Ite {
        Ite {
            lpi: Intid(lpi),
            life: Life::wrapping(1),
            icid: Icid(icid),
        }
    }

    fn add(mappings: &mut Mappings, device: DeviceId) -> Result {
        mappings.add_device(device, Gpa(0x1000), EventBits::of_field(4).ok_or(EINVAL)?)
    }

    #[test]
    fn events_are_counted() -> Result {
        let mut mappings = Mappings::new();

        add(&mut mappings, DEVICE)?;
        add(&mut mappings, OTHER)?;
        for event in 0..5 {
            mappings.add_ite(DEVICE, EventId(event), ite(8192 + event, 0))?;
        }
        mappings.add_ite(OTHER, EventId(0), ite(9000, 0))?;
        assert_eq!(mappings.nr_ites(), 6);
        // It has been there.
        mappings.add_ite(DEVICE, EventId(0), ite(8192, 0))?;
        // No such device.
        mappings.add_ite(DeviceId(2), EventId(0), ite(9001, 0))?;
        assert_eq!(mappings.nr_ites(), 6);
        assert_eq!(mappings.remove_ite(DEVICE, EventId(4)), Some(ite(8196, 0)));
        assert_eq!(mappings.remove_ite(DEVICE, EventId(4)), None);
        assert_eq!(mappings.nr_ites(), 5);
        mappings.remove_device(DEVICE);
        assert_eq!(mappings.ite(DEVICE, EventId(0)), None);
        mappings.remove_device(DEVICE);
        assert_eq!(mappings.nr_ites(), 1);
        mappings.remove_devices();
        assert_eq!(mappings.nr_ites(), 0);
        assert_eq!(mappings.ite(OTHER, EventId(0)), None);
        Ok(())
    }

    /// All that was there, once, by device and event; and each device.
    #[test]
    fn what_is_gone_can_be_taken() -> Result {
        let mut mappings = Mappings::new();
        let mut gone = KVec::new();

        add(&mut mappings, DEVICE)?;
        add(&mut mappings, OTHER)?;
        add(&mut mappings, DeviceId(7))?;
        for event in 0..3 {
            mappings.add_ite(DEVICE, EventId(event), ite(8192 + event, 0))?;
        }
        mappings.add_ite(OTHER, EventId(0), ite(9000, 0))?;
        assert!(!mappings.has_gone());
        mappings.remove_device(OTHER);
        assert_eq!(mappings.take_gone(), Some(Some(ite(9000, 0))));
        // What is left of it is gone together with the others.
        mappings.remove_devices();
        while let Some(event) = mappings.take_gone() {
            gone.push(event.map(|ite| ite.lpi.0), GFP_KERNEL)?;
        }
        assert_eq!(gone.iter().filter(|lpi| lpi.is_none()).count(), 3);
        assert!(gone.iter().flatten().eq(&[8192, 8193, 8194]));
        assert!(!mappings.has_gone());
        Ok(())
    }

    /// A device that is mapped anew before that does not hide what is left of it.
    #[test]
    fn what_is_gone_is_not_lost() -> Result {
        let mut mappings = Mappings::new();

        add(&mut mappings, DEVICE)?;
        mappings.add_ite(DEVICE, EventId(0), ite(8192, 0))?;
        mappings.remove_device(DEVICE);
        add(&mut mappings, DEVICE)?;
        mappings.remove_devices();
        assert_eq!(mappings.take_gone(), Some(Some(ite(8192, 0))));
        assert_eq!(mappings.take_gone(), Some(None));
        assert_eq!(mappings.take_gone(), None);
        Ok(())
    }

    /// In parts of any size each event is seen once, in the same order.
    #[test]
    fn a_walk_goes_on_where_it_was() -> Result {
        let mut mappings = Mappings::new();

        add(&mut mappings, DEVICE)?;
        add(&mut mappings, OTHER)?;
        add(&mut mappings, DeviceId(7))?;
        for event in [1, 2, 60] {
            mappings.add_ite(DEVICE, EventId(event), ite(8192 + event, 0))?;
            mappings.add_ite(OTHER, EventId(event), ite(9000 + event, 0))?;
        }
        for limit in 1..12 {
            let mut seen = KVec::new();
            let mut from = Some((DeviceId(0), EventId(0)));

            while let Some(begin) = from {
                let mut part = KVec::with_capacity(12, GFP_KERNEL)?;
                let (_, next) = mappings.walk(begin, limit, |ite| {
                    part.push(ite.lpi.0, GFP_KERNEL).unwrap_or(());
                });

                assert!(part.len() <= limit as usize);
                seen.extend_from_slice(&part, GFP_KERNEL)?;
                from = next;
            }
            assert!(seen.iter().eq(&[9001, 9002, 9060, 8193, 8194, 8252]));
        }
        Ok(())
    }

    #[test]
    fn devices_and_events_come_by_number() -> Result {
        let mut mappings = Mappings::new();

        add(&mut mappings, DEVICE)?;
        add(&mut mappings, OTHER)?;
        for event in [7, 2, 9] {
            mappings.add_ite(DEVICE, EventId(event), ite(8192 + event, 0))?;
        }
        assert!(mappings.devices().map(|(id, _)| id).eq([OTHER, DEVICE]));
        assert!(mappings
            .devices()
            .flat_map(|(_, device)| device.ites())
            .map(|(event, _)| event.0)
            .eq([2, 7, 9]));
        Ok(())
    }

    #[test]
    fn collections_keep_their_order() -> Result {
        let mut mappings = Mappings::new();
        let vcpu = VcpuIdx::new(1);

        for icid in [9, 2, 5] {
            mappings.set_collection(Icid(icid), None)?;
        }
        assert!(mappings.knows_collection(Icid(9)));
        assert_eq!(mappings.target(Icid(9)), None);
        mappings.set_collection(Icid(9), vcpu)?;
        assert_eq!(mappings.target(Icid(9)), vcpu);
        assert!(mappings
            .collections()
            .eq([(Icid(9), vcpu), (Icid(2), None), (Icid(5), None)]));

        mappings.remove_collection(Icid(9));
        mappings.remove_collection(Icid(77));
        assert!(!mappings.knows_collection(Icid(9)));
        mappings.set_collection(Icid(9), vcpu)?;
        assert!(mappings.collections().map(|(icid, _)| icid.0).eq([2, 5, 9]));
        mappings.clear_collections();
        assert!(mappings.collections().next().is_none());
        Ok(())
    }

    #[test]
    fn an_event_keeps_the_number_of_its_collection() -> Result {
        let mut mappings = Mappings::new();

        add(&mut mappings, DEVICE)?;
        mappings.set_collection(Icid(4), VcpuIdx::new(0))?;
        mappings.add_ite(DEVICE, EventId(1), ite(8200, 4))?;
        mappings.remove_collection(Icid(4));
        assert_eq!(mappings.ite(DEVICE, EventId(1)), Some(ite(8200, 4)));
        assert_eq!(mappings.target(Icid(4)), None);
        mappings.move_ite(DEVICE, EventId(1), Icid(6));
        assert_eq!(mappings.ite(DEVICE, EventId(1)), Some(ite(8200, 6)));
        Ok(())
    }

    fn has(group: u32, attr: u64) -> Result {
        has_attr(&kvm_device_attr {
            flags: 0,
            group,
            attr,
            addr: 0,
        })
    }

    #[test]
    fn attributes_are_those_of_the_abi() {
        const ADDR: u32 = bindings::KVM_DEV_ARM_VGIC_GRP_ADDR;
        const CTRL: u32 = bindings::KVM_DEV_ARM_VGIC_GRP_CTRL;
        const REGS: u32 = bindings::KVM_DEV_ARM_VGIC_GRP_ITS_REGS;

        for (group, attr) in [(ADDR, 4), (CTRL, 0), (CTRL, 1), (CTRL, 2), (CTRL, 4)] {
            assert_eq!(has(group, attr), Ok(()));
        }
        for (group, attr) in [
            (ADDR, 0),
            (ADDR, 3),
            (ADDR, 1 << 32 | 4),
            (CTRL, 3),
            (CTRL, 5),
        ] {
            assert_eq!(has(group, attr), Err(ENXIO));
        }
        assert_eq!(has(bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0), Err(ENXIO));

        for offset in [
            0x0, 0x4, 0x8, 0x80, 0x88, 0x90, 0x100, 0x138, 0xffd0, 0xfffc,
        ] {
            assert_eq!(has(REGS, offset), Ok(()));
        }
        for offset in [0x10, 0x98, 0x140, 0xff00, 0x1_0000, 0x1_0040, 0x2_0000] {
            assert_eq!(has(REGS, offset), Err(ENXIO));
        }
        for offset in [0x1, 0x6, 0xc, 0x84, 0x104, 0xffcc, 0xffd2] {
            assert_eq!(has(REGS, offset), Err(EINVAL));
        }
    }
}
