// SPDX-License-Identifier: GPL-2.0

//! Commands of a guest to an ITS.
//!
//! Nothing is checked here: what a command names may not be there.
//!
//! Source: GIC Architecture Specification (IHI 0069), "ITS commands".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: its_cmd_mask_field, its_cmd_get_command,
//!     its_cmd_get_deviceid, its_cmd_get_size, its_cmd_get_id, its_cmd_get_physical_id,
//!     its_cmd_get_collection, its_cmd_get_ittaddr, its_cmd_get_target_addr,
//!     its_cmd_get_validbit, ITS_CMD_SIZE
#![forbid(unsafe_code)]

use super::{
    its::{
        DeviceId,
        EventBits,
        EventId,
        Gpa,
        Icid,
        RdBase, //
    },
    list_register::Intid, //
};
use crate::arm64::fields::register_values;

register_values! {
    /// The first 64 bits of a command.
    struct First {
        /// Which one it is.
        Command = 7:0;
        /// The device.
        DeviceID = 63:32;
    }

    /// The second ones.
    struct Second {
        /// `MAPD`: the number of bits of its events' numbers, less one.
        Size = 4:0;
        /// The event.
        EventID = 31:0;
        /// `MAPTI`: the LPI.
        PINTID = 63:32;
    }

    /// The third ones.
    struct Third {
        /// The collection.
        ICID = 15:0;
        /// A redistributor. The architecture has bits 50 to 16, of which we use less.
        RDbase = 47:16;
        /// `MAPD`: where the table of events is.
        ITTAddress = 51:8;
        /// Whether it maps, or unmaps.
        V = 63;
    }

    /// The last ones.
    struct Fourth {
        /// `MOVALL`: the second redistributor.
        RDbase2 = 47:16;
    }
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A device is there, or not; and where its table of events is.
    Mapd {
        /// The device.
        device: DeviceId,
        /// Where the table is.
        itt: Gpa,
        /// How many bits the numbers of its events have; none if that is more than we have. If it
        /// unmaps, that doesn't matter.
        event_bits: Option<EventBits>,
        /// Map, or unmap.
        valid: bool,
    },
    /// The interrupts of a collection go to a redistributor, or nowhere.
    Mapc {
        /// The collection.
        icid: Icid,
        /// The redistributor. If it unmaps, that doesn't matter.
        target: RdBase,
        /// Map, or unmap.
        valid: bool,
    },
    /// An event is an LPI of a collection. `MAPI` as well, whose LPI has the number of the event.
    Mapti {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
        /// The LPI, if it is one.
        lpi: Intid,
        /// The collection.
        icid: Icid,
    },
    /// An event's LPI is of another collection from now on.
    Movi {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
        /// The collection.
        icid: Icid,
    },
    /// An event is no LPI any more.
    Discard {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
    },
    /// An event happens.
    Int {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
    },
    /// An event has not happened.
    Clear {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
    },
    /// The properties of an event's LPI have changed.
    Inv {
        /// Whose event.
        device: DeviceId,
        /// The event.
        event: EventId,
    },
    /// The properties of LPIs of a collection have.
    Invall {
        /// The collection.
        icid: Icid,
    },
    /// All LPIs of one redistributor go to another one.
    Movall {
        /// The one.
        from: RdBase,
        /// The other.
        to: RdBase,
    },
    /// What came before it has to be done. It is.
    Sync,
}

impl Command {
    /// How many bytes one has.
    pub(crate) const BYTES: u32 = 32;

    /// From the four double words of it, as numbers. None if there is no such command.
    pub(crate) const fn parse(words: &[u64; 4]) -> Option<Self> {
        let [first, second, third, fourth] = *words;
        let (first, second) = (First::from_raw(first), Second::from_raw(second));
        let (third, fourth) = (Third::from_raw(third), Fourth::from_raw(fourth));

        // CAST: 32 bits each, 16 of the collection.
        let device = DeviceId(first.get(First::DeviceID) as u32);
        let event = EventId(second.get(Second::EventID) as u32);
        let lpi = Intid(second.get(Second::PINTID) as u32);
        let icid = Icid(third.get(Third::ICID) as u16);
        let target = RdBase(third.get(Third::RDbase) as u32);
        let to = RdBase(fourth.get(Fourth::RDbase2) as u32);
        let valid = third.has(Third::V);

        Some(match first.get(First::Command) {
            0x01 => Self::Movi {
                device,
                event,
                icid,
            },
            0x03 => Self::Int { device, event },
            0x04 => Self::Clear { device, event },
            0x05 => Self::Sync,
            0x08 => Self::Mapd {
                device,
                itt: Gpa(third.into_raw() & Third::ITTAddress.mask()),
                event_bits: EventBits::of_field(second.get(Second::Size)),
                valid,
            },
            0x09 => Self::Mapc {
                icid,
                target,
                valid,
            },
            0x0a => Self::Mapti {
                device,
                event,
                lpi,
                icid,
            },
            0x0b => Self::Mapti {
                device,
                event,
                lpi: Intid(event.0),
                icid,
            },
            0x0c => Self::Inv { device, event },
            0x0d => Self::Invall { icid },
            0x0e => Self::Movall { from: target, to },
            0x0f => Self::Discard { device, event },
            _ => return None,
        })
    }
}
