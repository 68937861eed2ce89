"""The registers of a local APIC as a device: `LocalAPIC`.

What lives here: the register page of the xAPIC (Intel SDM volume 3A, chapter "Advanced Programmable
Interrupt Controller", table "Local APIC Register Address Map"): which registers there are and what
reading and writing them does, vectors that wait and are served, priorities, errors, the timer's
counter. What does not: the layout of the fields (`apic`), who else is on the bus, time. Who calls
it: boards. It knows no emulator: `read` and `write` are functions of a region of `engine.memory`.

    chip = LocalAPIC()
    page = MemoryRegion.io(emu, "apic", 0x1000, chip.read, chip.write, impl=(4, 4, False))
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ArgumentError
from . import apic

__all__ = ["LocalAPIC"]

# offsets in the page; each register is four bytes at the start of sixteen
ID, VERSION, TPR, APR, PPR, EOI, RRD = 0x20, 0x30, 0x80, 0x90, 0xA0, 0xB0, 0xC0
LDR, DFR, SVR, ISR, TMR, IRR, ESR = 0xD0, 0xE0, 0xF0, 0x100, 0x180, 0x200, 0x280
ICR_LOW, ICR_HIGH, LVT, INITIAL_COUNT, CURRENT_COUNT, DCR = 0x300, 0x310, 0x320, 0x380, 0x390, 0x3E0
STEP = 0x10
VECTOR_WORDS = 8                            # ISR, TMR and IRR: 256 bits each

LOWEST_VECTOR = 16                          # those below are illegal for fixed interrupts
VERSION_VALUE = 0x14 | (apic.APIC_LVT_NB - 1) << 16
LVT_WRITABLE: dict[int, int] = {
    apic.APIC_LVT_TIMER: (apic.APIC_VECTOR_MASK | apic.APIC_LVT_MASKED
                          | apic.APIC_LVT_TIMER_PERIODIC),
    apic.APIC_LVT_THERMAL: apic.APIC_VECTOR_MASK | apic.APIC_LVT_DELIV_MOD | apic.APIC_LVT_MASKED,
    apic.APIC_LVT_PERFORM: apic.APIC_VECTOR_MASK | apic.APIC_LVT_DELIV_MOD | apic.APIC_LVT_MASKED,
    apic.APIC_LVT_LINT0: (apic.APIC_VECTOR_MASK | apic.APIC_LVT_DELIV_MOD
                          | apic.APIC_LVT_INT_POLARITY | apic.APIC_LVT_LEVEL_TRIGGER
                          | apic.APIC_LVT_MASKED),
    apic.APIC_LVT_LINT1: (apic.APIC_VECTOR_MASK | apic.APIC_LVT_DELIV_MOD
                          | apic.APIC_LVT_INT_POLARITY | apic.APIC_LVT_LEVEL_TRIGGER
                          | apic.APIC_LVT_MASKED),
    apic.APIC_LVT_ERROR: apic.APIC_VECTOR_MASK | apic.APIC_LVT_MASKED,
}
ICR_WRITABLE = (apic.APIC_VECTOR_MASK | apic.APIC_ICR_DELIV_MOD | apic.APIC_ICR_DEST_MOD
                | apic.APIC_ICR_LEVEL | apic.APIC_ICR_TRIGGER_MOD | apic.APIC_ICR_DEST_SHORT)
SVR_WRITABLE = (apic.APIC_VECTOR_MASK | apic.APIC_SPURIO_ENABLED | apic.APIC_SPURIO_FOCUS
                | apic.APIC_SV_DIRECTED_IO)
WORD = 0xFFFFFFFF
SHORTHAND_SELF, SHORTHAND_ALL = 1, 2        # 3: all but this one


def _in_vectors(register: int) -> bool:
    return ISR <= register < IRR + VECTOR_WORDS * STEP


def _in_lvt(register: int) -> bool:
    return LVT <= register < LVT + apic.APIC_LVT_NB * STEP


class LocalAPIC:
    """One local APIC in xAPIC mode.

    `deliver(icr)` gets each command whose receivers are others (`apic.ICR`); `signal()` is called
    whenever `pending` may have changed. Errors collect until the guest writes the error status
    register, which then shows those since the write before (SDM, "Error Handling").
    """

    def __init__(self, apic_id: int = 0, *, deliver: Callable[[apic.ICR], object] | None = None,
                 signal: Callable[[], object] | None = None) -> None:
        """Raises ArgumentError for an id beyond 254."""
        if not 0 <= apic_id < apic.MAX_APICS:
            raise ArgumentError(f"APIC id {apic_id} is not in 0..{apic.MAX_APICS - 1}")
        self.apic_id = apic_id
        self._deliver = deliver
        self._signal: Callable[[], object] | None = None
        self.reset()
        self._signal = signal               # not before: it may want to look at this object

    def reset(self) -> None:
        """The state after power-up: disabled by software, everything masked, id as given."""
        self._words = {ID: self.apic_id << apic.APIC_ICR_DEST_SHIFT, TPR: 0, LDR: 0, DFR: WORD,
                       SVR: 0xFF, ESR: 0, ICR_LOW: 0, ICR_HIGH: 0, INITIAL_COUNT: 0, DCR: 0}
        self._words |= {LVT + slot * STEP: apic.APIC_LVT_MASKED for slot in LVT_WRITABLE}
        self._served = self._level = self._waiting = 0      # ISR, TMR, IRR: bit n is vector n
        self._errors = 0
        self._count = self._rest = 0
        self._changed()

    # ---------------------------------------------------------------- what others see

    @property
    def enabled(self) -> bool:
        """Whether software has switched it on (spurious-vector register)."""
        return bool(self._words[SVR] & apic.APIC_SV_ENABLE)

    @property
    def error_status(self) -> int:
        """The error status register as the guest reads it."""
        return self._words[ESR]

    @property
    def pending_errors(self) -> int:
        """The errors since the guest last wrote the error status register."""
        return self._errors

    @property
    def processor_priority(self) -> int:
        """PPR: the task priority, or the class of what is being served where that is higher."""
        tpr, served = self._words[TPR], max(self._served.bit_length() - 1, 0)
        if apic.priority_class(tpr) >= apic.priority_class(served):
            return tpr
        return served & ~apic.APIC_PR_SUB_CLASS

    @property
    def pending(self) -> bool:
        """Whether an interrupt waits whose class is above the processor's."""
        waiting = self._waiting.bit_length() - 1
        return self.enabled and waiting >= 0 and (
            apic.priority_class(waiting) > apic.priority_class(self.processor_priority))

    def _changed(self) -> None:
        if self._signal is not None:
            self._signal()

    # ---------------------------------------------------------------- interrupts

    def accept(self, vector: int, *, level: bool = False) -> bool:
        """A fixed interrupt for this processor arrives. False when it is not taken: disabled, or an
        illegal vector, which is an error. Raises ArgumentError for a vector beyond 255."""
        if not 0 <= vector <= apic.APIC_VECTOR_MASK:
            raise ArgumentError(f"vector {vector} is not in 0..255")
        if vector < LOWEST_VECTOR:
            self._error(apic.APIC_ESR_RECV_ILLEGAL_VECT)
            return False
        if not self.enabled:
            return False
        bit = 1 << vector
        self._waiting |= bit
        self._level = self._level | bit if level else self._level & ~bit
        self._changed()
        return True

    def acknowledge(self) -> int:
        """The processor takes its interrupt: the vector, now being served, or the spurious one."""
        if not self.pending:
            return self._words[SVR] & apic.APIC_VECTOR_MASK
        vector = self._waiting.bit_length() - 1
        self._waiting &= ~(1 << vector)
        self._served |= 1 << vector
        self._changed()
        return vector

    def local(self, slot: int) -> bool:
        """A local source (`apic.LVT`) fires. False when it is masked, or its mode is not fixed:
        what other modes mean is the board's business. Raises ArgumentError for no such slot."""
        if slot not in LVT_WRITABLE:
            raise ArgumentError(f"no slot {slot} in the local vector table")
        entry = self._words[LVT + slot * STEP]
        if entry & (apic.APIC_LVT_MASKED | apic.APIC_LVT_DELIV_MOD):
            return False
        return self.accept(entry & apic.APIC_VECTOR_MASK,
                           level=bool(entry & apic.APIC_LVT_LEVEL_TRIGGER))

    def _error(self, bits: int) -> None:
        news = bits & ~self._errors
        self._errors |= bits
        # An illegal vector in the error entry itself comes here again, with nothing new.
        if news:
            self.local(apic.APIC_LVT_ERROR)

    def _end_of_interrupt(self) -> None:
        if self._served:
            self._served &= ~(1 << self._served.bit_length() - 1)
            self._changed()

    def _command(self, low: int) -> None:
        icr = apic.ICR.decode(low, self._words[ICR_HIGH])
        if icr.delivery_mode in (apic.APIC_DM_FIXED, apic.APIC_DM_LOWPRI) and (
                icr.vector < LOWEST_VECTOR):
            self._error(apic.APIC_ESR_SEND_ILLEGAL_VECT)
            return
        if icr.dest_shorthand in (SHORTHAND_SELF, SHORTHAND_ALL) and (
                icr.delivery_mode == apic.APIC_DM_FIXED):
            self.accept(icr.vector, level=bool(icr.trigger_mode))
        if icr.dest_shorthand != SHORTHAND_SELF and self._deliver is not None:
            self._deliver(icr)

    # ---------------------------------------------------------------- the timer

    @property
    def timer_divisor(self) -> int:
        """Ticks of the bus clock a step of the counter, 1 to 128."""
        code = self._words[DCR] & 3 | self._words[DCR] >> 1 & 4
        return 1 if code == 7 else 2 << code

    def advance(self, ticks: int) -> int:
        """`ticks` of the bus clock have passed: how often the timer reached zero. Several times in
        one call are one interrupt, as it is already waiting. Raises ArgumentError below zero."""
        if ticks < 0:
            raise ArgumentError(f"{ticks} ticks")
        steps, self._rest = divmod(self._rest + ticks, self.timer_divisor)
        if not self._count or steps < self._count:
            self._count -= steps if self._count else 0
            return 0
        steps, fired = steps - self._count, 1
        self._count = 0
        if self._words[LVT] & apic.APIC_LVT_TIMER_PERIODIC:
            period = self._words[INITIAL_COUNT]
            fired += steps // period
            self._count = period - steps % period
        self.local(apic.APIC_LVT_TIMER)
        return fired

    # ---------------------------------------------------------------- the page

    def _vectors(self, register: int) -> int:
        base = register & ~(VECTOR_WORDS * STEP - 1)
        bits = {ISR: self._served, TMR: self._level, IRR: self._waiting}[base]
        return bits >> (register - base) // STEP * 32 & WORD

    def read(self, offset: int, size: int = 4, attrs: int = 0) -> int:
        """What a guest reads at an offset of the page. Reserved ones are 0, and an error."""
        if _in_vectors(offset) and offset % STEP == 0:
            return self._vectors(offset)
        if offset in self._words:
            return self._words[offset]
        if offset == VERSION:
            return VERSION_VALUE
        if offset == PPR:
            return self.processor_priority
        if offset == CURRENT_COUNT:
            return self._count
        if offset not in (APR, RRD, EOI):
            self._error(apic.APIC_ESR_ILLEGAL_ADDRESS)
        return 0

    def write(self, offset: int, size: int, value: int, attrs: int = 0) -> None:
        """A guest writes. Read-only registers keep their value; reserved ones are an error."""
        words, value = self._words, value & WORD
        if offset == EOI:
            self._end_of_interrupt()
        elif offset == ESR:
            words[ESR], self._errors = self._errors, 0
        elif offset == ICR_LOW:
            words[ICR_LOW] = value & ICR_WRITABLE
            self._command(words[ICR_LOW])
        elif _in_lvt(offset) and offset in words:
            words[offset] = value & LVT_WRITABLE[(offset - LVT) // STEP] | (
                0 if self.enabled else apic.APIC_LVT_MASKED)
        elif offset == SVR:
            words[SVR] = value & SVR_WRITABLE
            if not self.enabled:
                for slot in LVT_WRITABLE:
                    words[LVT + slot * STEP] |= apic.APIC_LVT_MASKED
            self._changed()
        elif offset == TPR:
            words[TPR] = value & apic.APIC_VECTOR_MASK
            self._changed()
        elif offset in (ID, LDR, ICR_HIGH):
            words[offset] = value & apic.APIC_VECTOR_MASK << apic.APIC_ICR_DEST_SHIFT
        elif offset == DFR:
            words[DFR] = value | 0x0FFFFFFF
        elif offset == INITIAL_COUNT:
            words[INITIAL_COUNT] = self._count = value
            self._rest = 0
        elif offset == DCR:
            words[DCR] = value & 0b1011
        elif not (offset in (VERSION, APR, PPR, RRD, CURRENT_COUNT)
                  or (_in_vectors(offset) and offset % STEP == 0)):
            self._error(apic.APIC_ESR_ILLEGAL_ADDRESS)
