"""Random IR programs for t_opt and t_x86_64, and what running one leaves behind.

Lives here: the generator of text. Who runs them: a Box of irbox.pxi.
"""
import importlib.util
import random
from pathlib import Path

spec = importlib.util.spec_from_file_location("ir_reference",
                                              Path(__file__).with_name("ir_reference.py"))
ref = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ref)

BASE = 0x10000          # as in irbox.pxi
PLAIN = 0               # offset of the box's state that is not a global: set by who imports this


def int_ops():
    return [name for name in ref.INT if name not in ("fmov", "fmovi", "fmovr", "fbox32", "funbox32",
                                                     "extract", "sextract", "deposit", "setcond",
                                                     "setcond32", "negsetcond", "movcond",
                                                     "movcond32")]


class Maker:
    """A random block: instructions with labels between them, branches anywhere, loops included."""

    N_G, N_T, N_V, N_F = 6, 5, 3, 3

    def __init__(self, rng):
        self.rng = rng
        self.arity = {name: ref.INT[name].__code__.co_argcount for name in int_ops()}
        self.names = list(self.arity)

    def src(self):
        rng = self.rng
        k = rng.randrange(10)
        if k < 4:
            return f"g{rng.randrange(self.N_G)}"
        if k < 7:
            return f"t{rng.randrange(self.N_T)}"
        return f"${rng.choice((ref.operand(rng), rng.randrange(4))):#x}"

    def dst(self):
        rng = self.rng
        return f"g{rng.randrange(self.N_G)}" if rng.random() < .5 else f"t{rng.randrange(self.N_T)}"

    def fsrc(self):
        rng = self.rng
        k = rng.randrange(8)
        if k == 0:
            return f"$f{rng.choice((ref.f64(1.5), ref.f32(2.5), 0xffffffff3fc00000)):#x}"
        return f"v{rng.randrange(self.N_V)}" if k < 5 else f"f{rng.randrange(self.N_F)}"

    def fdst(self):
        rng = self.rng
        return f"v{rng.randrange(self.N_V)}" if rng.random() < .5 else f"f{rng.randrange(self.N_F)}"

    def address(self, out):
        t = f"t{self.rng.randrange(self.N_T)}"
        out.append(f"and {t}, {self.src()}, $0x3f8")
        out.append(f"add {t}, {t}, ${BASE:#x}")
        return t if self.rng.random() < .97 else self.src()

    def ops(self, out, n_labels):
        rng = self.rng
        k = rng.randrange(22)
        conds = list(ref.COND)
        if k < 8:
            name = rng.choice(self.names)
            ins = [self.src() for _ in range(self.arity[name])]
            out.append(f"{name} {', '.join([self.dst(), *ins])}")
        elif k == 8:
            name = rng.choice(("extract", "sextract", "deposit"))
            pos = rng.randrange(64)
            ins = [self.src() for _ in range(2 if name == "deposit" else 1)]
            out.append(f"{name} {', '.join([self.dst(), *ins])}, {pos}, "
                       f"{rng.randrange(1, 65 - pos)}")
        elif k < 11:
            name = rng.choice(("setcond", "setcond32", "negsetcond"))
            d = self.dst()
            out.append(f"{name} {d}, {self.src()}, {self.src()}, {rng.choice(conds)}")
            if rng.random() < .5:
                out.append(f"brcond {d}, $0x0, {rng.choice(('eq', 'ne', 'ltu', 'lt'))}, "
                           f"L{rng.randrange(n_labels)}")
        elif k == 11:
            out.append(f"{rng.choice(('movcond', 'movcond32'))} {self.dst()}, {self.src()}, "
                       f"{self.src()}, {self.src()}, {self.src()}, {rng.choice(conds)}")
        elif k == 12:
            size = rng.choice(("u8", "s8", "u16", "s16", "u32", "s32", "u64", "u32.be", "s16.al"))
            out.append(f"gld {self.dst()}, {self.address(out)}, {size}@0")
        elif k == 13:
            size = rng.choice(("u8", "u16", "u32", "u64", "u16.be"))
            out.append(f"gst {self.address(out)}, {self.src()}, {size}@0")
        elif k == 14:
            out.append(f"call {self.dst()}, {self.src()}, {self.src()}, -, {self.src()}, "
                       f"{rng.choice(('mix', 'mix_noread'))}")
        elif k == 15:
            # writes g[a & 15] from b and g[c & 15]
            out.append(f"callv ${rng.randrange(self.N_G):#x}, {self.src()}, "
                       f"${rng.randrange(self.N_G):#x}, -, write")
        elif k == 16:
            out.append(rng.choice((f"fmov {self.fdst()}, {self.fsrc()}",
                                   f"fmovi {self.fdst()}, {self.src()}",
                                   f"fmovr {self.dst()}, {self.fsrc()}",
                                   f"gldf {self.fdst()}, {self.address(out)}, u32@0",
                                   f"gstf {self.address(out)}, {self.fsrc()}, u64@0")))
        elif k == 17:
            out.append(f"{rng.choice(('fadd', 'fmul'))}{rng.choice(('32', '64'))} {self.fdst()}, "
                       f"{self.fsrc()}, {self.fsrc()}, 7")
        elif k == 18:
            d = self.fdst()
            out.append(f"fbox32 {d}, {self.fsrc()}")
            out.append(f"funbox32 {self.fdst()}, {d if rng.random() < .7 else self.fsrc()}")
        elif k == 19:
            off = PLAIN + 8 * rng.randrange(8)
            out.append(rng.choice((f"ld32s {self.dst()}, {off:#x}", f"ld16u {self.dst()}, {off:#x}",
                                   f"st64 {self.src()}, {off:#x}", f"st8 {self.src()}, {off:#x}")))
        elif k == 20:
            out.append(f"callv {rng.choice(('$0x0', '$0x0', self.src()))}, -, -, -, status")
        elif rng.random() < .5:
            out.append(f"mov {self.dst()}, {self.src()}")
        else:
            self.result_and_copies(out)

    def result_and_copies(self, out):
        """As guests with flags make them: a result, copied to a register and to where the flags
        remember it, and used."""
        rng = self.rng
        t = f"t{rng.randrange(self.N_T)}"
        out.append(f"{rng.choice(('add', 'sub32', 'xor'))} {t}, {self.src()}, {self.src()}")
        if rng.random() < .4:
            out.append(f"mov {self.dst()}, {self.src()}")
        out.append(f"mov g{rng.randrange(self.N_G)}, {t}")
        for _ in range(rng.randrange(3)):
            out.append(rng.choice((f"mov {self.dst()}, {t}", f"add {self.dst()}, {t}, {self.src()}",
                                   f"setcond {self.dst()}, {t}, $0x0, lt")))

    def block(self):
        rng = self.rng
        n_labels = rng.randrange(1, 6)
        n = rng.randrange(3, 30)
        at = sorted(rng.randrange(n) for _ in range(n_labels))
        out = [f"mov t{i}, ${ref.operand(rng):#x}" for i in range(self.N_T)]
        out += [f"fmovi f{i}, ${ref.operand(rng):#x}" for i in range(self.N_F)]
        for i in range(n):
            out += [f"L{k}:" for k in range(n_labels) if at[k] == i]
            out.append(f"insn_start {0x1000 + 4 * i:#x}")
            for _ in range(rng.randrange(4)):
                self.ops(out, n_labels)
            k = rng.randrange(12)
            if k < 3:
                out.append(f"{rng.choice(('brcond', 'brcond32'))} {self.src()}, {self.src()}, "
                           f"{rng.choice(list(ref.COND))}, L{rng.randrange(n_labels)}")
            elif k == 3:
                out.append(f"br L{rng.randrange(n_labels)}")
            elif k == 4 and rng.random() < .3:
                out.append(rng.choice((f"goto_tb {0x9000 + i:#x}", f"goto_ptr {self.src()}",
                                       f"leave 1, {0x8000 + i:#x}")))
        out.append("goto_tb 0x7000")
        return "\n".join(out)


