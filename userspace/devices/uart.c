// SPDX-License-Identifier: GPL-2.0
/*
 * A 16550A serial port on a PC's board: OUT2 gates its interrupt, and its modem is always there
 * (CTS, DSR and DCD on). It knows that bytes go to a console and come from it, not what that is.
 *
 * The one trick: a byte is sent the moment it is written, so the transmitter is busy only while
 * the console is full. The interrupt line still falls and rises for every byte, because an edge
 * is what the guest waits for.
 *
 * Never here: parity, framing and break errors, and overrun (bytes for which there is no room
 * stay with the console), except overrun in loopback. Sending a break is ignored.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "bytewide.h"
#include "ticks.h"

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR, NR_REGS };

#define IER_RDI		0x01
#define IER_THRI	0x02
#define IER_RLSI	0x04
#define IER_MSI		0x08

#define IIR_MSI		0x00
#define IIR_NONE	0x01
#define IIR_THRI	0x02
#define IIR_RDI		0x04
#define IIR_RLSI	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_CLEAR_TX	0x04
#define FCR_STORED	0xc9	/* enable, DMA mode, trigger */
#define FCR_TRIGGER(f)	((f) >> 6)

#define LCR_WORD	0x03
#define LCR_STOP	0x04
#define LCR_PARITY	0x08
#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_STORED	0x1f

#define LSR_DR		0x01
#define LSR_OE		0x02
#define LSR_THRE	0x20
#define LSR_TEMT	0x40

#define MSR_TERI	0x04	/* the other deltas are the lines, shifted down by 4 */
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80

#define FIFO_BYTES	16
#define BASE_BAUD	115200
#define RESET_DIVISOR	12
#define TIMEOUT_CHARS	4

struct uart {
	struct machine *m;
	struct console *console;
	struct machine_timer *rx_timer;
	unsigned int irq;
	bool irq_level;
	uint8_t ier, fcr, lcr, mcr, scratch;
	uint16_t divisor;
	uint8_t overrun;	/* LSR_OE or 0 */
	uint8_t msr_deltas;
	bool thre_pending;	/* the transmitter became empty, and IIR has not told yet */
	bool rx_timeout;
	uint8_t rx[FIFO_BYTES], tx[FIFO_BYTES];
	unsigned int rx_first, rx_count, tx_count;
};

static unsigned int depth(const struct uart *u)
{
	return u->fcr & FCR_ENABLE ? FIFO_BYTES : 1;
}

/* ---- interrupts ----------------------------------------------------------------------- */

static bool rx_at_trigger(const struct uart *u)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };

	return u->rx_count >= (u->fcr & FCR_ENABLE ? trigger[FCR_TRIGGER(u->fcr)] : 1);
}

/* The most urgent cause, in the data sheet's order. */
static uint8_t cause(const struct uart *u)
{
	if ((u->ier & IER_RLSI) && u->overrun)
		return IIR_RLSI;
	if ((u->ier & IER_RDI) && rx_at_trigger(u))
		return IIR_RDI;
	if ((u->ier & IER_RDI) && u->rx_timeout)
		return IIR_TIMEOUT;
	if ((u->ier & IER_THRI) && u->thre_pending)
		return IIR_THRI;
	if ((u->ier & IER_MSI) && u->msr_deltas)
		return IIR_MSI;
	return IIR_NONE;
}

static void update_irq(struct uart *u)
{
	bool level = cause(u) != IIR_NONE && (u->mcr & MCR_OUT2);

	if (level != u->irq_level) {
		u->irq_level = level;
		machine_set_irq(u->m, u->irq, level);
	}
}

