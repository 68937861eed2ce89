"""What all tests share: which engine is tested, and the collector of compiled Cython tests.

What lives here: the choice between the in-place build and the installed package, the shim that
compiles tests/cython/t_*.pyx and collects their `def test_*()` functions (pytest does not see
functions of a compiled module by itself). What does not: fixtures of one folder's tests.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def choose_engine() -> None:
    """Put the checkout on sys.path if it is built in place, else take it off.

    Sources without extension modules would hide the installed package from `python -m pytest`.
    """
    in_place = any((ROOT / "engine/_core").rglob("*" + SUFFIX))
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    if in_place and os.environ.get("ENGINE_TEST_INSTALLED") != "1":
        sys.path.insert(0, str(ROOT))
    elif importlib.util.find_spec("engine") is None:
        sys.path.insert(0, str(ROOT))  # nothing compiled anywhere: pure Python tests still run
    with contextlib.suppress(ImportError):
        import engine._core
        # The generators are not installed; their tests take them from the sources.
        sources = str(ROOT / "engine/_core")
        if sources not in engine._core.__path__:
            engine._core.__path__.append(sources)


choose_engine()


def package_root() -> Path:
    """The folder that holds the package under test."""
    spec = importlib.util.find_spec("engine")
    assert spec is not None and spec.origin is not None, "choose_engine finds one"
    return Path(spec.origin).resolve().parent.parent


def pytest_report_header() -> str:
    return f"engine under test: {package_root() / 'engine'}"


@pytest.fixture(autouse=True, scope="session")
def neutral_folder(tmp_path_factory):
    """Tests, and the Python processes they start, run outside of the checkout.

    There, uncompiled sources in the working directory would hide the package under test.
    """
    before = os.getcwd()
    os.environ["PYTHONPATH"] = str(package_root())
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(before)


class CythonTests:
    """Compiles tests/cython once a session, against the headers of the package under test."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.home: Path | None = None

    def build(self) -> Path:
        if self.home is None:
            root = package_root()
            kind = "inplace" if root == ROOT else "installed"
            mode = os.environ.get("ENGINE_BUILD", "release")
            abi = sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag
            tag = f"{kind}-{mode}-{abi}"
            self.home = ROOT / ".cache" / "cython-tests" / tag
            self.home.mkdir(parents=True, exist_ok=True)
            with locked(self.home / "lock"):
                done = subprocess.run(
                    [sys.executable, "setup.py", "build_ext", "--build-lib", str(self.home),
                     "--build-temp", str(self.home / "temp")],
                    cwd=ROOT, capture_output=True, text=True,
                    env={**os.environ, "ENGINE_TESTS": "only", "ENGINE_PACKAGE_ROOT": str(root)})
            if done.returncode:
                self.failure = f"tests/cython does not compile\n{done.stdout}\n{done.stderr}"
        if self.failure:
            raise pytest.Collector.CollectError(self.failure)
        return self.home

    def module_file(self, source: Path) -> Path:
        """The compiled module: the one beside its source if that is up to date, else our own."""
        beside = source.with_name(source.stem + SUFFIX)
        if beside.exists() and package_root() == ROOT:
            made = beside.stat().st_mtime
            inputs = [source, *(ROOT / "engine").rglob("*.pxd")]
            if all(path.stat().st_mtime <= made for path in inputs):
                return beside
        return self.build() / "tests/cython" / beside.name


@contextlib.contextmanager
def locked(path: Path):
    """One builder at a time (pytest-xdist workers). On Windows the first run must be without."""
    with path.open("w") as file:
        try:
            import fcntl
        except ImportError:
            fcntl = None
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


cython_tests = CythonTests()


class CythonFile(pytest.File):
    def collect(self):
        file = cython_tests.module_file(self.path)
        name = "cython_tests." + self.path.stem
        loader = importlib.machinery.ExtensionFileLoader(name, str(file))
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        found = [name for name in vars(module) if name.startswith("test_")]
        if not found:
            raise self.CollectError(f"{self.path.name} has no test_ function")
        for name in found:
            yield CythonItem.from_parent(self, name=name, function=getattr(module, name))


class CythonItem(pytest.Item):
    """One compiled test function, called without arguments. It may call pytest.skip."""

    def __init__(self, *, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def runtest(self):
        self.function()

    def reportinfo(self):
        return self.path, None, f"{self.path.stem}::{self.name}"


def pytest_collect_file(file_path: Path, parent):
    if file_path.suffix == ".pyx" and file_path.name.startswith("t_"):
        return CythonFile.from_parent(parent, path=file_path)
    return None
