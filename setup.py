"""Build of the extension modules: directives, C flags, module list, each declared once, here.

What lives here: how engine/_core/**/*.pyx becomes extension modules. Metadata and tool settings are
in pyproject.toml. Who calls it: setuptools (pip, build), `python setup.py build_ext --inplace`, and
tests/conftest.py for the compiled tests.

Environment
    ENGINE_BUILD   release (default) | debug | coverage | asan
    ENGINE_TESTS   1: also compile tests/cython/t_*.pyx beside their sources (in-place builds)
                   only: nothing but these, against the package installed in ENGINE_PACKAGE_ROOT
    ENGINE_STRICT  1: every Cython warning, performance hint and C compiler warning in our code is
                   an error. Default: 1 for in-place and non-release builds, 0 for wheels, so that
                   a newer compiler's new warning does not stop a user's installation.

Steps: generators write *_gen.* -> one Cython process a module, whose message stream is read ->
C compiler. Everything goes to build/<ENGINE_BUILD>/, only changed modules are redone.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MODES = ("release", "debug", "coverage", "asan")
MODE = os.environ.get("ENGINE_BUILD", "release")
TESTS = os.environ.get("ENGINE_TESTS", "1" if MODE == "debug" else "0")
if MODE not in MODES:
    sys.exit(f"ENGINE_BUILD={MODE}: expected one of {', '.join(MODES)}")
if TESTS not in ("0", "1", "only"):
    sys.exit(f"ENGINE_TESTS={TESTS}: expected 0, 1 or only")

CHECKED = MODE in ("debug", "asan")  # builds in which Cython checks indices and uninitialised views
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": CHECKED,
    "wraparound": False,
    "initializedcheck": CHECKED,
    "nonecheck": CHECKED,
    "cdivision": True,
    "embedsignature": True,
    "embedsignature.format": "python",
    "auto_pickle": False,
    "autotestdict": False,
    # No module keeps mutable global state after import: the free-threaded interpreter may load it.
    "freethreading_compatible": True,
}
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
if CHECKED:
    MACROS.append(("ENGINE_DEBUG", "1"))

# Shared by all modules: memoryviews, Cython functions and the like are compiled once, in here.
UTILITY = "engine._core._cyutility"

# Guest arithmetic wraps and guest memory is aliased freely. No contraction: a fused multiply-add
# the guest did not ask for gives another result.
SANITIZERS = "-fsanitize=address,undefined,float-cast-overflow"
GCC_FLAGS = {
    "release": ["-O2", "-g0"],
    "debug": ["-O0", "-g", "-UNDEBUG"],
    "coverage": ["-O0", "-g", "--coverage"],
    "asan": ["-O1", "-g", "-UNDEBUG", SANITIZERS, "-fno-omit-frame-pointer"],
}[MODE] + ["-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-fvisibility=hidden"]
GCC_FP_FLAGS = ["-frounding-math", "-fno-math-errno"]
GCC_LINK = {"coverage": ["--coverage"], "asan": [SANITIZERS]}.get(MODE, [])
# What Cython's own output cannot be compiled without. Some Pythons bring -Wsign-compare along,
# which range() loops over unsigned counts trip over: the same warnings with every Python.
GCC_WARNINGS = ["-Wall", "-Wno-unused-function", "-Wno-unused-variable", "-Wno-sign-compare"]
CLANG_WARNINGS = ["-Wno-unreachable-code", "-Wno-unneeded-internal-declaration",
                  "-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument"]
MSVC_FLAGS = {
    "release": ["/O2"],
    "debug": ["/Od", "/Z7"],
}.get(MODE, ["/O2"])
MSVC_FP_FLAGS = ["/fp:strict"]
# Cython's output: narrowing, signed against unsigned, unreferenced labels and locals.
MSVC_WARNINGS = ["/W3", "/wd4018", "/wd4101", "/wd4102", "/wd4146", "/wd4244", "/wd4267"]

# Modules whose C computes with the guest's rounding mode in force.
FP_FOLDERS = ("engine/_core/fp/", "engine/_core/backend/interp/")

OS_SUFFIXES = {"linux", "darwin", "win32", "posix"}


def for_this_os(path: Path) -> bool:
    """Whether a source belongs to this host: `memory_win32.pyx` is built on Windows only."""
    suffix = path.stem.rpartition("_")[2]
    if suffix not in OS_SUFFIXES:
        return True
    if suffix == "posix":
        return sys.platform != "win32"
    return sys.platform.startswith(suffix)


_generated = False


def generate() -> None:
    """Run the generators once a process. They rewrite only the files whose text changes."""
    global _generated
    home = ROOT / "engine/_core/gen"
    if _generated or TESTS == "only" or not home.is_dir():
        return
    spec = importlib.util.spec_from_file_location(
        "_engine_gen", home / "__init__.py", submodule_search_locations=[str(home)])
    gen = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = gen
    spec.loader.exec_module(gen)
    if hasattr(gen, "generate"):
        gen.generate(ROOT)
    _generated = True


def sources(inplace: bool) -> list[Path]:
    """Every .pyx that becomes a module of this build, relative to the root."""
    found = [] if TESTS == "only" else sorted((ROOT / "engine/_core").rglob("*.pyx"))
    if TESTS == "only" or (TESTS == "1" and inplace):
        found += sorted((ROOT / "tests/cython").glob("t_*.pyx"))
    return [path.relative_to(ROOT) for path in found if for_this_os(path)]


def extensions(inplace: bool) -> list[Extension]:
    """One Extension a .pyx, named after its path, and the shared utility module."""
    made = []
    for path in sources(inplace):
        includes = []
        if re.search(r"^\s*cimport numpy|^\s*from numpy cimport", (ROOT / path).read_text(), re.M):
            import numpy
            includes.append(numpy.get_include())
        made.append(Extension(".".join(path.with_suffix("").parts), [path.as_posix()],
                              include_dirs=includes, define_macros=list(MACROS)))
    if made and TESTS != "only":
        made.append(Extension(UTILITY, [], define_macros=list(MACROS)))
    return made


def directive_options() -> list[str]:
    return [word for name, value in DIRECTIVES.items() for word in ("-X", f"{name}={value}")]


class BuildPy(build_py):
    """Python files and headers. Generated headers (.pxd) must exist before they are listed."""

    def finalize_options(self):
        generate()
        super().finalize_options()


class BuildExt(build_ext):
    def finalize_options(self):
        generate()
        self.distribution.ext_modules = extensions(bool(self.inplace))
        super().finalize_options()
        if not self.parallel:
            self.parallel = os.cpu_count() or 1
        default = "1" if self.inplace or MODE != "release" else "0"
        self.strict = os.environ.get("ENGINE_STRICT", default) == "1"
        # setuptools clears self.inplace while it builds.
        self.want_inplace = bool(self.inplace)

    def run(self):
        os.chdir(ROOT)  # Cython's messages and dependency files are relative to the root
        super().run()
        if not self.want_inplace and TESTS != "only":
            self.prune()

    def build_extensions(self):
        self.c_home = Path(self.build_temp) / "cython"
        self.c_home.mkdir(parents=True, exist_ok=True)
        stamp = self.write_stamp()
        self.cythonize(stamp)
        msvc = self.compiler.compiler_type == "msvc"
        headers = [str(path) for path in Path("engine").rglob("*.h")]
        for ext in self.extensions:
            ext.depends += [str(stamp), *headers]
            source = ext.name.replace(".", "/")
            fp = source.startswith(FP_FOLDERS)
            if msvc:
                ext.extra_compile_args += MSVC_FLAGS + MSVC_WARNINGS
                ext.extra_compile_args += MSVC_FP_FLAGS if fp else []
                ext.extra_compile_args += ["/WX"] if self.strict else []
            else:
                ext.extra_compile_args += GCC_FLAGS + GCC_WARNINGS
                if "clang" in " ".join(self.compiler.compiler_so) or sys.platform == "darwin":
                    ext.extra_compile_args += CLANG_WARNINGS
                ext.extra_compile_args += GCC_FP_FLAGS if fp else []
                ext.extra_compile_args += ["-Werror"] if self.strict else []
                ext.extra_link_args += GCC_LINK
        super().build_extensions()

    def write_stamp(self) -> Path:
        """A file that changes when flags, directives or tools do: everything is rebuilt then."""
        from Cython import __version__ as cython
        text = "\n".join(map(str, [
            cython, sys.version, sysconfig.get_config_var("EXT_SUFFIX"), MODE, self.strict,
            DIRECTIVES, MACROS, GCC_FLAGS, GCC_FP_FLAGS, GCC_WARNINGS, GCC_LINK, CLANG_WARNINGS,
            MSVC_FLAGS, MSVC_FP_FLAGS, MSVC_WARNINGS, FP_FOLDERS, UTILITY,
            os.environ.get("CC"), os.environ.get("CFLAGS"),
            os.environ.get("ENGINE_PACKAGE_ROOT")]))
        stamp = self.c_home / "stamp"
        if not stamp.exists() or stamp.read_text() != text:
            stamp.write_text(text)
        return stamp

    def cythonize(self, stamp: Path) -> None:
        """Translate what is out of date; every message of every module is shown before failing."""
        jobs = []
        for ext in self.extensions:
            c_file = self.c_home / (ext.name.replace(".", "/") + ".c")
            c_file.parent.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "cython", "--module-name", ext.name,
                       *directive_options()]
            if ext.name == UTILITY:
                command += ["--generate-shared", str(c_file)]
                inputs = [stamp]
            else:
                command += ["-M", "-I", os.environ.get("ENGINE_PACKAGE_ROOT", "."),
                            "-o", str(c_file), *ext.sources]
                if TESTS != "only":
                    command += ["--shared", UTILITY]
                if MODE != "release":
                    command += ["--line-directives"]
                inputs = [stamp, *self.inputs_of(c_file, Path(ext.sources[0]))]
            ext.sources = [str(c_file)]
            if self.force or newer_than(c_file, inputs):
                jobs.append((ext.name, command, c_file))
        if not jobs:
            return
        print(f"cythonize: {len(jobs)} modules, {self.parallel} at a time", flush=True)
        with ThreadPoolExecutor(self.parallel) as pool:
            failed = [name for name, good in pool.map(self.cythonize_one, jobs) if not good]
        if failed:
            sys.exit(f"cythonize failed: {', '.join(failed)}")

    def cythonize_one(self, job: tuple[str, list[str], Path]) -> tuple[str, bool]:
        name, command, c_file = job
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        messages = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        complaints = [line for line in messages
                      if line.startswith(("warning:", "performance hint:"))
                      and not (CHECKED and "boundscheck(False)" in line)    # on on purpose
                      and "Cython/Includes" not in line.replace("\\", "/")]
        good = done.returncode == 0 and not (self.strict and complaints)
        print("\n".join([f"cythonize: {name}{'' if good else ' FAILED'}", *messages]), flush=True)
        if not good:
            c_file.unlink(missing_ok=True)  # so that the next build says it again
        elif name.startswith("engine.") and name != UTILITY:
            stamp_layout(c_file)
        return name, good

    @staticmethod
    def inputs_of(c_file: Path, source: Path) -> list[Path]:
        """What the translation of one module read the last time, from Cython's dependency file."""
        header = source.with_suffix(".pxd")
        depfile = c_file.with_name(c_file.name + ".dep")
        known = [source] + ([header] if header.exists() else [])
        if not depfile.exists():
            return [*known, Path("missing dependency file")]
        text = depfile.read_text().partition(": ")[2].replace("\\\n", " ").strip()
        return known + [Path(word.replace("\\ ", " ")) for word in re.split(r"(?<!\\)\s+", text)]

    def prune(self) -> None:
        """Drop what earlier builds left in build_lib: a wheel takes everything it finds there."""
        home = Path(self.build_lib)
        outputs = self.get_outputs() + self.get_finalized_command("build_py").get_outputs()
        wanted = {Path(path).resolve() for path in outputs}
        for path in home.rglob("*"):
            if path.is_file() and path.resolve() not in wanted:
                path.unlink()


