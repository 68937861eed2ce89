"""isa/disas: every style of an operand, and buffers of every size."""
from libc.string cimport memset
from engine._core.base.types cimport uint16_t, uint32_t, uint64_t
from engine._core.isa.disas cimport (DisasOperand, DisasTable, DisasTables, DisasWord, DISAS_ARG,
                                     DISAS_DEC, DISAS_HEX, DISAS_PCREL, DISAS_PREFIX, DISAS_TABLE,
                                     disas_print)

cdef struct Tables:
    DisasTables t
    uint16_t[3] pieces
    DisasOperand[1] operands
    DisasWord[2] words
    DisasTable[1] tables
    unsigned char[6] code
    const char *texts[2]


# A template "i A": bits 11:4, twice: as a whole, and in halves with the low one in front.
cdef void fill(Tables *s, uint32_t kind, bint is_signed, uint32_t count) noexcept:
    memset(s, 0, sizeof(Tables))
    s.pieces[0] = 4 | 8 << 8
    s.pieces[1] = 4 | 4 << 8
    s.pieces[2] = 8 | 4 << 8
    s.operands[0].first = 0 if count == 1 else 1
    s.operands[0].count = count
    s.operands[0].is_signed = is_signed
    s.operands[0].kind = kind
    s.operands[0].mask = 0xffffffffffffffffULL
    s.words[0].value = 0
    s.words[1].value = 0x12
    s.words[1].text = 1
    s.tables[0].count = 2
    s.texts[0] = b"x"
    s.texts[1] = b"two words"
    s.code[0] = 105
    s.code[1] = 32
    s.code[2] = DISAS_ARG
    s.t.code = s.code
    s.t.pieces = s.pieces
    s.t.operands = s.operands
    s.t.words = s.words
    s.t.tables = s.tables
    s.t.texts = s.texts
    s.t.word_mask = 0xffffffffffffffffULL


cdef object said(Tables *s, uint64_t insn, uint64_t pc=0):
    cdef char out[64]
    cdef uint32_t length = disas_print(&s.t, insn, pc, out, sizeof(out))
    text = (<bytes>out).decode()
    assert len(text) == length
    return text


def test_styles():
    cdef Tables s
    fill(&s, DISAS_DEC, True, 1)
    assert said(&s, 0xff0) == "i -1"
    assert said(&s, 0x7f0) == "i 127"
    assert said(&s, 0) == "i 0"
    s.operands[0].shift = 1
    assert said(&s, 0x800) == "i -256"
    s.operands[0].add = 8
    assert said(&s, 0xff0) == "i 6"
    fill(&s, DISAS_DEC, False, 1)
    assert said(&s, 0xff0) == "i 255"
    fill(&s, DISAS_HEX, True, 1)
    assert said(&s, 0xff0) == "i 0xffffffffffffffff"
    s.operands[0].mask = 0xff
    s.operands[0].rshift = 4
    assert said(&s, 0x120) == "i 0x1"
    fill(&s, DISAS_HEX, False, 2)
    assert said(&s, 0x120) == "i 0x21"
    fill(&s, DISAS_PREFIX, False, 1)
    assert said(&s, 0x1f0) == "i x31"
    fill(&s, DISAS_TABLE, False, 1)
    assert said(&s, 0x120) == "i two words"
    assert said(&s, 0) == "i x"
    assert said(&s, 0x130) == "i 0x13"


def test_constant():
    cdef Tables s
    fill(&s, DISAS_DEC, False, 1)
    s.operands[0].count = 0
    s.operands[0].add = -7
    assert said(&s, 0xff0) == "i -7"


def test_addresses_wrap():
    cdef Tables s
    fill(&s, DISAS_PCREL, True, 1)
    assert said(&s, 0xff0, 0) == "i 0xffffffffffffffff"
    s.t.word_mask = 0xffffffff
    assert said(&s, 0xff0, 0) == "i 0xffffffff"
    assert said(&s, 0x010, 0xffffffff) == "i 0x0"


def test_buffers_of_every_size():
    """Nothing is written behind the buffer; what fits is there and ends with a zero."""
    cdef Tables s
    cdef char out[32]
    cdef uint32_t size, i
    fill(&s, DISAS_TABLE, False, 1)
    whole = b"i two words"
    for size in range(16):
        memset(out, 0x55, sizeof(out))
        assert disas_print(&s.t, 0x120, 0, out, size) == len(whole)
        for i in range(size, sizeof(out)):
            assert out[i] == 0x55
        if size:
            assert <bytes>out == whole[:size - 1]
