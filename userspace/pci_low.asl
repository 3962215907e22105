// SPDX-License-Identifier: GPL-2.0
//
// What UEFI adds to the window of the PCI bus where there is no RAM: PCI_LOW_BASE to PCI_MEM_BASE.
//
DefinitionBlock ("pci_low.aml", "SSDT", 2, "SVMM", "VMCTLLOW", 1)
{
	Scope (\_SB)
	{
		Name (LOWW, ResourceTemplate ()
		{
			DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
				NonCacheable, ReadWrite,
				0, 0x80000000, 0xBFFFFFFF, 0, 0x40000000)
		})
	}
}
