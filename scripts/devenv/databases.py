"""Odoo databases: a template with Odoo's modules and demo data, and quick private copies of it."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from devenv import browser, odoo_tree, postgres
from devenv.settings import BIN, LOGS, ODOO_CONF, ODOO_DATA, PYCACHE, ROOT, VENV_PYTHON, present_addons
from devenv.steps import (
    DISK_FULL,
    SetupError,
    digest,
    disk_full_error,
    one_sentence_for_a_full_disk,
    remove,
    run,
    stamp_path,
    step,
)

TEMPLATE_MODULES = ["account", "l10n_us_account", "project"]


def pages_script(*bundles: str) -> str:
    """A script for Odoo's shell that puts the style sheets and scripts of web pages together: whoever opens the first
    page would otherwise wait for them. It does what Odoo's own _pregenerate_assets_bundles() does, for some pages."""
    return f"""
for name in {bundles!r}:
    env["ir.qweb"]._get_asset_bundle(name, css=False, js=True).js()
    env["ir.qweb"]._get_asset_bundle(name, css=True, js=False).css()
env.cr.commit()
"""


# The pages of a person who works in Odoo; they are put together anew when an addon of ours is installed.
WORK_PAGES_SCRIPT = pages_script("web.assets_web")
LOGIN_PAGES_SCRIPT = pages_script(
    "web.assets_frontend_minimal", "web.assets_frontend", "web.assets_frontend_lazy"
)
# What our tests open besides (the rest, such as Odoo's own unit tests, would take three times as long).
TEST_PAGES_SCRIPT = pages_script(
    "web.assets_web",
    "web.assets_web_print",
    "web.assets_frontend",
    "web.assets_frontend_lazy",
    "web.assets_frontend_minimal",
    "web.report_assets_common",
    "web.assets_tests",
)


def shared_name(base: str) -> str:
    """A database name that no other working tree uses on a server that several of them share."""
    if not postgres.is_external():
        return base
    return f"{base}_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}"


def template_name() -> str:
    return shared_name("fieldpromax_template")


def exists(name: str) -> bool:
    return postgres.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == "1"  # noqa: S608, names are checked


def check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise SetupError(f"“{name}” cannot name a database: use lower-case letters, digits and underscores.")
    return name


def write_configuration() -> Path:
    """Odoo's configuration file; the database server comes from the PG* variables."""
    folders = [str(folder) for folder in odoo_tree.addons_folders()]
    if present_addons():
        folders.append(str(ROOT))
    ODOO_DATA.mkdir(parents=True, exist_ok=True)
    text = (
        f"[options]\naddons_path = {','.join(folders)}\ndata_dir = {ODOO_DATA}\nhttp_interface = 127.0.0.1\n"
    )
    if not ODOO_CONF.is_file() or ODOO_CONF.read_text() != text:
        fresh = ODOO_CONF.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.rename(ODOO_CONF)
    return ODOO_CONF


def odoo_environment() -> dict[str, str]:
    """The environment in which Odoo, its tests and PostgreSQL's programs find each other and the browser."""
    path = os.pathsep.join([str(BIN), str(VENV_PYTHON.parent), os.environ.get("PATH", "")])
    others = ("ODOO_RC", "OPENERP_SERVER", "PYTHONDONTWRITEBYTECODE")
    cleared = {name: value for name, value in os.environ.items() if name not in others}
    return {
        **cleared,
        **postgres.environment(),
        **browser.environment(),
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        # Odoo's packages come without compiled modules; every start would compile them anew for seconds.
        "PYTHONPYCACHEPREFIX": str(PYCACHE),
    }


def odoo_command(command: str, *options: object) -> list[str]:
    return [str(VENV_PYTHON), "-m", "odoo", command, "-c", str(write_configuration()), *map(str, options)]


def _filestore(name: str) -> Path:
    return ODOO_DATA / "filestore" / name


def drop(name: str) -> None:
    postgres.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    remove(_filestore(name))


