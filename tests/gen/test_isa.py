"""The .isa reader: what it accepts, and that each mistake is named with file and line."""

import random

import pytest

from engine._core import gen
from engine._core.gen import GenError, generate, isa, isa_model, isa_out

HEAD = """guest toy
feature WIDE FAST SLOW
exclusive FAST SLOW
lengths 16 when bits 1:0 != 3 else 32
field rd 7:5
field rs 15:5
field imm s20:12
field br s31:1 7:1 25:6 8:4 <<1
field small 2:3 +8
format I rd rs imm asm "{rd}, {rs}, {imm}"
format N
format S : I rd=small rs=2 imm=0 asm "{rd}"
format B rs br asm "{rs}, {br}"
render rd rs = prefix r
style far = pcrel
render br = far
"""
FAMILIES = """cdef bint alu(DisasContext *dc, const args_I *a, uint32_t op,
              uint32_t op32) noexcept nogil
cdef bint none(DisasContext *dc, const args_N *a) noexcept nogil
cdef bint branch(DisasContext *dc, const args_B *a) noexcept nogil
"""
ADD = "add ............ ..... 000 ..... 0010011 I = alu(1, F(2, 3))\n"


@pytest.fixture
def guest(tmp_path):
    """A function that reads a guest made of HEAD and the given lines."""
    folder = tmp_path / "engine/_core/isa/toy"
    folder.mkdir(parents=True)
    (folder / "toy.pxd").write_text(FAMILIES)
    (folder / "toy.pyx").write_text('include "decode_gen.pxi"\n')

    def read(lines, head=HEAD):
        (folder / "toy.isa").write_text(head + lines)
        return isa.read_guest(folder, tmp_path)

    read.root = tmp_path
    read.folder = folder
    return read


def line_of(text):
    return (HEAD + text).count("\n")


@pytest.mark.parametrize(("lines", "message"), [
    ("frob x\n", "unknown directive frob"),
    ("field rd 1:2\n", "field rd is declared twice"),
    ("field x 1:2 q\n", "field piece q"),
    ("field x 1:2 0:2\n", "pieces overlap"),
    ("field x <<2\n", "has no bits"),
    ("field x 1:2 s3:2\n", "only the first piece"),
    ("feature WIDE\n", "feature WIDE is declared twice"),
    ("format Q rx\n", "no field rx"),
    ("format Q rd=nope\n", "no field nope"),
    ("format I rd\n", "format I is declared twice"),
    ("format Q : I rd rs\n", "struct args_I has rd rs imm, not rd rs"),
    ("style x = blue\n", "unknown style blue"),
    ("exclusive FAST GONE\n", "unknown feature GONE"),
    ("state A\n  hidden u16 x\nend\nstate B\n", "second state block"),
    ("length 12\n", "length 12"),
    ("a 0000 I = alu(1, 2)\n", "before any `length`"),
    ("length 32\na 0000 I = alu(1, 2)\n", "4 bits, expected 32"),
    ("length 32\n" + ADD.replace(" I ", " X "), "unknown format X"),
    ("length 32\n" + ADD.replace("alu", "ula"), "no family function ula"),
    ("length 32\n" + ADD.replace("1, F(2, 3)", "1"), "alu takes 2 constants, 1 are given"),
    ("length 32\n" + ADD.replace("alu(1, F(2, 3))", "none()"), "none takes `const args_N *a`"),
    ("length 32\n" + ADD.replace("000 .....", "000 00.0-").replace("I =", "N ="),
     "bit 31 is open but format N"),
    ("length 32\n" + ADD.strip() + ' asm "{rx}"\n', "asm names rx"),
    ("length 32\n" + ADD.strip() + ' asm "{rd"\n', "cannot read asm text"),
    ("length 32\n" + ADD.strip() + " if GONE\n", "`GONE` is no feature"),
    ("length 32\n" + ADD.strip() + " where nope != 1\n", "`nope` is no feature, field"),
    ("length 32\n" + ADD.strip() + " where rd !!\n", "condition"),
    ("length 32\n" + ADD.strip() + " where print(rd)\n", "Call is not allowed"),
    ("length 32\n" + ADD + ADD.replace("add", "sub"), "sub overlaps add"),
    ("length 32\n" + ADD + ADD.strip() + " where rd != 0\n", "both accept"),
    ("length 32\n" + ADD.strip() + " if FAST\n" + ADD.strip() + " if WIDE\n",
     "with FAST WIDE"),
    ("length 32\n{\n{\n", "do not nest"),
    ("length 32\n}\n", "no ordered group"),
    ("length 32\n{\n", "left open"),
])
def test_mistakes_are_named(guest, lines, message):
    with pytest.raises(GenError) as caught:
        guest(lines)
    said = str(caught.value)
    assert message in said
    place = said.split(": ")[0]
    assert place.startswith("engine/_core/isa/toy/toy.isa:"), said
    assert int(place.rpartition(":")[2]) == line_of(lines)


