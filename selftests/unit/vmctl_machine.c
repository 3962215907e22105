// SPDX-License-Identifier: GPL-2.0
// needs: userspace/machine.c userspace/bus.c userspace/timer.c userspace/vcpu.c userspace/cpuid.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/pause.c
// needs: userspace/ram.c userspace/registers.c userspace/message.c userspace/terminal.c
// needs: userspace/devices/pic.c
// needs: userspace/devices/ioapic.c userspace/devices/pit.c userspace/devices/rtc.c
// needs: userspace/devices/uart.c userspace/devices/i8042.c userspace/devices/acpi_pm.c
// needs: userspace/devices/ps2_keyboard.c userspace/devices/fw_cfg.c
// needs: userspace/devices/hpet.c userspace/devices/flash.c
// needs: userspace/devices/exit_port.c userspace/devices/pvpanic.c userspace/suspend.c
// needs: userspace/look.c userspace/guest_memory.c userspace/paging.c userspace/disas.c
// libs: -lZydis -pthread
/*
 * vmctl's machine with its real devices: bus, interrupt wiring, memory, and every way in which a
 * guest ends it.
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "played_module.h"

/* What went to stderr since capture(). */
static int saved_stderr;
static FILE *stderr_file;

static void capture(void)
{
	stderr_file = tmpfile();
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(stderr_file), STDERR_FILENO);
}

static unsigned int captured(const char *text)
{
	static char all[8192];
	unsigned int n = 0;
	size_t len;

	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(stderr_file);
	len = fread(all, 1, sizeof(all) - 1, stderr_file);
	all[len] = '\0';
	fclose(stderr_file);
	for (const char *p = all; (p = strstr(p, text)); p++)
		n++;
	return n;
}

static void test_uart_and_poweroff(void)
{
	build();
	io(0x3f8, true, 1, 5, "hello");
	stop();
	ksft_test_result(ends_with(MACHINE_POWEROFF) && !strcmp(printed, "hello"),
			 "OUTS to COM1 in order, then power off\n");
}

static void test_open_bus(void)
{
	struct step *byte, *word, *dword, *ins;
	bool ok;

	build();
	byte = io(0x510, false, 1, 1, NULL);
	word = io(0x510, false, 2, 1, NULL);
	dword = io(0xcfc, false, 4, 1, NULL);
	ins = io(0xffff, false, 4, 3, NULL);
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && byte->data[0] == 0xff && byte->data[1] == 0xaa &&
			 !memcmp(word->data, "\xff\xff\xaa", 3) &&
			 !memcmp(dword->data, "\xff\xff\xff\xff\xaa", 5) &&
			 !memcmp(ins->data, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xaa",
				 13),
			 "unclaimed ports read all ones, and no byte more\n");
}

static void test_split_access(void)
{
	struct step *s;
	bool ok;

	/* 64h is the i8042's, 65h to 67h nobody's. */
	build();
	s = io(0x64, false, 4, 1, NULL);
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && s->data[0] != 0xff && !memcmp(s->data + 1, "\xff\xff\xff\xaa", 4),
			 "an access that reaches beyond a device is split\n");
}

static void test_stray_mmio(void)
{
	struct step *s;
	bool ok;

	build();
	mmio(0xfed40000, false, 0);	/* a TPM's place is looked at by whoever wants one */
	mmio(0xd0000000, true, 0x1234);
	s = mmio(0xd0000000, false, 0);
	mmio(0xd0001000, false, 0);
	stop();
	capture();
	ok = ends_with(MACHINE_POWEROFF);
	ok &= captured("0xd0000000, where it has neither memory nor a device") == 1;
	ksft_test_result(ok && !memcmp(s->data, "\xff\xff\xff\xff\0", 5),
			 "stray MMIO reads all ones and is reported once\n");
}

static uint64_t read_seven(void *opaque, uint64_t offset, unsigned int bytes)
{
	return 7;
}

static void write_nothing(void *opaque, uint64_t offset, unsigned int bytes, uint64_t v)
{
}

