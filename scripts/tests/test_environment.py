"""What the machine offers: another Odoo, another PostgreSQL, a Debian or not, ports that are taken."""

import os
import platform
import socket
import subprocess
import sys

import psutil
import pytest

from devenv import browser, databases, debian, odoo_tree, postgres, python_env, services
from devenv.steps import SetupError


@pytest.fixture
def without_pg_variables(monkeypatch):
    for name in list(os.environ):
        if name.startswith("PG"):
            monkeypatch.delenv(name)


def test_odoo_home_that_is_no_odoo_tree_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    with pytest.raises(SetupError, match="is not an Odoo tree"):
        odoo_tree.ensure()


@pytest.mark.parametrize(
    ("version", "accepted"), [("(19, 0, 0, FINAL, 0, '')", True), ("(18, 0)", False), ("", False)]
)
def test_odoo_home_must_be_version_19(monkeypatch, tmp_path, version, accepted):
    (tmp_path / "odoo").mkdir()
    (tmp_path / "odoo" / "release.py").write_text(f"version_info = {version}\n")
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    if accepted:
        odoo_tree.ensure()
    else:
        with pytest.raises(SetupError, match="needs Odoo 19"):
            odoo_tree.ensure()


def test_a_checkout_of_odoo_brings_both_its_addons_folders(monkeypatch, tmp_path):
    for folder in ("odoo/addons/base", "addons/account"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__manifest__.py").write_text("{}")
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    assert odoo_tree.addons_folders() == [tmp_path / "odoo" / "addons", tmp_path / "addons"]


@pytest.mark.parametrize(
    ("says", "chosen"),
    [
        ("echo 3.12.4", True),
        ("echo 3.9.2", False),
        ("echo 3.14.0", False),
        ("echo 3.12.4; exit 1", False),
        (None, False),
    ],
)
def test_the_distributions_python_is_used_where_it_will_do(monkeypatch, tmp_path, says, chosen):
    program = tmp_path / "python3"
    if says:
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o700)
    monkeypatch.setattr(python_env, "DISTRIBUTIONS_PYTHON", program)
    python_env.interpreter.cache_clear()
    try:
        found = python_env.interpreter()
    finally:
        python_env.interpreter.cache_clear()
    assert found == ((str(program), "3.12.4") if chosen else (sys.executable, platform.python_version()))


def test_what_is_compiled_ahead_is_what_the_modules_depend_on(monkeypatch, tmp_path):
    for name, depends in {
        "base": [],
        "web": ["base"],
        "account": ["web", "elsewhere"],
        "sale": ["account"],
    }.items():
        (tmp_path / "addons" / name).mkdir(parents=True)
        (tmp_path / "addons" / name / "__manifest__.py").write_text(repr({"depends": depends}))
    monkeypatch.setenv("ODOO_HOME", str(tmp_path))
    assert {folder.name for folder in odoo_tree.with_dependencies(["account"])} == {"base", "web", "account"}


def test_without_debians_tools_the_sentence_names_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="set ODOO_HOME to an Odoo 19 tree"):
        debian.Packages("sid")


def test_a_machine_whose_apt_has_no_mirror(monkeypatch, tmp_path):
    monkeypatch.setattr(debian, "APT", tmp_path)
    monkeypatch.setattr(debian, "available", lambda: True)
    monkeypatch.setattr(debian, "run", lambda *_args, **_options: "cdrom:[x]/ bookworm\n")
    with pytest.raises(SetupError, match="apt names no Debian mirror"):
        debian.Packages("sid")


def test_the_mirror_is_not_the_one_for_security_updates(monkeypatch):
    told = "http://one.test/debian-security/ bookworm-security\nhttp://one.test/debian/ bookworm\n"
    monkeypatch.setattr(debian, "run", lambda *_args, **_options: told)
    assert debian._mirror() == "http://one.test/debian/"


def test_without_a_browser_the_run_goes_on_and_says_what_is_skipped(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(browser, "WRAPPER", tmp_path / "chromium")
    (tmp_path / "chromium").write_text("left from before")
    monkeypatch.setattr(browser.shutil, "which", lambda _name: None)
    monkeypatch.setattr(browser.debian, "codename", lambda: "")
    browser.ensure()
    assert "Browser tests will be skipped. Chromium is fetched on Debian only" in capsys.readouterr().out
    assert not (tmp_path / "chromium").exists()


def test_a_taken_port_is_named_with_the_variable_that_changes_it():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {number} is taken .* ODOO_PORT={number + 100}"):
            services.check_ports({"ODOO_PORT": number})


def test_two_services_on_one_port_are_refused():
    number = services.free_port()
    with pytest.raises(SetupError, match=f"are both {number}"):
        services.check_ports({"ODOO_PORT": number, "XERO_PORT": number})


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a;drop", 'a"b', "a" * 80])
def test_a_name_that_could_not_name_a_database_is_refused(name):
    with pytest.raises(SetupError, match="cannot name a database"):
        databases.check_name(name)


def test_the_persons_own_server_is_used_when_the_environment_names_one(monkeypatch, without_pg_variables):
    assert not postgres.is_external()
    monkeypatch.setenv("PGHOST", "db.test")
    monkeypatch.setenv("PGPASSWORD", "x")
    assert postgres.environment() == {"PGHOST": "db.test", "PGPASSWORD": "x"}


def test_databases_on_a_shared_server_have_names_of_their_own(monkeypatch, without_pg_variables):
    assert databases.shared_name("demo") == "demo"
    monkeypatch.setenv("PGHOST", "db.test")
    assert databases.shared_name("demo").startswith("demo_")


@pytest.mark.usefixtures("without_pg_variables")
def test_a_server_that_does_not_answer_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", str(services.free_port()))
    with pytest.raises(
        SetupError, match=r"cannot be used: .* unset PGHOST to use the embedded server"
    ) as caught:
        postgres.ensure()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("without_pg_variables")
def test_a_socket_path_that_is_too_long_gets_a_short_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "DATA", tmp_path / ("x" * 120) / "pg")
    assert len(postgres.environment()["PGHOST"]) < 60
    monkeypatch.setattr(postgres, "DATA", tmp_path.parents[-1] / "pg")
    assert postgres.environment()["PGHOST"] == "/pg"


def test_a_service_that_ends_at_once_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(services, "LOGS", tmp_path)
    monkeypatch.setattr(
        services, "explain", lambda what, output, _log: SetupError(f"{what}: {output.strip()}")
    )
    service = services.Service("Books", ["sh", "-c", "echo no books >&2; exit 4"], dict(os.environ))
    with pytest.raises(SetupError, match=r"Books \(ended with code 4\): no books"):
        service.wait_until(lambda: False, 30)


def test_a_service_is_stopped_even_when_it_ignores_being_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(services, "LOGS", tmp_path)
    monkeypatch.setattr(services, "STOP_SECONDS", 0.2)
    command = ["sh", "-c", "trap '' INT TERM; echo up; while :; do sleep 0.1; done"]
    service = services.Service("Books", command, dict(os.environ))
    service.wait_until(lambda: "up" in service.output(), 30)
    service.stop()
    assert service.process.returncode == -9


def test_a_service_dies_with_the_command_that_started_it(tmp_path):
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from devenv import services; services.LOGS = Path(sys.argv[2])\n"
        "one = services.Service('Books', ['sleep', '60'], dict(os.environ))\n"
        "print(one.process.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    scripts = str(services.ROOT / "scripts")
    done = subprocess.run(
        ["python3", "-c", script, scripts, str(tmp_path)], capture_output=True, text=True, check=False
    )
    pid = int(done.stdout)
    for _attempt in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("the service outlived its command")
