"""What the tests of floating point share: formats, modes, rows of operands, an exact model.

What lives here: constants, packing of operands for the runner, and a model of rounding in rational
numbers that has nothing in common with the engine's. What does not: tests.
"""

from fractions import Fraction

import numpy as np

RNE, RTZ, RDN, RUP, RMM, RTO, DYN = 0, 1, 2, 3, 4, 5, 7
NX, UF, OF, DZ, NV, DE = 1, 2, 4, 8, 16, 32
(CANONICAL, X86_SSE, X87, ARM, MIPS_LEGACY, MIPS_2008, PPC, SPARC, M68K, S390) = range(10)

# Name: significand bits with the integer bit, exponent bits.
FORMATS = {"f16": (11, 5), "f32": (24, 8), "f64": (53, 11), "f80": (64, 15)}


def total_bits(fmt):
    prec, exp_bits = FORMATS[fmt]
    return prec + exp_bits + (1 if fmt == "f80" else 0)


def rows(*operands, fmt="f64"):
    """The runner's array from lists of operands given as integers."""
    n = len(operands[0])
    out = np.zeros((n, 3, 2), np.uint64)
    for column, values in enumerate(operands):
        if fmt == "f80":
            out[:, column, 0] = np.array([v & 0xffffffffffffffff for v in values], np.uint64)
            out[:, column, 1] = np.array([v >> 64 for v in values], np.uint64)
        else:
            out[:, column, 0] = np.array(values, np.uint64)
    return out


def integers(results):
    """The runner's results as integers."""
    return [(int(exp) << 64) | int(sig) for sig, exp in results.tolist()]


def fields(fmt, bits):
    """Sign, biased exponent and fraction (f80: the whole significand)."""
    prec, exp_bits = FORMATS[fmt]
    width = prec if fmt == "f80" else prec - 1
    return (bits >> (width + exp_bits), (bits >> width) & ((1 << exp_bits) - 1),
            bits & ((1 << width) - 1))


def is_nan(fmt, bits):
    _, exp, frac = fields(fmt, bits)
    return exp == (1 << FORMATS[fmt][1]) - 1 and bool(frac & ~(1 << 63) if fmt == "f80" else frac)


def default_nan(fmt):
    """RISC-V's."""
    prec, exp_bits = FORMATS[fmt]
    if fmt == "f80":
        return (0x7fff << 64) | (3 << 62)
    return (((1 << exp_bits) - 1) << (prec - 1)) | (1 << (prec - 2))


def value(fmt, bits):
    """The exact value of a finite number."""
    prec, exp_bits = FORMATS[fmt]
    sign, exp, frac = fields(fmt, bits)
    bias = (1 << (exp_bits - 1)) - 1
    if fmt != "f80" and exp:
        frac |= 1 << (prec - 1)
    number = Fraction(frac) * Fraction(2) ** (max(exp, 1) - bias - prec + 1)
    return -number if sign else number


def pack(fmt, sign, exp, frac):
    prec, exp_bits = FORMATS[fmt]
    width = prec if fmt == "f80" else prec - 1
    return (((sign << exp_bits) | exp) << width) | frac


def floor_log2(number):
    exp = number.numerator.bit_length() - number.denominator.bit_length()
    return exp if Fraction(2) ** exp <= number else exp - 1


def round_integer(number, sign, mode):
    """A nonnegative rational to an integer."""
    low = number.numerator // number.denominator
    rest = number - low
    half = Fraction(1, 2)
    if mode == RNE:
        up = rest > half or (rest == half and low & 1)
    elif mode == RMM:
        up = rest >= half
    elif mode == RDN:
        up = rest and sign
    elif mode == RUP:
        up = rest and not sign
    elif mode == RTO:
        up = rest and not low & 1
    else:
        up = False
    return low + bool(up), bool(rest)


def round_to(fmt, number, mode, *, zero_sign=0, tininess_before=False):
    """Bits and flags of an exact result (IEEE 754, clauses 4.3 and 7)."""
    prec, exp_bits = FORMATS[fmt]
    emax = (1 << (exp_bits - 1)) - 1
    emin = 1 - emax
    if number == 0:
        return pack(fmt, zero_sign, 0, 0), 0
    sign = int(number < 0)
    number = abs(number)
    exp = floor_log2(number)
    unbounded, _ = round_integer(number / Fraction(2) ** (exp - prec + 1), sign, mode)
    tiny = exp < emin and (tininess_before or unbounded * Fraction(2) ** (exp - prec + 1)
                           < Fraction(2) ** emin)
    exp = max(exp, emin)
    sig, inexact = round_integer(number / Fraction(2) ** (exp - prec + 1), sign, mode)
    if sig >> prec:
        sig >>= 1
        exp += 1
    flags = NX if inexact else 0
    if exp > emax:
        away = mode in (RNE, RMM) or mode == (RDN if sign else RUP)
        if away:
            frac = 1 << 63 if fmt == "f80" else 0
            return pack(fmt, sign, 2 * emax + 1, frac), OF | NX
        return pack(fmt, sign, 2 * emax, (1 << (prec if fmt == "f80" else prec - 1)) - 1), OF | NX
    if tiny and inexact:
        flags |= UF
    biased = exp + emax if sig >> (prec - 1) else 0
    return pack(fmt, sign, biased, sig if fmt == "f80" else sig & ((1 << (prec - 1)) - 1)), flags
