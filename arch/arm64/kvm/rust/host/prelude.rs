// SPDX-License-Identifier: GPL-2.0

//! What policy needs of this layer, so that its files need not list it.

pub(crate) use super::{
    arch_timer::*,
    context::*,
    hrtimer::*,
    irq::{
        self,
        *, //
    },
    log,
    static_key::*,
    sys_reg::*,
    timecounter::*,
    timer_id::*,
    timer_irq_domain::*,
    tracepoint,
    uaccess::*,
    vcpu::*,
    vgic::*,
    vm::*, //
};
