// SPDX-License-Identifier: GPL-2.0
//
// The PCI bus, for machines that have one. Numbers as in pci.h.
//
DefinitionBlock ("pci.aml", "SSDT", 2, "SVMM", "VMCTLPCI", 1)
{
	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08"))
			Name (_CID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_SEG, 0)
			Name (_BBN, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0, 0, 1)
				IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0xC000, 0xFFFF, 0, 0x4000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0, 0xC0000000, 0xDFFFFFFF, 0, 0x20000000)
			})

			// INTA of slot n: I/O APIC pin 16 + (n & 3)
			Name (_PRT, Package ()
			{
				Package () { 0x0000FFFF, 0, 0, 16 },
				Package () { 0x0001FFFF, 0, 0, 17 },
				Package () { 0x0002FFFF, 0, 0, 18 },
				Package () { 0x0003FFFF, 0, 0, 19 },
				Package () { 0x0004FFFF, 0, 0, 16 },
				Package () { 0x0005FFFF, 0, 0, 17 },
				Package () { 0x0006FFFF, 0, 0, 18 },
				Package () { 0x0007FFFF, 0, 0, 19 },
				Package () { 0x0008FFFF, 0, 0, 16 },
				Package () { 0x0009FFFF, 0, 0, 17 },
				Package () { 0x000AFFFF, 0, 0, 18 },
				Package () { 0x000BFFFF, 0, 0, 19 },
				Package () { 0x000CFFFF, 0, 0, 16 },
				Package () { 0x000DFFFF, 0, 0, 17 },
				Package () { 0x000EFFFF, 0, 0, 18 },
				Package () { 0x000FFFFF, 0, 0, 19 },
				Package () { 0x0010FFFF, 0, 0, 16 },
				Package () { 0x0011FFFF, 0, 0, 17 },
				Package () { 0x0012FFFF, 0, 0, 18 },
				Package () { 0x0013FFFF, 0, 0, 19 },
				Package () { 0x0014FFFF, 0, 0, 16 },
				Package () { 0x0015FFFF, 0, 0, 17 },
				Package () { 0x0016FFFF, 0, 0, 18 },
				Package () { 0x0017FFFF, 0, 0, 19 },
				Package () { 0x0018FFFF, 0, 0, 16 },
				Package () { 0x0019FFFF, 0, 0, 17 },
				Package () { 0x001AFFFF, 0, 0, 18 },
				Package () { 0x001BFFFF, 0, 0, 19 },
				Package () { 0x001CFFFF, 0, 0, 16 },
				Package () { 0x001DFFFF, 0, 0, 17 },
				Package () { 0x001EFFFF, 0, 0, 18 },
				Package () { 0x001FFFFF, 0, 0, 19 },
			})
		}

		// The memory of ECAM is nobody else's
		Device (ECAM)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xE0000000, 0x100000)
			})
		}
	}
}
