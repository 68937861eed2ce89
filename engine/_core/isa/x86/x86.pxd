# x86 as a guest: 64-bit flat, 32-bit flat, 16-bit real mode.
# Lives here: the GuestOps tables. Their functions: x86.pyx; calls
# of emitted code also in inthelp. Instructions: *.ops and trans_*.pxi. Called by: api, exec.
from engine._core.isa.guest cimport GuestOps

cdef GuestOps x86_64_guest
cdef GuestOps i386_guest
cdef GuestOps x86_16_guest