static void test_overlap(void)
{
	struct io_range r = { "test", 0x3f0, 9, read_seven, write_nothing, NULL };
	struct io_range at_end = { "test", 0xffff, 2, read_seven, write_nothing, NULL };
	struct io_range ioapic = { "test", MACHINE_IOAPIC_BASE + 0x10, 4, read_seven,
				   write_nothing, NULL };
	int overlap, beyond, mmio_overlap, fits;

	build();
	overlap = machine_add_ports(m, &r);
	beyond = machine_add_ports(m, &at_end);
	mmio_overlap = machine_add_mmio(m, &ioapic);
	r.size = 8;
	fits = machine_add_ports(m, &r);
	machine_free(m);
	ksft_test_result(overlap == -EEXIST && beyond == -EINVAL && mmio_overlap == -EEXIST &&
			 !fits, "ranges that overlap or leave the port space are refused\n");
}

static struct {
	unsigned int reads, writes, bytes;
	uint64_t offset, value;
} around;

static uint64_t read_around(void *opaque, uint64_t offset, unsigned int bytes)
{
	around.reads++;
	around.offset = offset;
	around.bytes = bytes;
	return 0x44332211;
}

static void write_around(void *opaque, uint64_t offset, unsigned int bytes, uint64_t v)
{
	around.writes++;
	around.offset = offset;
	around.bytes = bytes;
	around.value = v;
}

/* Write to @port: was it seen once, as that? */
static bool write_seen(uint16_t port, unsigned int bytes, uint64_t offset, unsigned int as_bytes,
		       uint64_t wanted)
{
	uint32_t data = 0x44330011;	/* 0 to the reset port: nothing */

	around.writes = 0;
	bus_io(m, port, true, bytes, 1, &data);
	return around.writes == 1 && around.offset == offset && around.bytes == as_bytes &&
	       around.value == wanted;
}

/* CF8h to CFFh around CF9h, as the PCI bus has it. */
static void test_around(void)
{
	struct io_range r = { "test", 0xcf8, 8, read_around, write_around, NULL };
	struct io_range over = { "over", 0xcfc, 1, read_seven, write_nothing, NULL };
	struct io_range bad = { "bad", 0xffff, 2, read_seven, write_nothing, NULL };
	uint8_t data[4];
	bool ok;

	build();
	ok = !machine_add_ports_around(m, &r) && machine_add_ports(m, &over) == -EEXIST &&
	     machine_add_ports_around(m, &bad) == -EINVAL;
	ok &= write_seen(0xcf8, 4, 0, 4, 0x44330011) && write_seen(0xcfa, 2, 2, 2, 0x0011) &&
	      write_seen(0xcff, 1, 7, 1, 0x11);
	/* The other one's first byte, and then ours. */
	ok &= write_seen(0xcf9, 2, 2, 1, 0x00) && write_seen(0xcff, 2, 7, 1, 0x11);
	data[0] = 0;
	bus_io(m, 0xcf9, true, 1, 1, data);
	ok &= around.writes == 1;
	around.reads = 0;
	bus_io(m, 0xcf9, false, 1, 1, data);
	ok &= !around.reads;
	bus_io(m, 0xcf8, false, 4, 1, data);
	ok &= around.reads == 1 && !memcmp(data, "\x11\x22\x33\x44", 4);
	while (m->nr_ports < MACHINE_MAX_RANGES)
		ok &= !machine_add_ports_around(m, &over);
	ok &= machine_add_ports_around(m, &over) == -ENOSPC;
	bus_io(m, 0xcfc, false, 1, 1, data);
	ok &= data[0] == 0x11;		/* who came first */
	machine_free(m);
	ksft_test_result(ok, "a range around another's\n");
}

/* Entry @pin of the I/O APIC: @vector, fixed, edge, unmasked. */
static void route(unsigned int pin, unsigned int vector)
{
	mmio(MACHINE_IOAPIC_BASE, true, 0x10 + 2 * pin);
	mmio(MACHINE_IOAPIC_BASE + 0x10, true, vector);
}

static void *raise_irq(void *arg)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	while (module.at < module.nr_steps)
		nanosleep(&ms, NULL);
	machine_lock(m);
	machine_set_irq(m, *(int *)arg, 1);
	machine_request_stop(m, MACHINE_POWEROFF, 0);
	machine_unlock(m);
	return NULL;
}

static bool irq_arrives_as(int irq, unsigned int vector)
{
	pthread_t thread;
	bool ok;

	pthread_create(&thread, NULL, raise_irq, &irq);
	ok = ends_with(MACHINE_POWEROFF);
	pthread_join(thread, NULL);
	return ok && module.nr_msis == 1 && (module.msi_data & 0xff) == vector &&
	       (module.msi_address & 0xfff00000) == 0xfee00000;
}

