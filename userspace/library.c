// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "library.h"

bool library_load(const char *file, const struct library_function *functions, unsigned int nr,
		  char *why, size_t bytes)
{
	void *library = dlopen(file, RTLD_NOW), *found;

	if (!library) {
		snprintf(why, bytes, "%s", dlerror());
		return false;
	}
	for (unsigned int i = 0; i < nr; i++) {
		found = dlsym(library, functions[i].name);
		if (!found) {
			snprintf(why, bytes, "it is too old, without %s()", functions[i].name);
			return false;
		}
		memcpy(functions[i].at, &found, sizeof(found));
	}
	return true;
}
