"""Where things lie and which environment variables change them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / ".dev"
SCRIPTS = ROOT / "scripts"
LOGS = DEV / "logs"
STAMPS = DEV / "stamps"
BIN = DEV / "bin"
VENV = DEV / "venv"
VENV_PYTHON = VENV / "bin" / "python"
ODOO_ROOT = DEV / "odoo"
ODOO_CONF = DEV / "odoo.conf"
ODOO_DATA = DEV / "data"
SIMULATORS = DEV / "simulators"
PYCACHE = DEV / "pycache"

# Odoo 19 runs on these, and the pinned packages have wheels for them.
MINIMUM_PYTHON, MAXIMUM_PYTHON = (3, 10), (3, 13)
DISTRIBUTIONS_PYTHON = Path("/usr/bin/python3")
ADDONS = ("fieldpromax_accounting", "fieldpromax_accounting_project")


def port(variable: str, default: int) -> int:
    """The port that an environment variable names, else the usual one."""
    from devenv.steps import SetupError

    text = os.environ.get(variable, "")
    if not text:
        return default
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise SetupError(f"{variable}={text} is not a port: give a number from 1024 to 65535.")
    return int(text)


# What tests use of Odoo besides what our addons need: customers who pay online.
TEST_MODULES = ["payment_demo"]


def present_addons() -> list[str]:
    """Our addons that lie in this working tree, in order of dependency."""
    return [name for name in ADDONS if (ROOT / name / "__manifest__.py").is_file()]
