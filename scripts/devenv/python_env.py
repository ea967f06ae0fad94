"""The virtual environment: Odoo's Python dependencies, the addon's, and the development tools."""

import functools
import platform
import subprocess
import sys
from pathlib import Path

from devenv import debian, odoo_tree
from devenv.settings import (
    DEV,
    DISTRIBUTIONS_PYTHON,
    MAXIMUM_PYTHON,
    MINIMUM_PYTHON,
    ROOT,
    SCRIPTS,
    VENV,
    VENV_PYTHON,
)
from devenv.steps import SetupError, digest, remove, run, stamp_path, step

# First what a running demo needs, so that Odoo can be installed while the development tools still arrive.
RUN = [SCRIPTS / "requirements-run.txt", ROOT / "fieldpromax_accounting" / "requirements.txt"]
SIMULATORS = ROOT / "simulators" / "requirements.txt"
DEVELOP = [SCRIPTS / "requirements-dev.txt"]
CONSTRAINTS = SCRIPTS / "constraints.txt"


# What the environment needs and a minimal Python may lack; then the version.
ABLE = "import ctypes, ensurepip, lzma, sqlite3, ssl, venv, platform; print(platform.python_version())"


@functools.cache
def interpreter() -> tuple[str, str]:
    """The Python that the environment is made with, and its version.

    The distribution's own where it will do, because distributions build it with profiles of real programs: one that
    was compiled without them (as version managers do) takes half as long again for everything. Otherwise the one that
    runs this.
    """
    try:
        done = subprocess.run(
            [DISTRIBUTIONS_PYTHON, "-I", "-c", ABLE], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return sys.executable, platform.python_version()
    version = done.stdout.strip()
    if MINIMUM_PYTHON <= tuple(int(part) for part in version.split(".")[:2]) <= MAXIMUM_PYTHON:
        return str(DISTRIBUTIONS_PYTHON), version
    return sys.executable, platform.python_version()


def _fits() -> bool:
    """Whether the environment is there, was made by the Python to use, and has not been moved."""
    made, program = VENV / "pyvenv.cfg", VENV / "bin" / "pip"
    if not program.is_file() or str(VENV.resolve()) not in program.read_text():
        return False
    return VENV_PYTHON.exists() and made.is_file() and f"version = {interpreter()[1]}\n" in made.read_text()


def _create() -> None:
    """Make an empty environment with pip, also where Debian's python3-venv is not installed."""
    remove(VENV)
    python, _version = interpreter()
    try:
        run([python, "-m", "venv", VENV], "Making the virtual environment")
        return
    except SetupError:
        remove(VENV)
    run([python, "-m", "venv", "--without-pip", VENV], "Making the virtual environment without pip")
    if not debian.available():
        raise SetupError("Python has no pip here: install python3-venv (or ensurepip) and start again.")
    packages = debian.Packages(debian.codename() or "trixie")
    unpacked = DEV / "pip-wheel"
    remove(unpacked)
    packages.unpack(["python3-pip-whl"], unpacked)
    packages.forget()
    wheel = next(unpacked.glob("usr/share/python-wheels/pip-*.whl"))
    run([VENV_PYTHON, wheel / "pip", "install", "--no-index", wheel], "Installing pip")
    remove(unpacked)


def _install(files: list[Path], what: str) -> None:
    command = [
        VENV_PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--retries=2", "--no-warn-script-location"]
    for file in files:
        command += ["-r", file]
    run([*command, "-c", CONSTRAINTS], what, fetches=True)


def check() -> None:
    _python, version = interpreter()
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_PYTHON:
        raise SetupError(f"Python {version} is too old: Odoo 19 needs 3.10 or newer.")


def ensure_run() -> None:
    """The environment with everything that Odoo, the addon, the simulators and PostgreSQL run on."""

    def build(before: str | None) -> None:
        if before is None:
            _create()
        _install(files, "Installing Python packages")

    files = [*RUN, *([SIMULATORS] if SIMULATORS.is_file() else [])]
    wanted = digest(*files, CONSTRAINTS, *interpreter(), str(VENV.resolve()))
    if step("venv", "Python packages for Odoo", wanted, build, _fits):
        stamp_path("venv-develop").unlink(missing_ok=True)
    site = next(VENV.glob("lib/python3*/site-packages"))
    (site / "odoo-home.pth").write_text(f"{odoo_tree.odoo_home()}\n")


def ensure_develop() -> None:
    """Tools for tests and checks, into the same environment."""
    step(
        "venv-develop",
        "Python packages for tests",
        digest(*DEVELOP, CONSTRAINTS),
        lambda _before: _install(DEVELOP, "Installing development packages"),
        _fits,
    )
