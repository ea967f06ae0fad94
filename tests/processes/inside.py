"""What the processes of these tests do inside Odoo; run by ``bench/worker.py``."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from bench.steps import authorize, meet, run_cron

MODELS = "odoo.addons.fieldpromax_accounting.models"


def _connection(env, connection):
    return env["fieldpromax.connection"].browse(connection)


def _driver(env, connection):
    return _connection(env, connection)._as_driver()


@contextmanager
def pausing_after(model, name, folder, point):
    """Meet the test each time after ``name`` of a model ran, before anything of it is committed."""
    original = getattr(type(model), name)

    def wrapped(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        self.env.flush_all()
        meet(folder, point)
        return result

    with patch.object(type(model), name, wrapped):
        yield


# === PEOPLE === #


def posted_invoice(env, name, date=None, existing=None):
    """An invoice for a customer of its own, posted unless ``date`` is 'draft'; its id and number."""
    from odoo import Command, fields

    customer = (
        existing
        or env["res.partner"]
        .create({"name": name, "email": f"{name.lower().replace(' ', '.')}@example.com"})
        .id
    )
    move = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": customer,
            "invoice_date": date if date and date != "draft" else fields.Date.today(),
            "invoice_line_ids": [
                Command.create(
                    {
                        "name": "Call-out",
                        "price_unit": 100.0,
                        "tax_ids": [Command.set(env.company.account_sale_tax_id.ids)],
                    }
                )
            ],
        }
    )
    if date != "draft":
        move.action_post()
    return {"id": move.id, "number": move.name, "customer": customer}


def post_as(env, moves, prefix):
    """Post drafts of any companies in one transaction, under numbers that no other company uses; the numbers."""
    moves = env["account.move"].browse(moves)
    for move in moves:
        move.name = f"{prefix}/{move.id}"
    moves.action_post()
    return moves.mapped("name")


def move_customers(env, connections, town):
    """One linked customer of each connection moves to a town; all in one transaction."""
    for connection in connections:
        link = env["fieldpromax.link"].search(
            [("connection_id", "=", connection), ("kind", "=", "contact"), ("partner_id", "!=", False)],
            limit=1,
        )
        link.partner_id.city = town


def edit_and_wake(env, partner, values, connection):
    """Save a customer while the books are asked for changes as well."""
    env["res.partner"].browse(partner).write(values)
    trigger(env, connection, "pull")


def ring_and_pull(env, connection):
    """The next poll, now."""
    env["fieldpromax.doorbell"]._ring_all(_connection(env, connection))
    trigger(env, connection, "pull")


def post_and_meet(env, move, folder, point, tries):
    """Post an invoice and meet before it is committed; every try leaves a line in the file ``tries``."""
    _count(tries)
    env["account.move"].browse(move).action_post()
    env.flush_all()
    meet(folder, point)


def press_push(env, move, folder, point, tries):
    """The button "Push to accounting", likewise."""
    _count(tries)
    env["account.move"].browse(move).action_fieldpromax_push()
    env.flush_all()
    meet(folder, point)


def press_push_at_once(env, move):
    """The button, and its request is over."""
    env["account.move"].browse(move).action_fieldpromax_push()


def trigger(env, connection, which):
    """Wake the connection's push or pull cron."""
    getattr(_connection(env, connection), f"_trigger_{which}")()


def _count(tries):
    with Path(tries).open("a") as file:
        file.write("try\n")


def post_without_waiting(env, move):
    """Post an invoice in a transaction that waits for nobody's lock."""
    env.cr.execute("SET LOCAL lock_timeout = '1ms'")
    env["account.move"].browse(move).action_post()
    return env["account.move"].browse(move).name


def exchanges(env, move):
    """What became of an invoice, oldest first."""
    rows = env["fieldpromax.exchange"].search([("move_id", "=", move)], order="id")
    return [{"state": row.state, "attempts": row.attempts, "key": row.call_id.key} for row in rows]


def invoice_state(env, move):
    move = env["account.move"].browse(move)
    return [move.fieldpromax_state, move.fieldpromax_reason]


# === DRIVERS === #


def drive_push(env, connection, lock_wait=20.0):
    """One run of the push driver past the scheduler, which would refuse a second one at the same time."""
    with patch(f"{MODELS}.fieldpromax_exchange.LOCK_WAIT", lock_wait):
        _connection(env, connection)._cron_push()


def drive_pull(env, connection, lock_wait=10.0):
    with patch(f"{MODELS}.fieldpromax_run.LOCK_WAIT", lock_wait):
        _connection(env, connection)._cron_pull()


def push_pausing(env, connection, step, folder, point):
    """The push cron, meeting the test after ``_claim`` or ``_record`` of an invoice, before its commit."""
    exchange = env["fieldpromax.exchange"]
    original = getattr(type(exchange), step)

    def wrapped(self, connection, *args):
        result = original(self, connection, *args)
        concerns = args[0] == "invoice" if step == "_claim" else args[0].operation == "invoice.create"
        if concerns and result:
            self.env.flush_all()
            meet(folder, point)
        return result

    with patch.object(type(exchange), step, wrapped):
        run_cron(env, connection, "push")


def pull_pausing(env, connection, folder, point, page_size):
    """The pull cron with small pages, meeting the test when a page is stored and not committed."""
    checkpoint = env["fieldpromax.checkpoint"]
    with (
        patch(f"{MODELS}.fieldpromax_run.PAGE_SIZE", page_size),
        pausing_after(checkpoint, "_advance", folder, point),
    ):
        run_cron(env, connection, "pull")


