"""The virtual environment: Odoo's Python dependencies, the addon's, and the development tools."""

import platform
import sys

from devenv import debian, odoo_tree
from devenv.settings import DEV, MINIMUM_PYTHON, ROOT, SCRIPTS, VENV, VENV_PYTHON
from devenv.steps import SetupError, digest, remove, run, step

REQUIREMENTS = [
    SCRIPTS / "requirements-odoo.txt",
    SCRIPTS / "requirements-dev.txt",
    ROOT / "fieldpromax_accounting" / "requirements.txt",
]
CONSTRAINTS = SCRIPTS / "constraints.txt"


def _fits() -> bool:
    """Whether the environment is there and was made by this very Python."""
    made = VENV / "pyvenv.cfg"
    return VENV_PYTHON.exists() and made.is_file() and f"version = {platform.python_version()}\n" in made.read_text()


def _create() -> None:
    """Make an empty environment with pip, also where Debian's python3-venv is not installed."""
    remove(VENV)
    try:
        run([sys.executable, "-m", "venv", VENV], "Making the virtual environment")
        return
    except SetupError:
        remove(VENV)
    run([sys.executable, "-m", "venv", "--without-pip", VENV], "Making the virtual environment without pip")
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


def _build(before: str | None) -> None:
    if before is None:
        _create()
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    for file in REQUIREMENTS:
        command += ["-r", file]
    run([*command, "-c", CONSTRAINTS], "Installing the Python packages")


def ensure() -> None:
    if sys.version_info < MINIMUM_PYTHON:
        raise SetupError(f"Python {platform.python_version()} is too old: Odoo 19 needs 3.10 or newer.")
    step(
        "venv",
        "Python packages",
        digest(*REQUIREMENTS, CONSTRAINTS, platform.python_version(), str(VENV)),
        _build,
        _fits,
    )
    site = next(VENV.glob("lib/python3*/site-packages"))
    (site / "odoo-home.pth").write_text(f"{odoo_tree.odoo_home()}\n")
