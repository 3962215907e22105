// SPDX-License-Identifier: GPL-2.0
/*
 * What a ROM says of itself is for firmware to check; here it is as large as the window between the
 * VGA and the BIOS takes, and begins as one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "devices/fw_cfg.h"
#include "message.h"
#include "net.h"
#include "option_rom.h"

#define UNIT	512u
#define MOST	(256u << 10)

enum { VGA, NET };

static const struct {
	const char *name;		/* vendor and device */
	const char *option, *path, *package;
} known[OPTION_ROMS] = {
	[VGA] = { "pci1234,1111.rom", "--vga", "/usr/share/seabios/vgabios-stdvga.bin", "seabios" },
	[NET] = { "pci1af4,1041.rom", "--net bootindex=", "/usr/lib/ipxe/qemu/pxe-virtio.rom",
		  "ipxe-qemu" },
};

static bool is_rom(const struct image *image, const uint8_t *data)
{
	if (data[0] == 0x55 && data[1] == 0xaa)
		return true;
	message("the option ROM %s does not begin with 55 AA; it is damaged, or something else",
		image->path);
	return false;
}

static int read_rom(struct option_roms *roms, unsigned int i)
{
	struct image image;
	uint8_t *data;

	if (image_open(&image, known[i].path, "option ROM"))
		return -1;
	if (!image.bytes || image.bytes % UNIT || image.bytes > MOST) {
		message("the option ROM %s has %llu bytes; one has a multiple of 512, up to 256K",
			image.path, (unsigned long long)image.bytes);
		goto close;
	}
	data = malloc(image.bytes);
	if (!data) {
		message("out of memory");
		goto close;
	}
	if (image_read(&image, 0, image.bytes, data) || !is_rom(&image, data))
		goto free;
	roms->rom[i].data = data;
	roms->rom[i].bytes = image.bytes;
	image_close(&image);
	return 0;
free:
	free(data);
close:
	image_close(&image);
	return -1;
}

static int open_rom(struct option_roms *roms, unsigned int i, bool needed)
{
	if (!access(known[i].path, F_OK))
		return read_rom(roms, i);
	if (!needed)
		return 0;
	message("%s: there is no %s, by which firmware would boot; install the package %s "
		"(Debian's name for it)", known[i].option, known[i].path, known[i].package);
	return -1;
}

int option_roms_open(struct option_roms *roms, bool vga, const struct net_options *nets,
		     unsigned int nr_nets)
{
	bool boots = false;
	int err = 0;

	*roms = (struct option_roms) { };
	for (unsigned int i = 0; i < nr_nets; i++)
		boots |= nets[i].boot_order;
	if (vga)
		err = open_rom(roms, VGA, false);
	if (!err && nr_nets)
		err = open_rom(roms, NET, boots);
	if (err)
		option_roms_close(roms);
	return err;
}

void option_roms_close(struct option_roms *roms)
{
	for (unsigned int i = 0; i < OPTION_ROMS; i++)
		free(roms->rom[i].data);
	*roms = (struct option_roms) { };
}

int option_roms_tell(const struct option_roms *roms, struct fw_cfg *fw_cfg)
{
	int err = 0;

	for (unsigned int i = 0; i < OPTION_ROMS && !err; i++) {
		if (roms->rom[i].data)
			err = fw_cfg_add_file(fw_cfg, known[i].name, roms->rom[i].data,
					      roms->rom[i].bytes);
	}
	return err;
}
