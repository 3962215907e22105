// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/uart.c
/*
 * The serial port: how Linux identifies it, FIFOs, each interrupt with its priority and its
 * edges, loopback, and a console that is full.
 */
#include "devices_fake.h"

#define PORT	0x3f8
#define IRQ	4

#define RBR	(PORT + 0)
#define THR	(PORT + 0)
#define IER	(PORT + 1)
#define IIR	(PORT + 2)
#define FCR	(PORT + 2)
#define LCR	(PORT + 3)
#define MCR	(PORT + 4)
#define LSR	(PORT + 5)
#define MSR	(PORT + 6)
#define SCR	(PORT + 7)

struct console {
	char out[4096];
	unsigned int nr, room, rooms_told;
};

static struct console console;
static struct uart *uart;

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	if (bytes > c->room)
		bytes = c->room;
	if (c->nr + bytes > sizeof(c->out))
		abort();
	memcpy(c->out + c->nr, data, bytes);
	c->nr += bytes;
	c->room -= bytes;
	return bytes;
}

void console_input_room(struct console *c)
{
	c->rooms_told++;
}

static void start(void)
{
	memset(&console, 0, sizeof(console));
	console.room = sizeof(console.out);
	uart = uart_new(&fake, PORT, IRQ, &console);
}

/* 115200 8N1, FIFOs with trigger @fcr, interrupts @ier. */
static void open_port(uint8_t fcr, uint8_t ier)
{
	start();
	outb(0x83, LCR);
	outb(1, PORT);
	outb(0, PORT + 1);
	outb(0x03, LCR);
	outb(fcr | 0x07, FCR);
	outb(0x0b, MCR);
	outb(ier, IER);
}

static unsigned int receive(const char *s)
{
	return uart_receive(uart, s, strlen(s));
}

static void test_registers(void)
{
	start();
	CHECK_EQ(inb(IER), 0);
	CHECK_EQ(inb(IIR), 0x01);
	CHECK_EQ(inb(LCR), 0);
	CHECK_EQ(inb(MCR), 0);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(inb(MSR), 0xb0);
	outb(0xff, IER);
	CHECK_EQ(inb(IER), 0x0f);
	outb(0xff, MCR);
	CHECK_EQ(inb(MCR), 0x1f);
	outb(0x5a, SCR);
	CHECK_EQ(inb(SCR), 0x5a);
	outb(0xff, LSR);
	outb(0x80, LCR);
	CHECK_EQ(port_in(PORT, 2), 12);		/* 9600 baud, and a 16-bit access is two */
	port_out(PORT, 2, 0xffff);
	port_out(PORT, 2, 0x1230);
	CHECK_EQ(port_in(PORT, 2), 0x1230);
	port_out(PORT, 2, 0x1335);
	CHECK_EQ(inb(PORT), 0x35);
	CHECK_EQ(inb(PORT + 1), 0x13);
	outb(0, LCR);
	CHECK_EQ(inb(IER), 0x0f);
	CHECK_EQ(inb(MCR), 0x1f);		/* no register is two */
	CHECK_EQ(inb(SCR), 0x5a);
	outb(0x08, MCR);
	CHECK_EQ(inb(SCR), 0x5a);
	CHECK_EQ(console.nr, 0);
	uart_free(uart);
}