def hold_lock(env, connection, folder, point):
    """Hold the connection's lock until the test lets go."""
    with _driver(env, connection)._exclusive() as held:
        assert held
        meet(folder, point)


def silence_reason(env, connection):
    """Why this process talks to no provider; '' where it does."""
    return _connection(env, connection)._silence_reason() or ""


def refresh_all(env):
    """The daily cron that keeps idle connections alive."""
    env.ref("fieldpromax_accounting.ir_cron_refresh_credentials").method_direct_trigger()


def try_lock(env, connection, wait=0.0):
    with _driver(env, connection)._exclusive(wait=wait) as held:
        return held


def organisation_name(env, connection):
    """A call to the provider, with whatever refresh of the token it needs."""
    return _driver(env, connection)._talk(lambda provider: provider.get_organization()).name


def refresh_and_stall(env, connection):
    """As :func:`organisation_name`, but what a refresh brings is never saved: the process stops right before."""
    credential = env["fieldpromax.credential"]

    def stall(_self, _token):
        time.sleep(3600)

    with patch.object(type(credential), "_values_of", stall):
        return organisation_name(env, connection)


def wait_for_no_run(env, connection):
    """A run that waits for a time goes on now."""
    env["fieldpromax.run"].search([("connection_id", "=", connection)]).write(
        {"next_attempt_at": False, "scheduled_at": False}
    )


def wait_for_nothing(env, connection):
    """Everything that waits for a time is due now."""
    env.cr.execute(
        "UPDATE fieldpromax_exchange SET next_attempt_at = now() AT TIME ZONE 'UTC' "
        "WHERE connection_id = %s AND next_attempt_at IS NOT NULL",
        (connection,),
    )


# === CONNECTING === #


def offer(env, organisations, company=None):
    """A consent that covers several organisations, one of which is to be chosen; the id of the authorization.

    All of them are taken to keep their books in USD, as the companies do: the simulator has only one that does.
    """
    from odoo.addons.fieldpromax_accounting.providers import registry

    provider = registry.get("xero")
    list_organizations = provider.list_organizations

    def in_usd(self, *args):
        return [replace(organization, currency="USD") for organization in list_organizations(self, *args)]

    with patch.object(provider, "list_organizations", in_usd):
        _parameters, outcome = authorize(_as_admin(env, company), organisations)
    assert outcome["state"] == "exchanged", outcome
    return outcome["id"]


def _as_admin(env, company):
    context = {"allowed_company_ids": [company]} if company else {}
    return env(user=env.ref("base.user_admin"), context=context)


def choose(env, authorization, organisation, folder, point, company=None):
    """Choose the organisation of a consent, and meet before it is committed."""
    rows = _as_admin(env, company)["fieldpromax.authorization"].browse(authorization).organization_ids
    rows.filtered(lambda row: row.country_id.code == organisation).action_connect()
    env.flush_all()
    meet(folder, point)


def new_company(env, name):
    company = env["res.company"].create({"name": name, "currency_id": env.ref("base.USD").id})
    env.ref("base.user_admin").company_ids += company
    return company.id


def set_base_url(env, url):
    env["ir.config_parameter"].set_param("web.base.url", url)
    env["ir.config_parameter"].set_param("web.base.url.freeze", "True")


def secrets(env):
    """Every secret that this database holds, in clear: tokens, client secrets, verifiers."""
    from odoo.addons.fieldpromax_accounting import encryption

    found = []
    for model, names in encryption.ENCRYPTED_FIELDS.items():
        for record in env[model].search([]):
            for name in names:
                env.cr.execute(f'SELECT {name} FROM {env[model]._table} WHERE id = %s', (record.id,))  # noqa: S608
                (stored,) = env.cr.fetchone()
                if stored:
                    found += _leaves(encryption.decrypt(env, stored))
    return found


def _leaves(text):
    try:
        values = json.loads(text)
    except ValueError:
        return [text]
    return [values[name] for name in ("access_token", "refresh_token")]


# === LIMITS === #


def ask(env, connection, purpose, seconds, path):
    """Ask for something small as often as it is allowed, for so long; how often it was answered, held back on this
    side, and refused by the provider. Begins when the file ``path`` is there."""
    import time

    from odoo.addons.fieldpromax_accounting.providers import errors

    # The addon as the driver sees it, or as a request of a person.
    if purpose == "person":
        talker = _connection(env, connection)
    else:
        talker = _connection(env, connection)._as_driver(purpose)
    counts = {"answered": 0, "held_back": 0, "refused": 0}
    while not Path(path).exists():
        time.sleep(0.01)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            talker._talk(lambda provider: provider.list_tax_rates())
            counts["answered"] += 1
        except errors.RateLimited as error:
            counts["held_back" if error.code == "paced" else "refused"] += 1
            time.sleep(0.1)
        env.cr.commit()
    return counts


def set_parameter(env, name, value):
    env["ir.config_parameter"].set_param(name, value)


def metered(env, connection):
    """Calls of the connection by purpose, as the meter has them."""
    rows = env["fieldpromax.meter"].search([("connection_id", "=", connection)])
    return {
        row.purpose: {"calls": row.calls, "refused": row.refused, "left": row.day_left}
        for row in rows
        if row.day == max(rows.mapped("day"))
    }