def _copy(source: str, target: str) -> None:
    postgres.query(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
    remove(_filestore(target))
    if _filestore(source).is_dir():
        # Odoo never changes a file of its store, it only adds and removes: links are safe and cost no space.
        shutil.copytree(_filestore(source), _filestore(target), copy_function=os.link)


def _build_template(_before: str | None) -> None:
    making = f"{template_name()}_new"
    drop(making)
    command = odoo_command("server", "-d", making, "-i", ",".join(TEMPLATE_MODULES), "--with-demo")
    command += ["--no-http", "--stop-after-init", "--log-level=warn"]
    run(command, "Installing Odoo's modules", env=odoo_environment())
    _put_in_place(making)


def _build_test_pages(_before: str | None) -> None:
    making = f"{template_name()}_new"
    drop(making)
    _copy(template_name(), making)
    run_shell("Preparing Odoo's web pages", making, TEST_PAGES_SCRIPT)
    _put_in_place(making)


def _put_in_place(making: str) -> None:
    """Make this the template; the former one serves other commands until this moment."""
    name = template_name()
    drop(name)
    postgres.query(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
    remove(_filestore(name))
    if _filestore(making).is_dir():
        _filestore(making).rename(_filestore(name))
    # A template in use cannot be copied.
    postgres.query(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')


def run_shell(what: str, name: str, script: str) -> str:
    """Run a script in Odoo's shell on a database; return what it said."""
    command = odoo_command("shell", "-d", name, "--no-http", "--log-level=warn")
    return run(command, what, env=odoo_environment(), stdin=script)


def ensure_template() -> None:
    """Build the template unless it is there, made of the present Odoo and modules. Needs the server's lease."""
    odoo = (odoo_tree.odoo_home() / "odoo" / "release.py").resolve()
    wanted = digest(TEMPLATE_MODULES, str(odoo), odoo.stat().st_mtime, template_name())
    built = step(
        postgres.stamp_name("template"),
        "Odoo database with demo data",
        wanted,
        _build_template,
        lambda: exists(template_name()),
    )
    if built:
        stamp_path(postgres.stamp_name("template-pages")).unlink(missing_ok=True)


def ensure_test_pages() -> None:
    """Let the template have the pages that tests open, so that not every test puts them together."""
    step(
        postgres.stamp_name("template-pages"),
        "Odoo's web pages for tests",
        digest(TEST_PAGES_SCRIPT),
        _build_test_pages,
        lambda: exists(template_name()),
    )


def copy(source: str, target: str) -> None:
    """Make database `target` anew from another one that nobody is connected to, with an identity of its own."""
    check_name(target)
    with one_sentence_for_a_full_disk():
        drop(target)
        _copy(source, target)
    postgres.query(
        "UPDATE ir_config_parameter SET value = gen_random_uuid() WHERE key = 'database.uuid'", target
    )


def create(name: str, modules: list[str], log: Path | None = None) -> None:
    """Make database `name` anew from the template and install `modules` in it."""
    copy(template_name(), name)
    if modules:
        install(name, modules, log=log)


def install(name: str, modules: list[str], *, update: bool = False, log: Path | None = None) -> None:
    """Install or update modules; Odoo's log goes to `log`."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = log or LOGS / f"install-{name}.log"
    log.unlink(missing_ok=True)
    options = ["-d", name, "-u" if update else "-i", ",".join(modules), "--no-http", "--stop-after-init"]
    done = subprocess.run(
        odoo_command("server", *options, f"--logfile={log}"),
        env=odoo_environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    told = (log.read_text(errors="replace") if log.exists() else "") + done.stderr
    if DISK_FULL in told:
        raise disk_full_error()
    if done.returncode or re.search(r" (ERROR|CRITICAL) ", told):
        lines = [
            line
            for line in told.splitlines()
            if re.search(r" (ERROR|CRITICAL) |^\w+(\.\w+)*(Error|Exception): ", line)
        ]
        shown = "\n    ".join(lines[-4:]) or told[-600:]
        where = log.relative_to(ROOT) if log.is_relative_to(ROOT) else log
        raise SetupError(f"Installing {', '.join(modules)} failed, see {where}:\n    {shown}")