class WideMaker(Maker):
    """More temps than any host has registers, atomics, and all floating-point ops."""

    N_G, N_T, N_V, N_F = 16, 24, 8, 20

    def address(self, out):
        # Near the ends of pages, too: both sides of a page boundary, the last one unmapped.
        t = f"t{self.rng.randrange(self.N_T)}"
        k = self.rng.randrange(8)
        if k < 6:
            return super().address(out)
        out.append(f"and {t}, {self.src()}, $0xf")
        out.append(f"add {t}, {t}, ${BASE + (0xff8 if k == 6 else 0x3ff8):#x}")
        return t

    def ops(self, out, n_labels):
        rng = self.rng
        rm = rng.choice((7, 7, 7, 0, 1, 2, 3, 4))
        k = rng.randrange(16)
        bits = rng.choice(("32", "64"))
        if k < 8:
            super().ops(out, n_labels)
        elif k < 10:
            out.append(f"{rng.choice(('fadd', 'fsub', 'fmul', 'fdiv'))}{bits} {self.fdst()}, "
                       f"{self.fsrc()}, {self.fsrc()}, {rm}")
        elif k == 10:
            out.append(f"fma{bits} {self.fdst()}, {self.fsrc()}, {self.fsrc()}, {self.fsrc()}, "
                       f"{rm}, {rng.randrange(6)}")
        elif k == 11:
            out.append(rng.choice((f"fsqrt{bits} {self.fdst()}, {self.fsrc()}, {rm}",
                                   f"fcvt64_32 {self.fdst()}, {self.fsrc()}, {rm}",
                                   f"fcvt32_64 {self.fdst()}, {self.fsrc()}")))
        elif k == 12:
            out.append(f"fcmp{bits} {self.dst()}, {self.fsrc()}, {self.fsrc()}, "
                       f"{rng.choice((0, 1, 2, 4, 5, 6))}")
        elif k == 13:
            out.append(f"f{rng.choice('iu')}{rng.choice(('32', '64'))}_{bits} {self.fdst()}, "
                       f"{self.src()}, {rm}")
        elif k == 14:
            name = rng.choice(("gxchg", "gadd", "gand", "gsmin", "gumax"))
            out.append(f"{name} {self.dst()}, {self.address(out)}, {self.src()}, "
                       f"{rng.choice(('u32', 's32', 'u64'))}@0")
        else:
            out.append(f"gcas {self.dst()}, {self.address(out)}, {self.src()}, {self.src()}, "
                       f"{rng.choice(('s32', 'u64'))}@0")