static void test_irq_wiring(void)
{
	build();
	route(0, 0x40);
	route(2, 0x42);
	ksft_test_result(irq_arrives_as(0, 0x42), "IRQ 0 comes in at pin 2 of the I/O APIC\n");
	build();
	route(4, 0x44);
	ksft_test_result(irq_arrives_as(4, 0x44), "IRQ 4 comes in at pin 4\n");
	build();
	route(20, 0x60);
	ksft_test_result(irq_arrives_as(20, 0x60), "pin 20 is the I/O APIC's alone\n");
}

static void test_8259(void)
{
	struct step *s;
	bool ok;

	/* ICW1-4 with base 20h, all but IRQ 4 masked; then COM1 raises THRE. */
	build();
	out(0x20, 1, 0x11);
	out(0x21, 1, 0x20);
	out(0x21, 1, 0x04);
	out(0x21, 1, 0x01);
	out(0x21, 1, 0xef);
	out(0x3fc, 1, 0x08);
	out(0x3f9, 1, 0x02);
	s = reason(SVMM_EXIT_EXTINT);
	s->exit.extint.vector = -2;
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && s->exit.extint.vector == 0x24 && module.extint == 0,
			 "EXTINT fetches the 8259's vector, and INT falls\n");
}

static void test_ends(void)
{
	build();
	out(0xcf9, 1, 0x06);
	ksft_test_result(ends_with(MACHINE_RESET), "CF9h resets\n");

	build();
	out(0x64, 1, 0xfe);
	ksft_test_result(ends_with(MACHINE_RESET), "the i8042 resets\n");

	build();
	out(0xf4, 1, 0x2a);
	out(0xf4, 1, 0x2b);
	ksft_test_result(ends_with(MACHINE_EXIT_PORT) && value == 0x2a,
			 "the exit port ends it, with the first value\n");

	build();
	module.step[module.nr_steps++].error = -EIO;
	capture();
	ksft_test_result(ends_with(MACHINE_ERROR) + captured("vCPU 0") == 2,
			 "an error of RUN ends it, with a message\n");

	build();
	module.step[module.nr_steps++].error = -EINTR;
	stop();
	ksft_test_result(ends_with(MACHINE_POWEROFF), "an interrupted RUN goes on\n");
}

static void test_bad_ends(void)
{
	static const struct {
		enum svmm_exit_reason reason;
		enum machine_stop why;
	} bad[] = {
		{ SVMM_EXIT_SHUTDOWN, MACHINE_CRASH },
		{ SVMM_EXIT_EMULATION_FAILURE, MACHINE_CRASH },	/* without bytes: no code there */
		{ SVMM_EXIT_FAIL_ENTRY, MACHINE_ERROR },
		{ SVMM_EXIT_MEMORY_FAULT, MACHINE_ERROR },
		{ SVMM_EXIT_INTERNAL_ERROR, MACHINE_ERROR },
		{ 999, MACHINE_ERROR },
	};
	struct step *s;
	bool ok;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		build();
		reason(bad[i].reason);
		module.page->valid = SVMM_STATE_GPR;
		module.page->gpr.rip = 0x1234567;
		capture();
		ok = ends_with(bad[i].why);
		ksft_test_result(captured("RIP 0000000001234567") == 1 && ok,
				 "exit reason %d ends it, with registers\n", bad[i].reason);
	}
	build();
	s = reason(SVMM_EXIT_EMULATION_FAILURE);
	s->exit.emulation.nbytes = 3;
	memcpy(s->exit.emulation.bytes, "\x0f\xae\x38", 3);
	capture();
	ok = ends_with(MACHINE_ERROR);
	ksft_test_result(captured("0f ae 38") == 1 && ok,
			 "an instruction that is not emulated is shown\n");
}

