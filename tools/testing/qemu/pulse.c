// SPDX-License-Identifier: GPL-2.0
/*
 * pulse - what goes on in a guest while it is migrated, and a witness of it
 *
 * A periodic timer on each CPU; on the last CPU also sleeps, one after the
 * other, a disk that is read all the time, and a port on which questions are
 * answered. The other CPUs are woken by their timers alone, so that one that
 * is lost stays lost. At the end it is told on standard output what happened,
 * a "@@guest: key=value" line each.
 *
 * The machine may be slow and busy at any time, so nothing here is judged by
 * a clock alone: how long a CPU was silent is counted in the wake-ups that
 * another one had in the meantime.
 *
 * Questions, a letter each: p - the counter; w - the wake-ups of the CPU that
 * had fewest, the last one left out; e - none more: tell, and end.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC		1000000000ll
#define PERIOD_NS	10000000ll
#define NAP_NS		(2 * NSEC)
#define MAX_CPUS	8
#define BLOCK		4096
#define READS		4096
#define NAPS		512
#define END(array)	((array) + sizeof(array) / sizeof((array)[0]))

struct ticker {
	pthread_t thread;
	_Atomic uint64_t wakes;
	uint64_t ticks, begin[2], end;
	/* Most wake-ups of another CPU between two of this one, and before which. */
	uint64_t silent, silent_until;
	int64_t late;
};

/* What the differences between a clock and the counter may have been. */
struct clock {
	clockid_t id;
	const char *name;
	int64_t low, high;
};

struct nap {
	uint64_t begin, end;
	int64_t slept;
};

struct sleeper {
	pthread_t thread;
	clockid_t id;
	const char *name;
	struct nap naps[NAPS];
	int nr;
};

static struct ticker tickers[MAX_CPUS];
static struct clock clocks[] = {
	{ .id = CLOCK_MONOTONIC, .name = "monotonic" },
	{ .id = CLOCK_MONOTONIC_RAW, .name = "raw" },
	{ .id = CLOCK_BOOTTIME, .name = "boottime" },
};
static struct sleeper sleepers[] = {
	{ .id = CLOCK_MONOTONIC, .name = "monotonic" },
	{ .id = CLOCK_BOOTTIME, .name = "boottime" },
};
static struct { uint64_t begin, end; bool right; } reads[READS];
static int nr_reads;
static _Atomic uint64_t latest, backward;
static _Atomic bool done;
static uint64_t freq, first;
static int nr_cpus;

static uint64_t counter(void)
{
	uint64_t v;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (v) :: "memory");
	return v;
}

/* The counter, which no CPU may see below what any has seen before. */
static uint64_t look(void)
{
	uint64_t before = atomic_load(&latest), now = counter();

	if (now < before)
		atomic_fetch_add(&backward, 1);
	while (now > before && !atomic_compare_exchange_weak(&latest, &before, now))
		;
	return now;
}

static int64_t ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

static int64_t counter_ns(uint64_t v)
{
	return (__int128)(v - first) * NSEC / freq;
}

/* The clock was read between two looks at the counter: both bound their difference. */
static void compare(struct clock *c, bool begin)
{
	int64_t before = counter_ns(look()), t = ns(c->id), after = counter_ns(look());

	if (begin || t - after > c->low)
		c->low = t - after;
	if (begin || t - before < c->high)
		c->high = t - before;
}

static void compare_all(bool begin)
{
	for (struct clock *c = clocks; c < END(clocks); c++) {
		compare(c, begin);
		for (int i = 0; i < 10; i++)
			compare(c, false);
	}
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %d", cpu);
}

/* How often the others have been woken while this CPU was not. */
static void note_silence(struct ticker *t, uint64_t *seen)
{
	for (int i = 0; i < nr_cpus; i++) {
		uint64_t wakes = tickers[i].wakes;

		if (wakes - seen[i] > t->silent) {
			t->silent = wakes - seen[i];
			t->silent_until = t->end;
		}
		seen[i] = wakes;
	}
}

static void *tick(void *arg)
{
	struct ticker *t = arg;
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec when = { .it_interval.tv_nsec = PERIOD_NS };
	uint64_t expired, seen[MAX_CPUS];
	int64_t start, late;

	stay_on(t - tickers);
	for (int i = 0; i < nr_cpus; i++)
		seen[i] = tickers[i].wakes;
	t->begin[0] = look();
	start = ns(CLOCK_MONOTONIC) + PERIOD_NS;
	t->begin[1] = look();
	when.it_value.tv_sec = start / NSEC;
	when.it_value.tv_nsec = start % NSEC;
	if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL))
		err(1, "timerfd");
	while (!done) {
		if (read(fd, &expired, sizeof(expired)) != sizeof(expired))
			err(1, "timerfd");
		t->end = look();
		/* What was due first has waited longest. */
		late = ns(CLOCK_MONOTONIC) - (start + (int64_t)t->ticks * PERIOD_NS);
		if (late > t->late)
			t->late = late;
		t->ticks += expired;
		t->wakes++;
		note_silence(t, seen);
	}
	return NULL;
}