/* Bytes below the trigger level announce themselves after four characters' time of silence. */
static void rx_activity(struct uart *u)
{
	unsigned int bits = 1 + 5 + (u->lcr & LCR_WORD) + !!(u->lcr & LCR_PARITY) +
			    (u->lcr & LCR_STOP ? 2 : 1);
	uint64_t deadline = UINT64_MAX;

	u->rx_timeout = false;
	if ((u->ier & IER_RDI) && u->rx_count && !rx_at_trigger(u))
		deadline = machine_now_ns(u->m) + NSEC_PER_SEC * TIMEOUT_CHARS * bits *
			   (u->divisor ? u->divisor : 1) / BASE_BAUD;
	machine_timer_arm(u->rx_timer, deadline);
}

static void rx_timer_fired(void *opaque)
{
	struct uart *u = opaque;

	u->rx_timeout = true;
	update_irq(u);
}

/* ---- the two directions --------------------------------------------------------------- */

static void rx_put(struct uart *u, uint8_t byte)
{
	u->rx[(u->rx_first + u->rx_count++) % FIFO_BYTES] = byte;
}

static uint8_t rx_get(struct uart *u)
{
	uint8_t byte = 0;

	if (u->rx_count) {
		byte = u->rx[u->rx_first];
		u->rx_first = (u->rx_first + 1) % FIFO_BYTES;
		u->rx_count--;
	}
	rx_activity(u);
	return byte;
}

static void rx_clear(struct uart *u)
{
	u->rx_count = 0;
	rx_activity(u);
}

unsigned int uart_room(const struct uart *u)
{
	/* In loopback the input pin is cut off; the bytes can wait. */
	return u->mcr & MCR_LOOP ? 0 : depth(u) - u->rx_count;
}

unsigned int uart_receive(struct uart *u, const void *data, unsigned int bytes)
{
	const uint8_t *p = data;
	unsigned int room = uart_room(u), i;

	if (bytes > room)
		bytes = room;
	for (i = 0; i < bytes; i++)
		rx_put(u, p[i]);
	if (bytes)
		rx_activity(u);
	update_irq(u);
	return bytes;
}

static void transmit(struct uart *u)
{
	int sent = console_write(u->console, u->tx, u->tx_count);

	if (sent <= 0)
		return;
	u->tx_count -= sent;
	memmove(u->tx, u->tx + sent, u->tx_count);
	if (!u->tx_count)
		u->thre_pending = true;
}

static void tx_clear(struct uart *u)
{
	if (u->tx_count)
		u->thre_pending = true;
	u->tx_count = 0;
}

void uart_console_writable(struct uart *u)
{
	if (u->tx_count)
		transmit(u);
	update_irq(u);
}

static void write_thr(struct uart *u, uint8_t byte)
{
	u->thre_pending = false;
	update_irq(u);

	if (u->mcr & MCR_LOOP) {
		if (u->rx_count < depth(u))
			rx_put(u, byte);
		else
			u->overrun = LSR_OE;
		rx_activity(u);
		u->thre_pending = !u->tx_count;
		return;
	}
	/* A full transmitter loses the byte: the guest did not wait for THRE. */
	if (u->tx_count < depth(u))
		u->tx[u->tx_count++] = byte;
	transmit(u);
}

/* ---- registers ------------------------------------------------------------------------ */

static uint8_t modem_lines(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(struct uart *u, uint8_t value)
{
	uint8_t before = modem_lines(u), changed;

	u->mcr = value & MCR_STORED;
	changed = before ^ modem_lines(u);
	u->msr_deltas |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	/* Of the ring indicator only the end counts. */
	if (changed & before & MSR_RI)
		u->msr_deltas |= MSR_TERI;
}

static void write_ier(struct uart *u, uint8_t value)
{
	uint8_t enabled = value & ~u->ier;

	u->ier = value & (IER_RDI | IER_THRI | IER_RLSI | IER_MSI);
	if ((enabled & IER_THRI) && !u->tx_count)
		u->thre_pending = true;
	if (enabled & IER_RDI)
		rx_activity(u);
}

static void write_fcr(struct uart *u, uint8_t value)
{
	bool switched = (value ^ u->fcr) & FCR_ENABLE;

	/* The other bits count only if the FIFOs are on. */
	u->fcr = value & FCR_ENABLE ? value & FCR_STORED : 0;
	if (switched || ((value & FCR_ENABLE) && (value & FCR_CLEAR_TX)))
		tx_clear(u);
	if (switched || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX)))
		rx_clear(u);
	else
		rx_activity(u);
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t iir = cause(u);

	if (iir == IIR_THRI)
		u->thre_pending = false;
	return iir | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct uart *u)
{
	uint8_t lsr = u->overrun;

	u->overrun = 0;
	if (u->rx_count)
		lsr |= LSR_DR;
	if (!u->tx_count)
		lsr |= LSR_THRE | LSR_TEMT;
	return lsr;
}