def stamp_layout(c_file: Path) -> None:
    """Give a module the attribute __layout__: each core struct it was compiled with, and
    a hash of its fields. engine/_core/api/layout.py compares them when modules are loaded."""
    text = c_file.read_text()
    found = re.findall(r"^(?:struct|union) __pyx_t_6engine_5_core_(\w+) \{\n(.*?)^\};", text,
                       re.M | re.S)
    pairs = sorted(f"{name}:{hashlib.sha256(body.encode()).hexdigest()[:8]}"
                   for name, body in found)
    mark = "  /*--- Execution code ---*/"
    if text.count(mark) != 1:
        sys.exit(f"{c_file}: Cython's output has changed, stamp_layout needs another place")
    code = (f'  if (PyModule_AddStringConstant(__pyx_m, "__layout__", "{" ".join(pairs)}") < 0)'
            " goto __pyx_L1_error;\n")
    c_file.write_text(text.replace(mark, code + mark))


def newer_than(product: Path, inputs: list[Path]) -> bool:
    """Whether the product is missing, or an input is missing or younger than it."""
    if not product.exists():
        return True
    made = product.stat().st_mtime_ns
    return any(not path.exists() or path.stat().st_mtime_ns > made for path in inputs)


setup(
    packages=find_packages(include=["engine", "engine.*"],
                           exclude=["engine._core.gen", "engine._core.gen.*"]),
    package_data={"": ["*.pxd", "*.pyi", "py.typed"]},
    include_package_data=False,
    # A placeholder: the real list needs the generators, see BuildExt.finalize_options.
    ext_modules=[Extension(UTILITY, [])],
    cmdclass={"build_py": BuildPy, "build_ext": BuildExt},
    options={"build": {"build_base": f"build/{MODE}"}},
    zip_safe=False,
)
