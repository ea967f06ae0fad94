"""Copies of a database talk to nobody, and a restored backup makes nothing twice: real dumps, real servers."""

import contextlib
import os
import subprocess

import copies
import inside
import pytest

from bench import rig, steps
from devenv import databases, postgres

DONE = "SELECT count(*) FROM fieldpromax_exchange WHERE state NOT IN ('done', 'cancelled')"
# When each of our crons ran last: what has run since has had its chance to talk.
RAN = """
    SELECT min(coalesce(c.lastcall, '-infinity')) FROM ir_cron c JOIN ir_act_server s ON s.id = c.ir_actions_server_id
      JOIN ir_model m ON m.id = s.model_id WHERE m.model LIKE 'fieldpromax.%' AND c.active
"""
WAKE = """
    UPDATE ir_cron c SET nextcall = now() AT TIME ZONE 'UTC' FROM ir_act_server s JOIN ir_model m ON m.id = s.model_id
     WHERE s.id = c.ir_actions_server_id AND m.model LIKE 'fieldpromax.%'
"""
NAMES = {"xero": "Name", "quickbooks": "DisplayName"}


def dump(source, target):
    """As a backup is made and restored: `pg_dump | psql`."""
    postgres.query(f'CREATE DATABASE "{target}"')
    made = subprocess.run(
        [postgres.program("pg_dump"), "--no-owner", source],
        env=databases.odoo_environment(),
        capture_output=True,
        check=True,
    )
    subprocess.run(
        [postgres.program("psql"), "--quiet", "--no-psqlrc", "--output=/dev/null", target],
        input=made.stdout,
        env=databases.odoo_environment(),
        check=True,
    )
    return made.stdout


class Life:
    """A database with a connection, its copies, and what was asked of the simulator."""

    def __init__(self, run, stack, provider):
        self.run, self.stack, self.provider = run, stack, provider
        self.simulator = stack.enter_context(rig.Simulator("copies", provider))
        self.database = stack.enter_context(rig.database(f"copies_{provider}", source=run.base))

    def worker(self, database):
        worker = rig.Worker(database, self.run.key)
        self.run.logs.append(worker.log)
        return worker

    def named(self, what):
        name = f"copies_{what}_{self.provider}_{os.getpid()}"
        self.stack.callback(databases.drop, name)
        databases.drop(name)
        return name

    def run_all_crons(self, database):
        """A server with its cron threads, until every cron of ours has run in it."""
        before = postgres.query("SELECT now() AT TIME ZONE 'UTC'", database)
        postgres.query(WAKE, database)
        with rig.Server(database, self.run.key) as server:
            self.run.logs.append(server.log)
            rig.wait_until(
                lambda: postgres.query(f"SELECT ({RAN}) > '{before}'", database) == "t",
                "every cron of ours has run",
                180,
            )

    def assert_silent(self, database):
        since = self.simulator.last_request()
        self.run_all_crons(database)
        assert self.simulator.requests(since) == []
        state, told = postgres.query(
            "SELECT c.state, (SELECT count(*) FROM mail_activity a WHERE a.res_model = 'fieldpromax.connection') "
            "FROM fieldpromax_connection c",
            database,
        ).split("|")
        assert state == "copy"
        return int(told)

    def in_books(self, number):
        return self.simulator.invoice_numbers().count(number)

    def customers(self, name):
        return [one[NAMES[self.provider]] for one in self.simulator.entities("contacts")].count(name)


# Three databases and their servers, one after the other.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("provider", ["xero", "quickbooks"])
def test_copies_and_a_restored_backup(run, provider):
    with contextlib.ExitStack() as stack:
        life = Life(run, stack, provider)
        with life.worker(life.database) as teller:
            teller.call(steps.prepare, simulator=life.simulator.url, provider=provider)
            connection = teller.call(steps.connect, provider=provider)
            teller.call(steps.pull, connection=connection)
            teller.call(steps.confirm_mappings, connection=connection)
            teller.call(steps.push, connection=connection)
            waiting = teller.call(inside.posted_invoice, name="In The Backup")
            # The backup is made now: the invoice is posted, and nothing of it has been sent.
            backup, copy = life.named("backup"), life.named("template")
            text = dump(life.database, backup)
            teller.call(steps.push, connection=connection)
            later = teller.call(inside.posted_invoice, name="After The Backup")
            teller.call(steps.push, connection=connection)
            run.secrets |= set(teller.call(inside.secrets))
        assert life.in_books(waiting["number"]) == life.in_books(later["number"]) == 1
        for secret in run.secrets:
            assert secret.encode() not in text, f"a dump holds a secret that begins with {secret[:6]}"

        # createdb -T: the same uuid under another name and object id.
        postgres.query(f'CREATE DATABASE "{copy}" TEMPLATE "{life.database}"')
        assert life.assert_silent(copy) == 1
        # The same, neutralized by Odoo's own command.
        subprocess.run(
            databases.odoo_command("neutralize", "-d", copy),
            env=rig.environment(run.key),
            check=True,
            capture_output=True,
        )
        # Odoo has switched its crons off; here somebody switches them on again.
        postgres.query("UPDATE ir_cron SET active = TRUE", copy)
        life.assert_silent(copy)
        # The original is gone, and the backup takes its place, under its name: only the object id differs.
        databases.drop(life.database)
        postgres.query(f'ALTER DATABASE "{backup}" RENAME TO "{life.database}"')
        assert life.assert_silent(life.database) == 1

        with life.worker(life.database) as teller:
            teller.call(copies.claim, uid=rig.ADMIN, connection=connection)
            # Ids and numbers are given again: to another customer, for another invoice.
            fresh = teller.call(inside.posted_invoice, name="Born Again")
            assert (fresh["number"], fresh["customer"]) == (later["number"], later["customer"])
        since = life.simulator.last_request()
        life.run_all_crons(life.database)
        with life.worker(life.database) as teller:
            teller.call(copies.settle, connection=connection)
            state = teller.call(inside.invoice_state, move=waiting["id"])
            assert state[0] == "sent", state
            state = teller.call(inside.invoice_state, move=fresh["id"])
            assert state[0] == "attention", state
            assert "already" in state[1]
            run.secrets |= set(teller.call(inside.secrets))
        asked = life.simulator.requests(since)
        assert asked, "it talks again"
        assert life.in_books(waiting["number"]) == life.in_books(later["number"]) == 1
        assert [life.customers(name) for name in ("In The Backup", "After The Backup", "Born Again")] == [
            1,
            1,
            1,
        ]
