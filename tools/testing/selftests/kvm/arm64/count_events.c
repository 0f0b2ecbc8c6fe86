// SPDX-License-Identifier: GPL-2.0
/*
 * count_events COUNTERS <REQUESTS - counts the trace events of the whole machine.
 * Not a test: a tool for scripts that run some.
 *
 * COUNTERS has one line a counter: NAME SYSTEM EVENT [FILTER], where FILTER is one
 * as the event's filter file takes it; "* SYSTEM *" is each event of a system, by
 * its own name. Each line of REQUESTS names a file, which gets "NAME COUNT" for each
 * counter and appears when it is complete; then all of them count from 0 again.
 *
 * perf's counters have no buffer that could overflow, and count on each CPU
 * whatever runs there: a soft timer's interrupt hits any task. They stay open from
 * test to test, as opening and closing them takes the kernel seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

#define EVENTS		"/sys/kernel/tracing/events"
#define MAX_COUNTERS	512
#define MAX_CPUS	64
#define TROUBLE		125

struct counter {
	char name[64];
	int fd[MAX_CPUS];
};

static struct counter counters[MAX_COUNTERS];
static int nr_counters, nr_cpus;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	fputs("count_events: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(errno));
	exit(TROUBLE);
}

static unsigned long event_id(const char *system, const char *event)
{
	char path[256];
	unsigned long id;
	FILE *file;

	snprintf(path, sizeof(path), EVENTS "/%s/%s/id", system, event);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lu", &id) != 1)
		die("no event %s:%s", system, event);
	fclose(file);
	return id;
}

static void add_counter(const char *name, const char *system, const char *event,
			const char *filter)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = event_id(system, event),
	};
	struct counter *c = &counters[nr_counters];
	int cpu;

	if (nr_counters == MAX_COUNTERS)
		die("too many counters");
	snprintf(c->name, sizeof(c->name), "%s", name);
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		c->fd[cpu] = syscall(__NR_perf_event_open, &attr, -1, cpu, -1,
				     PERF_FLAG_FD_CLOEXEC);
		if (c->fd[cpu] < 0)
			die("%s on CPU %d", name, cpu);
		if (*filter && ioctl(c->fd[cpu], PERF_EVENT_IOC_SET_FILTER, filter))
			die("%s: filter '%s'", name, filter);
	}
	nr_counters++;
}

static void add_system(const char *system)
{
	char path[512];
	struct dirent *entry;
	DIR *events;

	snprintf(path, sizeof(path), EVENTS "/%s", system);
	events = opendir(path);
	if (!events)
		die("%s", path);
	while ((entry = readdir(events))) {
		snprintf(path, sizeof(path), EVENTS "/%s/%s/id", system, entry->d_name);
		if (!access(path, R_OK))
			add_counter(entry->d_name, system, entry->d_name, "");
	}
	closedir(events);
}

static void read_counters(const char *path)
{
	char line[512], name[64], system[64], event[64], filter[256];
	FILE *file = fopen(path, "r");

	if (!file)
		die("%s", path);
	while (fgets(line, sizeof(line), file)) {
		filter[0] = '\0';
		if (sscanf(line, "%63s %63s %63s %255[^\n]", name, system, event, filter) < 3)
			die("%s: not a counter: %s", path, line);
		if (strcmp(event, "*"))
			add_counter(name, system, event, filter);
		else
			add_system(system);
	}
	fclose(file);
}

static uint64_t take_count(struct counter *c)
{
	uint64_t sum = 0, value;
	int cpu;

	for (cpu = 0; cpu < nr_cpus; cpu++) {
		if (read(c->fd[cpu], &value, sizeof(value)) != sizeof(value) ||
		    ioctl(c->fd[cpu], PERF_EVENT_IOC_RESET, 0))
			die("%s", c->name);
		sum += value;
	}
	return sum;
}

static void answer(const char *path)
{
	char unfinished[256];
	FILE *file;
	int i;

	snprintf(unfinished, sizeof(unfinished), "%s.tmp", path);
	file = fopen(unfinished, "w");
	if (!file)
		die("%s", unfinished);
	for (i = 0; i < nr_counters; i++)
		fprintf(file, "%s %llu\n", counters[i].name,
			(unsigned long long)take_count(&counters[i]));
	if (fclose(file) || rename(unfinished, path))
		die("%s", path);
}

int main(int argc, char **argv)
{
	char path[240];

	if (argc != 2) {
		fputs("usage: count_events COUNTERS <REQUESTS\n", stderr);
		return TROUBLE;
	}
	nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (nr_cpus < 1 || nr_cpus > MAX_CPUS)
		die("%d CPUs", nr_cpus);
	read_counters(argv[1]);
	while (fgets(path, sizeof(path), stdin)) {
		path[strcspn(path, "\n")] = '\0';
		answer(path);
	}
	return 0;
}
