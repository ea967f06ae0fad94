"""Installed, connected, used, removed, and installed again: on databases of their own, by Odoo's own commands.

Once with Odoo's demo data and Project (the addon for projects comes by itself) and Xero; once without either, with
QuickBooks Online, which is down at the moment of removal.
"""

import subprocess
from dataclasses import dataclass

import checks
import inside_life
import pytest

from bench import rig, steps
from devenv import databases
from devenv.settings import LOGS, ROOT, VENV_PYTHON

GLUE = "fieldpromax_accounting_project"
# What removing it must not leave behind. {where: rows that tell of it}.
TRACES = {
    "tables": "SELECT relname FROM pg_class WHERE relname LIKE 'fieldpromax%' AND relkind IN ('r', 'i', 'v', 'S')",
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns"
    " WHERE column_name LIKE '%fieldpromax%' AND table_schema = 'public'",
    "constraints": "SELECT conname FROM pg_constraint WHERE conname LIKE '%fieldpromax%'",
    "functions": "SELECT proname FROM pg_proc WHERE proname LIKE '%fieldpromax%'",
    "triggers": "SELECT tgname FROM pg_trigger WHERE tgname LIKE '%fieldpromax%'",
    "models": "SELECT model FROM ir_model WHERE model LIKE '%fieldpromax%'",
    "fields": "SELECT model || '.' || name FROM ir_model_fields WHERE name LIKE '%fieldpromax%'",
    # Odoo's mail module keeps ids for the fields that its mixins gave to models that are gone; those are not ours.
    "xml ids": "SELECT module || '.' || name FROM ir_model_data WHERE module LIKE 'fieldpromax%'",
    "views": "SELECT id::text FROM ir_ui_view WHERE arch_db::text LIKE '%fieldpromax%'",
    "menus": "SELECT name->>'en_US' FROM ir_ui_menu WHERE name->>'en_US' LIKE 'Accounting Sync%'",
    "windows": "SELECT res_model FROM ir_act_window WHERE res_model LIKE '%fieldpromax%'",
    "actions": "SELECT name->>'en_US' FROM ir_act_server WHERE code LIKE '%fieldpromax%'"
    " OR name->>'en_US' LIKE 'Accounting sync%' OR name->>'en_US' LIKE '%FieldPromax%'",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name ILIKE 'Accounting sync%'",
    "triggered crons": "SELECT t.id::text FROM ir_cron_trigger t"
    " WHERE NOT EXISTS (SELECT FROM ir_cron c WHERE c.id = t.cron_id)",
    "parameters": "SELECT key FROM ir_config_parameter WHERE key LIKE '%fieldpromax%'",
    "groups": "SELECT name->>'en_US' FROM res_groups WHERE name->>'en_US' LIKE '%FieldPromax%'",
    "rules": "SELECT name FROM ir_rule WHERE name ILIKE '%fieldpromax%' OR domain_force LIKE '%fieldpromax%'",
    "tasks": "SELECT id::text FROM mail_activity WHERE res_model LIKE 'fieldpromax%'",
    "files": "SELECT name FROM ir_attachment WHERE res_model LIKE 'fieldpromax%' AND res_field IS NULL",
    "filters": "SELECT model_id FROM ir_filters WHERE model_id LIKE 'fieldpromax%'",
}


@dataclass(frozen=True)
class Life:
    name: str
    provider: str
    has_demo: bool
    modules: tuple[str, ...]
    glue: bool
    is_down: bool


LIVES = (
    Life("with-demo-and-project", "xero", True, (), True, False),
    Life("bare-and-provider-down", "quickbooks", False, ("account", "l10n_us"), False, True),
)


def odoo(database, key, log, *command):
    """One of Odoo's commands; its log is clean."""
    log = LOGS / f"life-cycle-{log}.log"
    options = ["-c", str(databases.write_configuration()), "-d", database]
    with log.open("w") as file:
        done = subprocess.run(
            [str(VENV_PYTHON), "-m", "odoo", *command, *options],
            cwd=ROOT,
            env=rig.environment(key),
            stdin=subprocess.DEVNULL,
            stderr=file,
            check=False,
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    assert checks.logs(log) == ""


def begin(life, database, key):
    """A database as somebody has it before the addon is installed."""
    if life.has_demo:
        databases.create(database, [])
    else:
        rig.postgres.query(f'CREATE DATABASE "{database}"')
        options = ("-i", ",".join(life.modules), "--no-http", "--stop-after-init")
        odoo(database, key, f"{life.name}-begin", "server", *options)


def use(life, database, simulator, key, name):
    """Connect, import, map, and send an invoice; ``(what became of it, the connection)``."""
    with rig.Worker(database, key) as worker:
        assert [one for one, state in worker.call(inside_life.modules) if state == "installed"] == [
            rig.ADDON,
            *([GLUE] if life.glue else []),
        ]
        assert worker.call(inside_life.open_settings)
        worker.call(steps.prepare, simulator=simulator.url, provider=life.provider)
        connection = worker.call(steps.connect, provider=life.provider)
        worker.call(steps.pull, connection=connection)
        worker.call(steps.confirm_mappings, connection=connection)
        return worker.call(inside_life.send_invoice, connection=connection, name=name), connection


def ended_ties(simulator, since):
    """How often the simulator was asked to end a tie, and took it."""
    asked = [
        one
        for one in simulator.requests(since)
        if (one["method"] == "DELETE" and "/connections/" in one["path"]) or "revo" in one["path"]
    ]
    return len(asked), [one["status"] for one in asked]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_installed_used_removed_and_installed_again(life, database):
    key = rig.new_key()
    with rig.Simulator(f"life-{life.name}", life.provider) as simulator:
        begin(life, database, key)
        databases.install(database, [rig.ADDON], log=LOGS / f"life-cycle-{life.name}-install.log")
        assert checks.logs(LOGS / f"life-cycle-{life.name}-install.log") == ""
        sent, _connection = use(life, database, simulator, key, "First")
        assert sent["state"] == "sent", sent

        since = simulator.last_request()
        if life.is_down:
            simulator.fault("status:503", times=None)
        odoo(database, key, f"{life.name}-uninstall", "module", "uninstall", rig.ADDON)
        asked, statuses = ended_ties(simulator, since)
        assert asked == 1, statuses
        assert (statuses[0] < 300) is not life.is_down, statuses
        simulator.control("DELETE", "/_sim/faults")

        left = {
            where: rig.postgres.query(f"SELECT string_agg(t.n, ', ') FROM ({sql}) AS t(n)", database)  # noqa: S608
            for where, sql in TRACES.items()
        }
        assert {where: rows for where, rows in left.items() if rows} == {}
        with rig.Worker(database, key) as worker:
            assert worker.call(inside_life.modules) == []
            assert worker.call(inside_life.post_invoice) == "posted"
            assert not worker.call(inside_life.open_settings)
        assert checks.logs(worker.log) == ""

        log = LOGS / f"life-cycle-{life.name}-again.log"
        databases.install(database, [rig.ADDON], log=log)
        assert checks.logs(log) == ""
        sent_again, _connection = use(life, database, simulator, key, "Second")
        assert sent_again["state"] == "sent", sent_again
        # What went over before the removal is known to nobody here, and still is not made a second time.
        numbers = simulator.invoice_numbers()
        assert (numbers.count(sent["name"]), numbers.count(sent_again["name"])) == (1, 1)
        with rig.Worker(database, key) as worker:
            assert worker.call(inside_life.state_of, invoice=sent["id"]) in ("attention", "not_sent")