static void *sleep_on(void *arg)
{
	struct sleeper *s = arg;
	struct timespec t = { .tv_sec = NAP_NS / NSEC };
	int64_t start;

	while (!done && s->nr < NAPS) {
		struct nap *n = &s->naps[s->nr++];

		n->begin = look();
		start = ns(s->id);
		if (clock_nanosleep(s->id, 0, &t, NULL))
			errx(1, "sleep");
		n->slept = ns(s->id) - start;
		n->end = look();
	}
	return NULL;
}

/* Each block of the disk holds its number all over. */
static bool is_block(const uint64_t *data, uint64_t number)
{
	for (int i = 0; i < BLOCK / 8; i++)
		if (data[i] != number)
			return false;
	return true;
}

static void *read_disk(void *unused)
{
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT);
	off_t blocks = lseek(fd, 0, SEEK_END) / BLOCK, block;
	uint64_t *data = aligned_alloc(BLOCK, BLOCK);

	(void)unused;
	if (fd < 0 || blocks <= 0)
		err(1, "/dev/vda");
	for (int i = 0; !done && i < READS; i++) {
		block = i * 7 % blocks;
		memset(data, 0xff, BLOCK);
		reads[i].begin = look();
		if (pread(fd, data, BLOCK, block * BLOCK) != BLOCK)
			err(1, "/dev/vda");
		reads[i].end = look();
		reads[i].right = is_block(data, block);
		nr_reads = i + 1;
	}
	return NULL;
}

static uint64_t fewest_wakes(void)
{
	uint64_t fewest = UINT64_MAX;

	for (int i = 0; i < nr_cpus - 1; i++)
		if (tickers[i].wakes < fewest)
			fewest = tickers[i].wakes;
	return fewest;
}

/* Answers on the port until it is told to end. */
static void serve(int port)
{
	char c;

	dprintf(port, "ready\n");
	do {
		if (read(port, &c, 1) != 1)
			err(1, "port");
		if (c == 'p')
			dprintf(port, "%" PRIu64 "\n", look());
		if (c == 'w')
			dprintf(port, "%" PRIu64 "\n", fewest_wakes());
	} while (c != 'e');
}

static void report(void)
{
	printf("@@guest: counter freq=%" PRIu64 " backward=%" PRIu64 "\n", freq, backward);
	for (struct ticker *t = tickers; t < tickers + nr_cpus; t++)
		printf("@@guest: ticks cpu=%d period=%lld ticks=%" PRIu64 " wakes=%" PRIu64
		       " begin0=%" PRIu64 " begin1=%" PRIu64 " end=%" PRIu64 " late=%" PRId64
		       " silent=%" PRIu64 " silent-until=%" PRIu64 "\n",
		       (int)(t - tickers), PERIOD_NS, t->ticks, t->wakes, t->begin[0], t->begin[1],
		       t->end, t->late, t->silent, t->silent_until);
	for (struct clock *c = clocks; c < END(clocks); c++)
		printf("@@guest: clock name=%s low=%" PRId64 " high=%" PRId64 "\n",
		       c->name, c->low, c->high);
	for (struct sleeper *s = sleepers; s < END(sleepers); s++)
		for (struct nap *n = s->naps; n < s->naps + s->nr; n++)
			printf("@@guest: nap name=%s asked=%lld slept=%" PRId64 " begin=%" PRIu64
			       " end=%" PRIu64 "\n", s->name, NAP_NS, n->slept, n->begin, n->end);
	for (int i = 0; i < nr_reads; i++)
		printf("@@guest: read begin=%" PRIu64 " end=%" PRIu64 " right=%d\n",
		       reads[i].begin, reads[i].end, reads[i].right);
}

int main(int argc, char **argv)
{
	pthread_t disk;
	int port;

	if (argc != 2 || (port = open(argv[1], O_RDWR)) < 0)
		err(1, "usage: pulse PORT");
	asm volatile("mrs %0, cntfrq_el0" : "=r" (freq));
	nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (nr_cpus > MAX_CPUS)
		nr_cpus = MAX_CPUS;
	first = look();
	compare_all(true);
	for (int i = 0; i < nr_cpus; i++)
		pthread_create(&tickers[i].thread, NULL, tick, &tickers[i]);
	stay_on(nr_cpus - 1);
	for (struct sleeper *s = sleepers; s < END(sleepers); s++)
		pthread_create(&s->thread, NULL, sleep_on, s);
	pthread_create(&disk, NULL, read_disk, NULL);
	serve(port);
	compare_all(false);
	done = true;
	for (int i = 0; i < nr_cpus; i++)
		pthread_join(tickers[i].thread, NULL);
	for (struct sleeper *s = sleepers; s < END(sleepers); s++)
		pthread_join(s->thread, NULL);
	pthread_join(disk, NULL);
	report();
	return 0;
}