@pytest.mark.parametrize("lines", [
    ADD.strip() + " where rd != 0\n" + ADD.strip() + " where rd = 0\n",
    ADD.strip() + " where rd < 5\n" + ADD.strip() + " where rd >= 5 and imm != 2\n",
    ADD.strip() + " if WIDE\n" + ADD.strip() + " if not WIDE\n",
    ADD.strip() + " if FAST\n" + ADD.strip() + " if SLOW\n",
    "{\n" + ADD.strip() + " where rd = 3\n" + ADD + "}\n",
    "length 16\nx 000 ........ ... 01 S = alu(1, 2)\n".replace("........", "--------"),
])
def test_patterns_apart(guest, lines):
    made = guest("length 32\n" + lines)
    assert made.patterns


def test_first_of_an_ordered_group_wins(guest):
    made = guest("length 32\n{\n" + ADD.strip().replace("add", "nop") + " where rd = 0\n" + ADD
                 + "}\n")
    assert isa_model.match(made, 0x13, 32, ()).name == "nop"
    assert isa_model.match(made, 0x93, 32, ()).name == "add"
    assert isa_model.match(made, 0x1093, 32, ()) is None


def test_files_share_definitions(guest):
    (guest.folder / "a.isa").write_text("guest toy\nlength 32\n" + ADD)
    assert [p.name for p in guest("").patterns] == ["add"]


def test_wrong_folder(tmp_path):
    folder = tmp_path / "engine/_core/isa/other"
    folder.mkdir(parents=True)
    (folder / "x.isa").write_text("guest toy\n")
    with pytest.raises(GenError, match=r"other/x\.isa:1: guest toy in folder other"):
        isa.read_guest(folder, tmp_path)


def test_fields():
    made = isa.Field("b", [(31, 1), (7, 1), (25, 6), (8, 4)], True, shift=1)
    for value in (-4096, -2, 0, 2, 4094):
        assert made.decode(made.encode(value)) == value
    for value in (-4098, 4096, 1):
        with pytest.raises(ValueError, match="does not fit"):
            made.encode(value)
    assert made.decode(0xfe000ee3) == -4
    added = isa.Field("r", [(2, 3)], False, add=8)
    assert added.decode(0) == 8
    assert added.encode(15) == 7 << 2
    with pytest.raises(ValueError, match="does not fit"):
        added.encode(7)


def test_encode(guest):
    made = guest("length 32\n" + ADD + "b ....... ----- ..... 000 ..... 1100011 B = branch()\n")
    assert isa_model.encode(made, "add", (), rd=1, rs=2, imm=-1) == (0xfff10093, 32)
    for wrong, args in (("add", {"imm": 5000}), ("add", {"nope": 1}), ("mul", {})):
        with pytest.raises(ValueError, match="add|mul|fit"):
            isa_model.encode(made, wrong, (), **args)
    pattern = isa_model.match(made, 0xfff10093, 32, ())
    assert isa_model.text(made, pattern, 0xfff10093) == "add r1, r2, -1"
    branch = isa_model.match(made, 0xfe000ee3, 32, ())
    assert isa_model.text(made, branch, 0xfe000ee3, 0x1000) == "b r0, 0xffc"
    page = isa_model.markdown(made)
    assert "| add | `{rd}, {rs}, {imm}` | `.................000.....0010011` |" in page
    assert "2 encodings of 2 instructions" in page


def test_never_executed(guest):
    made = guest("length 32\n" + ADD.strip() + " if WIDE\n")
    assert len(isa_model.never_executed(made, set())) == 1
    assert isa_model.never_executed(made, {0}) == []
    assert isa_model.never_executed(made, set(), {"FAST"}) == []


def test_unchanged_files_stay(guest, monkeypatch):
    monkeypatch.setattr(gen, "MODULES", ("isa_out",))
    guest("length 32\n" + ADD)
    folder = guest.folder
    written = isa_out.outputs(guest.root)
    assert {path.name for path in written} == {
        "args_gen.pxd", "match_gen.pxi", "decode_gen.pxi", "disas_gen.pxi", "state_gen.pxd",
        "regs_gen.pxi"}
    assert set(generate(guest.root)) == set(written)
    before = {path: path.stat().st_mtime_ns for path in written}
    assert isa_out.outputs(guest.root) == written
    assert generate(guest.root) == []
    (folder / "args_gen.pxd").write_text("other")
    assert generate(guest.root) == [folder / "args_gen.pxd"]
    assert all(path.stat().st_mtime_ns == when for path, when in before.items()
               if path.name != "args_gen.pxd")


def test_riscv_round_trip():
    made = isa_model.load("riscv")
    rng = random.Random(1)
    for xlen in ("RV64", "RV32"):
        features = frozenset(made.features) - {"RV64", "RV32"} | {xlen}
        for _ in range(1500):
            pattern, insn = isa_model.random_instruction(made, rng, features)
            args = isa_model.arguments(pattern, insn)
            again = isa_model.build(pattern, features, **args)
            assert again == insn & ~pattern.free, pattern.name
