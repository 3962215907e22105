/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Every exit code of APM vol. 2, appendix C, once: SVM_EXITS(X) expands X(code, NAME) for each, in
 * rising order. The enum below, the handler table, the statistics and the tracepoints' symbolic
 * names all come from this list, so a code cannot be known to one of them and not to another. The
 * codes above 403h that VMRUN itself answers with (VMEXIT_INVALID and its kin) are negative
 * numbers, have no line of their own in a table, and stand apart.
 */
#ifndef _UAPI_SVMM_EXITS_H
#define _UAPI_SVMM_EXITS_H

#define SVM_EXITS_16(X, base, pre)					\
	X((base) + 0x0, pre##0) X((base) + 0x1, pre##1)			\
	X((base) + 0x2, pre##2) X((base) + 0x3, pre##3)			\
	X((base) + 0x4, pre##4) X((base) + 0x5, pre##5)			\
	X((base) + 0x6, pre##6) X((base) + 0x7, pre##7)			\
	X((base) + 0x8, pre##8) X((base) + 0x9, pre##9)			\
	X((base) + 0xa, pre##10) X((base) + 0xb, pre##11)		\
	X((base) + 0xc, pre##12) X((base) + 0xd, pre##13)		\
	X((base) + 0xe, pre##14) X((base) + 0xf, pre##15)

#define SVM_EXITS_EXCP(X)							\
	X(0x40, EXCP_DE) X(0x41, EXCP_DB) X(0x42, EXCP_NMI) X(0x43, EXCP_BP)	\
	X(0x44, EXCP_OF) X(0x45, EXCP_BR) X(0x46, EXCP_UD) X(0x47, EXCP_NM)	\
	X(0x48, EXCP_DF) X(0x49, EXCP_9) X(0x4a, EXCP_TS) X(0x4b, EXCP_NP)	\
	X(0x4c, EXCP_SS) X(0x4d, EXCP_GP) X(0x4e, EXCP_PF) X(0x4f, EXCP_15)	\
	X(0x50, EXCP_MF) X(0x51, EXCP_AC) X(0x52, EXCP_MC) X(0x53, EXCP_XF)	\
	X(0x54, EXCP_20) X(0x55, EXCP_CP) X(0x56, EXCP_22) X(0x57, EXCP_23)	\
	X(0x58, EXCP_24) X(0x59, EXCP_25) X(0x5a, EXCP_26) X(0x5b, EXCP_27)	\
	X(0x5c, EXCP_HV) X(0x5d, EXCP_VC) X(0x5e, EXCP_SX) X(0x5f, EXCP_31)

#define SVM_EXITS(X)								\
	SVM_EXITS_16(X, 0x00, READ_CR)					\
	SVM_EXITS_16(X, 0x10, WRITE_CR)					\
	SVM_EXITS_16(X, 0x20, READ_DR)					\
	SVM_EXITS_16(X, 0x30, WRITE_DR)					\
	SVM_EXITS_EXCP(X)							\
	X(0x60, INTR)								\
	X(0x61, NMI)								\
	X(0x62, SMI)								\
	X(0x63, INIT)								\
	X(0x64, VINTR)								\
	X(0x65, CR0_SEL_WRITE)							\
	X(0x66, IDTR_READ)							\
	X(0x67, GDTR_READ)							\
	X(0x68, LDTR_READ)							\
	X(0x69, TR_READ)							\
	X(0x6a, IDTR_WRITE)							\
	X(0x6b, GDTR_WRITE)							\
	X(0x6c, LDTR_WRITE)							\
	X(0x6d, TR_WRITE)							\
	X(0x6e, RDTSC)								\
	X(0x6f, RDPMC)								\
	X(0x70, PUSHF)								\
	X(0x71, POPF)								\
	X(0x72, CPUID)								\
	X(0x73, RSM)								\
	X(0x74, IRET)								\
	X(0x75, SWINT)								\
	X(0x76, INVD)								\
	X(0x77, PAUSE)								\
	X(0x78, HLT)								\
	X(0x79, INVLPG)								\
	X(0x7a, INVLPGA)							\
	X(0x7b, IOIO)								\
	X(0x7c, MSR)								\
	X(0x7d, TASK_SWITCH)							\
	X(0x7e, FERR_FREEZE)							\
	X(0x7f, SHUTDOWN)							\
	X(0x80, VMRUN)								\
	X(0x81, VMMCALL)							\
	X(0x82, VMLOAD)								\
	X(0x83, VMSAVE)								\
	X(0x84, STGI)								\
	X(0x85, CLGI)								\
	X(0x86, SKINIT)								\
	X(0x87, RDTSCP)								\
	X(0x88, ICEBP)								\
	X(0x89, WBINVD)								\
	X(0x8a, MONITOR)							\
	X(0x8b, MWAIT)								\
	X(0x8c, MWAIT_ARMED)							\
	X(0x8d, XSETBV)								\
	X(0x8e, RDPRU)								\
	X(0x8f, EFER_WRITE_TRAP)						\
	SVM_EXITS_16(X, 0x90, WRITE_TRAP_CR)					\
	X(0xa0, INVLPGB)							\
	X(0xa1, INVLPGB_ILLEGAL)						\
	X(0xa2, INVPCID)							\
	X(0xa3, MCOMMIT)							\
	X(0xa4, TLBSYNC)							\
	X(0xa5, BUSLOCK)							\
	X(0xa6, IDLE_HLT)							\
	X(0x400, NPF)								\
	X(0x401, AVIC_INCOMPLETE_IPI)						\
	X(0x402, AVIC_NOACCEL)							\
	X(0x403, VMGEXIT)

#define SVM_EXIT_ENUM(code, name)	SVM_EXIT_##name = (code),
enum svm_exit_code {
	SVM_EXITS(SVM_EXIT_ENUM)
};

#undef SVM_EXIT_ENUM

/* Codes below this one index a table directly; 400h to 403h and one line for all others follow. */
#define SVM_EXIT_DENSE		0xa8
#define SVM_EXIT_UNKNOWN	(SVM_EXIT_DENSE + 4)	/* see svm_exit_index() */
#define SVM_EXIT_INDEXES	(SVM_EXIT_UNKNOWN + 1)

/* Low 32 bits of what VMRUN answers when it refuses: see svm_exit_is_invalid(). */
#define SVM_EXIT_INVALID_LOW	0xffffffffU	/* VMEXIT_INVALID, -1: inconsistent state */
#define SVM_EXIT_BUSY_LOW	0xfffffffeU	/* VMEXIT_BUSY, -2: VMSA in use (SEV-ES) */
#define SVM_EXIT_IDLE_LOW	0xfffffffdU	/* VMEXIT_IDLE_REQUIRED, -3: sibling not idle */

#endif /* _UAPI_SVMM_EXITS_H */
