// SPDX-License-Identifier: GPL-2.0
//
// What the guest cannot find out by probing: how to power off, and the ISA
// devices of the machine. Numbers as in device.h.
//
DefinitionBlock ("dsdt.aml", "DSDT", 2, "SVMM", "VMCTL", 1)
{
	// SLP_TYP of suspend to RAM, to disk and soft-off: ACPI_SLP_TYP_*
	Name (\_S3, Package () { 3, 3, 0, 0 })
	Name (\_S4, Package () { 4, 4, 0, 0 })
	Name (\_S5, Package () { 5, 5, 0, 0 })

	Scope (\_SB)
	{
		// 16550A, COM1
		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 1, 8)
				IRQNoFlags () { 4 }
			})
		}

		// MC146818 real-time clock
		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 1, 2)
				IRQNoFlags () { 8 }
			})
		}

		// 8254 timer
		Device (TIMR)
		{
			Name (_HID, EisaId ("PNP0100"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0040, 0x0040, 1, 4)
				IRQNoFlags () { 0 }
			})
		}

		// 8259A pair
		Device (PIC)
		{
			Name (_HID, EisaId ("PNP0000"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0020, 0x0020, 1, 2)
				IO (Decode16, 0x00A0, 0x00A0, 1, 2)
				IO (Decode16, 0x04D0, 0x04D0, 1, 2)
				IRQNoFlags () { 2 }
			})
		}
	}
}
