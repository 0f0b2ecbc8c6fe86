// SPDX-License-Identifier: GPL-2.0
/*
 * bench_memory - kernel memory that a VM and each of its vCPUs take.
 *
 * Summed from the kmem tracepoints: what this process allocates while it makes
 * a VM, less what anybody frees of that until things have calmed down. Pages
 * that the slab allocator takes for itself don't count, the objects it makes of
 * them do; the stack traces tell. Wants root and tracefs, which is mounted if
 * it isn't. A tracing instance of its own leaves other users of tracing alone.
 */
#include <search.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "bench_bare.h"
#include "kselftest.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/kvm_bench_memory"
#define BUFFER_KB	"16384"
#define MORE_VCPUS	8
#define WARM_UPS	3
#define MAX_BLOCKS	65536

struct block {
	char where[32];
	long bytes;
	bool is_page, freed;
};

static struct block blocks[MAX_BLOCKS];
static int nr_blocks;
static void *live;
static long page_size;
static FILE *trace;

static void __noreturn skip(const char *reason, const char *why)
{
	printf("memory: skip=%s\n# %s\n", reason, why);
	exit(KSFT_SKIP);
}

/* tracefs */

static void put(const char *file, const char *value)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), INSTANCE "/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	TEST_ASSERT(fd >= 0 && write(fd, value, strlen(value)) == strlen(value),
		    "Can't write '%s' to %s: %s", value, path, strerror(errno));
	close(fd);
}

/* It can't be removed while a file of it is open. */
static void remove_instance(void)
{
	if (trace)
		close(fileno(trace));
	rmdir(INSTANCE);
}

static void end_by_signal(int sig)
{
	remove_instance();
	_exit(KSFT_FAIL);
}

