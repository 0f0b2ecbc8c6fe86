# SPDX-License-Identifier: GPL-2.0
"""The VMMs that guests are run by. guest-lib has their command lines."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vmm:
    """What a VMM gives its guest."""

    name: str
    what: str
    # The chip, by its name in the guest's /proc/interrupts, that the disk interrupts at.
    disk_irq: str
    gics: tuple = ("3",)
    # Whether the guest can ask for the time of day.
    rtc: bool = True
    # A key that ends it.
    key: str = ""

    def problem(self, machine):
        """One line on why it can't run a guest on this machine, or None."""
        if machine.guest_gic in self.gics or self.name == "qemu":
            return None
        return (f"{self.name} wants a vGIC of version {' or '.join(self.gics)}; "
                f"machine {machine.name} has none")


_ALL = (
    Vmm("qemu", "Debian's QEMU: GICv3 with ITS, PCI", "MSI", key="Ctrl-A X"),
    Vmm("alioth", "in Rust: GICv3 with ITS, PCI, irqfds", "MSI"),
    Vmm("libkrun", "of rust-vmm's crates: GICv3 or GICv2, virtio-mmio on SPIs", "GIC",
        gics=("3", "2")),
    Vmm("kvmtool", "GICv3 with ITS, PCI", "MSI", rtc=False, key="Ctrl-A X"),
)

VMMS = {v.name: v for v in _ALL}
