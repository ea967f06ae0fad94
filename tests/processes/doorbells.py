"""What the processes of test_doorbell.py do inside Odoo; run by ``bench/worker.py``."""

from inside import pausing_after

from bench.steps import meet, run_cron


def _connection(env, connection):
    return env["fieldpromax.connection"].browse(connection)


def _ring(env, connection):
    from odoo.addons.fieldpromax_accounting.providers import dto

    organization = _connection(env, connection).organization_external_id
    env["fieldpromax.doorbell"]._ring("xero", [dto.Doorbell(organization, "contact", "1", "updated")])


def ring(env, connection):
    """What the route does with a signed body."""
    _ring(env, connection)
    env["fieldpromax.app"]._note_heard("xero")


def ring_and_meet(env, connection, folder, point):
    _ring(env, connection)
    env.flush_all()
    meet(folder, point)


def pull_and_meet(env, connection, folder, point):
    """Read what changed, and meet before a page is committed."""
    with pausing_after(env["fieldpromax.checkpoint"], "_advance", folder, point):
        run_cron(env, connection, "pull")


def write_and_meet(env, connection, folder, point):
    """A driver found the connection changed, and has not committed it yet."""
    _connection(env, connection).write({"state_reason": "Being written"})
    env.flush_all()
    meet(folder, point)


def answer_and_meet(env, connection, folder, point):
    """A pass begins, and is not committed yet."""
    env["fieldpromax.doorbell"]._answer(_connection(env, connection), "contact")
    env.flush_all()
    meet(folder, point)
