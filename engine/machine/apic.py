"""Constants of the local APIC, and the fields of an interrupt command.

What lives here: the layout of LVT, ESR, ICR, priority, destination and spurious-vector registers
(Intel SDM volume 3, chapter 10 "APIC"), the virtual-TPR page, `ICR`. What does not: a register
model. Who calls it: the x86 board and the CPU's interrupt code. It imports what it needs itself.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

MAX_APICS = 255

APIC_VECTOR_MASK = 0xFF
APIC_DCR_MASK = 0xF


class LVT(enum.IntEnum):
    """Slots of the local vector table."""

    TIMER = 0
    THERMAL = 1
    PERFORM = 2
    LINT0 = 3
    LINT1 = 4
    ERROR = 5


APIC_LVT_TIMER = LVT.TIMER
APIC_LVT_THERMAL = LVT.THERMAL
APIC_LVT_PERFORM = LVT.PERFORM
APIC_LVT_LINT0 = LVT.LINT0
APIC_LVT_LINT1 = LVT.LINT1
APIC_LVT_ERROR = LVT.ERROR
APIC_LVT_NB = 6


class DeliveryMode(enum.IntEnum):
    """How an interrupt is delivered; 3 is unused."""

    FIXED = 0
    LOWPRI = 1
    SMI = 2
    NMI = 4
    INIT = 5
    SIPI = 6
    EXTINT = 7


APIC_DM_FIXED = DeliveryMode.FIXED
APIC_DM_LOWPRI = DeliveryMode.LOWPRI
APIC_DM_SMI = DeliveryMode.SMI
APIC_DM_NMI = DeliveryMode.NMI
APIC_DM_INIT = DeliveryMode.INIT
APIC_DM_SIPI = DeliveryMode.SIPI
APIC_DM_EXTINT = DeliveryMode.EXTINT

# destination mode of the DFR
APIC_DESTMODE_FLAT = 0xF
APIC_DESTMODE_CLUSTER = 1

APIC_TRIGGER_EDGE = 0
APIC_TRIGGER_LEVEL = 1

# local vector table entries
APIC_LVT_TIMER_SHIFT = 17
APIC_LVT_MASKED_SHIFT = 16
APIC_LVT_LEVEL_TRIGGER_SHIFT = 15
APIC_LVT_REMOTE_IRR_SHIFT = 14
APIC_LVT_INT_POLARITY_SHIFT = 13
APIC_LVT_DELIV_STS_SHIFT = 12
APIC_LVT_DELIV_MOD_SHIFT = 8

APIC_LVT_TIMER_TSCDEADLINE = 2 << APIC_LVT_TIMER_SHIFT
APIC_LVT_TIMER_PERIODIC = 1 << APIC_LVT_TIMER_SHIFT
APIC_LVT_MASKED = 1 << APIC_LVT_MASKED_SHIFT
APIC_LVT_LEVEL_TRIGGER = 1 << APIC_LVT_LEVEL_TRIGGER_SHIFT
APIC_LVT_REMOTE_IRR = 1 << APIC_LVT_REMOTE_IRR_SHIFT
APIC_LVT_INT_POLARITY = 1 << APIC_LVT_INT_POLARITY_SHIFT
APIC_LVT_DELIV_STS = 1 << APIC_LVT_DELIV_STS_SHIFT
APIC_LVT_DELIV_MOD = 7 << APIC_LVT_DELIV_MOD_SHIFT

# error status; bit 4 is unused
APIC_ESR_ILL_ADDRESS_SHIFT = 7
APIC_ESR_RECV_ILL_VECT_SHIFT = 6
APIC_ESR_SEND_ILL_VECT_SHIFT = 5
APIC_ESR_RECV_ACCEPT_SHIFT = 3
APIC_ESR_SEND_ACCEPT_SHIFT = 2
APIC_ESR_RECV_CHECK_SUM_SHIFT = 1

APIC_ESR_ILLEGAL_ADDRESS = 1 << APIC_ESR_ILL_ADDRESS_SHIFT
APIC_ESR_RECV_ILLEGAL_VECT = 1 << APIC_ESR_RECV_ILL_VECT_SHIFT
APIC_ESR_SEND_ILLEGAL_VECT = 1 << APIC_ESR_SEND_ILL_VECT_SHIFT
APIC_ESR_RECV_ACCEPT = 1 << APIC_ESR_RECV_ACCEPT_SHIFT
APIC_ESR_SEND_ACCEPT = 1 << APIC_ESR_SEND_ACCEPT_SHIFT
APIC_ESR_RECV_CHECK_SUM = 1 << APIC_ESR_RECV_CHECK_SUM_SHIFT
APIC_ESR_SEND_CHECK_SUM = 1

# interrupt command
APIC_ICR_DEST_SHIFT = 24
APIC_ICR_DEST_SHORT_SHIFT = 18
APIC_ICR_TRIGGER_MOD_SHIFT = 15
APIC_ICR_LEVEL_SHIFT = 14
APIC_ICR_DELIV_STS_SHIFT = 12
APIC_ICR_DEST_MOD_SHIFT = 11
APIC_ICR_DELIV_MOD_SHIFT = 8

APIC_ICR_DEST_SHORT = 3 << APIC_ICR_DEST_SHORT_SHIFT
APIC_ICR_TRIGGER_MOD = 1 << APIC_ICR_TRIGGER_MOD_SHIFT
APIC_ICR_LEVEL = 1 << APIC_ICR_LEVEL_SHIFT
APIC_ICR_DELIV_STS = 1 << APIC_ICR_DELIV_STS_SHIFT
APIC_ICR_DEST_MOD = 1 << APIC_ICR_DEST_MOD_SHIFT
APIC_ICR_DELIV_MOD = 7 << APIC_ICR_DELIV_MOD_SHIFT

# priority
APIC_PR_CLASS_SHIFT = 4
APIC_PR_SUB_CLASS = 0xF

# logical destination
APIC_LOGDEST_XAPIC_SHIFT = 4
APIC_LOGDEST_XAPIC_ID = 0xF
APIC_LOGDEST_X2APIC_SHIFT = 16
APIC_LOGDEST_X2APIC_ID = 0xFFFF

# spurious vector
APIC_SPURIO_FOCUS_SHIFT = 9
APIC_SPURIO_ENABLED_SHIFT = 8
APIC_SPURIO_FOCUS = 1 << APIC_SPURIO_FOCUS_SHIFT
APIC_SPURIO_ENABLED = 1 << APIC_SPURIO_ENABLED_SHIFT
APIC_SV_DIRECTED_IO = 1 << 12
APIC_SV_ENABLE = 1 << 8

# virtual TPR
VAPIC_ENABLE_BIT = 0
VAPIC_ENABLE_MASK = 1 << VAPIC_ENABLE_BIT


@dataclass
class VAPICState:
    """The record of the virtual-TPR page: five packed bytes."""

    tpr: int = 0
    isr: int = 0
    zero: int = 0
    irr: int = 0
    enabled: int = 0

    def to_bytes(self) -> bytes:
        """As it stands in guest memory."""
        return bytes((self.tpr, self.isr, self.zero, self.irr, self.enabled))

    @classmethod
    def from_bytes(cls, data: bytes) -> VAPICState:
        """From guest memory."""
        tpr, isr, zero, irr, enabled = data[:5]
        return cls(tpr, isr, zero, irr, enabled)


@dataclass(frozen=True)
class ICR:
    """The fields of an interrupt command (the register's low word; `dest` is of the high one)."""

    vector: int
    delivery_mode: int
    dest_mode: int
    delivery_status: int
    level: int
    trigger_mode: int
    dest_shorthand: int
    dest: int = 0

    @classmethod
    def decode(cls, low: int, high: int = 0) -> ICR:
        """The fields of a command."""
        return cls(
            vector=low & APIC_VECTOR_MASK,
            delivery_mode=(low & APIC_ICR_DELIV_MOD) >> APIC_ICR_DELIV_MOD_SHIFT,
            dest_mode=(low & APIC_ICR_DEST_MOD) >> APIC_ICR_DEST_MOD_SHIFT,
            delivery_status=(low & APIC_ICR_DELIV_STS) >> APIC_ICR_DELIV_STS_SHIFT,
            level=(low & APIC_ICR_LEVEL) >> APIC_ICR_LEVEL_SHIFT,
            trigger_mode=(low & APIC_ICR_TRIGGER_MOD) >> APIC_ICR_TRIGGER_MOD_SHIFT,
            dest_shorthand=(low & APIC_ICR_DEST_SHORT) >> APIC_ICR_DEST_SHORT_SHIFT,
            dest=high >> APIC_ICR_DEST_SHIFT & 0xFF)

    def encode(self) -> tuple[int, int]:
        """(low word, high word)."""
        low = (self.vector
               | self.delivery_mode << APIC_ICR_DELIV_MOD_SHIFT
               | self.dest_mode << APIC_ICR_DEST_MOD_SHIFT
               | self.delivery_status << APIC_ICR_DELIV_STS_SHIFT
               | self.level << APIC_ICR_LEVEL_SHIFT
               | self.trigger_mode << APIC_ICR_TRIGGER_MOD_SHIFT
               | self.dest_shorthand << APIC_ICR_DEST_SHORT_SHIFT)
        return low, self.dest << APIC_ICR_DEST_SHIFT


def priority_class(vector: int) -> int:
    """The class that decides between interrupts: the upper four bits of the vector."""
    return vector >> APIC_PR_CLASS_SHIFT