class VectorMaker(WideMaker):
    """Vector ops among the others: more vectors than registers, all lane sizes, memory, loops."""

    N_Q, N_W = 8, 14

    def __init__(self, rng):
        super().__init__(rng)
        self.vectors = list(ref.VECTOR)
        self.lanes = list(ref.LANES)

    def vsrc(self):
        rng = self.rng
        return f"q{rng.randrange(self.N_Q)}" if rng.random() < .5 else f"w{rng.randrange(self.N_W)}"

    vdst = vsrc

    def operands(self, letters):
        return [self.vsrc() if letter == "v" else self.src() for letter in letters]

    def vector(self, out):
        rng = self.rng
        k = rng.randrange(16)
        size = rng.choice(("u128", "u128", "u128.be", "u128.al", "u64", "u32", "u32.be", "u64.be"))
        if k == 0:
            out.append(f"vgld {self.vdst()}, {self.address(out)}, {size}@0")
        elif k == 1:
            out.append(f"vgst {self.address(out)}, {self.vsrc()}, {size}@0")
        elif k == 2:
            off = PLAIN + 8 * rng.randrange(7)
            out.append(rng.choice((f"vld {self.vdst()}, {off:#x}", f"vst {self.vsrc()}, {off:#x}")))
        elif k == 3:
            out.append(f"vmov {self.vdst()}, {self.vsrc()}")
        elif k < 8:
            name = rng.choice(self.lanes)
            outs, ins, _, _ = ref.LANES[name]
            words = [self.vdst() if outs == "v" else self.dst(), *self.operands(ins),
                     *map(str, ref.lane_constants(name, rng))]
            out.append(f"{name} {', '.join(words)}")
        else:
            name = rng.choice(self.vectors)
            outs, ins, consts, _ = ref.VECTOR[name]
            words = [self.vdst() if outs == "v" else self.dst(), *self.operands(ins),
                     *(str(ref.vector_constant(name, kind, rng)) for kind in consts)]
            out.append(f"{name} {', '.join(words)}")

    def ops(self, out, n_labels):
        if self.rng.randrange(3):
            self.vector(out)
        else:
            super().ops(out, n_labels)

    def block(self):
        first = [f"vset w{i}, ${ref.operand(self.rng):#x}, ${ref.operand(self.rng):#x}"
                 for i in range(self.N_W)]
        return "\n".join([*first, super().block()])


def outcome(text, seed, level, box, icount=200, x86=False):
    """Everything a program leaves behind that was run on a box with random contents. x86: with the
    NaNs and modes of x86, else RISC-V's."""
    rng = random.Random(seed)
    box.parse(text).count()
    if level:
        box.optimise(level)
    box.set(**{f"g{i}": ref.operand(rng) for i in range(16)},
            **{f"v{i}": rng.choice((ref.f64(1.25), 0xffffffff3f800000, ref.operand(rng)))
               for i in range(8)},
            **{f"q{i}": rng.choice((ref.vector_operand, ref.lane_operand))(rng) for i in range(8)})
    for i in range(8):
        box.plain(i, ref.operand(rng))
    box.poke(BASE, rng.randbytes(0x4000))
    box.rule(x86, rng.choice((0, 0, 1, 2, 3, 0 if x86 else 4)), x86 and rng.random() < .3,
             x86 and rng.random() < .3)
    left = box.run(icount)
    # RISC-V has no denormal-operand flag: back ends need not keep it exact.
    return left, box.state(), box.flags() & (63 if x86 else 31), box.icount_left
