/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSIs from user space: KVM_SIGNAL_MSI, irqfds, KVM_IRQ_LINE; what they answer, and what arrives.
 * For vgic_its_commands.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_MSI_H
#define SELFTEST_KVM_VGIC_ITS_MSI_H

#include <sys/eventfd.h>

#include "vgic_its_cmds.h"

#define DEVID	KVM_MSI_VALID_DEVID

/* One device, one event, LPI 8192 on vCPU 1. */
static void map_one(void)
{
	vi_quietly(0, mapd(5, vi_itt(0), 4, true));
	vi_quietly(0, mapc(0, 1, true));
	vi_quietly(0, mapti(5, 3, 8192, 0));
}

static void signal_nothing(struct kvm_vm *vm, const char *what)
{
	struct kvm_msi msi = { .address_lo = VI_DOORBELL };
	u32 flags;

	for (flags = 0; flags < 4; flags++) {
		msi.flags = flags;
		transcript("%s, flags %u: %s", what, flags,
			   tt_errno_name(__vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) < 0 ? errno : 0));
	}
}

static void signal_to(const char *what, gpa_t doorbell, u32 device, u32 event, u32 flags)
{
	transcript("%s, %x/%x, flags %u: %s", what, device, event, flags,
		   vi_signal_at(doorbell, device, event, flags));
}

static void signal_wrong(const char *when)
{
	transcript("%s", when);
	signal_to("no device", VI_DOORBELL, 5, 3, 0);
	signal_to("unknown flag", VI_DOORBELL, 5, 3, DEVID | 2);
	signal_to("nothing there", 0x30000000, 5, 3, DEVID);
	signal_to("nothing there, no device", 0x30000000, 5, 3, 0);
	signal_to("above 4 GiB", VI_DOORBELL | 1ULL << 32, 5, 3, DEVID);
	signal_to("distributor", GICD_BASE_GPA + GICD_SETSPI_NSR, 5, 3, DEVID);
	signal_to("memory", VI_SLOT_GPA, 5, 3, DEVID);
	signal_to("before the frame", GITS_BASE_GPA - 1, 5, 3, DEVID);
	signal_to("behind the frame", GITS_BASE_GPA + SZ_128K, 5, 3, DEVID);
	signal_to("no such event", VI_DOORBELL, 5, 4, DEVID);
	signal_to("event out of range", VI_DOORBELL, 5, 0x10003, DEVID);
	signal_to("device out of range", VI_DOORBELL, 0x10005, 3, DEVID);
	signal_to("no such device", VI_DOORBELL, 6, 3, DEVID);
	/* What would be the same in a table of 32 bits a translation. */
	signal_to("neighbour", VI_DOORBELL, 4, 0x10003, DEVID);
	vi_deliver();
}

static void signal_msi(bool el2)
{
	struct kvm_vm *vm = vm_create_barebones();

	signal_nothing(vm, "no GIC");
	kvm_vm_free(vm);
	vi_create(0);
	signal_nothing(vi.vm, "no ITS");
	vi_its_create();
	signal_to("not set up", VI_DOORBELL, 5, 3, DEVID);
	vi_lpis_start();
	signal_to("disabled", VI_DOORBELL, 5, 3, DEVID);
	vi_its_start(0);
	map_one();
	vi_show("begin");
	signal_wrong("not translated yet");
	signal_to("right", VI_DOORBELL, 5, 3, DEVID);
	vi_expect(1, 8192);
	signal_wrong("translated before");
	/* Each place of the frame does. */
	signal_to("frame", GITS_BASE_GPA, 5, 3, DEVID);
	vi_deliver();
	signal_to("end of the frame", GITS_BASE_GPA + SZ_128K - 1, 5, 3, DEVID);
	vi_deliver();
	vi_enable_lpis(1, false);
	signal_to("LPIs disabled", VI_DOORBELL, 5, 3, DEVID);
	vi_enable_lpis(1, true);
	vi_expect_none();
	signal_to("LPIs enabled", VI_DOORBELL, 5, 3, DEVID);
	vi_expect(1, 8192);
	vi_its_enable(0, false);
	signal_to("ITS disabled", VI_DOORBELL, 5, 3, DEVID);
	signal_to("ITS disabled, no such event", VI_DOORBELL, 5, 4, DEVID);
	vi_its_enable(0, true);
	vi_expect_none();
	signal_to("ITS enabled", VI_DOORBELL, 5, 3, DEVID);
	vi_expect(1, 8192);
	vi_free();
}

