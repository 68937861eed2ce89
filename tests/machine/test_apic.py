"""Rows 25, 26, 27, 37: the constants of the local APIC and the interrupt command."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from engine.machine import apic

ROOT = Path(apic.__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(("name", "value"), [
    ("TIMER_PERIODIC", 0x20000), ("MASKED", 0x10000), ("LEVEL_TRIGGER", 0x8000),
    ("REMOTE_IRR", 0x4000)])
def test_row_25_lvt_bits(name, value):
    assert getattr(apic, f"APIC_LVT_{name}") == value


def test_row_25_aliases_are_gone():
    names = set(vars(apic))
    assert not {n for n in names if n.startswith("APIC_") and ("INPUT_POLARITY" in n
                                                              or "SEND_PENDING" in n)}
    assert apic.APIC_LVT_INT_POLARITY == 0x2000 and apic.APIC_LVT_DELIV_STS == 0x1000


def test_row_26_illegal_address_has_the_prefix():
    assert apic.APIC_ESR_ILLEGAL_ADDRESS == 1 << 7 == 0x80
    assert not hasattr(apic, "ESR_ILLEGAL_ADDRESS")


TABLE = {
    "APIC_VECTOR_MASK": 0xff, "APIC_DCR_MASK": 0xf, "MAX_APICS": 255,
    "APIC_LVT_TIMER_SHIFT": 17, "APIC_LVT_MASKED_SHIFT": 16, "APIC_LVT_LEVEL_TRIGGER_SHIFT": 15,
    "APIC_LVT_REMOTE_IRR_SHIFT": 14, "APIC_LVT_INT_POLARITY_SHIFT": 13,
    "APIC_LVT_DELIV_STS_SHIFT": 12, "APIC_LVT_DELIV_MOD_SHIFT": 8,
    "APIC_LVT_TIMER_TSCDEADLINE": 0x40000, "APIC_LVT_TIMER_PERIODIC": 0x20000,
    "APIC_LVT_MASKED": 0x10000, "APIC_LVT_LEVEL_TRIGGER": 0x8000, "APIC_LVT_REMOTE_IRR": 0x4000,
    "APIC_LVT_INT_POLARITY": 0x2000, "APIC_LVT_DELIV_STS": 0x1000, "APIC_LVT_DELIV_MOD": 0x700,
    "APIC_ESR_ILL_ADDRESS_SHIFT": 7, "APIC_ESR_RECV_ILL_VECT_SHIFT": 6,
    "APIC_ESR_SEND_ILL_VECT_SHIFT": 5, "APIC_ESR_RECV_ACCEPT_SHIFT": 3,
    "APIC_ESR_SEND_ACCEPT_SHIFT": 2, "APIC_ESR_RECV_CHECK_SUM_SHIFT": 1,
    "APIC_ESR_ILLEGAL_ADDRESS": 0x80, "APIC_ESR_RECV_ILLEGAL_VECT": 0x40,
    "APIC_ESR_SEND_ILLEGAL_VECT": 0x20, "APIC_ESR_RECV_ACCEPT": 8, "APIC_ESR_SEND_ACCEPT": 4,
    "APIC_ESR_RECV_CHECK_SUM": 2, "APIC_ESR_SEND_CHECK_SUM": 1,
    "APIC_ICR_DEST_SHIFT": 24, "APIC_ICR_DEST_SHORT_SHIFT": 18, "APIC_ICR_TRIGGER_MOD_SHIFT": 15,
    "APIC_ICR_LEVEL_SHIFT": 14, "APIC_ICR_DELIV_STS_SHIFT": 12, "APIC_ICR_DEST_MOD_SHIFT": 11,
    "APIC_ICR_DELIV_MOD_SHIFT": 8, "APIC_ICR_DEST_SHORT": 0xc0000,
    "APIC_ICR_TRIGGER_MOD": 0x8000, "APIC_ICR_LEVEL": 0x4000, "APIC_ICR_DELIV_STS": 0x1000,
    "APIC_ICR_DEST_MOD": 0x800, "APIC_ICR_DELIV_MOD": 0x700,
    "APIC_PR_CLASS_SHIFT": 4, "APIC_PR_SUB_CLASS": 0xf,
    "APIC_LOGDEST_XAPIC_SHIFT": 4, "APIC_LOGDEST_XAPIC_ID": 0xf,
    "APIC_LOGDEST_X2APIC_SHIFT": 16, "APIC_LOGDEST_X2APIC_ID": 0xffff,
    "APIC_SPURIO_FOCUS_SHIFT": 9, "APIC_SPURIO_ENABLED_SHIFT": 8,
    "APIC_SPURIO_FOCUS": 0x200, "APIC_SPURIO_ENABLED": 0x100,
    "APIC_LVT_TIMER": 0, "APIC_LVT_THERMAL": 1, "APIC_LVT_PERFORM": 2, "APIC_LVT_LINT0": 3,
    "APIC_LVT_LINT1": 4, "APIC_LVT_ERROR": 5, "APIC_LVT_NB": 6,
    "APIC_DM_FIXED": 0, "APIC_DM_LOWPRI": 1, "APIC_DM_SMI": 2, "APIC_DM_NMI": 4,
    "APIC_DM_INIT": 5, "APIC_DM_SIPI": 6, "APIC_DM_EXTINT": 7,
    "APIC_DESTMODE_FLAT": 0xf, "APIC_DESTMODE_CLUSTER": 1, "APIC_TRIGGER_EDGE": 0,
    "APIC_TRIGGER_LEVEL": 1, "APIC_SV_DIRECTED_IO": 0x1000, "APIC_SV_ENABLE": 0x100,
    "VAPIC_ENABLE_BIT": 0, "VAPIC_ENABLE_MASK": 1,
}


def test_row_27_the_whole_table():
    mine = {name: int(value) for name, value in vars(apic).items()
            if name.startswith(("APIC_", "VAPIC_", "MAX_")) and isinstance(value, int)}
    assert mine == TABLE


def test_row_27_sample_command():
    icr = apic.ICR.decode(0x000C4500)
    assert (icr.dest_shorthand, icr.level, icr.delivery_mode, icr.vector) == (
        3, 1, apic.APIC_DM_INIT, 0)
    assert (icr.trigger_mode, icr.delivery_status, icr.dest_mode, icr.dest) == (0, 0, 0, 0)


def test_row_27_commands_there_and_back():
    rng = random.Random(27)
    fields = 0xc0000 | 0x8000 | 0x4000 | 0x1000 | 0x800 | 0x700 | 0xff
    for _ in range(200):
        low, high = rng.getrandbits(32) & fields, rng.getrandbits(8) << 24
        assert apic.ICR.decode(low, high).encode() == (low, high)


def test_row_27_vapic_record_and_priority():
    state = apic.VAPICState(tpr=1, isr=2, zero=0, irr=3, enabled=1)
    assert state.to_bytes() == bytes([1, 2, 0, 3, 1])
    assert apic.VAPICState.from_bytes(state.to_bytes() + b"more") == state
    assert apic.priority_class(0xe3) == 0xe


def test_row_37_the_module_imports_alone():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, engine.machine.apic\n"
         "print(*[m for m in sys.modules if m.startswith('engine')])"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"engine", "engine.errors", "engine.machine",
                                        "engine.machine.apic", "engine.util", "engine.util.factory"}
