// SPDX-License-Identifier: GPL-2.0
/*
 * What --cpu knows: each CPUID flag by name, and each model as a list of them.
 *
 * This is the only place that says what a feature is called and where its bit
 * is.  Which of them a guest on this host can have is not known here: that is
 * what the module's supported table says.  Sources: APM vol. 3, appendix E;
 * for 4000_0001h Documentation/virt/kvm/x86/cpuid.rst of Linux.
 */
#include <assert.h>
#include <stddef.h>

#include "cpu_models.h"

#define L1		.function = 0x1
#define L6		.function = 0x6
#define L7		.function = 0x7
#define L7_1		.function = 0x7, .index = 1
#define LD_1		.function = 0xd, .index = 1
#define PV		.function = 0x40000001
#define E1		.function = 0x80000001
#define E7		.function = 0x80000007
#define E8		.function = 0x80000008
#define E21		.function = 0x80000021

#define EAX		CPUID_EAX
#define EBX		CPUID_EBX
#define ECX		CPUID_ECX
#define EDX		CPUID_EDX
#define BIT(n)		(1u << (n))

/* @leaf is an initializer or two, of function and index. */
#define FLAG(flag, leaf, r, bit, ...) \
	{ .name = flag, leaf, .reg = r, .mask = BIT(bit), __VA_ARGS__ }
#define NEEDS(flag)	.needs = flag
#define OF_HOST		.kind = CPU_FLAG_HOST
#define OF_VMCTL	.kind = CPU_FLAG_VMCTL