static uint8_t read_msr(struct uart *u)
{
	uint8_t msr = modem_lines(u) | u->msr_deltas;

	u->msr_deltas = 0;
	return msr;
}

static uint8_t read_register(struct uart *u, uint64_t offset)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		return dlab ? u->divisor & 0xff : rx_get(u);
	case REG_IER:
		return dlab ? u->divisor >> 8 : u->ier;
	case REG_IIR_FCR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	case REG_SCR:
		return u->scratch;
	}
	return OPEN_BUS;
}

static void write_register(struct uart *u, uint64_t offset, uint8_t value)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		if (dlab)
			u->divisor = (u->divisor & 0xff00) | value;
		else
			write_thr(u, value);
		break;
	case REG_IER:
		if (dlab)
			u->divisor = (u->divisor & 0xff) | value << 8;
		else
			write_ier(u, value);
		break;
	case REG_IIR_FCR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		u->lcr = value;
		break;
	case REG_MCR:
		write_mcr(u, value);
		break;
	case REG_SCR:
		u->scratch = value;
		break;
	}
}

/* After anything that the guest did: tell what has changed outside. */
static void settle(struct uart *u, bool was_full)
{
	update_irq(u);
	if (was_full && uart_room(u))
		console_input_room(u->console);
}

static uint8_t read_byte(void *opaque, uint64_t offset)
{
	struct uart *u = opaque;
	bool was_full = !uart_room(u);
	uint8_t value = read_register(u, offset);

	settle(u, was_full);
	return value;
}

static void write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct uart *u = opaque;
	bool was_full = !uart_room(u);

	write_register(u, offset, value);
	settle(u, was_full);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(read_byte, opaque, offset, bytes);
}

static void uart_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(write_byte, opaque, offset, bytes, value);
}

/* ---- life ----------------------------------------------------------------------------- */

void uart_reset(struct uart *u)
{
	bool was_full = !uart_room(u);

	u->ier = 0;
	u->fcr = 0;
	u->lcr = 0;
	u->mcr = 0;
	u->scratch = 0;
	u->divisor = RESET_DIVISOR;
	u->overrun = 0;
	u->msr_deltas = 0;
	u->thre_pending = false;
	u->tx_count = 0;
	rx_clear(u);
	settle(u, was_full);
}

struct uart *uart_new(struct machine *m, uint16_t port, unsigned int irq, struct console *c)
{
	struct uart *u = calloc(1, sizeof(*u));
	struct io_range range = { "uart", port, NR_REGS, uart_read, uart_write, u };
	int err;

	if (!u)
		return NULL;
	u->m = m;
	u->console = c;
	u->irq = irq;
	u->rx_timer = machine_timer_new(m, rx_timer_fired, u);
	if (!u->rx_timer) {
		err = -ENOMEM;
		goto free_uart;
	}
	uart_reset(u);
	err = machine_add_ports(m, &range);
	if (!err)
		return u;
	machine_timer_free(u->rx_timer);
free_uart:
	free(u);
	errno = -err;
	return NULL;
}

void uart_free(struct uart *u)
{
	if (!u)
		return;
	machine_timer_free(u->rx_timer);
	free(u);
}
