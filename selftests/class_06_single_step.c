// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 6: single step over an instruction that is emulated, and the
 * interrupt shadow with #DB (CVE-2018-1087, CVE-2018-8897). One #DB behind the
 * instruction, DR6.BS set, nothing else.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static void any_io(struct vmt *v, struct vmt_io *io)
{
	if (io->in)
		memset(io->data, 0, io->bytes * io->count);
}

static void any_mmio(struct vmt *v, struct vmt_mmio *m)
{
}

static void steps(struct __test_metadata *_metadata, const char *entry,
		  const char * const *insn, unsigned int count)
{
	struct vmt v;

	vmt_boot(&v, "events", entry);
	v.on_io = any_io;
	v.on_mmio = any_mmio;
	for (unsigned int i = 0; i < count; i++) {
		EXPECT_EQ(V_DB, vmt_report(&v)) {
			TH_LOG("%s", insn[i]);
		}
		EXPECT_EQ(0, (int32_t)vmt_report(&v)) {
			TH_LOG("%s: #DB is not right behind it", insn[i]);
		}
		EXPECT_EQ(0xffff4ff0, vmt_report(&v)) {
			TH_LOG("%s: DR6", insn[i]);
		}
		EXPECT_EQ(i + 1, vmt_count(&v, V_DB));
	}
	vmt_done(&v);
	vmt_close(&v);
}

TEST(emulated_instructions)
{
	static const char * const insn[] = {
		"NOP", "CPUID", "RDMSR", "OUT", "IN", "MMIO", "RDTSC", "WBINVD",
	};

	steps(_metadata, "steps_plain", insn, ARRAY_SIZE(insn));
}

/* MOV SS holds #DB back for one instruction. */
TEST(behind_mov_ss)
{
	static const char * const insn[] = { "NOP", "CPUID", "RDMSR", "OUT", "MMIO" };

	if (vmt_emulated_host())
		SKIP(return, "QEMU raises #DB behind MOV SS itself");
	steps(_metadata, "steps", insn, ARRAY_SIZE(insn));
}

TEST_HARNESS_MAIN
