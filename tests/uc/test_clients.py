"""Clients of unicorn as their authors publish them, unchanged, on engine.unicorn.

Lives here: one script a client, run with unicorn and with ours in front of it; both must print the
same. Does not live here: what the clients rely on (scenarios.py, x86_scenarios.py). They are no
part of the test extra, since they pin versions of unicorn that exclude each other:
`pip install --no-deps unicorn==2.1.4` goes after `pip install qiling pwntools ...`.
"""

import importlib.util
import shutil
import subprocess
import sys

import pytest

# Finds VirtualAlloc, WinExec and ExitProcess through the PEB, fills memory, hashes it, starts a
# program with the hash for its name.
SHELLCODE = {
    "x86": """
5383ec48c744243356697274c744243775616c41c744243b6c6c6f63c644243f00c744242b57696e45c744242f786563
00c744242663616c63c644242a00c744241a45786974c744241e50726f63c7442422657373008d442433e8c20000006a
40680030000068003000006a00ffd089c28d9800300000b900000000880883c10783c00139d875f4b80515000089c1c1
e10501c10fb60201c883c20139da75ed0fb6542426885424260fb6542427885424270fb6542428885424280fb6542429
885424298d5c240ab91c00000089c2d3ea83e20f83c230881383e90483c30183f9fc75e9c6442412008d44242be82f00
000089c383ec086a018d44241650ffd36a018d44243250ffd383c4088d44241ae80c00000083ec0c6a00ffd083c4545b
c35557565383ec148944241064a1300000008b400c8d50148b401439c20f84a400000089d7eb5b3802742a83c301391c
24744189f1034c9d000fb60189fa84c074e5380275e183c10183c2010fb60184c075efebd28b4c240c8d045e0341240f
b7008d048603411c033089f083c4145b5e5f5dc38b7c24048b4424088b0039c7743e8b701085f674f38b563c8b541678
85d274e88d0c168b5918891c248b692085db74d8bb0000000001f5897c240489442408894c240c8b7c2410e973ffffff
be00000000eba3be00000000eb9c
""",
    "amd64": """
534883ec4048b85669727475616c41488944243348b8616c416c6c6f6300488944243848b857696e4578656300488944
242bc744242663616c63c644242a0048b84578697450726f63488944241ac744242265737300488d7c2433e8ea000000
4883ec2041b94000000041b800300000ba00300000b900000000ffd0488db0003000004883c4204889c2b90000000088
0a83c1074883c2014839f275f2ba0515000089d1c1e10501ca0fb60801ca4883c0014839f075eb0fb644242688442426
0fb6442427884424270fb6442428884424280fb644242988442429488d74240ab91c00000089d0d3e883e00f83c03088
0683e9044883c60183f9fc75e8c644241200488d7c242be83e0000004889c34883ec20ba01000000488d4c242affd3ba
01000000488d4c2446ffd34883c420488d7c241ae8110000004883ec20b900000000ffd04883c4605bc355534989fa65
488b042560000000488b4018488d6820488b58204839dd755fb800000000eb4d3811742f4883c6014c39c67443418b04
b14801f80fb6104c89d184d274e2381175de4883c0014883c1010fb61084d275edebcd418b4324488d14770fb7140241
8b431c488d14978b04024801f85b5dc3488b1b4839dd743a488b7b204885ff74ef8b473c8b84078800000085c074e189
c04c8d1c07458b4318458b4b204585c074ce4589c0be000000004901f9e97bffffffb800000000ebb4
""",
}
SPEAKEASY = """
import sys, speakeasy
se = speakeasy.Speakeasy()
se.run_shellcode(se.load_shellcode(sys.argv[1], sys.argv[2]))
report = se.get_report()
report = report.model_dump() if hasattr(report, "model_dump") else report
for entry in report["entry_points"]:
    for event in entry.get("events") or entry.get("apis"):
        if "api_name" in event:
            print(event["api_name"], event["args"], event["ret_val"])
    print(entry.get("error"))
"""
QILING = """
import sys
from qiling import Qiling
from qiling.const import QL_VERBOSE
Qiling(sys.argv[1:], "/", verbose=QL_VERBOSE.OFF).run()
"""
PWNTOOLS = """
import sys
from pwnlib.context import context
context.log_level = "error"
from pwnlib.elf import ELF
print(sorted(ELF(sys.argv[1]).plt.items()))
"""
REFINERY = """
import sys
from refinery import vstack
for part in bytes.fromhex(sys.argv[1]) | vstack(arch=sys.argv[2]):
    print(bytes(part))
"""
# sub esp, 0x40; mov dword [esp+16], "hell" ...; ret
STACK_STRING = "83ec40c744241068656c6cc74424146f20776fc7442418726c6400c3"


def on(front, script, *args):
    code = f"import {front}\n{front}.install()\n{script}" if front else script
    done = subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True,
                          text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if "[!]" not in line]


def same(package, module, script, *args):
    for name, found in ((package, module), ("unicorn", "unicorn")):
        if importlib.util.find_spec(found) is None:
            pytest.skip(f"needs {name} (pip install {name})")
    ours = on("engine.unicorn", script, *args)
    assert ours == on("", script, *args)
    return "\n".join(ours)


@pytest.mark.parametrize("arch", ["x86", "amd64"])
def test_speakeasy(arch, tmp_path):
    path = tmp_path / "shellcode"
    path.write_bytes(bytes.fromhex(SHELLCODE[arch]))
    said = same("speakeasy-emulator", "speakeasy", SPEAKEASY, path, arch)
    assert "kernel32.WinExec" in said and said.endswith("None")


@pytest.mark.parametrize("name", ["busybox", "busybox-i386"])
def test_qiling(name):
    program = shutil.which(name)
    if program is None:
        pytest.skip("needs busybox-static (Debian), for amd64 and i386 (as busybox-i386)")
    said = same("qiling", "qiling", QILING, program, "sha256sum", "/etc/hostname")
    assert said == subprocess.run(["sha256sum", "/etc/hostname"], capture_output=True,
                                  text=True).stdout.strip()


def test_pwntools():
    assert "malloc" in same("pwntools", "pwnlib", PWNTOOLS, shutil.which("bash"))


def test_refinery():
    assert "hello world" in same("binary-refinery", "refinery", REFINERY, STACK_STRING, "x64")
