#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A disk for UEFI, without what is in its second partition.

    gpt.py ESP MIB START END

START becomes the disk up to the end of its first partition, at 1 MiB, which is ESP, an image of a
FAT file system; END what is behind the second one, of MIB MiB. The table is the GUID Partition
Table of the UEFI Specification 2.10, chapter 5. GUIDs are the same each time.
"""

import struct
import sys
import uuid
import zlib

SECTOR = 512
ALIGN = (1 << 20) // SECTOR
ENTRIES, ENTRY = 128, 128
TABLE = ENTRIES * ENTRY // SECTOR
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_TYPE = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")


def own_guid(n):
    return uuid.uuid5(uuid.NAMESPACE_URL, "svmm-test-disk-%d" % n)


def entry(kind, n, first, sectors, name):
    return struct.pack("<16s16sQQQ72s", kind.bytes_le, own_guid(n).bytes_le, first,
                       first + sectors - 1, 0, name.encode("utf-16-le"))


def header(here, there, table_at, entries, sectors):
    """The header in sector here, whose copy is in sector there."""
    fields = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, there,
                         2 + TABLE, sectors - TABLE - 2, own_guid(0).bytes_le, table_at,
                         ENTRIES, ENTRY, zlib.crc32(entries))
    fields = fields[:16] + struct.pack("<I", zlib.crc32(fields)) + fields[20:]
    return fields.ljust(SECTOR, b"\0")


def protective_mbr(sectors):
    """For who does not know of the table, the disk is full."""
    partition = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xee, b"\xff\xff\xff", 1, sectors - 1)
    return bytes(446) + partition + bytes(48) + b"\x55\xaa"


def main():
    esp_path, mib, start_path, end_path = sys.argv[1:]
    with open(esp_path, "rb") as f:
        esp = f.read()
    esp_sectors = -(-len(esp) // (1 << 20)) * ALIGN
    linux_sectors = int(mib) * ALIGN
    linux = ALIGN + esp_sectors
    sectors = linux + linux_sectors + TABLE + 1
    entries = (entry(ESP_TYPE, 1, ALIGN, esp_sectors, "ESP") +
               entry(LINUX_TYPE, 2, linux, linux_sectors, "Linux")).ljust(TABLE * SECTOR, b"\0")
    last = sectors - 1
    with open(start_path, "wb") as f:
        f.write(protective_mbr(sectors))
        f.write(header(1, last, 2, entries, sectors))
        f.write(entries)
        f.seek(ALIGN * SECTOR)
        f.write(esp.ljust(esp_sectors * SECTOR, b"\0"))
    with open(end_path, "wb") as f:
        f.write(entries)
        f.write(header(last, 1, last - TABLE, entries, sectors))


if __name__ == "__main__":
    main()
