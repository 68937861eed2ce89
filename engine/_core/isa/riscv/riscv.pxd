# RISC-V as a guest: rv64gc and rv32gc with Zicsr, Zifencei, Zba, Zbb, Zbs.
# Lives here: the GuestOps tables. Their functions: riscv.pyx (translation, life cycle, text),
# csr, trap, mmu; calls of emitted code also in fphelp. Instructions: *.isa and trans_*.pxi.
# Called by: api, exec.
from engine._core.isa.guest cimport GuestOps

cdef GuestOps riscv_ops             # RV64
cdef GuestOps riscv32_ops           # RV32: the same functions, registers of 32 bits