/* irqfds */

static void route(u32 gsi, gpa_t doorbell, u32 device, u32 event, u32 flags)
{
	struct kvm_irq_routing *routing = kvm_gsi_routing_create();

	routing->entries[routing->nr++] = (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = flags,
		.u.msi.address_lo = doorbell,
		.u.msi.address_hi = doorbell >> 32,
		.u.msi.data = event,
		.u.msi.devid = device,
	};
	transcript("route to %x/%x, flags %u: %s", device, event, flags,
		   tt_errno_name(_kvm_gsi_routing_write(vi.vm, routing) ? errno : 0));
}

/* What is not translated yet is left to a worker, which taking the irqfd back waits for. */
static void trigger(const char *what, u32 gsi)
{
	int fd = kvm_new_eventfd();

	transcript("%s", what);
	kvm_assign_irqfd(vi.vm, gsi, fd);
	TEST_ASSERT(!eventfd_write(fd, 1), "eventfd");
	kvm_deassign_irqfd(vi.vm, gsi, fd);
	close(fd);
}

static void irqfd(bool el2)
{
	vi_start(1);
	map_one();
	vi_show("begin");
	route(40, VI_DOORBELL, 5, 3, DEVID);
	trigger("not translated yet", 40);
	vi_expect(1, 8192);
	trigger("translated", 40);
	vi_expect(1, 8192);
	trigger("no route", 41);
	vi_expect_none();
	route(40, VI_DOORBELL, 5, 4, DEVID);
	trigger("no such event", 40);
	vi_expect_none();
	route(40, VI_DOORBELL, 5, 3, 0);
	trigger("no device", 40);
	vi_deliver();
	route(40, GICD_BASE_GPA, 5, 3, DEVID);
	trigger("distributor", 40);
	vi_expect_none();
	route(40, VI_DOORBELL, 5, 3, DEVID);
	vi_its_enable(0, false);
	trigger("ITS disabled", 40);
	vi_expect_none();
	vi_its_enable(0, true);
	route(40, VI_DOORBELL, 5, 3, 0);
	trigger("no device, not translated", 40);
	vi_expect_none();
	route(40, VI_DOORBELL, 5, 3, DEVID);
	trigger("translated again", 40);
	vi_expect(1, 8192);
	vi_quietly(0, discard(5, 3));
	trigger("discarded", 40);
	vi_expect_none();
	vi_quietly(0, mapti(5, 3, 8193, 0));
	trigger("another LPI", 40);
	vi_expect(1, 8193);
	vi_quietly(0, mapc(0, 2, true));
	trigger("another vCPU", 40);
	vi_expect(2, 8193);
	vi_free();
}

/* KVM_IRQ_LINE as for an SPI, with an LPI's number. */
static void irq_line(bool el2)
{
	static const u32 intids[] = { 8192, 8193, 1024, 8191, 65535 };
	int i, level;

	vi_start(1);
	map_one();
	vi_show("begin");
	for (i = 0; i < ARRAY_SIZE(intids); i++) {
		for (level = 1; level >= 0; level--) {
			transcript("line %u = %d: %s", intids[i], level,
				   tt_errno_name(_kvm_arm_irq_line(vi.vm, intids[i], level) ? errno : 0));
			vi_deliver();
		}
	}
	vi_show("end");
	vi_free();
}

#define VI_MSI_TESTS							\
	{ "signal_msi", signal_msi },					\
	{ "irqfd", irqfd },						\
	{ "irq_line", irq_line }

#endif
