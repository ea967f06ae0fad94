"""What the processes of ``test_copies`` do inside Odoo; run by ``bench/worker.py``."""

from bench import steps


def claim(env, connection):
    """An administrator says that this is the real database."""
    env["fieldpromax.connection"].browse(connection).action_claim_database()
    row = env["fieldpromax.connection"].browse(connection).sudo()
    assert (row.state, row.is_rereading) == ("connected", True), row.state


def settle(env, connection):
    """Both drivers, until nothing waits for the other one any more."""
    row = env["fieldpromax.connection"].browse(connection)
    for _round in range(5):
        for which in ("pull", "push"):
            steps.run_cron(env, connection, which)
        waiting = env["fieldpromax.exchange"].search(
            [("connection_id", "=", connection), ("state", "in", ("queued", "retry", "uncertain"))]
        )
        if not waiting and not row.is_rereading:
            return
        waiting.next_attempt_at = env.cr.now().replace(microsecond=0)
        env.cr.commit()
    raise AssertionError([(one.record_name, one.state, one.reason) for one in waiting])