/* The questions of Linux's autoconfig() and autoconfig_16550a(). */
static void test_linux_autoconfig(void)
{
	uint8_t status1, status2;

	start();
	outb(0x00, IER);
	CHECK_EQ(inb(IER) & 0x0f, 0);
	outb(0x0f, IER);
	CHECK_EQ(inb(IER) & 0x0f, 0x0f);
	outb(0, IER);
	outb(0x1a, MCR);			/* the loopback test */
	CHECK_EQ(inb(MSR) & 0xf0, 0x90);
	outb(0, MCR);
	outb(0xbf, LCR);
	outb(0, FCR);
	outb(0, LCR);
	outb(0x01, FCR);
	CHECK_EQ(inb(IIR) >> 6, 3);		/* a 16550A or a relative */
	outb(0x80, LCR);
	CHECK(inb(IIR));			/* no EFR */
	outb(0xbf, LCR);
	CHECK(inb(IIR));
	outb(0, LCR);				/* no EXCR1 of a superio */
	status1 = inb(MCR);
	outb(0xe0, LCR);
	status2 = inb(PORT + 2);
	outb(0, LCR);
	outb(status1 ^ 0x10, MCR);
	outb(0xe0, LCR);
	CHECK_EQ((inb(PORT + 2) ^ status2) & 0x10, 0);
	outb(0, LCR);
	outb(status1, MCR);
	outb(0x21, FCR);			/* no 64-byte FIFO of the 16750 */
	CHECK_EQ(inb(IIR) >> 5, 6);
	outb(0x01, FCR);
	outb(0x80, LCR);
	outb(0x21, FCR);
	CHECK_EQ(inb(IIR) >> 5, 6);
	outb(0x01, FCR);
	outb(0, LCR);
	outb(0x40, IER);			/* no UUE bit of an XScale */
	CHECK_EQ(inb(IER), 0);

	outb(0x02, IER);			/* neither UART_BUG_TXEN nor UART_BUG_THRE */
	CHECK_EQ(inb(LSR) & 0x40, 0x40);
	CHECK_EQ(inb(IIR) & 0x0f, 0x02);
	outb(0, IER);
	outb(0x02, IER);
	CHECK_EQ(inb(IIR) & 0x0f, 0x02);
	uart_free(uart);
}

static void test_transmit(void)
{
	open_port(0, 0);
	outb('h', THR);
	CHECK_EQ(inb(LSR), 0x60);
	outb('i', THR);
	CHECK_EQ(console.nr, 2);
	CHECK(!memcmp(console.out, "hi", 2));
	CHECK_EQ(fake.rises[IRQ], 0);
	uart_free(uart);
}

static void test_thre_interrupt(void)
{
	open_port(0, 0);
	outb(0x02, IER);			/* it is empty: an interrupt at once */
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(IIR), 0xc2);		/* reading it acknowledges it */
	CHECK_EQ(inb(IIR), 0xc1);
	CHECK_EQ(fake.irq[IRQ], 0);
	outb(0x02, IER);			/* enabled already: nothing new */
	CHECK_EQ(fake.irq[IRQ], 0);
	fake.rises[IRQ] = 0;
	outb('a', THR);
	CHECK_EQ(fake.rises[IRQ], 1);
	outb('b', THR);				/* an edge for each, even if IIR was not read */
	CHECK_EQ(fake.rises[IRQ], 2);
	outb(0, IER);
	CHECK_EQ(fake.irq[IRQ], 0);
	CHECK_EQ(inb(IIR), 0xc1);
	uart_free(uart);
}

static void test_full_console(void)
{
	unsigned int i;

	open_port(0, 0x02);
	inb(IIR);
	console.room = 0;
	outb('0', THR);
	CHECK_EQ(inb(LSR), 0);
	CHECK_EQ(fake.irq[IRQ], 0);
	for (i = 1; i < 16; i++)
		outb('a' + i, THR);
	outb('X', THR);				/* the 17th is lost */
	console.room = 1;
	uart_console_writable(uart);
	CHECK_EQ(console.nr, 1);
	CHECK_EQ(inb(LSR), 0);			/* not empty yet */
	CHECK_EQ(fake.irq[IRQ], 0);
	outb(0xc1, FCR);			/* this empties nothing */
	console.room = 100;
	uart_console_writable(uart);
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(console.nr, 16);
	CHECK(!memcmp(console.out, "0bcdefghijklmnop", 16));
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(IIR), 0xc2);
	uart_console_writable(uart);		/* nothing to send: no interrupt */
	CHECK_EQ(fake.irq[IRQ], 0);

	console.room = 0;			/* without FIFO there is one byte's room */
	outb(0, FCR);
	outb('1', THR);
	outb('2', THR);
	outb(0, IER);
	console.room = 100;
	uart_console_writable(uart);
	CHECK_EQ(console.nr, 17);
	CHECK_EQ(console.out[16], '1');

	console.room = 0;			/* FCR can empty it */
	outb(1, FCR);
	outb('3', THR);
	outb(2, IER);
	CHECK_EQ(inb(IIR), 0xc1);
	outb(5, FCR);
	CHECK_EQ(inb(IIR), 0xc2);
	CHECK_EQ(inb(LSR), 0x60);
	console.room = 100;
	uart_console_writable(uart);
	CHECK_EQ(console.nr, 17);
	uart_free(uart);
}

