// SPDX-License-Identifier: GPL-2.0
/*
 * A GICv3 with an ITS is set up and used step by step, and each allocation that a step makes fails
 * once. What failed is done again, and must succeed; all that comes after it must work; and nothing
 * may be left when the VM is gone.
 *
 * Wants a kernel with FAULT_INJECTION, FAILSLAB and FAIL_PAGE_ALLOC; with DEBUG_KMEMLEAK memory that
 * is lost is found.
 */
#include "vgic_its_cmds.h"

#define DEVICE		5
#define EVENT		3
#define LPI		9000
#define GSI		40
/* No step makes more allocations. */
#define MAX_FAULTS	200

static int fail_nth = -1;
static int extra_vcpu;

/* The @nth allocation from here on fails; 0: none. */
static void set_fault(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	TEST_ASSERT(pwrite(fail_nth, text, len, 0) == len, "fail-nth: %s", strerror(errno));
}

/* How many more allocations would have been left alone. 0: one has failed. */
static int faults_left(void)
{
	char text[16] = "";

	TEST_ASSERT(pread(fail_nth, text, sizeof(text) - 1, 0) > 0, "fail-nth: %s", strerror(errno));
	return atoi(text);
}

static void set_debugfs(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	TEST_ASSERT(write(fd, value, strlen(value)) > 0, "%s: %s", path, strerror(errno));
	close(fd);
}

static int result(int ret)
{
	return ret < 0 ? errno : 0;
}

static int set_attr(int fd, u32 group, u64 attr, void *value)
{
	return result(__kvm_device_attr_set(fd, group, attr, value));
}

static int set_address(int fd, u64 type, u64 address)
{
	return set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &address);
}

static int create_device(u32 type, int *fd)
{
	struct kvm_create_device device = { .type = type };
	int err = result(__vm_ioctl(vi.vm, KVM_CREATE_DEVICE, &device));

	*fd = err ? -1 : (int)device.fd;
	return err;
}

/* Steps: 0, or why not. */

static int create_gic(void)
{
	return create_device(KVM_DEV_TYPE_ARM_VGIC_V3, &vi.gic);
}

static int place_distributor(void)
{
	return set_address(vi.gic, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE_GPA);
}

static int place_redistributors(void)
{
	return set_address(vi.gic, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
			   REDIST_REGION_ATTR_ADDR(VI_NR_VCPUS + 1, GICR_BASE_GPA, 0, 0));
}

static int add_vcpus(void)
{
	int i;

	vi.vm->arch.gic_fd = vi.gic;
	vi.vm->arch.has_gic = true;
	virt_map(vi.vm, GICD_BASE_GPA, GICD_BASE_GPA,
		 vm_calc_num_guest_pages(vi.vm->mode, GICR_BASE_GPA - GICD_BASE_GPA +
					 KVM_VGIC_V3_REDIST_SIZE * VI_NR_VCPUS));
	vm_init_descriptor_tables(vi.vm);
	sync_global_to_guest(vi.vm, tt_gic);
	for (i = 0; i < VI_NR_VCPUS; i++)
		vi.vcpus[i] = tt_vcpu_add(vi.vm, i, false, vi_guest_main);
	vm_install_exception_handler(vi.vm, VECTOR_IRQ_CURRENT, vi_guest_irq);
	vi_memory_create();
	/* That the guest's memory is not there is not what is tried. */
	memset(vi_memory(0), 0, VI_PROPERTIES * SZ_64K);
	memset(vi_memory(VI_PENDING), 0, (VI_NR_REGIONS - VI_PENDING) * SZ_64K);
	vi_map_frames();
	return 0;
}

/* Its redistributor has a place, but it never runs. */
static int add_another(void)
{
	extra_vcpu = __vm_ioctl(vi.vm, KVM_CREATE_VCPU, (void *)(unsigned long)VI_NR_VCPUS);
	return result(extra_vcpu);
}

