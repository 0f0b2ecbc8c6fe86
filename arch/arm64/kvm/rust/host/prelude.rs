// SPDX-License-Identifier: GPL-2.0

//! What policy needs of this layer, so that its files need not list it.

pub(crate) use super::{
    arch_timer::{
        CvalHome,
        HardwareTimer,
        MemoryTimer,
        OffsetSource,
        Place,
        State,
        Timer, //
    },
    context::{
        with_irqs_off,
        IrqOff,
        OnCpu,
        PreemptOff, //
    },
    hrtimer::{
        Callback,
        ExpiredTimer,
        Instant,
        Restart,
        SoftTimer, //
    },
    irq::{
        self,
        Handler,
        HostIrq, //
    },
    log,
    static_key::has_broken_cntvoff,
    sys_reg::SysReg,
    timecounter::{
        KvmInfo,
        PhysicalCounter, //
    },
    timer_id::{
        Bank,
        TimerId, //
    },
    timer_irq_domain::TimerIrqDomain,
    tracepoint,
    uaccess::UserNumber,
    vcpu::{
        LoadedVcpu,
        NewVcpu,
        OwnVcpu,
        Vcpu, //
    },
    vgic::{
        HostGic,
        IrqOps, //
    },
    vm::{
        NewVm,
        Vm, //
    },
};
