/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Counter offsets as attributes of a vCPU, see
 * Documentation/virt/kvm/arm/rust/timer-offset.rst. They are there on kernels
 * with CONFIG_KVM_ARM64_RUST_TIMER_OFFSET_ATTR; ask with KVM_HAS_DEVICE_ATTR.
 */
#ifndef _UAPI_ASM_KVM_TIMER_OFFSET_H
#define _UAPI_ASM_KVM_TIMER_OFFSET_H

/*
 * In group KVM_ARM_VCPU_TIMER_CTRL. These are not mainline's: it counts from 0,
 * one for each timer, and has come to 3. They begin at 2^16 to keep out of its way.
 */
#define KVM_ARM_VCPU_TIMER_OFFSET_VTIMER	0x10000
#define KVM_ARM_VCPU_TIMER_OFFSET_PTIMER	0x10001

#endif /* _UAPI_ASM_KVM_TIMER_OFFSET_H */
