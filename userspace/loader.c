// SPDX-License-Identifier: GPL-2.0
/*
 * Which loader a kernel is for.  It knows their order, and nothing of what they do: a file that
 * several could load gets the protocol by which a kernel learns most.
 */
#include <stdio.h>

#include "loader.h"
#include "message.h"

#define MTRR_ENABLE	(1u << 11)	/* MTRR_DEF_TYPE, 2FFh */
#define MTRR_WRITE_BACK	6

static const struct loader * const loaders[] = {
	&loader_bzimage, &loader_pvh, &loader_multiboot2, &loader_multiboot, &loader_elf,
};

#define NR_LOADERS (sizeof(loaders) / sizeof(loaders[0]))

/* As firmware leaves it: MTRRs on, everything write-back; else Linux uses no PAT. */
void boot_secondary(struct svmm_vcpu_page *page)
{
	page->msr.mtrr_def_type = MTRR_ENABLE | MTRR_WRITE_BACK;
	page->dirty |= SVMM_STATE_MSR;
}

/* Have at least @wanted bytes, if the file has them.  Return: 0, or -1 after a message. */
static int read_head(struct loader_head *head, uint8_t *bytes, size_t wanted)
{
	if (wanted > head->image->bytes)
		wanted = head->image->bytes;
	if (wanted <= head->nr)
		return 0;
	if (image_read(head->image, head->nr, wanted - head->nr, bytes + head->nr))
		return -1;
	head->nr = wanted;
	return 0;
}

static void refuse(const struct loader_head *head)
{
	char accepted[256];
	size_t n = 0;

	for (unsigned int i = 0; i < NR_LOADERS && n < sizeof(accepted); i++)
		n += snprintf(accepted + n, sizeof(accepted) - n, "%s%s",
			      !i ? "" : i + 1 < NR_LOADERS ? ", " : " or ", loaders[i]->name);
	message("%s %s; a kernel is %s", head->image->path, file_kind(head->bytes, head->nr),
		accepted);
}

int boot_kernel(const struct boot *boot)
{
	uint8_t bytes[LOADER_HEAD_MAX];
	struct loader_head head = { .image = boot->kernel, .bytes = bytes };

	for (unsigned int i = 0; i < NR_LOADERS; i++) {
		if (read_head(&head, bytes, loaders[i]->head_bytes))
			return -1;
		if (!loaders[i]->recognise(&head))
			continue;
		boot_secondary(boot->page);
		return loaders[i]->load(boot, &head);
	}
	if (!read_head(&head, bytes, LOADER_HEAD_MAX))
		refuse(&head);
	return -1;
}