static void test_receive(void)
{
	open_port(0x00, 0x01);			/* trigger 1 */
	CHECK_EQ(uart_room(uart), 16);
	CHECK_EQ(receive("abc"), 3);
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(IIR), 0xc4);
	CHECK_EQ(inb(LSR), 0x61);
	CHECK_EQ(inb(RBR), 'a');
	CHECK_EQ(inb(RBR), 'b');
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(RBR), 'c');
	CHECK_EQ(fake.irq[IRQ], 0);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(inb(RBR), 0);

	CHECK_EQ(receive("0123456789abcdefXYZ"), 16);
	CHECK_EQ(uart_room(uart), 0);
	CHECK_EQ(receive("X"), 0);
	CHECK_EQ(inb(LSR), 0x61);		/* that is no overrun */
	CHECK_EQ(console.rooms_told, 0);
	CHECK_EQ(inb(RBR), '0');
	CHECK_EQ(console.rooms_told, 1);
	CHECK_EQ(inb(RBR), '1');
	CHECK_EQ(console.rooms_told, 1);
	CHECK_EQ(receive("YZ"), 2);
	outb(0x01, FCR);
	CHECK_EQ(inb(LSR), 0x61);
	outb(0x03, FCR);			/* empties the receiver */
	CHECK_EQ(console.rooms_told, 2);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(fake.irq[IRQ], 0);

	outb(0, FCR);				/* one byte without FIFO */
	CHECK_EQ(receive("pq"), 1);
	CHECK_EQ(inb(IIR), 0x04);
	outb(1, FCR);				/* switching empties it, too */
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(inb(IIR), 0xc1);
	uart_free(uart);
}

static void test_trigger(void)
{
	static const unsigned int triggers[] = { 1, 4, 8, 14 };
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		fake_init();
		open_port(i << 6, 0x01);
		for (n = 1; n <= 16; n++) {
			CHECK_EQ(receive("x"), 1);
			CHECK_EQ(fake.irq[IRQ], n >= triggers[i]);
			CHECK_EQ(inb(IIR), n >= triggers[i] ? 0xc4 : 0xc1);
		}
		for (n = 16; n--; ) {
			inb(RBR);
			CHECK_EQ(fake.irq[IRQ], n >= triggers[i]);
		}
		uart_free(uart);
	}
}

static void test_timeout(void)
{
	open_port(0xc0, 0x01);			/* 14; four characters take 347 us */
	receive("ab");
	advance(200000);
	receive("c");				/* starts the time anew */
	advance(340000);
	CHECK_EQ(fake.irq[IRQ], 0);
	advance(10000);
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(IIR), 0xcc);
	CHECK_EQ(inb(IIR), 0xcc);		/* until a byte is read */
	CHECK_EQ(inb(RBR), 'a');
	CHECK_EQ(fake.irq[IRQ], 0);
	advance(MS);				/* and again for the rest */
	CHECK_EQ(inb(IIR), 0xcc);
	CHECK_EQ(inb(RBR), 'b');
	CHECK_EQ(inb(RBR), 'c');
	fake.fired = 0;
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	CHECK_EQ(fake.irq[IRQ], 0);

	outb(0, IER);				/* no host timer that nobody can see */
	receive("d");
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	outb(1, IER);
	advance(MS);
	CHECK_EQ(inb(IIR), 0xcc);

	receive("0123456789abc");		/* the level counts more */
	CHECK_EQ(inb(IIR), 0xc4);

	outb(0xc3, FCR);			/* an emptied FIFO has no timeout */
	receive("e");
	outb(0xc3, FCR);
	advance(SECOND);
	CHECK_EQ(inb(IIR), 0xc1);
	outb(0x03, FCR);			/* trigger 1 ... */
	receive("f");
	outb(0xc1, FCR);			/* ... becomes 14: now it has one */
	CHECK_EQ(inb(IIR), 0xc1);
	advance(MS);
	CHECK_EQ(inb(IIR), 0xcc);
	inb(RBR);
	outb(0x1b, MCR);			/* in loopback as well */
	outb('g', THR);
	CHECK_EQ(inb(IIR), 0xc1);
	advance(MS);
	CHECK_EQ(inb(IIR), 0xcc);
	uart_free(uart);

	fake_init();
	open_port(0xc0, 0x01);
	outb(0x9f, LCR);			/* 300 baud, 8 bits, parity, 2 stop bits */
	port_out(PORT, 2, 384);
	outb(0x1f, LCR);
	receive("e");
	advance(159 * MS);			/* 12 bits, four times */
	CHECK_EQ(fake.irq[IRQ], 0);
	advance(2 * MS);
	CHECK_EQ(fake.irq[IRQ], 1);
	uart_free(uart);
}

