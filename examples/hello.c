// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine in libsvmm's terms: one page of memory, one CPU in real mode.  What the guest
 * writes to port E9h is printed; what it writes to port F4h ends it, and is the status.
 *
 *	cc hello.c -lsvmm -o hello
 */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libsvmm.h>

#define PRINT_PORT	0xe9
#define EXIT_PORT	0xf4
#define TEXT		0x100

static alignas(4096) unsigned char memory[4096] = {
	0xbe, 0x00, 0x01,	/*		mov	$TEXT, %si	*/
	0xac,			/* next:	lodsb			*/
	0xe6, PRINT_PORT,	/*		out	%al, $0xe9	*/
	0x3c, '\n',		/*		cmp	$'\n', %al	*/
	0x75, 0xf9,		/*		jne	next		*/
	0xb0, 42,		/*		mov	$42, %al	*/
	0xe6, EXIT_PORT,	/*		out	%al, $0xf4	*/
	0xf4,			/*		hlt			*/
};

static int check(int ret, unsigned long request, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "hello: cannot %s: %s\n", what, svmm_explain(request, ret));
	exit(1);
}

/* A CPU comes out of reset at F000:FFF0, where this machine has no memory. */
static void start_at_0(int vcpu, struct svmm_vcpu_page *page)
{
	check(svmm_get_state(vcpu, SVMM_STATE_GPR | SVMM_STATE_SEG), SVMM_GET_STATE, "get state");
	page->seg.cs.selector = 0;
	page->seg.cs.base = 0;
	page->gpr.rip = 0;
	page->dirty = SVMM_STATE_GPR | SVMM_STATE_SEG;
}

static int run_guest(int vcpu, struct svmm_vcpu_page *page)
{
	const struct svmm_exit *e = &page->exit;
	const char *data;
	int ret;

	for (;;) {
		ret = svmm_run(vcpu);
		if (ret == -EINTR)
			continue;
		check(ret, SVMM_RUN, "run the guest");
		if (e->reason != SVMM_EXIT_IO || e->io.direction != SVMM_IO_OUT)
			break;
		data = (char *)page + e->io.data_offset;
		if (e->io.port == EXIT_PORT)
			return (unsigned char)*data;
		if (e->io.port == PRINT_PORT)
			fwrite(data, e->io.bytes, e->io.count, stdout);
	}
	fprintf(stderr, "hello: the guest ended by %s\n", svmm_exit_name(e->reason));
	return 1;
}

int main(void)
{
	struct svmm_vcpu_page *page;
	struct svmm_caps caps;
	int svmm, vm, vcpu;

	svmm = check(svmm_open(), 0, "open " SVMM_DEVICE);
	check(svmm_get_caps(svmm, &caps), SVMM_GET_CAPS, "ask the module what it can do");
	vm = check(svmm_create_vm(svmm, "hello"), SVMM_CREATE_VM, "create a VM");
	strcpy((char *)memory + TEXT, "Hello from the guest.\n");
	check(svmm_set_slot(vm, 0, 0, 0, sizeof(memory), memory), SVMM_SET_MEMORY_SLOT,
	      "give it its memory");
	vcpu = check(svmm_create_vcpu(vm, 0), SVMM_CREATE_VCPU, "create a vCPU");
	check(svmm_map_vcpu(vcpu, caps.vcpu_mmap_bytes, &page), 0, "map the vCPU");
	start_at_0(vcpu, page);
	return run_guest(vcpu, page);
}
