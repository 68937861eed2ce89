"""Checks what an sdist and a wheel contain: `python .ci/check_dist.py X.tar.gz Y.whl`."""

import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def wheel_faults(names: set[str]) -> list[str]:
    faults = [f"{name}: must not be in the wheel" for name in sorted(names)
              if re.search(r"\.(pyx|pxi|c|h|isa|tab|o)$|^engine/_core/gen/|^(tests|examples|docs)/",
                           name)]
    core = ROOT / "engine/_core"
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "engine").rglob("*")
              if path.suffix in (".py", ".pxd", ".pyi") and core / "gen" not in path.parents}
    wanted.add("engine/py.typed")
    faults += [f"{name}: missing from the wheel" for name in sorted(wanted - names)]
    for path in core.rglob("*.pyx"):
        stem = path.relative_to(ROOT).with_suffix("").as_posix()
        if not any(re.match(re.escape(stem) + r"\.[^/]*(so|pyd)$", name) for name in names):
            faults.append(f"{stem}: no extension module in the wheel")
    return faults


def sdist_faults(names: set[str]) -> list[str]:
    faults = [f"{name}: must not be in the sdist" for name in sorted(names)
              if re.search(r"_gen\.[a-z]+$|\.(so|pyd|o|pyc)$|^engine/.*\.c$", name)]
    wanted = {path.relative_to(ROOT).as_posix()
              for folder in ("engine", "tests", "docs", "examples", ".ci")
              for path in (ROOT / folder).rglob("*") if path.is_file()}
    wanted = {name for name in wanted if not re.search(
        r"_gen\.|\.(so|pyd|o|pyc|html)$|__pycache__|^engine/.*\.c$|\.cache/", name)}
    wanted |= {"setup.py", "pyproject.toml", "wheels.yml", "README.md", "CHANGELOG.md", "LICENSE"}
    return faults + [f"{name}: missing from the sdist" for name in sorted(wanted - names)]


def main(paths: list[str]) -> int:
    faults = []
    for path in paths:
        if path.endswith(".whl"):
            with zipfile.ZipFile(path) as wheel:
                faults += wheel_faults({name for name in wheel.namelist()
                                        if ".dist-info/" not in name})
        else:
            with tarfile.open(path) as sdist:
                faults += sdist_faults({name.partition("/")[2] for name in sdist.getnames()})
    sys.stdout.write("\n".join([*faults, f"{len(paths)} archives, {len(faults)} faults"]) + "\n")
    return 1 if faults or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