static void test_eventfds(void)
{
	const struct svmm_irqfd irqfd = { .address = 0xfee01000, .data = 0x41, .fd = 7 };
	const struct svmm_irqfd no_irqfd = { .fd = 7, .flags = SVMM_IRQFD_REMOVE };
	struct svmm_ioeventfd bell = { .address = 0xd0000000, .bytes = 2, .fd = 8 };
	unsigned int n;
	bool ok;

	build();
	ok = !machine_add_irqfd(m, 7, 0xfee01000, 0x41) &&
	     !memcmp(&module.irqfd, &irqfd, sizeof(irqfd)) &&
	     machine_add_irqfd(m, -1, 0xfee01000, 0x41) == -EBADF;
	machine_remove_irqfd(m, 7);
	ok &= !memcmp(&module.irqfd, &no_irqfd, sizeof(no_irqfd));
	ksft_test_result(ok, "eventfds that interrupt, as the module is told of them\n");

	module.irqfd_error = -ENOSPC;
	capture();
	ok = machine_add_irqfd(m, 7, 0xfee01000, 0x41) == -ENOSPC &&
	     machine_add_irqfd(m, 8, 0xfee01000, 0x41) == -ENOSPC;
	ok &= captured("does not reach the guest") == 1;
	module.irqfd_error = 0;
	ksft_test_result(ok, "when there are too many of them, it is said once\n");

	ok = !machine_add_ioeventfd(m, 8, false, 0xd0000000, 2) &&
	     !memcmp(&module.ioeventfd, &bell, sizeof(bell)) &&
	     machine_add_ioeventfd(m, -1, false, 0xd0000000, 2) == -EBADF;
	machine_remove_ioeventfd(m, 8, false, 0xd0000000, 2);
	bell.flags = SVMM_IOEVENTFD_REMOVE;
	ok &= !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	bell.address = 0xc000;
	bell.bytes = 0;
	machine_remove_ioeventfd(m, 8, true, 0xc000, 0);
	bell.flags |= SVMM_IOEVENTFD_PIO;
	ok &= !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	bell.flags = SVMM_IOEVENTFD_PIO;
	ok &= !machine_add_ioeventfd(m, 8, true, 0xc000, 0) &&
	      !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	ksft_test_result(ok, "eventfds that a guest's writes signal, likewise\n");

	/* 1024, and what comes back while they are made. */
	for (n = 0; n < 100000 && !machine_add_ioeventfd(m, 8, true, 0xc000, 0); n++)
		;
	ok = n > 1000 && n < 10000 && machine_add_ioeventfd(m, 8, true, 0xc000, 0) == -EAGAIN;
	m->ioeventfds_ns -= 5000000;
	ok &= !machine_add_ioeventfd(m, 8, true, 0xc000, 0);
	machine_free(m);
	ksft_test_result(ok, "and no more of them than the host can stand\n");
}

/* Behind the slots that RAM may have. */
static void test_maps(void)
{
	struct svmm_memory_slot frame_buffer = {
		.slot = 3, .gpa = 0xc0000000, .size = 4096, .user_addr = 0x7000,
	};
	const struct svmm_memory_slot gone = { .slot = 4 };
	bool ok;

	build();
	ok = !machine_map(m, MACHINE_MAP_FRAME_BUFFER, 0xc0000000, 4096, (void *)0x7000) &&
	     !memcmp(&module.slot, &frame_buffer, sizeof(frame_buffer));
	machine_unmap(m, MACHINE_MAP_TEXT);
	ok &= !memcmp(&module.slot, &gone, sizeof(gone));
	for (unsigned int n = 0; n < 10000; n++)
		machine_add_ioeventfd(m, 8, true, 0xc000, 0);
	ok &= machine_map(m, MACHINE_MAP_TEXT, 0xb8000, 4096, (void *)0x8000) == -EAGAIN &&
	      !memcmp(&module.slot, &gone, sizeof(gone));
	machine_free(m);
	ksft_test_result(ok, "a device's memory as the guest's, and not too often anew\n");
}

static unsigned int watched;

static void count_watched(void *opaque, uint32_t events)
{
	watched += opaque == &watched && events == EPOLLIN;
}

