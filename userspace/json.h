/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json-c with less writing.  Objects own what is added to them.
 */
#ifndef VMCTL_JSON_H
#define VMCTL_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

void json_add_text(struct json_object *to, const char *name, const char *text);
void json_add_number(struct json_object *to, const char *name, int64_t number);

/* Print @o on a line of its own, or over several if @pretty, and free it. */
void json_print(struct json_object *o, bool pretty);

#endif