static void need_tracefs(void)
{
	if (geteuid())
		skip("no-root", "Tracepoints are read by root: run it as root");
	if (access(TRACEFS "/instances", F_OK) &&
	    mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		skip("no-tracefs", "Can't mount tracefs on " TRACEFS ": has the kernel CONFIG_FTRACE?");
	if (access(TRACEFS "/events/kmem/kmalloc", F_OK))
		skip("no-tracepoints", "No events/kmem in tracefs: has the kernel CONFIG_EVENT_TRACING?");
}

static void create_instance(void)
{
	remove_instance();
	TEST_ASSERT(!mkdir(INSTANCE, 0700), "Can't create %s: %s", INSTANCE, strerror(errno));
	atexit(remove_instance);
	signal(SIGINT, end_by_signal);
	signal(SIGTERM, end_by_signal);
	if (access(INSTANCE "/options/stacktrace", F_OK))
		skip("no-stacktrace", "No stack traces in tracefs: has the kernel CONFIG_STACKTRACE?");
}

static void start_tracing(void)
{
	static const char * const alloc[] = { "kmalloc", "kmem_cache_alloc", "mm_page_alloc" };
	static const char * const free[] = { "kfree", "kmem_cache_free", "mm_page_free" };
	char file[64], filter[32];
	int i;

	put("tracing_on", "0");
	put("trace", "\n");
	put("buffer_size_kb", BUFFER_KB);
	put("options/stacktrace", "1");
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	for (i = 0; i < ARRAY_SIZE(alloc); i++) {
		/* What others free matters: workers and RCU do it for us. */
		snprintf(file, sizeof(file), "events/kmem/%s/filter", alloc[i]);
		put(file, filter);
		snprintf(file, sizeof(file), "events/kmem/%s/enable", alloc[i]);
		put(file, "1");
		snprintf(file, sizeof(file), "events/kmem/%s/enable", free[i]);
		put(file, "1");
	}
	put("tracing_on", "1");
}

/* A part of the trace that is missing would make the sum wrong. */
static void check_lost(void)
{
	char path[128], line[128];
	unsigned long lost;
	FILE *f;
	int cpu;

	for (cpu = 0; ; cpu++) {
		snprintf(path, sizeof(path), INSTANCE "/per_cpu/cpu%d/stats", cpu);
		f = fopen(path, "r");
		if (!f)
			break;
		while (fgets(line, sizeof(line), f))
			TEST_ASSERT((sscanf(line, "overrun: %lu", &lost) != 1 &&
				     sscanf(line, "dropped events: %lu", &lost) != 1) || !lost,
				    "The trace buffer is too small, %lu events are lost", lost);
		fclose(f);
	}
	TEST_ASSERT(cpu, "No %s/per_cpu", INSTANCE);
}

/* The sum */

static int compare_blocks(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return x->is_page != y->is_page ? x->is_page - y->is_page :
					  strcmp(x->where, y->where);
}

static bool field(const char *line, const char *name, char *value, size_t size)
{
	const char *p = strstr(line, name);
	size_t len;

	if (!p)
		return false;
	p += strlen(name);
	len = strcspn(p, " \n");
	if (len >= size)
		return false;
	memcpy(value, p, len);
	value[len] = 0;
	return true;
}

/* A big kmalloc() is traced twice, by the function that makes it and its caller. */
static struct block *add_block(const char *line, bool is_page)
{
	struct block *b = &blocks[nr_blocks], *known;
	char number[32];

	TEST_ASSERT(nr_blocks < MAX_BLOCKS, "More than %d allocations", MAX_BLOCKS);
	TEST_ASSERT(field(line, is_page ? " pfn=" : " ptr=", b->where, sizeof(b->where)) &&
		    field(line, is_page ? " order=" : " bytes_alloc=", number, sizeof(number)),
		    "Can't read the trace: %s", line);
	b->is_page = is_page;
	b->bytes = is_page ? page_size << atoi(number) : atol(number);
	b->freed = false;
	known = *(struct block **)tsearch(b, &live, compare_blocks);
	TEST_ASSERT(known == b || known->bytes == b->bytes,
		    "Allocated while not free: %s", line);
	nr_blocks += known == b;
	return known;
}

static void free_block(const char *line, bool is_page)
{
	struct block key = { .is_page = is_page }, **b;

	if (!field(line, is_page ? " pfn=" : " ptr=", key.where, sizeof(key.where)))
		return;
	b = tfind(&key, &live, compare_blocks);
	if (!b)
		return;
	(*b)->freed = true;
	tdelete(&key, &live, compare_blocks);
}

/* kvmalloc() isn't the slab allocator's, and has none of these in its name. */
static bool is_slab_frame(const char *line)
{
	return strstr(line, "=> ") &&
	       (strstr(line, "slab") || strstr(line, " kmem_cache_alloc") ||
		strstr(line, " __kmalloc") || strstr(line, " ___kmalloc") ||
		strstr(line, " kmalloc"));
}

static void read_trace(void)
{
	struct block *page = NULL;
	char line[1024];

	trace = fopen(INSTANCE "/trace", "r");
	TEST_ASSERT(trace, "Can't read %s/trace: %s", INSTANCE, strerror(errno));
	while (fgets(line, sizeof(line), trace)) {
		if (page && is_slab_frame(line))
			page->bytes = 0;
		if (strstr(line, ": kmalloc: ") || strstr(line, ": kmem_cache_alloc: "))
			add_block(line, false);
		else if (strstr(line, ": kfree: ") || strstr(line, ": kmem_cache_free: "))
			free_block(line, false);
		else if (strstr(line, ": mm_page_free: "))
			free_block(line, true);
		if (strstr(line, ": mm_page_alloc: "))
			page = add_block(line, true);
		else if (!strstr(line, "=> ") && !strstr(line, "<stack trace>"))
			page = NULL;
	}
	fclose(trace);
	trace = NULL;
}

static long sum_live(bool is_page)
{
	long sum = 0;
	int i;

	for (i = 0; i < nr_blocks; i++)
		if (!blocks[i].freed && blocks[i].is_page == is_page)
			sum += blocks[i].bytes;
	return sum;
}

static void forget_blocks(void)
{
	while (live)
		tdelete(*(struct block **)live, &live, compare_blocks);
	nr_blocks = 0;
}

/* RCU and workers have to be done with what they free. */
static void calm_down(void)
{
	usleep(500000);
}

/* Bytes that a VM with @nr_vcpus takes. */
static long measure(int kvm_fd, int nr_vcpus)
{
	struct bare_vm vm;
	long slab, pages;

	calm_down();
	start_tracing();
	bare_vm_create(&vm, kvm_fd, nr_vcpus);
	calm_down();
	put("tracing_on", "0");
	check_lost();
	read_trace();
	slab = sum_live(false);
	pages = sum_live(true);
	forget_blocks();
	bare_vm_destroy(&vm);
	printf("# %d vCPUs: %ld bytes of slab objects, %ld of pages\n", nr_vcpus, slab, pages);
	return slab + pages;
}

static void warm_up(int kvm_fd)
{
	struct bare_vm vm;
	int i;

	for (i = 0; i < WARM_UPS; i++) {
		bare_vm_create(&vm, kvm_fd, 1 + MORE_VCPUS);
		bare_vm_destroy(&vm);
	}
}

static bool has_gicv3(int kvm_fd)
{
	struct kvm_create_device dev = {
		.type = KVM_DEV_TYPE_ARM_VGIC_V3,
		.flags = KVM_CREATE_DEVICE_TEST,
	};
	int vm_fd = bare_ioctl(kvm_fd, KVM_CREATE_VM, 0UL);
	int ret = ioctl(vm_fd, KVM_CREATE_DEVICE, &dev);

	close(vm_fd);
	return !ret;
}

int main(int argc, char **argv)
{
	long one, more, vcpu;
	int kvm_fd;

	if (argc > 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return KSFT_FAIL;
	}
	setlinebuf(stdout);
	page_size = getpagesize();
	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		skip("no-KVM", "Can't open /dev/kvm");
	if (!has_gicv3(kvm_fd))
		skip("no-GICv3", "The VMs measured have a GICv3");
	need_tracefs();
	create_instance();
	warm_up(kvm_fd);
	one = measure(kvm_fd, 1);
	more = measure(kvm_fd, 1 + MORE_VCPUS);
	vcpu = (more - one) / MORE_VCPUS;
	printf("memory: what=vm bytes=%ld\n", one - vcpu);
	printf("memory: what=vcpu bytes=%ld\n", vcpu);
	return KSFT_PASS;
}
