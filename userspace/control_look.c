// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control_look.h"
#include "dump.h"
#include "guest_memory.h"
#include "json.h"
#include "look.h"
#include "machine.h"

#define CODE_BYTES	512u	/* at most, of which the client makes instructions */

/* "0x1000" or "1000": hexadecimal, as addresses are. */
static bool parse_address(const char *text, uint64_t *address)
{
	char *end;

	errno = 0;
	*address = strtoull(text, &end, 16);
	return isxdigit((unsigned char)*text) && !*end && !errno;
}

/* What @print prints, as "text". */
static bool add_printed(struct json_object *reply, struct vcpu *vcpu, uint64_t address,
			void (*print)(struct vcpu *vcpu, uint64_t address, FILE *out))
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return false;
	print(vcpu, address, out);
	fclose(out);
	json_add_text(reply, "text", text);
	free(text);
	return true;
}

static void print_registers(struct vcpu *vcpu, uint64_t address, FILE *out)
{
	(void)address;
	look_registers(vcpu, out);
}

static bool add_code(struct json_object *reply, struct vcpu *vcpu, uint64_t address)
{
	uint8_t code[CODE_BYTES];
	char text[2 * CODE_BYTES + 1] = "", at[20];
	size_t bytes = guest_read(vcpu, false, address, code, sizeof(code));

	for (size_t i = 0; i < bytes; i++)
		sprintf(text + 2 * i, "%02x", code[i]);
	snprintf(at, sizeof(at), "%llx", (unsigned long long)address);
	json_add_text(reply, "address", at);
	json_add_number(reply, "bits", look_code_bits(vcpu));
	json_add_text(reply, "bytes", text);
	return bytes;
}

static bool dump(struct machine *m, const struct control_request *request, char *why, size_t room)
{
	struct stat st;
	int err;

	if (request->fds->nr != 1 || fstat(request->fds->fd[0], &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, room, "send one regular file, open for writing, with the request");
		return false;
	}
	err = dump_core(m, request->fds->fd[0]);
	if (err)
		snprintf(why, room, "cannot write it: %s", strerror(-err));
	return !err;
}

static bool look(struct machine *m, const struct control_request *request,
		 struct json_object *reply, char *why, size_t room)
{
	struct vcpu *vcpu = &m->vcpus[request->value[CONTROL_VCPU]];
	const char *where = request->text[CONTROL_ADDRESS];
	uint64_t address = look_code_address(vcpu);

	if (*where && !parse_address(where, &address)) {
		snprintf(why, room, "\"address\": %s is none; give hexadecimal digits", where);
		return false;
	}
	switch (request->command) {
	case CONTROL_REGS:
		return add_printed(reply, vcpu, 0, print_registers);
	case CONTROL_WALK:
		return add_printed(reply, vcpu, address, look_walk);
	case CONTROL_CODE:
		if (add_code(reply, vcpu, address))
			return true;
		snprintf(why, room, "code: the guest has no memory at %llx",
			 (unsigned long long)address);
		return false;
	default:
		return dump(m, request, why, room);
	}
}

enum control_answer control_look(struct machine *m, const struct control_request *request,
				 struct json_object *reply, char *why, size_t room)
{
	bool was_paused = m->paused, ok;

	if (request->value[CONTROL_VCPU] >= m->nr_vcpus) {
		snprintf(why, room, "there is no vCPU %llu; the last one is %u",
			 (unsigned long long)request->value[CONTROL_VCPU], m->nr_vcpus - 1);
		return CONTROL_FAILED;
	}
	snprintf(why, room, "out of memory");
	machine_pause(m, "looked at");
	ok = look(m, request, reply, why, room);
	if (!was_paused)
		machine_resume(m, "looked at");
	return ok ? CONTROL_DONE : CONTROL_FAILED;
}
