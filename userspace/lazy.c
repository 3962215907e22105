// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdlib.h>

#include "cli.h"
#include "lazy.h"
#include "library.h"
#include "message.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void load(const struct lazy_library *library, unsigned int first)
{
	char why[256];

	for (unsigned int n = first; n < library->end; n++) {
		struct library_function function = { lazy_names[n], &lazy_functions[n] };

		if (!library_load(library->file, &function, 1, why, sizeof(why))) {
			message("a library that this needs is not to be had: %s; install the "
				"package that has %s", why, library->file);
			exit(STATUS_ERROR);
		}
	}
}

void *lazy_bind(unsigned int n)
{
	const struct lazy_library *library = lazy_libraries;
	unsigned int first = 0;

	while (n >= library->end)
		first = library++->end;
	pthread_mutex_lock(&lock);
	if (!lazy_functions[n])
		load(library, first);
	pthread_mutex_unlock(&lock);
	return lazy_functions[n];
}
