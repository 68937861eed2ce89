"""Generated Cython of a made-up guest, compiled: matcher and printer agree with the Python model.

The guest has what RISC-V has not: 64-bit instructions, fields across the words, `or` conditions.
"""

import importlib.util
import random
import shutil
import subprocess
import sys
import sysconfig

import pytest
from conftest import package_root

from engine._core.gen import isa, isa_model, isa_out

pytest.importorskip("Cython")
pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
FIELDS = {"rd": [(7, 5)], "rs": [(40, 6)], "imm": [(60, 4), (32, 4), (12, 4)], "big": [(12, 44)]}
HEAD = """guest toy
feature A B
field rd 7:5
field rs 40:6
field imm s60:4 32:4 12:4 <<2
field big 12:44
field yr 7:5
format R rd rs imm asm "{rd}, {rs}, {imm}"
format G rd big asm "{rd}, {big:hex}"
format Y yr asm "+.{yr:prefix r}"
format N
"""
MODULE = """
from engine._core.base.types cimport *
from engine._core.isa.guest cimport *
from engine._core.isa.disas cimport *
from args_gen cimport *
from state_gen cimport *

cdef bint alu(DisasContext *dc, const args_R *a, uint32_t op) noexcept nogil:
    dc.priv[1] = op + (<uint64_t>a.rd << 8) + (<uint64_t>a.rs << 16) + (<uint64_t>a.imm << 32)
    return True

cdef bint big(DisasContext *dc, const args_G *a) noexcept nogil:
    dc.priv[1] = <uint64_t>(a.rd + a.big)
    return True

cdef bint nop(DisasContext *dc, const args_N *a) noexcept nogil:
    return False

cdef bint y(DisasContext *dc, const args_Y *a) noexcept nogil:
    dc.priv[1] = <uint64_t>a.yr
    return True

include "match_gen.pxi"
include "decode_gen.pxi"
include "disas_gen.pxi"

def text(insn, length, features):
    cdef char out[100]
    cdef uint32_t size = toy_disas(insn, length, 0, features, out, sizeof(out))
    return toy_match(insn, length, features), (<bytes>out).decode(), size

def decode(insn, length, features):
    cdef DisasContext dc
    dc.priv[0] = features
    dc.priv[1] = 0
    found = toy_decode(&dc, insn, length)
    return found, dc.priv[1]
"""


def bits(opcode, names, fixed=""):
    """64 pattern bits: an opcode in the low seven, fields as dots, the rest open or `fixed`."""
    made = ["-"] * 64
    for name in names:
        for lsb, width in FIELDS[name]:
            made[64 - lsb - width:64 - lsb] = "." * width
    made[57:] = f"{opcode:07b}"
    made[:len(fixed)] = fixed
    return "".join(made)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """(tables, compiled module)."""
    folder = tmp_path_factory.mktemp("guests") / "engine/_core/isa/toy"
    folder.mkdir(parents=True)
    (folder / "toy.isa").write_text(HEAD + "\n".join([
        "length 64",
        f"x.a {bits(1, ['rd', 'rs', 'imm'])} R = alu(1) if A or B where rd != 3 or imm < 0",
        f"x.b {bits(2, ['rd', 'big'], '0001')} G = big() if not A",
        f"x.e {bits(2, ['rd', 'big'], '0010')} G = big() if not A and B",
        "{", f"x.c {3:064b} N = nop()",
        f"x.d {bits(3, ['rd', 'rs', 'imm'])} R = alu(2) where rs > 5, imm != 8", "}",
        "length 16", "y 0000 ..... 0000011 Y = y()"]))
    (folder / "toymodule.pyx").write_text(MODULE)
    for path, text in isa_out.guest_outputs(folder, folder.parents[3]).items():
        path.write_text(text)
    run = {"cwd": folder, "check": True}
    subprocess.run([sys.executable, "-m", "cython", "-3", "-X", "cdivision=True", "-I",
                    str(package_root()), "toymodule.pyx"], **run)
    target = folder / ("toymodule" + sysconfig.get_config_var("EXT_SUFFIX"))
    subprocess.run(["gcc", "-O1", "-Wall", "-Wno-unused-function", "-Wno-unused-variable",
                    "-Werror", "-shared", "-fPIC", "-I", sysconfig.get_paths()["include"],
                    "toymodule.c", "-o", str(target)], **run)
    spec = importlib.util.spec_from_file_location("toymodule", target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return isa.read_guest(folder), module


def test_matcher_printer_decoder(toy):
    guest, module = toy
    rng, hits = random.Random(1), {}
    for _ in range(8000):
        names = [name for name in guest.features if rng.random() < 0.5]
        features = sum(1 << guest.features[name] for name in names)
        pattern = rng.choice(guest.patterns)
        length = pattern.length
        insn = pattern.value | rng.getrandbits(length) & ~pattern.mask & (1 << length) - 1
        if rng.random() < 0.3:
            insn ^= 1 << rng.randrange(length)
        found = isa_model.match(guest, insn, length, names)
        number, text, size = module.text(insn, length // 8, features)
        assert number == (found.number if found else -1), hex(insn)
        assert text == (isa_model.text(guest, found, insn, 0, names) if found else "")
        assert size == len(text)
        args = isa_model.arguments(found, insn) if found else {}
        wanted = {"x.a": lambda a: (1 | a["rd"] << 8 | a["rs"] << 16) + (a["imm"] << 32),
                  "x.d": lambda a: (2 | a["rd"] << 8 | a["rs"] << 16) + (a["imm"] << 32),
                  "x.b": lambda a: a["rd"] + a["big"], "x.e": lambda a: a["rd"] + a["big"],
                  "y": lambda a: a["yr"]}.get(found.name if found else "", lambda a: 0)(args)
        assert module.decode(insn, length // 8, features) == (
            found is not None and found.name != "x.c", wanted % (1 << 64))
        hits[number] = hits.get(number, 0) + 1
    assert all(hits[number] > 100 for number in range(-1, len(guest.patterns)))