/* Each SPI has a route. */
static int have_few_spis(void)
{
	u32 nr_irqs = 64;

	return set_attr(vi.gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
}

static int init_gic(void)
{
	return set_attr(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static int create_its(void)
{
	return create_device(KVM_DEV_TYPE_ARM_VGIC_ITS, &vi.its[0]);
}

static int place_its(void)
{
	vi.nr_itss = 1;
	return set_address(vi.its[0], KVM_VGIC_ITS_ADDR_TYPE, GITS_BASE_GPA);
}

static int init_its(void)
{
	return vi_ctrl(0, KVM_DEV_ARM_VGIC_CTRL_INIT);
}

static int run(void)
{
	return result(_vcpu_run(vi.vcpus[0]));
}

static int start(void)
{
	int i;

	for (i = 1; i < VI_NR_VCPUS; i++)
		vi_ask(i, VI_ACCESS);
	vi_write(0, GICD_BASE_GPA + GICD_CTLR, 4,
		 GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A | GICD_CTLR_ENABLE_G1);
	vi_lpis_start();
	vi_its_start(0);
	vi.user_writes = true;
	return 0;
}

/* Whatever it has come to nobody is told. */
static int do_command(struct vi_cmd cmd)
{
	vi_queue(0, cmd);
	return vi_set(0, GITS_CWRITER, vi.writer[0]);
}

static int map_device(void)
{
	return do_command(mapd(DEVICE, vi_itt(0), 4, true));
}

static int map_collection(void)
{
	return do_command(mapc(0, 1, true));
}

static int map_event(void)
{
	return do_command(mapti(DEVICE, EVENT, LPI, 0));
}

static int signal_msi(void)
{
	struct kvm_msi msi = {
		.address_lo = VI_DOORBELL,
		.data = EVENT,
		.devid = DEVICE,
		.flags = KVM_MSI_VALID_DEVID,
	};
	int ret = __vm_ioctl(vi.vm, KVM_SIGNAL_MSI, &msi);

	return ret == 1 ? 0 : ret < 0 ? errno : EINVAL;
}

static int route(void)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = {
			.gsi = GSI,
			.type = KVM_IRQ_ROUTING_MSI,
			.flags = KVM_MSI_VALID_DEVID,
			.u.msi = { .address_lo = VI_DOORBELL, .data = EVENT, .devid = DEVICE },
		},
	};

	return result(__vm_ioctl(vi.vm, KVM_SET_GSI_ROUTING, &routes.head));
}

static int is_taken(void)
{
	struct vi_taken taken;

	vi_take(1, &taken);
	TEST_ASSERT(taken.nr == 1 && taken.intid[0] == LPI, "vCPU 1 takes%s",
		    vi_taken_text(&taken, false));
	return 0;
}

static int save_pending(void)
{
	return set_attr(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
}

static int save_tables(void)
{
	return vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES);
}

/* The tables are in memory still, and the registers say where. */
static int reset_its(void)
{
	u64 devices = vi_reg(0, GITS_BASER), collections = vi_reg(0, GITS_BASER + 8);
	u64 queue = vi_reg(0, GITS_CBASER);

	TEST_ASSERT(!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), "reset");
	vi.writer[0] = 0;
	return vi_set(0, GITS_CBASER, queue) ?: vi_set(0, GITS_BASER, devices) ?:
	       vi_set(0, GITS_BASER + 8, collections);
}

static int restore_tables(void)
{
	return vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES);
}

static int enable_its(void)
{
	return vi_set(0, GITS_CTLR, GITS_CTLR_ENABLE);
}

static const struct step {
	const char *name;
	int (*take)(void);
	enum {
		PLAIN,		/* not what is tried */
		TOLD,		/* by the error of a call */
		UNTOLD,		/* so it is done twice in any case */
		ANY_ERROR,	/* not only ENOMEM */
	} fails;
	int lost;		/* what is said later if KVM has given up the VM */
} steps[] = {
	{ "create_gic", create_gic, TOLD, EEXIST },
	{ "place_distributor", place_distributor, TOLD },
	{ "place_redistributors", place_redistributors, TOLD },
	{ "vCPUs", add_vcpus, PLAIN },
	{ "create_vcpu", add_another, TOLD },
	{ "few SPIs", have_few_spis, PLAIN },
	{ "init_gic", init_gic, TOLD },
	{ "create_its", create_its, TOLD },
	{ "place_its", place_its, TOLD },
	{ "init_its", init_its, TOLD },
	{ "run", run, ANY_ERROR, EIO },
	{ "start", start, PLAIN },
	{ "map_device", map_device, UNTOLD },
	{ "map_collection", map_collection, UNTOLD },
	{ "map_event", map_event, UNTOLD },
	{ "signal_msi", signal_msi, TOLD },
	{ "is taken", is_taken, PLAIN },
	{ "route", route, TOLD },
	{ "signal again", signal_msi, PLAIN },
	{ "save_pending", save_pending, TOLD },
	{ "save_tables", save_tables, TOLD },
	{ "reset", reset_its, PLAIN },
	{ "restore_tables", restore_tables, TOLD },
	{ "enable", enable_its, PLAIN },
	{ "is taken again", is_taken, PLAIN },
};

