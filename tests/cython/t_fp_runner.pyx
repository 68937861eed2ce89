# Batch runner of the floating-point functions over numpy arrays, for tests/fp.
#
# What lives here: dispatch from an operation's name and format to every named function of soft.pxd
# and host.pxd, and to the host's own instructions (SSE and x87) in any MXCSR or control word. What
# does not: expected values. Who calls it: tests/fp/*.py through the module that conftest compiles.
"""Compiled helper of tests/fp; its own tests check the entry and exit of the host region."""

import threading

import numpy as np
import pytest

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from engine._core.fp.host cimport *
from engine._core.fp.soft cimport *
from engine._core.fp.status cimport *


OPS = [
    "add", "sub", "mul", "div", "rem", "sqrt", "muladd", "eq", "lt", "le", "eq_sig", "lt_quiet",
    "le_quiet", "minmax", "round_to_int", "classify", "to_i32", "to_ui32", "to_i64", "to_ui64",
    "from_i32", "from_ui32", "from_i64", "from_ui64", "to_f16", "to_f32", "to_f64", "to_f80",
    "min", "max",
]


cdef inline Float80 f80(uint64_t sig, uint16_t exp=0) noexcept nogil:
    cdef Float80 r
    r.sig = sig
    r.exp = exp
    return r