const struct cpu_flag cpu_flags[] = {
	FLAG("fpu", L1, EDX, 0),
	FLAG("vme", L1, EDX, 1),
	FLAG("de", L1, EDX, 2),
	FLAG("pse", L1, EDX, 3),
	FLAG("tsc", L1, EDX, 4),
	FLAG("msr", L1, EDX, 5),
	FLAG("pae", L1, EDX, 6),
	FLAG("mce", L1, EDX, 7),
	FLAG("cx8", L1, EDX, 8),
	FLAG("apic", L1, EDX, 9),
	FLAG("sep", L1, EDX, 11),
	FLAG("mtrr", L1, EDX, 12),
	FLAG("pge", L1, EDX, 13),
	FLAG("mca", L1, EDX, 14),
	FLAG("cmov", L1, EDX, 15),
	FLAG("pat", L1, EDX, 16),
	FLAG("pse36", L1, EDX, 17),
	FLAG("clflush", L1, EDX, 19),
	FLAG("mmx", L1, EDX, 23),
	FLAG("fxsr", L1, EDX, 24),
	FLAG("sse", L1, EDX, 25, NEEDS("fxsr")),
	FLAG("sse2", L1, EDX, 26, NEEDS("sse")),

	FLAG("sse3", L1, ECX, 0, NEEDS("sse2")),
	FLAG("pclmulqdq", L1, ECX, 1, NEEDS("sse2")),
	FLAG("ssse3", L1, ECX, 9, NEEDS("sse3")),
	FLAG("cx16", L1, ECX, 13),
	FLAG("pcid", L1, ECX, 17),
	FLAG("sse4-1", L1, ECX, 19, NEEDS("ssse3")),
	FLAG("sse4-2", L1, ECX, 20, NEEDS("sse4-1")),
	FLAG("x2apic", L1, ECX, 21, NEEDS("apic")),
	FLAG("movbe", L1, ECX, 22),
	FLAG("popcnt", L1, ECX, 23),
	FLAG("tsc-deadline", L1, ECX, 24, NEEDS("apic")),
	FLAG("aes", L1, ECX, 25, NEEDS("sse2")),
	FLAG("xsave", L1, ECX, 26, NEEDS("fxsr")),
	FLAG("avx", L1, ECX, 28, NEEDS("xsave")),
	FLAG("fma", L1, ECX, 12, NEEDS("avx")),
	FLAG("f16c", L1, ECX, 29, NEEDS("avx")),
	FLAG("rdrand", L1, ECX, 30),
	FLAG("hypervisor", L1, ECX, 31, OF_HOST),

	FLAG("arat", L6, EAX, 2, OF_HOST),

	FLAG("fsgsbase", L7, EBX, 0),
	FLAG("bmi1", L7, EBX, 3),
	FLAG("avx2", L7, EBX, 5, NEEDS("avx")),
	FLAG("smep", L7, EBX, 7),
	FLAG("bmi2", L7, EBX, 8),
	FLAG("erms", L7, EBX, 9),
	FLAG("invpcid", L7, EBX, 10),
	FLAG("avx512f", L7, EBX, 16, NEEDS("avx2")),
	FLAG("avx512dq", L7, EBX, 17, NEEDS("avx512f")),
	FLAG("rdseed", L7, EBX, 18),
	FLAG("adx", L7, EBX, 19),
	FLAG("smap", L7, EBX, 20),
	FLAG("avx512ifma", L7, EBX, 21, NEEDS("avx512f")),
	FLAG("clflushopt", L7, EBX, 23),
	FLAG("clwb", L7, EBX, 24),
	FLAG("avx512cd", L7, EBX, 28, NEEDS("avx512f")),
	FLAG("sha-ni", L7, EBX, 29),
	FLAG("avx512bw", L7, EBX, 30, NEEDS("avx512f")),
	FLAG("avx512vl", L7, EBX, 31, NEEDS("avx512f")),

	FLAG("avx512vbmi", L7, ECX, 1, NEEDS("avx512f")),
	FLAG("umip", L7, ECX, 2),
	FLAG("avx512-vbmi2", L7, ECX, 6, NEEDS("avx512f")),
	FLAG("gfni", L7, ECX, 8),
	FLAG("vaes", L7, ECX, 9, NEEDS("avx")),
	FLAG("vpclmulqdq", L7, ECX, 10, NEEDS("avx")),
	FLAG("avx512-vnni", L7, ECX, 11, NEEDS("avx512f")),
	FLAG("avx512-bitalg", L7, ECX, 12, NEEDS("avx512f")),
	FLAG("avx512-vpopcntdq", L7, ECX, 14, NEEDS("avx512f")),
	FLAG("la57", L7, ECX, 16),
	FLAG("rdpid", L7, ECX, 22),
	FLAG("movdiri", L7, ECX, 27),
	FLAG("movdir64b", L7, ECX, 28),

	FLAG("fsrm", L7, EDX, 4),
	FLAG("avx512-vp2intersect", L7, EDX, 8, NEEDS("avx512f")),

	FLAG("avx-vnni", L7_1, EAX, 4, NEEDS("avx2")),
	FLAG("avx512-bf16", L7_1, EAX, 5, NEEDS("avx512f")),
	FLAG("fzrm", L7_1, EAX, 10),
	FLAG("fsrs", L7_1, EAX, 11),
	FLAG("fsrc", L7_1, EAX, 12),
	FLAG("avx-ifma", L7_1, EAX, 23, NEEDS("avx2")),

	FLAG("xsaveopt", LD_1, EAX, 0, NEEDS("xsave")),
	FLAG("xsavec", LD_1, EAX, 1, NEEDS("xsave")),
	FLAG("xgetbv1", LD_1, EAX, 2, NEEDS("xsave")),

	FLAG("syscall", E1, EDX, 11),
	FLAG("nx", E1, EDX, 20),
	FLAG("mmxext", E1, EDX, 22, NEEDS("mmx")),
	FLAG("fxsr-opt", E1, EDX, 25, NEEDS("fxsr")),
	FLAG("pdpe1gb", E1, EDX, 26),
	FLAG("rdtscp", E1, EDX, 27, NEEDS("tsc")),
	FLAG("lm", E1, EDX, 29),
	FLAG("3dnow", E1, EDX, 31, NEEDS("mmx")),
	FLAG("3dnowext", E1, EDX, 30, NEEDS("3dnow")),

	FLAG("lahf-lm", E1, ECX, 0),
	FLAG("cr8-legacy", E1, ECX, 4),
	FLAG("abm", E1, ECX, 5),
	FLAG("sse4a", E1, ECX, 6, NEEDS("sse3")),
	FLAG("misalignsse", E1, ECX, 7, NEEDS("sse")),
	FLAG("3dnowprefetch", E1, ECX, 8),
	FLAG("osvw", E1, ECX, 9),
	FLAG("xop", E1, ECX, 11, NEEDS("avx")),
	FLAG("fma4", E1, ECX, 16, NEEDS("avx")),
	FLAG("tbm", E1, ECX, 21),
	FLAG("topoext", E1, ECX, 22, OF_VMCTL),

	FLAG("invtsc", E7, EDX, 8, OF_HOST),

	FLAG("clzero", E8, EBX, 0),
	FLAG("xsaveerptr", E8, EBX, 2, NEEDS("xsave")),
	FLAG("wbnoinvd", E8, EBX, 9),
	FLAG("ibpb", E8, EBX, 12, OF_HOST),
	FLAG("ibrs", E8, EBX, 14, OF_HOST),
	FLAG("stibp", E8, EBX, 15, OF_HOST),
	FLAG("stibp-always-on", E8, EBX, 17, OF_HOST),
	FLAG("amd-ssbd", E8, EBX, 24, OF_HOST),
	FLAG("amd-ssb-no", E8, EBX, 26, OF_HOST),
	FLAG("psfd", E8, EBX, 28, OF_HOST),
	FLAG("btc-no", E8, EBX, 29, OF_HOST),
	FLAG("ibpb-ret", E8, EBX, 30, OF_HOST),

	FLAG("no-nested-data-bp", E21, EAX, 0, OF_HOST),
	FLAG("lfence-always-serializing", E21, EAX, 2, OF_HOST),
	FLAG("null-sel-clr-base", E21, EAX, 6, OF_HOST),
	FLAG("no-smm-ctl-msr", E21, EAX, 9, OF_HOST),
	FLAG("ibpb-brtype", E21, EAX, 28, OF_HOST),
	FLAG("srso-no", E21, EAX, 29, OF_HOST),
	FLAG("srso-user-kernel-no", E21, EAX, 30, OF_HOST),

	/* The clock's two numberings of the same MSRs go together. */
	{ .name = "kvmclock", PV, .reg = EAX, .mask = BIT(0) | BIT(3), OF_HOST },
	FLAG("kvm-nopiodelay", PV, EAX, 1, OF_HOST),
	FLAG("kvm-asyncpf", PV, EAX, 4, OF_HOST),
	FLAG("kvm-steal-time", PV, EAX, 5, OF_HOST),
	FLAG("kvm-pv-eoi", PV, EAX, 6, OF_HOST),
	FLAG("kvm-pv-unhalt", PV, EAX, 7, OF_HOST),
	FLAG("kvm-pv-tlb-flush", PV, EAX, 9, NEEDS("kvm-steal-time"), OF_HOST),
	FLAG("kvm-asyncpf-vmexit", PV, EAX, 10, NEEDS("kvm-asyncpf"), OF_HOST),
	FLAG("kvm-pv-ipi", PV, EAX, 11, OF_HOST),
	FLAG("kvm-poll-control", PV, EAX, 12, OF_HOST),
	FLAG("kvm-pv-sched-yield", PV, EAX, 13, OF_HOST),
	FLAG("kvm-asyncpf-int", PV, EAX, 14, NEEDS("kvm-asyncpf"), OF_HOST),
	FLAG("kvm-msi-ext-dest-id", PV, EAX, 15, OF_HOST),
	FLAG("kvmclock-stable", PV, EAX, 24, NEEDS("kvmclock"), OF_HOST),
};