enum outcome { NO_FAULT, FAULT, LOST };

/*
 * NO_FAULT: it had not as many allocations. LOST: the VM is of no use any more. It has a GIC for
 * which there was no memory for a file; or its first run could not place all frames, and KVM has
 * declared it dead.
 */
static enum outcome take_with_fault(const struct step *step, int nth)
{
	bool failed;
	int err;

	set_fault(nth);
	err = step->take();
	failed = !faults_left();
	set_fault(0);
	if (err) {
		TEST_ASSERT(failed && (err == ENOMEM || step->fails == ANY_ERROR), "%s, allocation %d: %s",
			    step->name, nth, strerror(err));
	}
	if (err || step->fails == UNTOLD) {
		err = step->take();
		if (err && err == step->lost)
			return LOST;
		TEST_ASSERT(!err, "%s again, after allocation %d: %s", step->name, nth, strerror(err));
	}
	return failed ? FAULT : NO_FAULT;
}

/* All steps, one of which has a fault. Whether it had as many allocations. */
static bool take_all(const struct step *faulty, int nth)
{
	enum outcome outcome = FAULT;
	int i, err;

	memset(&vi, 0, sizeof(vi));
	vi.vm = vm_create(VI_NR_VCPUS);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (&steps[i] == faulty) {
			outcome = take_with_fault(faulty, nth);
			if (outcome == LOST) {
				if (faulty->take == run) {
					close(extra_vcpu);
					vi_free();
				} else {
					kvm_vm_free(vi.vm);
				}
				return true;
			}
			continue;
		}
		err = steps[i].take();
		TEST_ASSERT(!err, "%s, after %s with a fault in allocation %d: %s", steps[i].name,
			    faulty->name, nth, strerror(err));
	}
	close(extra_vcpu);
	vi_free();
	return outcome == FAULT;
}

/* The same, but the VM is gone as soon as the step has failed. */
static void take_until(const struct step *faulty, int nth)
{
	int i;

	memset(&vi, 0, sizeof(vi));
	extra_vcpu = -1;
	vi.gic = vi.its[0] = -1;
	vi.vm = vm_create(VI_NR_VCPUS);
	for (i = 0; &steps[i] != faulty; i++)
		TEST_ASSERT(!steps[i].take(), "%s", steps[i].name);
	set_fault(nth);
	faulty->take();
	set_fault(0);
	if (extra_vcpu >= 0)
		close(extra_vcpu);
	if (!vi.vm->arch.has_gic && vi.gic >= 0)
		close(vi.gic);
	vi.nr_itss = vi.its[0] >= 0;
	vi_free();
}

static void try_step(const struct step *step)
{
	int nth = 1;

	while (take_all(step, nth)) {
		take_until(step, nth);
		TEST_ASSERT(nth < MAX_FAULTS, "%s: allocations without end", step->name);
		nth++;
	}
	ksft_print_msg("%s: %d allocations\n", step->name, nth - 1);
	ksft_test_result_pass("%s\n", step->name);
}

/* What is younger than five seconds is not looked at; what a scan finds first may be in a register. */
static void find_leaks(void)
{
	char line[512];
	FILE *file;
	bool lost = false;

	file = fopen("/sys/kernel/debug/kmemleak", "r");
	if (!file) {
		ksft_test_result_skip("leaks\n");
		return;
	}
	sleep(6);
	set_debugfs("kmemleak", "scan");
	sleep(1);
	set_debugfs("kmemleak", "scan");
	while (fgets(line, sizeof(line), file)) {
		ksft_print_msg("%s", line);
		lost |= strstr(line, "kvm") || strstr(line, "vgic");
	}
	fclose(file);
	ksft_test_result(!lost, "leaks\n");
}

int main(int argc, char **argv)
{
	int i, plan = 1;

	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	__TEST_REQUIRE(fail_nth >= 0, "no /proc/thread-self/fail-nth");
	tt_gic = 3;

	set_debugfs("failslab/ignore-gfp-wait", "N");
	set_debugfs("failslab/verbose", "0");
	set_debugfs("fail_page_alloc/ignore-gfp-wait", "N");
	set_debugfs("fail_page_alloc/ignore-gfp-highmem", "N");
	set_debugfs("fail_page_alloc/min-order", "0");
	set_debugfs("fail_page_alloc/verbose", "0");
	set_debugfs("kmemleak", "clear");

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		plan += steps[i].fails != PLAIN;
	ksft_print_header();
	ksft_set_plan(plan);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].fails != PLAIN)
			try_step(&steps[i]);
	find_leaks();
	ksft_finished();
}
