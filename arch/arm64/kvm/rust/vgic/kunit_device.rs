// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of what the devices and the set-up of a GIC decide by themselves. What may be where,
//! and what registers hold, is tested on the build host.
//!
//! Mirrors: nothing, it is a test

use kernel::prelude::kunit_tests;

#[kunit_tests(kvm_arm64_vgic_device)]
mod tests {
    use super::super::{
        address::as_no_attribute,
        init::{
            max_vcpus,
            set_up_group, //
        },
        irqfd::Route,
        redist::defined, //
    };
    use crate::{
        gic::{
            priority::Group,
            refusal::Refusal, //
        },
        kvm::prelude::*, //
    };
    use kernel::{
        bindings,
        error::{
            code::*,
            Error, //
        },
    };

    #[test]
    fn a_pin_is_one_of_the_only_controller() {
        let pin = bindings::KVM_IRQ_ROUTING_IRQCHIP;

        assert_eq!(Route::check(pin, 0, 0), Ok(Route::Pin));
        assert_eq!(Route::check(pin, 0, 987), Ok(Route::Pin));
        assert_eq!(Route::check(pin, 0, 988), Err(EINVAL));
        assert_eq!(Route::check(pin, 1, 0), Err(EINVAL));
    }

    #[test]
    fn a_message_is_taken_as_it_is() {
        let message = bindings::KVM_IRQ_ROUTING_MSI;

        assert_eq!(
            Route::check(message, u32::MAX, u32::MAX),
            Ok(Route::Message)
        );
        assert_eq!(Route::check(0, 0, 0), Err(EINVAL));
        assert_eq!(Route::check(3, 0, 0), Err(EINVAL));
    }

    #[test]
    fn another_models_address_is_no_attribute() {
        assert_eq!(as_no_attribute(ENODEV), ENXIO);
        assert_eq!(as_no_attribute(EINVAL), EINVAL);
        assert_eq!(as_no_attribute(EEXIST), EEXIST);
    }

    #[test]
    fn refusals_are_the_errors_of_the_abi() {
        assert_eq!(Error::from(Refusal::Invalid), EINVAL);
        assert_eq!(Error::from(Refusal::Exists), EEXIST);
        assert_eq!(Error::from(Refusal::TooBig), E2BIG);
        assert_eq!(Error::from(Refusal::Busy), EBUSY);
    }

    #[test]
    fn an_address_may_be_none() {
        assert_eq!(defined(UNDEFINED), None);
        assert_eq!(defined(0), Some(0));
    }

    #[test]
    fn each_model_has_its_vcpus_and_its_group() {
        assert_eq!(max_vcpus(Model::V2), 8);
        assert_eq!(max_vcpus(Model::V3), 512);
        assert!(max_vcpus(Model::V5) <= 512);
        assert_eq!(set_up_group(Model::V2), Group::Zero);
        assert_eq!(set_up_group(Model::V3), Group::One);
    }
}
