/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FP/SIMD and SVE registers with a pattern, over what the includer has in mind.
 *
 * Between load and store the compiler must not get a chance to use a register,
 * so both and what is in between are one asm statement.
 */
#ifndef SELFTEST_KVM_SWITCH_FP_H
#define SELFTEST_KVM_SWITCH_FP_H

#include <asm/unistd.h>
#include <linux/kvm.h>

#include "kvm_util.h"

#define MAX_VL		256

struct fp_state {
	u8 z[32 * MAX_VL];
	u8 p[16 * MAX_VL / 8];
	u8 ffr[MAX_VL / 8];
	u64 fpsr, fpcr;
	u64 vl;
};

#define FOR_Z	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
#define FOR_P	".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"

/* x9: state to load, x10: to store to, x11, x12: scratch. */
#define FP_ADDR(base, field)						\
	"mov x11, %[" field "]\n add x11, x11, " base "\n"

#define FP_LOAD_V	FOR_Z "ldr q\\n, [x9, #16 * \\n]\n .endr\n"
#define FP_STORE_V	FOR_Z "str q\\n, [x10, #16 * \\n]\n .endr\n"
#define FP_LOAD_Z							\
	".arch_extension sve\n"						\
	FP_ADDR("x9", "ffr") "ldr p0, [x11]\n wrffr p0.b\n"		\
	FP_ADDR("x9", "p") FOR_P "ldr p\\n, [x11, #\\n, mul vl]\n .endr\n" \
	FOR_Z "ldr z\\n, [x9, #\\n, mul vl]\n .endr\n"
#define FP_STORE_Z							\
	FOR_Z "str z\\n, [x10, #\\n, mul vl]\n .endr\n"			\
	FP_ADDR("x10", "p") FOR_P "str p\\n, [x11, #\\n, mul vl]\n .endr\n" \
	FP_ADDR("x10", "ffr") "rdffr p0.b\n str p0, [x11]\n"
#define FP_LOAD_STATUS							\
	FP_ADDR("x9", "fpsr") "ldp x11, x12, [x11]\n"			\
	"msr fpsr, x11\n msr fpcr, x12\n"
#define FP_STORE_STATUS							\
	"mrs x11, fpsr\n mrs x12, fpcr\n msr fpcr, xzr\n"		\
	"mov x9, %[fpsr]\n add x10, x10, x9\n stp x11, x12, [x10]\n"
#define FP_OFFSETS							\
	[p] "i" (offsetof(struct fp_state, p)),				\
	[ffr] "i" (offsetof(struct fp_state, ffr)),			\
	[fpsr] "i" (offsetof(struct fp_state, fpsr))
#define FP_CLOBBERS "x11", "x12", "memory", "cc",			\
	"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9",	\
	"v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",	\
	"v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",	\
	"v28", "v29", "v30", "v31"

/* Loads from x9, does @what, stores to x10, with or without SVE. */
#define WITH_FP(sve, what, ...)						\
do {									\
	if (sve)							\
		asm volatile(FP_LOAD_Z FP_LOAD_STATUS what		\
			     FP_STORE_Z FP_STORE_STATUS __VA_ARGS__);	\
	else								\
		asm volatile(FP_LOAD_V FP_LOAD_STATUS what		\
			     FP_STORE_V FP_STORE_STATUS __VA_ARGS__);	\
} while (0)

static inline u64 rdvl(void)
{
	u64 vl;

	asm volatile(".arch_extension sve\n rdvl %0, #1" : "=r" (vl));
	return vl;
}

/* A vector length of 0: V registers only. */
static inline void fp_fill(struct fp_state *s, u64 vl, u64 seed)
{
	u64 bytes = 32 * (vl ?: 16), i;

	s->vl = vl;
	for (i = 0; i < bytes; i++)
		s->z[i] = seed * 37 + i * 11 + (i >> 8) * 5 + 1;
	for (i = 0; i < 16 * vl / 8; i++)
		s->p[i] = seed * 73 + i * 29 + 3;
	/* An FFR has the first so many bits set. */
	for (i = 0; i < vl / 8; i++)
		s->ffr[i] = i < seed % (vl / 8) ? 0xff : i == seed % (vl / 8) ? 0x0f : 0;
	/* Cumulative flags; rounding, flush to zero, default NaN. */
	s->fpsr = (seed & 0x1f) | (seed & 1) << 27;
	s->fpcr = (seed & 0xf) << 22;
}

/* The byte of a difference + 1, or 0. */
static inline u64 fp_differ(const struct fp_state *a, const struct fp_state *b)
{
	u64 bytes = 32 * (a->vl ?: 16), i;

	for (i = 0; i < bytes; i++)
		if (a->z[i] != b->z[i])
			return i + 1;
	for (i = 0; i < 16 * a->vl / 8; i++)
		if (a->p[i] != b->p[i])
			return 0x10000 + i;
	for (i = 0; i < a->vl / 8; i++)
		if (a->ffr[i] != b->ffr[i])
			return 0x20000 + i;
	if (a->fpsr != b->fpsr)
		return 0x30000;
	return a->fpcr != b->fpcr ? 0x30001 : 0;
}

/* Host */

static bool host_sve;

/*
 * A bare system call, KVM_RUN for one, with a pattern in the registers. The V
 * registers survive that, and the rest of an SVE register is 0 after it.
 */
static inline long fp_syscall(long nr, long arg0, long arg1, u64 seed, u64 *differ)
{
	static __thread struct fp_state want, got;
	register struct fp_state *from asm("x9") = &want;
	register struct fp_state *to asm("x10") = &got;
	register long x0 asm("x0") = arg0;
	register long x1 asm("x1") = arg1;
	register long x2 asm("x2") = 0;
	register long x8 asm("x8") = nr;
	u64 vl = host_sve ? rdvl() : 0, i;
	long ret;

	fp_fill(&want, vl, seed);
	x0 = arg0;
	x1 = arg1;
	x2 = 0;
	x8 = nr;
	from = &want;
	to = &got;
	WITH_FP(host_sve, "svc #0\n",
		: "+r" (from), "+r" (to), "+r" (x0)
		: "r" (x1), "r" (x2), "r" (x8), FP_OFFSETS
		: FP_CLOBBERS);
	ret = x0;

	for (i = 0; i < 32 * vl; i++)
		if (i % vl >= 16)
			want.z[i] = 0;
	memset(want.p, 0, sizeof(want.p));
	memset(want.ffr, 0, sizeof(want.ffr));
	*differ = fp_differ(&want, &got);
	return ret;
}

/* The same with no system call but what the CPU is taken away for. */
static inline u64 fp_spin(u64 loops, u64 seed)
{
	static __thread struct fp_state want, got;
	register struct fp_state *from asm("x9") = &want;
	register struct fp_state *to asm("x10") = &got;

	fp_fill(&want, host_sve ? rdvl() : 0, seed);
	from = &want;
	to = &got;
	WITH_FP(host_sve,
		"mov x11, %[loops]\n"
		"1: subs x11, x11, #1\n"
		"b.ne 1b\n",
		: "+r" (from), "+r" (to)
		: [loops] "r" (loops), FP_OFFSETS
		: FP_CLOBBERS);
	return fp_differ(&want, &got);
}

#endif /* SELFTEST_KVM_SWITCH_FP_H */