static void test_loopback(void)
{
	unsigned int i;

	open_port(0x00, 0x05);
	outb(0x1b, MCR);
	CHECK_EQ(uart_room(uart), 0);		/* the outside is cut off */
	CHECK_EQ(receive("x"), 0);
	for (i = 0; i < 16; i++)
		outb('a' + i, THR);
	CHECK_EQ(console.nr, 0);
	CHECK_EQ(inb(IIR), 0xc4);
	outb('!', THR);				/* overrun */
	CHECK_EQ(inb(IIR), 0xc6);
	outb(0x01, IER);
	CHECK_EQ(inb(IIR), 0xc4);		/* not enabled */
	CHECK_EQ(inb(LSR), 0x63);		/* reading it clears the error */
	CHECK_EQ(inb(LSR), 0x61);
	CHECK_EQ(inb(IIR), 0xc4);
	for (i = 0; i < 16; i++)
		CHECK_EQ(inb(RBR), 'a' + i);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(console.rooms_told, 0);
	outb(0x0b, MCR);
	CHECK_EQ(console.rooms_told, 1);
	CHECK_EQ(receive("y"), 1);
	CHECK_EQ(inb(RBR), 'y');
	uart_free(uart);
}

static void test_modem_status(void)
{
	open_port(0, 0x08);
	CHECK_EQ(inb(MSR), 0xb0);
	CHECK_EQ(fake.irq[IRQ], 0);
	outb(0x1b, MCR);			/* DTR, RTS, OUT2 in loopback: the same lines */
	CHECK_EQ(inb(MSR), 0xb0);
	outb(0x1f, MCR);			/* ring begins: no delta */
	CHECK_EQ(inb(MSR), 0xf0);
	CHECK_EQ(fake.irq[IRQ], 0);
	outb(0x1b, MCR);			/* ring ends */
	CHECK_EQ(fake.irq[IRQ], 1);
	CHECK_EQ(inb(IIR), 0xc0);
	CHECK_EQ(inb(MSR), 0xb4);
	CHECK_EQ(inb(MSR), 0xb0);
	CHECK_EQ(fake.irq[IRQ], 0);
	outb(0x1a, MCR);
	CHECK_EQ(inb(MSR), 0x92);		/* DSR */
	outb(0x18, MCR);
	CHECK_EQ(inb(MSR), 0x81);		/* CTS */
	outb(0x10, MCR);
	CHECK_EQ(inb(MSR), 0x08);		/* DCD */
	outb(0x15, MCR);
	outb(0x11, MCR);
	outb(0x13, MCR);
	CHECK_EQ(inb(MSR), 0x37);		/* they add up */
	outb(0x11, MCR);
	CHECK_EQ(inb(MSR), 0x21);		/* each line has its own source */
	outb(0x07, IER);
	outb(0x13, MCR);
	CHECK_EQ(inb(IIR), 0xc2);
	CHECK_EQ(inb(IIR), 0xc1);		/* not enabled */
	uart_free(uart);
}

