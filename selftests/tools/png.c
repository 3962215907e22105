// SPDX-License-Identifier: GPL-2.0
// libs: -lpng -lz -lm
/*
 * png FILE: what is in a picture, read by libpng: its size on a line, and then its rows, a line
 * each, six hexadecimal digits for a pixel.
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	png_bytep pixels = NULL;

	if (argc != 2)
		return 2;
	if (png_image_begin_read_from_file(&image, argv[1])) {
		image.format = PNG_FORMAT_RGB;
		pixels = malloc(PNG_IMAGE_SIZE(image));
	}
	if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
		fprintf(stderr, "%s: %s\n", argv[1], image.message);
		return 1;
	}
	printf("%u %u", image.width, image.height);
	for (size_t i = 0; i < PNG_IMAGE_SIZE(image); i++)
		printf("%s%02x", i % (image.width * 3) ? "" : "\n", pixels[i]);
	putchar('\n');
	return 0;
}
