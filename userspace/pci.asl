// SPDX-License-Identifier: GPL-2.0
//
// The PCI bus, for machines that have one. Numbers as in pci.h.
//
DefinitionBlock ("pci.aml", "SSDT", 2, "SVMM", "VMCTLPCI", 1)
{
	// pci_low.asl's, if there is that
	External (\_SB.LOWW, BuffObj)

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08"))
			Name (_CID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_SEG, 0)
			Name (_BBN, 0)
			Name (WNDW, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0, 0, 1)
				IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0xC000, 0xFFFF, 0, 0x4000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0, 0xC0000000, 0xDFFFFFFF, 0, 0x20000000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0, 0xE0100000, 0xFEBFFFFF, 0, 0x1EB00000)
			})

			Method (_CRS)
			{
				If (CondRefOf (\_SB.LOWW))
				{
					Return (ConcatenateResTemplate (WNDW, \_SB.LOWW))
				}
				Return (WNDW)
			}

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

			// acpi_plug.c: slots where something has come, where it is to go, where it may
			OperationRegion (PLUG, SystemIO, 0x0620, 12)
			Field (PLUG, DWordAcc, NoLock, WriteAsZeros)
			{
				CAME, 32,
				GOES, 32,
				EJCT, 32,
			}

			// Those of network cards and disks: plug.c
			Device (S01) { Name (_ADR, 0x010000) Name (_SUN, 1) Method (_EJ0, 1) { EJCT = 0x2 } }
			Device (S02) { Name (_ADR, 0x020000) Name (_SUN, 2) Method (_EJ0, 1) { EJCT = 0x4 } }
			Device (S03) { Name (_ADR, 0x030000) Name (_SUN, 3) Method (_EJ0, 1) { EJCT = 0x8 } }
			Device (S04) { Name (_ADR, 0x040000) Name (_SUN, 4) Method (_EJ0, 1) { EJCT = 0x10 } }
			Device (S05) { Name (_ADR, 0x050000) Name (_SUN, 5) Method (_EJ0, 1) { EJCT = 0x20 } }
			Device (S06) { Name (_ADR, 0x060000) Name (_SUN, 6) Method (_EJ0, 1) { EJCT = 0x40 } }
			Device (S07) { Name (_ADR, 0x070000) Name (_SUN, 7) Method (_EJ0, 1) { EJCT = 0x80 } }
			Device (S08) { Name (_ADR, 0x080000) Name (_SUN, 8) Method (_EJ0, 1) { EJCT = 0x100 } }
			Device (S09) { Name (_ADR, 0x090000) Name (_SUN, 9) Method (_EJ0, 1) { EJCT = 0x200 } }
			Device (S0A) { Name (_ADR, 0x0A0000) Name (_SUN, 10) Method (_EJ0, 1) { EJCT = 0x400 } }
			Device (S0B) { Name (_ADR, 0x0B0000) Name (_SUN, 11) Method (_EJ0, 1) { EJCT = 0x800 } }
			Device (S0C) { Name (_ADR, 0x0C0000) Name (_SUN, 12) Method (_EJ0, 1) { EJCT = 0x1000 } }
			Device (S0D) { Name (_ADR, 0x0D0000) Name (_SUN, 13) Method (_EJ0, 1) { EJCT = 0x2000 } }
			Device (S0E) { Name (_ADR, 0x0E0000) Name (_SUN, 14) Method (_EJ0, 1) { EJCT = 0x4000 } }
			Device (S0F) { Name (_ADR, 0x0F0000) Name (_SUN, 15) Method (_EJ0, 1) { EJCT = 0x8000 } }
			Device (S10) { Name (_ADR, 0x100000) Name (_SUN, 16) Method (_EJ0, 1) { EJCT = 0x10000 } }
			Device (S11) { Name (_ADR, 0x110000) Name (_SUN, 17) Method (_EJ0, 1) { EJCT = 0x20000 } }
			Device (S12) { Name (_ADR, 0x120000) Name (_SUN, 18) Method (_EJ0, 1) { EJCT = 0x40000 } }
			Device (S13) { Name (_ADR, 0x130000) Name (_SUN, 19) Method (_EJ0, 1) { EJCT = 0x80000 } }
			Device (S14) { Name (_ADR, 0x140000) Name (_SUN, 20) Method (_EJ0, 1) { EJCT = 0x100000 } }
			Device (S15) { Name (_ADR, 0x150000) Name (_SUN, 21) Method (_EJ0, 1) { EJCT = 0x200000 } }
			Device (S16) { Name (_ADR, 0x160000) Name (_SUN, 22) Method (_EJ0, 1) { EJCT = 0x400000 } }
			Device (S17) { Name (_ADR, 0x170000) Name (_SUN, 23) Method (_EJ0, 1) { EJCT = 0x800000 } }
			Device (S18) { Name (_ADR, 0x180000) Name (_SUN, 24) Method (_EJ0, 1) { EJCT = 0x1000000 } }

			Method (TELL, 2)
			{
				If (Arg0 & 0x2) { Notify (S01, Arg1) }
				If (Arg0 & 0x4) { Notify (S02, Arg1) }
				If (Arg0 & 0x8) { Notify (S03, Arg1) }
				If (Arg0 & 0x10) { Notify (S04, Arg1) }
				If (Arg0 & 0x20) { Notify (S05, Arg1) }
				If (Arg0 & 0x40) { Notify (S06, Arg1) }
				If (Arg0 & 0x80) { Notify (S07, Arg1) }
				If (Arg0 & 0x100) { Notify (S08, Arg1) }
				If (Arg0 & 0x200) { Notify (S09, Arg1) }
				If (Arg0 & 0x400) { Notify (S0A, Arg1) }
				If (Arg0 & 0x800) { Notify (S0B, Arg1) }
				If (Arg0 & 0x1000) { Notify (S0C, Arg1) }
				If (Arg0 & 0x2000) { Notify (S0D, Arg1) }
				If (Arg0 & 0x4000) { Notify (S0E, Arg1) }
				If (Arg0 & 0x8000) { Notify (S0F, Arg1) }
				If (Arg0 & 0x10000) { Notify (S10, Arg1) }
				If (Arg0 & 0x20000) { Notify (S11, Arg1) }
				If (Arg0 & 0x40000) { Notify (S12, Arg1) }
				If (Arg0 & 0x80000) { Notify (S13, Arg1) }
				If (Arg0 & 0x100000) { Notify (S14, Arg1) }
				If (Arg0 & 0x200000) { Notify (S15, Arg1) }
				If (Arg0 & 0x400000) { Notify (S16, Arg1) }
				If (Arg0 & 0x800000) { Notify (S17, Arg1) }
				If (Arg0 & 0x1000000) { Notify (S18, Arg1) }
			}

			Method (LOOK, 0, Serialized)
			{
				Local0 = CAME
				CAME = Local0
				TELL (Local0, 1)
				Local0 = GOES
				GOES = Local0
				TELL (Local0, 3)
			}
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

	Scope (\_GPE)
	{
		// ACPI_GPE_PLUG
		Method (_E01) { \_SB.PCI0.LOOK () }
	}
}
