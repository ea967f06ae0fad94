"""Every gate of `make lint` complains of what it is there for."""

import hashlib
import importlib

import checks
import pytest

from devenv.settings import ROOT

MANIFEST = "{'name': 'Bad', 'version': '19.0.1.0.0', 'license': 'LGPL-3', 'author': 'FieldPromax', 'depends': ['base']}"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def addon(tmp_path):
    """An addon with faults that the linters for Odoo know."""
    return write(
        tmp_path,
        {
            "bad/__manifest__.py": MANIFEST,
            "bad/__init__.py": "from . import models\n",
            "bad/models.py": "from odoo import models\n\n\nclass Bad(models.Model):\n    _name = 'bad'\n\n"
            "    def go(self):\n        self.env.cr.commit()\n",
            "bad/views.xml": '<odoo>\n<record id="a" model="ir.ui.view"><field name="arch" type="xml"><tree/></field>'
            "</record></odoo>\n",
        },
    )


def test_ruff(tmp_path):
    write(tmp_path, {"a.py": "import os\n"})
    assert "F401" in checks.ruff(tmp_path / "a.py")


def test_ruff_format(tmp_path):
    write(tmp_path, {"a.py": "a=1\n"})
    assert "a.py" in checks.ruff_format(tmp_path / "a.py") or checks.ruff_format(tmp_path / "a.py")


def test_pylint_odoo(addon):
    assert "invalid-commit" in checks.pylint_odoo(addon / "bad")


def test_pylint_odoo_wants_our_author(addon):
    write(addon, {"bad/__manifest__.py": MANIFEST.replace("FieldPromax", "Someone")})
    assert "manifest-required-author" in checks.pylint_odoo(addon / "bad")


def test_oca_checks(addon):
    write(addon, {"bad/__manifest__.py": MANIFEST.replace("}", ", 'data': ['views.xml']}")})
    write(addon, {"bad/views.xml": '<odoo><record id="a" model="x"/><record id="a" model="x"/></odoo>\n'})
    assert "duplicate" in checks.oca_checks(addon / "bad")


def test_upgrade_code(addon):
    assert "views.xml" in checks.upgrade_code(addon, "bad/**/*")
    write(addon, {"bad/views.xml": "<odoo/>\n"})
    assert not checks.upgrade_code(addon, "bad/**/*")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("fieldpromax_accounting/providers/a.py", "import odoo"),
        ("fieldpromax_accounting/providers/a.py", "from odoo.tools import float_round"),
        ("fieldpromax_accounting/providers/xero/a.py", "from ...models import res_company"),
        ("fieldpromax_accounting/providers/xero/a.py", "from ... import exceptions"),
        ("fieldpromax_accounting/providers/a.py", "from odoo.addons.account import models"),
        ("fieldpromax_accounting/providers/a.py", "def late():\n    import odoo"),
        ("fieldpromax_accounting/providers/a.py", "import importlib\nimportlib.import_module('odoo.tools')"),
        ("simulators/xero/a.py", "from fieldpromax_accounting.providers import dto"),
        ("simulators/xero/a.py", "import odoo"),
        ("fieldpromax_accounting/models/a.py", "from simulators.xero import seeds"),
        ("fieldpromax_accounting_project/models/a.py", "import simulators"),
    ],
)
def test_imports_that_cross_a_border(tmp_path, file, line):
    write(tmp_path, {file: f"{line}\n"})
    assert checks.imports(tmp_path).startswith(f"{file}:")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("fieldpromax_accounting/providers/a.py", "from . import dto"),
        ("fieldpromax_accounting/providers/xero/a.py", "from ..errors import ProviderError"),
        ("fieldpromax_accounting/providers/a.py", "import odoorpc_like_name"),
        ("fieldpromax_accounting/models/a.py", "from odoo import models\nfrom ..providers import dto"),
        ("simulators/xero/a.py", "from ..common import server\nimport simulators.common"),
    ],
)
def test_imports_that_are_allowed(tmp_path, file, line):
    write(tmp_path, {file: f"{line}\n"})
    assert checks.imports(tmp_path) == ""


STAMP = "2026-01-02 03:04:05,678 99"


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_a_warning_in_the_log(tmp_path, level):
    log = tmp_path / "odoo.log"
    log.write_text(
        f"{STAMP} INFO db odoo.x: fine\n{STAMP} {level} db odoo.addons.fieldpromax_accounting: not fine\n"
    )
    assert "not fine" in checks.logs(log)


def test_a_clean_log(tmp_path):
    log = tmp_path / "odoo.log"
    log.write_text(f"{STAMP} INFO db odoo.x: a WARNING in words is none\n")
    assert checks.logs(log) == ""


def test_a_log_that_is_empty_or_missing_is_not_clean(tmp_path):
    (tmp_path / "empty.log").touch()
    assert checks.logs(tmp_path / "empty.log")
    assert "there is no such log" in checks.logs(tmp_path / "missing.log")


@pytest.mark.parametrize(
    "line",
    ["got {} from the books", "Location: /x?code={}&state=1", "%7B{}%7D", '{{"refresh_token": "{}"}}', "{}."],
)
def test_a_secret_in_the_log(tmp_path, line):
    secret = "AB11-very_secret.of.three.parts"
    issued, log = tmp_path / "issued.txt", tmp_path / "odoo.log"
    issued.write_text(hashlib.sha256(secret.encode()).hexdigest() + "\n")
    log.write_text(f"{STAMP} INFO db odoo.x: fine\n{STAMP} INFO db odoo.x: {line.format(secret)}\n")
    complaint = checks.secrets(issued, log)
    assert complaint.startswith(f"{log}:2:")
    assert secret not in complaint


@pytest.mark.parametrize(("provider", "organisation"), [("xero", "tenantId"), ("quickbooks", "realm")])
def test_an_organisation_in_the_log(tmp_path, monkeypatch, provider, organisation):
    monkeypatch.syspath_prepend(str(ROOT))
    noted, log = tmp_path / "issued.txt", tmp_path / "odoo.log"
    monkeypatch.setenv("SIMULATORS_ISSUED", str(noted))
    with importlib.import_module(f"simulators.{provider}.server").start_in_thread() as simulator:
        tokens = simulator.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"]}})
        (connection,) = simulator.control("GET", "/_sim/state?counts=1")["connections"]
    for secret in (connection[organisation], tokens["access_token"], tokens["refresh_token"]):
        log.write_text(
            f"{STAMP} INFO db odoo.x: fine\n{STAMP} INFO db odoo.x: Currencies of {secret}: none\n"
        )
        assert checks.secrets(noted, log).startswith(f"{log}:2:")


def test_a_log_without_secrets(tmp_path):
    issued, log = tmp_path / "issued.txt", tmp_path / "odoo.log"
    issued.write_text(hashlib.sha256(b"AB11-very_secret.of.three.parts").hexdigest() + "\n")
    log.write_text(f"{STAMP} INFO db odoo.x: AB11-very_secret and of.three.parts are none of them\n")
    assert checks.secrets(issued, log) == ""


def test_logs_cannot_be_searched_when_nothing_was_noted(tmp_path):
    assert "nothing was handed out" in checks.secrets(tmp_path / "missing.txt")