const unsigned int cpu_nr_flags = sizeof(cpu_flags) / sizeof(cpu_flags[0]);

static_assert(sizeof(cpu_flags) / sizeof(cpu_flags[0]) <= CPU_MAX_FLAGS, "raise CPU_MAX_FLAGS");

/* What every 64-bit kernel and program takes for granted. */
#define X86_64	"fpu de pse tsc msr pae mce cx8 apic mtrr pge cmov pat clflush mmx fxsr sse sse2 " \
		"syscall nx lm"

const struct cpu_model cpu_models[] = {
	{
		.name = "opteron-g3",
		.brand = "AMD Opteron 23xx (Gen 3 Class Opteron)",
		.family = 0x10,
		.model = 2,
		.stepping = 3,
		.max_basic = 0x5,
		.max_ext = 0x8000001a,
		.required = X86_64 " sse3 cx16 lahf-lm",
		.optional = "vme sep mca pse36 popcnt mmxext fxsr-opt rdtscp "
			    "cr8-legacy abm sse4a misalignsse 3dnowprefetch",
	},
	{
		/* Required: up to x86-64-v3, for which programs are compiled. */
		.name = "epyc",
		.brand = "AMD EPYC Processor",
		.family = 0x17,
		.model = 1,
		.stepping = 2,
		.max_basic = 0xd,
		.max_ext = 0x8000001f,
		.required = X86_64 " sse3 cx16 lahf-lm popcnt ssse3 sse4-1 sse4-2 "
			    "xsave avx avx2 bmi1 bmi2 f16c fma abm movbe",
		.optional = "vme sep mca pse36 pclmulqdq aes rdrand x2apic fsgsbase smep rdseed "
			    "adx smap clflushopt sha-ni xsaveopt xsavec xgetbv1 mmxext fxsr-opt "
			    "pdpe1gb rdtscp cr8-legacy sse4a misalignsse 3dnowprefetch osvw "
			    "topoext clzero xsaveerptr",
	},
};

const unsigned int cpu_nr_models = sizeof(cpu_models) / sizeof(cpu_models[0]);
