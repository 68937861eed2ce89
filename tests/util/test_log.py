"""Row 18: log categories, masks, sinks, and that a log that is off costs nothing."""

import io
import logging
import os
import timeit

import pytest

from engine.errors import ArgumentError, Error
from engine.util import log
from engine.util.log import Category


@pytest.fixture(autouse=True)
def quiet():
    yield
    log.set_level(0)
    log.close_log()


BITS = {"out_asm": 0, "in_asm": 1, "op": 2, "op_opt": 3, "int": 4, "exec": 5, "pcall": 6,
        "ioport": 7, "cpu": 8, "cpu_reset": 9, "unimp": 10, "guest_errors": 11, "mmu": 12,
        "nochain": 13}


def test_row_18_bits_and_names():
    assert {name: 1 << bit for name, bit in BITS.items()} == {
        category.name.lower(): category.value for category in Category}
    assert Category.MMU == 0x1000
    for name, bit in BITS.items():
        assert log.category_of(name) == 1 << bit
        assert f"{name} " in log.describe()


def test_row_18_masks_from_text():
    assert log.mask_from_text("mmu") == 0x1000
    assert log.mask_from_text("mmu,int, cpu") == 0x1110
    assert log.mask_from_text("all") == 0x1fff
    assert log.mask_from_text("all,nochain") == 0x3fff
    with pytest.raises(ArgumentError, match="no log category 'mmx'"):
        log.mask_from_text("int,mmx")
    with pytest.raises(ArgumentError):
        log.set_level(1 << 14)


def test_row_18_masked_lines_need_level_and_sink():
    out = io.StringIO()
    log.set_level(Category.UNIMP)
    log.log_mask(Category.UNIMP, "lost: no sink")
    log.set_stream(out)
    assert log.is_open()
    log.log_mask(Category.MMU, "no: only unimp is on")
    log.log_mask(Category.UNIMP, "yes")
    log.log_mask(Category.UNIMP | Category.MMU, "one of two is enough")
    log.log("plain lines are always written")
    log.set_level(0)
    log.log("even with an empty mask")
    log.log_mask(Category.UNIMP, "no")
    assert out.getvalue().splitlines() == [
        "yes", "one of two is enough", "plain lines are always written",
        "even with an empty mask"]
    log.close_log()
    log.log("lost")
    assert not log.is_open() and len(out.getvalue().splitlines()) == 4


def test_row_18_files(tmp_path):
    log.set_level(Category.INT)
    log.set_file(tmp_path / "log-%d.txt")
    log.log_mask(Category.INT, "first\n")
    file = tmp_path / f"log-{os.getpid()}.txt"
    assert file.read_text() == "first\n"          # line by line, not at exit
    log.set_file(file, append=True)
    log.log_mask(Category.INT, "second")
    log.close_log()
    assert file.read_text() == "first\nsecond\n"
    with pytest.raises(Error, match="Could not open"):
        log.set_file(tmp_path / "no" / "such" / "folder")


def test_row_18_standard_logging(caplog):
    log.use_logging()
    log.set_level(Category.GUEST_ERRORS)
    with caplog.at_level(logging.DEBUG, logger="engine.log"):
        log.log_mask(Category.GUEST_ERRORS, "bad register 100%")
        log.log_mask(Category.MMU, "not this")
    assert [record.getMessage() for record in caplog.records] == ["bad register 100%"]


def test_row_18_off_costs_nothing_measurable():
    # against the test that any caller would write, not against the clock
    bare = min(timeit.repeat("if x & 4096: pass", "x = 0", number=200000, repeat=7))
    off = min(timeit.repeat("if log.level & 4096: pass", "from engine.util import log",
                            number=200000, repeat=7))
    assert off - bare < 200000 * 100e-9