cdef Float80 soft16(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return f80(soft_add16(st, <uint16_t>a.sig, <uint16_t>b.sig, rm))
    elif op == 1:      # sub
        return f80(soft_sub16(st, <uint16_t>a.sig, <uint16_t>b.sig, rm))
    elif op == 2:      # mul
        return f80(soft_mul16(st, <uint16_t>a.sig, <uint16_t>b.sig, rm))
    elif op == 3:      # div
        return f80(soft_div16(st, <uint16_t>a.sig, <uint16_t>b.sig, rm))
    elif op == 4:      # rem
        return f80(soft_rem16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 5:      # sqrt
        return f80(soft_sqrt16(st, <uint16_t>a.sig, rm))
    elif op == 6:      # muladd
        return f80(soft_muladd16(st, <uint16_t>a.sig, <uint16_t>b.sig, <uint16_t>c.sig, extra, rm))
    elif op == 7:      # eq
        return f80(soft_eq16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 8:      # lt
        return f80(soft_lt16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 9:      # le
        return f80(soft_le16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 10:      # eq_sig
        return f80(soft_eq_sig16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 11:      # lt_quiet
        return f80(soft_lt_quiet16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 12:      # le_quiet
        return f80(soft_le_quiet16(st, <uint16_t>a.sig, <uint16_t>b.sig))
    elif op == 13:      # minmax
        return f80(soft_minmax16(st, <uint16_t>a.sig, <uint16_t>b.sig, extra))
    elif op == 14:      # round_to_int
        return f80(soft_round_to_int16(st, <uint16_t>a.sig, rm, extra))
    elif op == 15:      # classify
        return f80(soft_classify16(st, <uint16_t>a.sig))
    elif op == 16:      # to_i32
        return f80(<uint64_t>soft_f16_to_i32(st, <uint16_t>a.sig, rm, extra))
    elif op == 20:      # from_i32
        return f80(soft_i32_to_f16(st, <int32_t>a.sig, rm))
    elif op == 17:      # to_ui32
        return f80(<uint64_t>soft_f16_to_ui32(st, <uint16_t>a.sig, rm, extra))
    elif op == 21:      # from_ui32
        return f80(soft_ui32_to_f16(st, <uint32_t>a.sig, rm))
    elif op == 18:      # to_i64
        return f80(<uint64_t>soft_f16_to_i64(st, <uint16_t>a.sig, rm, extra))
    elif op == 22:      # from_i64
        return f80(soft_i64_to_f16(st, <int64_t>a.sig, rm))
    elif op == 19:      # to_ui64
        return f80(<uint64_t>soft_f16_to_ui64(st, <uint16_t>a.sig, rm, extra))
    elif op == 23:      # from_ui64
        return f80(soft_ui64_to_f16(st, <uint64_t>a.sig, rm))
    elif op == 25:      # to_f32
        return f80(soft_f16_to_f32(st, <uint16_t>a.sig, rm))
    elif op == 26:      # to_f64
        return f80(soft_f16_to_f64(st, <uint16_t>a.sig, rm))
    elif op == 27:      # to_f80
        return soft_f16_to_f80(st, <uint16_t>a.sig, rm)
    st.flags = 0xff       # no such function
    return f80(0)


cdef Float80 soft32(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return f80(soft_add32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 1:      # sub
        return f80(soft_sub32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 2:      # mul
        return f80(soft_mul32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 3:      # div
        return f80(soft_div32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 4:      # rem
        return f80(soft_rem32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 5:      # sqrt
        return f80(soft_sqrt32(st, <uint32_t>a.sig, rm))
    elif op == 6:      # muladd
        return f80(soft_muladd32(st, <uint32_t>a.sig, <uint32_t>b.sig, <uint32_t>c.sig, extra, rm))
    elif op == 7:      # eq
        return f80(soft_eq32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 8:      # lt
        return f80(soft_lt32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 9:      # le
        return f80(soft_le32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 10:      # eq_sig
        return f80(soft_eq_sig32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 11:      # lt_quiet
        return f80(soft_lt_quiet32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 12:      # le_quiet
        return f80(soft_le_quiet32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 13:      # minmax
        return f80(soft_minmax32(st, <uint32_t>a.sig, <uint32_t>b.sig, extra))
    elif op == 14:      # round_to_int
        return f80(soft_round_to_int32(st, <uint32_t>a.sig, rm, extra))
    elif op == 15:      # classify
        return f80(soft_classify32(st, <uint32_t>a.sig))
    elif op == 16:      # to_i32
        return f80(<uint64_t>soft_f32_to_i32(st, <uint32_t>a.sig, rm, extra))
    elif op == 20:      # from_i32
        return f80(soft_i32_to_f32(st, <int32_t>a.sig, rm))
    elif op == 17:      # to_ui32
        return f80(<uint64_t>soft_f32_to_ui32(st, <uint32_t>a.sig, rm, extra))
    elif op == 21:      # from_ui32
        return f80(soft_ui32_to_f32(st, <uint32_t>a.sig, rm))
    elif op == 18:      # to_i64
        return f80(<uint64_t>soft_f32_to_i64(st, <uint32_t>a.sig, rm, extra))
    elif op == 22:      # from_i64
        return f80(soft_i64_to_f32(st, <int64_t>a.sig, rm))
    elif op == 19:      # to_ui64
        return f80(<uint64_t>soft_f32_to_ui64(st, <uint32_t>a.sig, rm, extra))
    elif op == 23:      # from_ui64
        return f80(soft_ui64_to_f32(st, <uint64_t>a.sig, rm))
    elif op == 24:      # to_f16
        return f80(soft_f32_to_f16(st, <uint32_t>a.sig, rm))
    elif op == 26:      # to_f64
        return f80(soft_f32_to_f64(st, <uint32_t>a.sig, rm))
    elif op == 27:      # to_f80
        return soft_f32_to_f80(st, <uint32_t>a.sig, rm)
    st.flags = 0xff       # no such function
    return f80(0)


cdef Float80 soft64(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return f80(soft_add64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 1:      # sub
        return f80(soft_sub64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 2:      # mul
        return f80(soft_mul64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 3:      # div
        return f80(soft_div64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 4:      # rem
        return f80(soft_rem64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 5:      # sqrt
        return f80(soft_sqrt64(st, <uint64_t>a.sig, rm))
    elif op == 6:      # muladd
        return f80(soft_muladd64(st, <uint64_t>a.sig, <uint64_t>b.sig, <uint64_t>c.sig, extra, rm))
    elif op == 7:      # eq
        return f80(soft_eq64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 8:      # lt
        return f80(soft_lt64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 9:      # le
        return f80(soft_le64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 10:      # eq_sig
        return f80(soft_eq_sig64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 11:      # lt_quiet
        return f80(soft_lt_quiet64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 12:      # le_quiet
        return f80(soft_le_quiet64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 13:      # minmax
        return f80(soft_minmax64(st, <uint64_t>a.sig, <uint64_t>b.sig, extra))
    elif op == 14:      # round_to_int
        return f80(soft_round_to_int64(st, <uint64_t>a.sig, rm, extra))
    elif op == 15:      # classify
        return f80(soft_classify64(st, <uint64_t>a.sig))
    elif op == 16:      # to_i32
        return f80(<uint64_t>soft_f64_to_i32(st, <uint64_t>a.sig, rm, extra))
    elif op == 20:      # from_i32
        return f80(soft_i32_to_f64(st, <int32_t>a.sig, rm))
    elif op == 17:      # to_ui32
        return f80(<uint64_t>soft_f64_to_ui32(st, <uint64_t>a.sig, rm, extra))
    elif op == 21:      # from_ui32
        return f80(soft_ui32_to_f64(st, <uint32_t>a.sig, rm))
    elif op == 18:      # to_i64
        return f80(<uint64_t>soft_f64_to_i64(st, <uint64_t>a.sig, rm, extra))
    elif op == 22:      # from_i64
        return f80(soft_i64_to_f64(st, <int64_t>a.sig, rm))
    elif op == 19:      # to_ui64
        return f80(<uint64_t>soft_f64_to_ui64(st, <uint64_t>a.sig, rm, extra))
    elif op == 23:      # from_ui64
        return f80(soft_ui64_to_f64(st, <uint64_t>a.sig, rm))
    elif op == 24:      # to_f16
        return f80(soft_f64_to_f16(st, <uint64_t>a.sig, rm))
    elif op == 25:      # to_f32
        return f80(soft_f64_to_f32(st, <uint64_t>a.sig, rm))
    elif op == 27:      # to_f80
        return soft_f64_to_f80(st, <uint64_t>a.sig, rm)
    st.flags = 0xff       # no such function
    return f80(0)


cdef Float80 soft80(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return soft_add80(st, a, b, rm)
    elif op == 1:      # sub
        return soft_sub80(st, a, b, rm)
    elif op == 2:      # mul
        return soft_mul80(st, a, b, rm)
    elif op == 3:      # div
        return soft_div80(st, a, b, rm)
    elif op == 4:      # rem
        return soft_rem80(st, a, b)
    elif op == 5:      # sqrt
        return soft_sqrt80(st, a, rm)
    elif op == 6:      # muladd
        return soft_muladd80(st, a, b, c, extra, rm)
    elif op == 7:      # eq
        return f80(soft_eq80(st, a, b))
    elif op == 8:      # lt
        return f80(soft_lt80(st, a, b))
    elif op == 9:      # le
        return f80(soft_le80(st, a, b))
    elif op == 10:      # eq_sig
        return f80(soft_eq_sig80(st, a, b))
    elif op == 11:      # lt_quiet
        return f80(soft_lt_quiet80(st, a, b))
    elif op == 12:      # le_quiet
        return f80(soft_le_quiet80(st, a, b))
    elif op == 13:      # minmax
        return soft_minmax80(st, a, b, extra)
    elif op == 14:      # round_to_int
        return soft_round_to_int80(st, a, rm, extra)
    elif op == 15:      # classify
        return f80(soft_classify80(st, a))
    elif op == 16:      # to_i32
        return f80(<uint64_t>soft_f80_to_i32(st, a, rm, extra))
    elif op == 20:      # from_i32
        return soft_i32_to_f80(st, <int32_t>a.sig, rm)
    elif op == 17:      # to_ui32
        return f80(<uint64_t>soft_f80_to_ui32(st, a, rm, extra))
    elif op == 21:      # from_ui32
        return soft_ui32_to_f80(st, <uint32_t>a.sig, rm)
    elif op == 18:      # to_i64
        return f80(<uint64_t>soft_f80_to_i64(st, a, rm, extra))
    elif op == 22:      # from_i64
        return soft_i64_to_f80(st, <int64_t>a.sig, rm)
    elif op == 19:      # to_ui64
        return f80(<uint64_t>soft_f80_to_ui64(st, a, rm, extra))
    elif op == 23:      # from_ui64
        return soft_ui64_to_f80(st, <uint64_t>a.sig, rm)
    elif op == 24:      # to_f16
        return f80(soft_f80_to_f16(st, a, rm))
    elif op == 25:      # to_f32
        return f80(soft_f80_to_f32(st, a, rm))
    elif op == 26:      # to_f64
        return f80(soft_f80_to_f64(st, a, rm))
    st.flags = 0xff       # no such function
    return f80(0)


cdef Float80 host32(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return f80(fp_add32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 1:      # sub
        return f80(fp_sub32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 2:      # mul
        return f80(fp_mul32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 3:      # div
        return f80(fp_div32(st, <uint32_t>a.sig, <uint32_t>b.sig, rm))
    elif op == 5:      # sqrt
        return f80(fp_sqrt32(st, <uint32_t>a.sig, rm))
    elif op == 6:      # muladd
        return f80(fp_muladd32(st, <uint32_t>a.sig, <uint32_t>b.sig, <uint32_t>c.sig, extra, rm))
    elif op == 7:      # eq
        return f80(fp_eq32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 8:      # lt
        return f80(fp_lt32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 9:      # le
        return f80(fp_le32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 28:      # min
        return f80(fp_min32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 29:      # max
        return f80(fp_max32(st, <uint32_t>a.sig, <uint32_t>b.sig))
    elif op == 15:      # classify
        return f80(fp_classify32(st, <uint32_t>a.sig))
    elif op == 16:      # to_i32
        return f80(<uint64_t>fp_f32_to_i32(st, <uint32_t>a.sig, rm, extra))
    elif op == 20:      # from_i32
        return f80(fp_i32_to_f32(st, <int32_t>a.sig, rm))
    elif op == 17:      # to_ui32
        return f80(<uint64_t>fp_f32_to_ui32(st, <uint32_t>a.sig, rm, extra))
    elif op == 21:      # from_ui32
        return f80(fp_ui32_to_f32(st, <uint32_t>a.sig, rm))
    elif op == 18:      # to_i64
        return f80(<uint64_t>fp_f32_to_i64(st, <uint32_t>a.sig, rm, extra))
    elif op == 22:      # from_i64
        return f80(fp_i64_to_f32(st, <int64_t>a.sig, rm))
    elif op == 19:      # to_ui64
        return f80(<uint64_t>fp_f32_to_ui64(st, <uint32_t>a.sig, rm, extra))
    elif op == 23:      # from_ui64
        return f80(fp_ui64_to_f32(st, <uint64_t>a.sig, rm))
    elif op == 26:      # to_f64
        return f80(fp_f32_to_f64(st, <uint32_t>a.sig, rm))
    st.flags = 0xff       # no such function
    return f80(0)


cdef Float80 host64(int op, FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t extra,
                    uint8_t rm) noexcept nogil:
    if op == 0:      # add
        return f80(fp_add64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 1:      # sub
        return f80(fp_sub64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 2:      # mul
        return f80(fp_mul64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 3:      # div
        return f80(fp_div64(st, <uint64_t>a.sig, <uint64_t>b.sig, rm))
    elif op == 5:      # sqrt
        return f80(fp_sqrt64(st, <uint64_t>a.sig, rm))
    elif op == 6:      # muladd
        return f80(fp_muladd64(st, <uint64_t>a.sig, <uint64_t>b.sig, <uint64_t>c.sig, extra, rm))
    elif op == 7:      # eq
        return f80(fp_eq64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 8:      # lt
        return f80(fp_lt64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 9:      # le
        return f80(fp_le64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 28:      # min
        return f80(fp_min64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 29:      # max
        return f80(fp_max64(st, <uint64_t>a.sig, <uint64_t>b.sig))
    elif op == 15:      # classify
        return f80(fp_classify64(st, <uint64_t>a.sig))
    elif op == 16:      # to_i32
        return f80(<uint64_t>fp_f64_to_i32(st, <uint64_t>a.sig, rm, extra))
    elif op == 20:      # from_i32
        return f80(fp_i32_to_f64(st, <int32_t>a.sig, rm))
    elif op == 17:      # to_ui32
        return f80(<uint64_t>fp_f64_to_ui32(st, <uint64_t>a.sig, rm, extra))
    elif op == 21:      # from_ui32
        return f80(fp_ui32_to_f64(st, <uint32_t>a.sig, rm))
    elif op == 18:      # to_i64
        return f80(<uint64_t>fp_f64_to_i64(st, <uint64_t>a.sig, rm, extra))
    elif op == 22:      # from_i64
        return f80(fp_i64_to_f64(st, <int64_t>a.sig, rm))
    elif op == 19:      # to_ui64
        return f80(<uint64_t>fp_f64_to_ui64(st, <uint64_t>a.sig, rm, extra))
    elif op == 23:      # from_ui64
        return f80(fp_ui64_to_f64(st, <uint64_t>a.sig, rm))
    elif op == 25:      # to_f32
        return f80(fp_f64_to_f32(st, <uint64_t>a.sig, rm))
    st.flags = 0xff       # no such function
    return f80(0)


ctypedef Float80 (*function)(int, FPStatus *, Float80, Float80, Float80, uint8_t,
                             uint8_t) noexcept nogil


cdef function find(str path, str fmt) except NULL:
    if path == "host":
        return host32 if fmt == "f32" else host64
    if fmt == "f16":
        return soft16
    if fmt == "f32":
        return soft32
    return soft64 if fmt == "f64" else soft80


cdef FPStatus make_status(dict modes) except *:
    """A status with some fields changed, by name."""
    cdef FPStatus st
    modes = dict(modes)
    fp_status_init(&st, modes.pop("nan_rule", FP_NAN_CANONICAL))
    st.rounding = modes.pop("rounding", FP_RNE)
    st.default_nan = modes.pop("default_nan", st.default_nan)
    st.tininess_before = modes.pop("tininess_before", 0)
    st.flush_to_zero = modes.pop("flush_to_zero", FP_FTZ_OFF)
    st.flush_inputs = modes.pop("flush_inputs", FP_DAZ_OFF)
    st.x87_precision = modes.pop("x87_precision", 80)
    if modes:
        raise TypeError(f"no such mode: {modes}")
    return st


def run(str path, str fmt, str op, operands, *, extra=0, rm=7, **modes):
    """Apply a function to rows of operands.

    path: "soft", or "host" for the functions of host.pxd inside an entered region.
    operands: uint64 array (n, 3, 2): n rows of up to three operands, bits or (significand, exponent
    word). Returns (uint64 array (n, 2) of results, uint8 array of the flags of each).
    """
    cdef const uint64_t[:, :, ::1] x = operands
    cdef Py_ssize_t n = x.shape[0], i
    results = np.zeros((n, 2), np.uint64)
    flags = np.zeros(n, np.uint8)
    cdef uint64_t[:, ::1] r = results
    cdef uint8_t[::1] f = flags
    cdef FPStatus st = make_status(modes)
    cdef function call = find(path, fmt)
    cdef int number = OPS.index(op)
    cdef uint8_t extra_ = extra, rm_ = rm
    cdef bint enter = path == "host"
    cdef Float80 out
    with nogil:
        if enter:
            fp_host_enter(&st)
        for i in range(n):
            fp_set_flags(&st, 0)
            out = call(number, &st, f80(x[i, 0, 0], <uint16_t>x[i, 0, 1]),
                       f80(x[i, 1, 0], <uint16_t>x[i, 1, 1]),
                       f80(x[i, 2, 0], <uint16_t>x[i, 2, 1]), extra_, rm_)
            r[i, 0] = out.sig
            r[i, 1] = out.exp
            f[i] = fp_get_flags(&st)
        if enter:
            fp_host_leave(&st)
    if 0xff in flags:
        raise ValueError(f"{path} {fmt} has no {op}")
    return results, flags


def remainder(str fmt, operands, bint truncate):
    """Remainders and low quotient words of rows of two operands."""
    cdef const uint64_t[:, :, ::1] x = operands
    cdef Py_ssize_t n = x.shape[0], i
    results = np.zeros((n, 3), np.uint64)
    cdef uint64_t[:, ::1] r = results
    cdef FPStatus st = make_status({})
    cdef Float80 out
    for i in range(n):
        if fmt == "f80":
            out = soft_remainder_f80(&st, f80(x[i, 0, 0], <uint16_t>x[i, 0, 1]),
                                     f80(x[i, 1, 0], <uint16_t>x[i, 1, 1]), truncate, &r[i, 2])
            r[i, 0] = out.sig
            r[i, 1] = out.exp
        else:
            r[i, 0] = soft_remainder(&st, {"f16": FP_F16, "f32": FP_F32, "f64": FP_F64}[fmt],
                                     x[i, 0, 0], x[i, 1, 0], truncate, &r[i, 2])
    return results


# ---- the host's own instructions, as a second opinion on x86's NaNs, DE, FTZ, DAZ and precision

cdef extern from * nogil:
    """
    #if ENGINE_FP_HOST
    static uint32_t t_getcsr(void) {
        uint32_t r;
        __asm__ volatile ("stmxcsr %0" : "=m"(r) : : "memory");
        return r;
    }
    static void t_setcsr(uint32_t v) { __asm__ volatile ("ldmxcsr %0" : : "m"(v) : "memory"); }
    ENGINE_FP_OP2(t_min64, "minsd", double, uint64_t)
    ENGINE_FP_OP2(t_max64, "maxsd", double, uint64_t)
    ENGINE_FP_OP2(t_min32, "minss", float, uint32_t)
    ENGINE_FP_OP2(t_max32, "maxss", float, uint32_t)

    typedef struct { uint64_t sig; uint16_t exp; uint8_t pad[6]; } t_ext;

    /* op: 0 add 1 sub 2 mul 3 div 4 sqrt 5 rndint 6 fist64 7 compare 8 to f64 9 to f32 */
    static uint32_t t_x87(int op, uint16_t control, t_ext *a, t_ext *b, t_ext *r) {
        uint16_t status = 0, saved;
        __asm__ volatile ("fnstcw %0" : "=m"(saved));
        __asm__ volatile ("fninit; fldcw %0" : : "m"(control));
    #define T_X87_2(insn) __asm__ volatile ( \
            "fldt %2; fldt %3; " insn "; fnstsw %1; fstpt %0" \
            : "=m"(*r), "=a"(status) : "m"(*a), "m"(*b))
    #define T_X87_1(insn) __asm__ volatile ( \
            "fldt %2; " insn "; fnstsw %1; fstpt %0" \
            : "=m"(*r), "=a"(status) : "m"(*a))
    #define T_X87_S(insn) __asm__ volatile ( \
            "fldt %2; " insn "; fnstsw %1" : "=m"(*r), "=a"(status) : "m"(*a))
        memset(r, 0, sizeof *r);
        switch (op) {       /* a is st(1); AT&T's names of a - b and a / b there are the r forms */
        case 0: T_X87_2("faddp"); break;
        case 1: T_X87_2("fsubrp"); break;
        case 2: T_X87_2("fmulp"); break;
        case 3: T_X87_2("fdivrp"); break;
        case 4: T_X87_1("fsqrt"); break;
        case 5: T_X87_1("frndint"); break;
        case 6: T_X87_S("fistpll %0"); break;
        case 7: __asm__ volatile ("fldt %2; fldt %1; fcompp; fnstsw %0"
                                  : "=a"(status) : "m"(*a), "m"(*b)); break;
        case 8: T_X87_S("fstpl %0"); break;
        case 9: T_X87_S("fstps %0"); break;
        }
        __asm__ volatile ("fninit; fldcw %0" : : "m"(saved));
        return status;
    }
    #else
    typedef struct { uint64_t sig; uint16_t exp; uint8_t pad[6]; } t_ext;
    static uint32_t t_getcsr(void) { return 0; }
    static void t_setcsr(uint32_t v) { (void)v; }
    static uint64_t t_min64(uint64_t a, uint64_t b) { return a + b; }
    static uint64_t t_max64(uint64_t a, uint64_t b) { return a + b; }
    static uint32_t t_min32(uint32_t a, uint32_t b) { return a + b; }
    static uint32_t t_max32(uint32_t a, uint32_t b) { return a + b; }
    static uint32_t t_x87(int op, uint16_t control, t_ext *a, t_ext *b, t_ext *r)
    { (void)op; (void)control; (void)b; *r = *a; return 0; }
    #endif
    """
    const bint ENGINE_FP_HOST
    ctypedef struct t_ext:
        uint64_t sig
        uint16_t exp
    uint32_t t_getcsr()
    void t_setcsr(uint32_t v)
    uint64_t t_min64(uint64_t a, uint64_t b)
    uint64_t t_max64(uint64_t a, uint64_t b)
    uint32_t t_min32(uint32_t a, uint32_t b)
    uint32_t t_max32(uint32_t a, uint32_t b)
    uint32_t t_x87(int op, uint16_t control, t_ext *a, t_ext *b, t_ext *r)


HAVE_HOST = bool(ENGINE_FP_HOST)
RAW_OPS = ["add", "sub", "mul", "div", "sqrt", "muladd", "eq", "lt", "le", "min", "max", "to_i32",
           "to_i64", "to_f32", "to_f64"]


cdef uint64_t raw_op(int op, bint wide, uint64_t a, uint64_t b, uint64_t c) noexcept nogil:
    if op == 0:
        return engine_host_add64(a, b) if wide else engine_host_add32(<uint32_t>a, <uint32_t>b)
    elif op == 1:
        return engine_host_sub64(a, b) if wide else engine_host_sub32(<uint32_t>a, <uint32_t>b)
    elif op == 2:
        return engine_host_mul64(a, b) if wide else engine_host_mul32(<uint32_t>a, <uint32_t>b)
    elif op == 3:
        return engine_host_div64(a, b) if wide else engine_host_div32(<uint32_t>a, <uint32_t>b)
    elif op == 4:
        return engine_host_sqrt64(a) if wide else engine_host_sqrt32(<uint32_t>a)
    elif op == 5:
        if wide:
            return engine_host_fma64(a, b, c)
        return engine_host_fma32(<uint32_t>a, <uint32_t>b, <uint32_t>c)
    elif op == 6:
        return engine_host_eq64(a, b) if wide else engine_host_eq32(<uint32_t>a, <uint32_t>b)
    elif op == 7:
        return engine_host_lt64(a, b) if wide else engine_host_lt32(<uint32_t>a, <uint32_t>b)
    elif op == 8:
        return engine_host_le64(a, b) if wide else engine_host_le32(<uint32_t>a, <uint32_t>b)
    elif op == 9:
        return t_min64(a, b) if wide else t_min32(<uint32_t>a, <uint32_t>b)
    elif op == 10:
        return t_max64(a, b) if wide else t_max32(<uint32_t>a, <uint32_t>b)
    elif op == 11:
        return <uint64_t>(engine_host_f64_i32(a) if wide else engine_host_f32_i32(<uint32_t>a))
    elif op == 12:
        return <uint64_t>(engine_host_f64_i64(a) if wide else engine_host_f32_i64(<uint32_t>a))
    elif op == 13:
        return engine_host_f64_f32(a)
    return engine_host_f32_f64(<uint32_t>a)


def raw(str fmt, str op, operands, uint32_t mxcsr):
    """The SSE instruction itself in the given MXCSR: results, and MXCSR's flags as they are."""
    cdef const uint64_t[:, :, ::1] x = operands
    cdef Py_ssize_t n = x.shape[0], i
    results = np.zeros((n, 2), np.uint64)
    flags = np.zeros(n, np.uint8)
    cdef uint64_t[:, ::1] r = results
    cdef uint8_t[::1] f = flags
    cdef int number = RAW_OPS.index(op)
    cdef bint wide = fmt == "f64"
    cdef uint32_t saved
    with nogil:
        saved = t_getcsr()
        for i in range(n):
            t_setcsr(mxcsr)
            r[i, 0] = raw_op(number, wide, x[i, 0, 0], x[i, 1, 0], x[i, 2, 0])
            f[i] = <uint8_t>(t_getcsr() & 0x3f)
        t_setcsr(saved)
    return results, flags


def raw_x87(int op, operands, uint16_t control):
    """The x87 instruction itself with the given control word: results and status words."""
    cdef const uint64_t[:, :, ::1] x = operands
    cdef Py_ssize_t n = x.shape[0], i
    results = np.zeros((n, 2), np.uint64)
    status = np.zeros(n, np.uint16)
    cdef uint64_t[:, ::1] r = results
    cdef uint16_t[::1] f = status
    cdef t_ext a, b, out
    memset(&a, 0, sizeof(a))
    memset(&b, 0, sizeof(b))
    memset(&out, 0, sizeof(out))
    for i in range(n):
        a.sig = x[i, 0, 0]
        a.exp = <uint16_t>x[i, 0, 1]
        b.sig = x[i, 1, 0]
        b.exp = <uint16_t>x[i, 1, 1]
        f[i] = <uint16_t>t_x87(op, control, &a, &b, &out)
        r[i, 0] = out.sig
        r[i, 1] = out.exp
    return results, status


# ---- the entered region

ONE = 0x3ff0000000000000
THREE = 0x4008000000000000
HUGE = 0x7fefffffffffffff
SNAN = 0x7ff0000000000001


def test_enter_and_leave_keep_the_hosts_mxcsr():
    if not ENGINE_FP_HOST:
        pytest.skip("the host is not x86-64 with GNU C: nothing to enter")
    cdef FPStatus st
    cdef uint32_t before = t_getcsr(), odd, after, inside
    cdef uint64_t r
    fp_status_init(&st, FP_NAN_CANONICAL)
    st.rounding = FP_RUP
    odd = 0xffa2    # flush modes, rounding to zero, two flags already there
    t_setcsr(odd)
    fp_host_enter(&st)
    inside = t_getcsr()
    r = fp_div64(&st, ONE, THREE, FP_RM_DYN)
    fp_host_leave(&st)
    after = t_getcsr()
    t_setcsr(before)
    assert inside == 0x5f80
    assert after == odd
    assert r == 0x3fd5555555555556
    assert st.flags == FP_NX
    assert st.host_ok == 0 and st.entered == 0


def test_flags_are_sticky_and_isolated():
    cdef FPStatus st, other
    fp_status_init(&st, FP_NAN_CANONICAL)
    fp_status_init(&other, FP_NAN_CANONICAL)
    st.flags = FP_DZ
    fp_host_enter(&st)
    fp_mul64(&st, HUGE, HUGE, FP_RM_DYN)
    first = fp_get_flags(&st)
    again = fp_get_flags(&st)
    fp_set_flags(&st, FP_UF)
    cleared = fp_get_flags(&st)
    fp_add64(&st, ONE, SNAN, FP_RM_DYN)
    fp_host_enter(&st)      # a second time: nothing is lost
    fp_host_leave(&st)
    fp_host_leave(&st)
    fp_host_enter(&other)
    fp_host_leave(&other)
    assert first == again == FP_DZ | FP_OF | FP_NX
    assert cleared == FP_UF
    assert st.flags == FP_UF | FP_NV
    assert other.flags == 0


def test_rounding_changes_inside_the_region():
    cdef FPStatus st
    cdef uint64_t r[6]
    cdef uint64_t outside[6]
    cdef uint64_t static_[6]
    cdef int mode
    fp_status_init(&st, FP_NAN_CANONICAL)
    fp_host_enter(&st)
    for mode in range(6):
        fp_set_rounding(&st, <uint8_t>mode)
        r[mode] = fp_div64(&st, ONE, THREE | (1 << 63), FP_RM_DYN)
    ok = st.host_ok         # round to odd: not the host
    fp_set_rounding(&st, FP_RNE)
    ok_again = st.host_ok
    for mode in range(6):
        static_[mode] = fp_div64(&st, ONE, THREE | (1 << 63), <uint8_t>mode)
    fp_host_leave(&st)
    for mode in range(6):
        fp_set_rounding(&st, <uint8_t>mode)
        outside[mode] = fp_div64(&st, ONE, THREE | (1 << 63), FP_RM_DYN)
    third = 0xbfd5555555555555
    expect = [third, third, third + 1, third, third, third]
    assert [r[i] for i in range(6)] == expect
    assert [static_[i] for i in range(6)] == expect
    assert [outside[i] for i in range(6)] == expect
    assert ok == 0
    assert (ok_again != 0) == HAVE_HOST


def test_modes_the_host_lacks_go_to_software():
    cdef FPStatus st
    fp_status_init(&st, FP_NAN_ARM)
    fp_host_enter(&st)
    assert (st.host_ok != 0) == HAVE_HOST
    st.flush_to_zero = FP_FTZ_ARM
    fp_host_sync(&st)
    flushed = fp_mul64(&st, 0x0010000000000000, 0x3fe0000000000000, FP_RM_DYN)
    flags = fp_get_flags(&st)
    ok = st.host_ok
    fp_host_leave(&st)
    assert (flushed, flags, ok) == (0, FP_UF, 0)


def test_threads_have_regions_of_their_own():
    """Two threads in opposite rounding modes at once."""
    results = {}

    def work(mode):
        rows = np.zeros((20000, 3, 2), np.uint64)
        rows[:, 0, 0] = ONE
        rows[:, 1, 0] = THREE
        results[mode] = run("host", "f64", "div", rows, rounding=mode)

    threads = [threading.Thread(target=work, args=(mode,)) for mode in (FP_RDN, FP_RUP)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results[FP_RDN][0][:, 0].tolist()) == {0x3fd5555555555555}
    assert set(results[FP_RUP][0][:, 0].tolist()) == {0x3fd5555555555556}
    assert set(results[FP_RUP][1].tolist()) == {FP_NX}
