// SPDX-License-Identifier: GPL-2.0
//
// By which the guest's kernel says that it has panicked, for machines that have it. The port is
// device.h's.
//
DefinitionBlock ("pvpanic.aml", "SSDT", 2, "SVMM", "VMCTLPVP", 1)
{
	Scope (\_SB)
	{
		Device (PEVT)
		{
			Name (_HID, "QEMU0001")
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0505, 0x0505, 1, 1)
			})
		}
	}
}