static void test_priorities(void)
{
	open_port(0x00, 0x0f);
	outb(0x1f, MCR);
	outb(0x1b, MCR);			/* modem status */
	receive("x");
	for (int i = 0; i < 17; i++)
		outb('a', THR);			/* received, overrun, transmitter empty */
	CHECK_EQ(inb(IIR), 0xc6);
	inb(LSR);
	CHECK_EQ(inb(IIR), 0xc4);
	while (inb(LSR) & 1)
		inb(RBR);
	CHECK_EQ(inb(IIR), 0xc2);
	CHECK_EQ(inb(IIR), 0xc0);
	inb(MSR);
	CHECK_EQ(inb(IIR), 0xc1);
	uart_free(uart);
}

static void test_out2(void)
{
	open_port(0, 0x01);
	outb(0x03, MCR);
	receive("x");
	CHECK_EQ(fake.irq[IRQ], 0);
	CHECK_EQ(inb(IIR), 0xc4);
	outb(0x0b, MCR);
	CHECK_EQ(fake.irq[IRQ], 1);
	uart_free(uart);
}

static void test_reset(void)
{
	open_port(0, 0x03);
	receive("0123456789abcdef");
	CHECK_EQ(fake.irq[IRQ], 1);
	uart_reset(uart);
	CHECK_EQ(fake.irq[IRQ], 0);
	CHECK_EQ(console.rooms_told, 1);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(inb(IIR), 0x01);
	CHECK_EQ(inb(IER), 0);

	outb(0x5a, SCR);
	outb(0x10, MCR);
	outb('a', THR);
	outb('b', THR);
	outb(0x1b, MCR);
	outb(0x83, LCR);
	uart_reset(uart);
	CHECK_EQ(inb(LCR), 0);
	CHECK_EQ(inb(MCR), 0);
	CHECK_EQ(inb(SCR), 0);
	CHECK_EQ(inb(LSR), 0x60);
	CHECK_EQ(inb(MSR), 0xb0);
	outb(2, IER);
	uart_reset(uart);
	outb(1, IER);
	outb(3, IER);
	CHECK_EQ(inb(IIR), 0x02);
	CHECK_EQ(inb(IIR), 0x01);
	console.room = 0;
	outb('c', THR);
	uart_reset(uart);
	CHECK_EQ(inb(LSR), 0x60);
	uart_free(uart);
}

static void test_hostile(void)
{
	unsigned int i, room;
	char junk[20] = "";

	start();
	for (i = 0; i < 200000; i++) {
		fuzz_ports(1, MS);
		console.nr = 0;
		console.room = fake_random() % 4;
		room = uart_room(uart);
		if (room > 16 || uart_receive(uart, junk, fake_random() % 20) > room)
			CHECK(!"room");
		if (fake_random() % 8 == 0)
			uart_console_writable(uart);
	}
	uart_free(uart);
}

static void test_refused(void)
{
	fake.refuse_timer = true;
	CHECK(!uart_new(&fake, PORT, IRQ, &console));
	CHECK_EQ(errno, ENOMEM);
	fake.refuse_timer = false;
	fake.refuse_after = 0;
	CHECK(!uart_new(&fake, PORT, IRQ, &console));
	CHECK_EQ(errno, EEXIST);
	CHECK(!fake.timers);
}

static const struct test tests[] = {
	{ "uart: registers", test_registers },
	{ "uart: Linux sees a 16550A", test_linux_autoconfig },
	{ "uart: transmission", test_transmit },
	{ "uart: transmitter interrupt", test_thre_interrupt },
	{ "uart: a full console", test_full_console },
	{ "uart: reception", test_receive },
	{ "uart: trigger levels", test_trigger },
	{ "uart: receiver timeout", test_timeout },
	{ "uart: loopback and overrun", test_loopback },
	{ "uart: modem status", test_modem_status },
	{ "uart: priorities", test_priorities },
	{ "uart: OUT2 gates the interrupt", test_out2 },
	{ "uart: reset", test_reset },
	{ "uart: random accesses", test_hostile },
	{ "uart: a refused timer, a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
