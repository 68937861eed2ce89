"""`engine qom-tree` and `engine run -d`."""

from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")

from click.testing import CliRunner

from engine.cli.commands import cli
from engine.util import log

ROOT = Path(__file__).resolve().parents[2]
WORDCOUNT = ROOT / "examples/riscv64/wordcount"


@pytest.fixture(autouse=True)
def quiet():
    yield
    log.set_level(0)
    log.close_log()


def invoke(*args):
    return CliRunner().invoke(cli, ["qom-tree", *map(str, args)])


def test_tree_of_an_empty_emulator():
    done = invoke("--arch", "riscv64")
    assert done.exit_code == 0, done.output
    assert "/machine (machine)" in done.output and "/cpu[0] (riscv64-cpu)" in done.output
    assert " = " not in done.output


def test_tree_of_a_program_after_some_instructions():
    if not WORDCOUNT.exists():
        pytest.skip("examples are not there")
    done = invoke("--count", 100, "-p", "--path", "/machine/stats", WORDCOUNT)
    assert done.exit_code == 0, done.output
    assert "instructions = 100 (0x64)" in done.output
    assert "memory-region)" in invoke("--path", "memory", WORDCOUNT).output


def test_settings():
    done = invoke("--arch", "riscv64", "--set", "general.a0=0x2a", "--set", "cpu[0].pc=4096",
                  "-p", "--path", "cpu[0]")
    assert done.exit_code == 0, done.output
    assert "a0 = 42 (0x2a)" in done.output and "pc = 4096 (0x1000)" in done.output


@pytest.mark.parametrize(("args", "words"), [
    (["--arch", "vax"], "vax"),
    (["--arch", "riscv64", "--path", "/nope"], "there is no object '/nope'"),
    (["--arch", "riscv64", "--set", "general.a0"], "is not PATH.PROPERTY=VALUE"),
    (["--arch", "riscv64", "--set", "general.nope=1"], "not found"),
    (["--arch", "riscv64", "--set", "machine.arch=x"], "cannot be written"),
    (["/no/such/file"], "/no/such/file")])
def test_errors(args, words):
    done = invoke(*args)
    assert done.exit_code == 126 and words in done.output


def test_usage():
    assert invoke().exit_code == 2
    assert invoke("--arch", "riscv64", "program").exit_code == 2


def run(*args):
    return CliRunner().invoke(cli, ["run", *map(str, args)])


def test_row_18_run_with_log_categories(tmp_path):
    if not WORDCOUNT.exists():
        pytest.skip("examples are not there")
    file = tmp_path / "log"
    done = run("-d", "in_asm,int", "-D", file, WORDCOUNT, __file__)
    assert done.exit_code == 0, done.output
    text = file.read_text()
    assert "IN: 0x" in text and "int: exception 8 at pc" in text and "exec " not in text


def test_row_18_run_refuses_unknown_categories():
    done = run("-d", "everything", WORDCOUNT)
    assert done.exit_code == 126 and "no log category 'everything'" in done.output
    assert "guest_errors" in done.output


def test_row_18_help_lists_the_categories():
    done = run("-d", "help", "x")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == [
        category.name.lower() for category in log.Category]
