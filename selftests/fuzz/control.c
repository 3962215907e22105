// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the lines of the control socket. Whatever comes, it is a request with values in
 * their ranges, or there is a reason, which can be put into an answer.
 *
 * needs: userspace/control_protocol.c userspace/json.c
 * libs: -ljson-c
 * max-len: 4096
 */
#include <stdlib.h>
#include <string.h>

#include "../../userspace/control_protocol.h"
#include "../../userspace/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An answer with @why in it is read again: it has to be text, and the same. */
static void check_reason(const char *why)
{
	struct json_object *answer = json_object_new_object(), *again, *error;
	const char *text;
	char bad[320];

	json_add_text(answer, "error", why);
	text = json_object_to_json_string(answer);
	again = json_parse(text, strlen(text), 1, 2, bad, sizeof(bad));
	if (!*why || !again || !json_object_object_get_ex(again, "error", &error) ||
	    strcmp(json_object_get_string(error), why))
		abort();
	json_object_put(again);
	json_object_put(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;
	char why[320] = "";

	if (!control_parse((const char *)data, size, 1, &request, why, sizeof(why)))
		check_reason(why);
	else if (request.command > CONTROL_DUMP || request.value[CONTROL_TIMEOUT] > 86400 ||
		 request.value[CONTROL_BALLOON] > CONTROL_BALLOON_MAX ||
		 (request.command == CONTROL_SET && !request.given) ||
		 (request.given & 1 << CONTROL_CPU_SHARES &&
		  (request.value[CONTROL_CPU_SHARES] < CONTROL_SHARES_MIN ||
		   request.value[CONTROL_CPU_SHARES] > CONTROL_SHARES_MAX)))
		abort();
	return 0;
}