/* Each disk, with 64 queues, has more than a hundred. */
static void test_watches(void)
{
	int fds[1000];
	bool ok = true;

	build();
	for (unsigned int i = 0; i < 1000; i++) {
		fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		ok &= fds[i] >= 0 &&
		      !machine_watch_fd(m, fds[i], EPOLLIN, count_watched, &watched);
	}
	for (unsigned int i = 0; i < 1000; i += 2)
		ok &= !machine_watch_fd(m, fds[i], 0, NULL, NULL);
	ok &= !machine_watch_fd(m, fds[0], 0, NULL, NULL);
	for (unsigned int i = 1; i < 1000; i += 2) {
		struct epoll_event ev;

		ok &= epoll_wait(m->epoll_fd, &ev, 1, 0) == 1;
		m->watches[ev.data.fd].ready(m->watches[ev.data.fd].opaque, ev.events);
		ok &= !machine_watch_fd(m, ev.data.fd, 0, NULL, NULL);
	}
	ok &= watched == 500;
	for (unsigned int i = 0; i < 1000; i++)
		close(fds[i]);
	ok &= machine_watch_fd(m, fds[1], EPOLLIN, count_watched, &watched) == -EBADF;
	machine_free(m);
	ksft_test_result(ok, "a thousand descriptors are watched\n");
}

#define GIB	(1ULL << 30)
#define NONE	UINT64_MAX

/* Of a machine with 5 GiB, of which nothing is touched: where in the mapping, or NONE. */
static void test_memory(void)
{
	static const struct {
		uint64_t gpa, bytes, at;
	} cases[] = {
		{ 0, 1, 0 }, { 0, RAM_VGA_START, 0 }, { 0, RAM_VGA_START + 1, NONE },
		{ RAM_VGA_START - 1, 1, RAM_VGA_START - 1 }, { RAM_VGA_START - 1, 2, NONE },
		{ RAM_VGA_START, 1, NONE }, { RAM_VGA_END - 1, 1, NONE },
		{ RAM_VGA_END - 1, 2, NONE }, { RAM_VGA_START - 1, 0x20002, NONE },
		{ RAM_VGA_END, 1, RAM_VGA_END },
		{ RAM_VGA_END, 3 * GIB - RAM_VGA_END, RAM_VGA_END },
		{ RAM_VGA_END, 3 * GIB - RAM_VGA_END + 1, NONE },
		{ 3 * GIB - 1, 1, 3 * GIB - 1 }, { 3 * GIB - 1, 2, NONE },
		{ 3 * GIB, 1, NONE }, { 4 * GIB - 1, 1, NONE }, { 4 * GIB - 1, 2, NONE },
		{ 3 * GIB - 1, GIB + 2, NONE },
		{ 4 * GIB, 1, 3 * GIB }, { 4 * GIB, 2 * GIB, 3 * GIB },
		{ 4 * GIB, 2 * GIB + 1, NONE }, { 6 * GIB - 1, 1, 5 * GIB - 1 },
		{ 6 * GIB - 1, 2, NONE }, { 6 * GIB, 1, NONE },
		{ 0, UINT64_MAX, NONE }, { 1, UINT64_MAX, NONE }, { 4096, -4096ULL, NONE },
		{ UINT64_MAX, 1, NONE }, { UINT64_MAX, UINT64_MAX, NONE },
		{ -4096ULL, 8192, NONE }, { 4 * GIB, -4 * GIB, NONE },
		{ 4 * GIB + 1, UINT64_MAX, NONE },
	};
	struct ram was;
	bool ok = true;

	build();
	was = m->ram;
	m->ram.bytes = 5 * GIB;
	m->ram.low_bytes = 3 * GIB;
	m->ram.high_bytes = 2 * GIB;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *want = NULL;

		if (cases[i].at != NONE)
			want = was.host + cases[i].at;
		if (machine_memory(m, cases[i].gpa, cases[i].bytes) == want)
			continue;
		ksft_print_msg("%#llx bytes at %#llx\n", (unsigned long long)cases[i].bytes,
			       (unsigned long long)cases[i].gpa);
		ok = false;
	}
	/* None above 4 GiB. */
	m->ram = was;
	ok &= !machine_memory(m, 4 * GIB, 1) && !machine_memory(m, 1 << 20, 1) &&
	      machine_memory(m, (1 << 20) - 1, 1) == was.host + (1 << 20) - 1;
	machine_free(m);
	ksft_test_result(ok, "where a device finds the guest's memory\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(29);
	test_uart_and_poweroff();
	test_open_bus();
	test_split_access();
	test_stray_mmio();
	test_overlap();
	test_around();
	test_irq_wiring();
	test_8259();
	test_ends();
	test_bad_ends();
	test_eventfds();
	test_maps();
	test_watches();
	test_memory();
	ksft_finished();
}
