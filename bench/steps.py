"""What the benches and the process tests do inside Odoo; run by ``worker.py``, so Odoo is imported where needed."""

import gc
import pickle
import re
import time
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

CLIENT_ID, CLIENT_SECRET = "fieldpromax-demo", "fieldpromax-demo-secret"
PERSON, PASSWORD = "bookkeeper@example.com", "demo"
# With these Odoo writes no chatter and follows nobody: what any import does.
IMPORT_CONTEXT = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "no_reset_password": True,
}


# === CONNECTING === #


def prepare(env, simulator, provider="xero"):
    """Point the database at a simulator and fill in the app."""
    parameters = env["ir.config_parameter"]
    parameters.set_param(f"fieldpromax_accounting.{provider}_base_url", simulator)
    # What is measured and broken here is the work itself; tests/processes/test_limits.py has the limits.
    parameters.set_param(f"fieldpromax_accounting.{provider}_calls_per_minute", "0")
    env["fieldpromax.app"]._set_credentials(provider, CLIENT_ID, CLIENT_SECRET)


def consent(url, organisations, person=PERSON, password=PASSWORD, session=None):
    """Log in and consent on the pages of a simulator, whichever it is.

    :param organisations: country codes.
    :return: the address that the person is sent back to.
    """
    import requests

    session = session or requests.Session()
    session.trust_env = False
    page = session.get(url, timeout=30)
    if 'id="username"' in page.text:
        page = _submit(session, page, "login-submit", {"username": person, "password": password})
    chosen = [f"{kind}-{country}" for country in organisations for kind in ("organisation", "company")]
    back = _submit(session, page, "consent-allow", {}, chosen, allow_redirects=False)
    return back.headers["Location"]


def _submit(session, page, button, values, chosen=(), **options):
    """Send the form of ``button`` (an id), with the check boxes or radio buttons ``chosen`` (ids) ticked."""
    from lxml import html

    document = html.fromstring(page.text, base_url=page.url)
    clicked = document.get_element_by_id(button)
    (form,) = clicked.iterancestors("form")
    fields = [(one.get("name"), one.get("value", "")) for one in form.xpath('.//input[@type="hidden"]')]
    fields += [
        (one.get("name"), one.get("value"))
        for one in form.xpath('.//input[@type="checkbox" or @type="radio"]')
        if one.get("id") in chosen
    ]
    fields += values.items()
    if clicked.get("name"):
        fields.append((clicked.get("name"), clicked.get("value")))
    address = urljoin(page.url, form.get("action") or page.url)
    return session.post(address, data=fields, timeout=30, **options)


def authorize(env, organisations, person=PERSON, provider="xero"):
    """A consent up to where Odoo is told the code: ``(parameters of the callback, outcome)``."""
    url = env["fieldpromax.authorization"]._start(provider)
    env.cr.commit()
    parameters = dict(parse_qsl(urlsplit(consent(url, organisations, person)).query))
    outcome = env["fieldpromax.authorization"]._receive(provider, parameters)
    env.invalidate_all()
    return parameters, outcome


def connect(env, organisation="US", provider="xero"):
    """Connect the main company through the pages; the id of the connection."""
    env = env(user=env.ref("base.user_admin"))
    _parameters, outcome = authorize(env, [organisation], provider=provider)
    assert outcome["connection_id"], outcome
    return outcome["connection_id"]


def connect_company(env, name, provider, simulator, organisation="US"):
    """A company of its own in US dollars, connected through the pages; ``{"company", "connection"}``.

    Connect all companies of a test before anything is read: each then keeps its customers and products to itself.
    """
    prepare(env, simulator=simulator, provider=provider)
    company = env["res.company"].create(
        {"name": name, "currency_id": env.ref("base.USD").id, "country_id": env.ref("base.us").id}
    )
    env.ref("base.user_admin").write({"company_ids": [(4, company.id)], "company_id": company.id})
    env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
    env.cr.commit()
    connection = connect(env, organisation=organisation, provider=provider)
    return {"company": company.id, "connection": connection}


def reset_invoices(env):
    """Back to draft: nothing is there to be sent."""
    env["account.move"].search(
        [("move_type", "in", ("out_invoice", "out_refund")), ("state", "=", "posted")]
    ).button_draft()


def pull_suppliers_too(env, connection):
    """All contacts, so that as many come as the organisation has."""
    env["fieldpromax.connection"].browse(connection).pull_suppliers = True


def confirm_mappings(env, connection):
    """What a bookkeeper does once before the first push: every proposal confirmed, and a choice where there is none."""
    env = env(user=env.ref("base.user_admin"))
    mappings = env["fieldpromax.mapping"].search([("connection_id", "=", connection)])
    references = env["fieldpromax.reference"].search([("connection_id", "=", connection)])
    account = references.filtered(lambda one: one.kind == "account" and one.is_revenue)[:1]
    for mapping in mappings.filtered("needs_attention"):
        if not mapping.reference_id and mapping.kind == "account":
            mapping.reference_id = account
        elif not mapping.reference_id and mapping.kind == "tax":
            mapping.reference_id = references.filtered(
                lambda one: one.kind == "tax" and one.external_id in ("NONE", "NON")
            )
        assert mapping.reference_id, (mapping.kind, mapping.record_name, mapping.reason)
        mapping.action_confirm()


def settle_mappings(env, connection, bank):
    """What a bookkeeper does once the first import is done: confirm the proposals, say where payments go."""
    connection = env["fieldpromax.connection"].browse(connection)
    env = env(user=env.ref("base.user_admin"), context={"allowed_company_ids": connection.company_id.ids})
    confirm_mappings(env, connection.id)
    journal = env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", connection.company_id.id)], limit=1
    )
    mapping = env["fieldpromax.mapping"].search(
        [
            ("connection_id", "=", connection.id),
            ("kind", "=", "payment_account"),
            ("journal_id", "=", journal.id),
        ]
    )
    mapping.reference_id = env["fieldpromax.reference"].search(
        [
            ("connection_id", "=", connection.id),
            ("kind", "=", "payment_account"),
            ("code", "=", bank),
        ]
    )
    mapping.action_confirm()
    return journal.id


# === DRIVERS === #


def run_cron(env, connection, which):
    """Run the connection's push or pull cron as the scheduler does: in a transaction of its own, with its commits."""
    cron = env["fieldpromax.connection"].browse(connection).sudo()[f"{which}_cron_id"]
    # Without "as" a person the environment is the superuser's, as the scheduler's.
    result = cron.method_direct_trigger()
    assert result is True, result
    env.cr.commit()
    env.invalidate_all()


def pull(env, connection):
    """Run the pull until the first import is done; ``{seconds, counts, before_mb, peak_mb}``."""
    before = _memory("VmRSS")
    # From here on the kernel keeps the peak anew.
    Path("/proc/self/clear_refs").write_text("5")
    started = time.perf_counter()
    runs = env["fieldpromax.run"]
    while True:
        run_cron(env, connection, "pull")
        run = runs.search([("connection_id", "=", connection), ("kind", "=", "initial")])
        if run.state == "done":
            break
        assert run.state == "running", (run.state, run.reason)
    seconds = time.perf_counter() - started
    counts = {line.kind: {"created": line.created, "review": line.review} for line in run.line_ids}
    return {"seconds": seconds, "counts": counts, "before_mb": before, "peak_mb": _memory("VmHWM")}


def pull_changes(env, connection):
    """Run one poll; ``{seconds, updated: {kind: number}}``."""
    gc.collect()
    started = time.perf_counter()
    run_cron(env, connection, "pull")
    seconds = time.perf_counter() - started
    run = env["fieldpromax.run"].search([("connection_id", "=", connection)], limit=1)
    assert (run.kind, run.state) == ("incremental", "done"), (run.kind, run.state, run.reason)
    return {"seconds": seconds, "updated": {line.kind: line.updated for line in run.line_ids}}


def add_links(env, connection, count):
    """So many more customers with links, made like the last one; how many links of customers there are then."""
    link = env["fieldpromax.link"].search(
        [("connection_id", "=", connection), ("kind", "=", "contact"), ("partner_id", "!=", False)], limit=1
    )
    _multiply(
        env,
        "res_partner",
        link.partner_id.id,
        count,
        commercial_partner_id="new_id",
        name="'Further customer ' || n",
        complete_name="'Further customer ' || n",
        email="'further' || n || '@example.com'",
    )
    _multiply(
        env,
        "fieldpromax_link",
        link.id,
        count,
        partner_id="(SELECT max(id) FROM res_partner) - n + 1",
        external_id="'further-' || n",
        external_name="'Further customer ' || n",
        record_name="'Further customer ' || n",
        external_email="'further' || n || '@example.com'",
    )
    env.cr.commit()
    env.cr.execute("ANALYZE")
    env.cr.commit()
    env.invalidate_all()
    return env["fieldpromax.link"].search_count(
        [("connection_id", "=", connection), ("kind", "=", "contact")]
    )


def _multiply(env, table, row_id, count, **values):
    """Copies of a row by plain SQL; ``values``: expressions over ``n`` (from 1) and ``new_id``."""
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
        [table],
    )
    columns = sorted(name for (name,) in env.cr.fetchall() if name != "id")
    chosen = ", ".join(values.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    # Names of columns come from the database, expressions from the functions above.
    env.cr.execute(
        f"""
        INSERT INTO {table} (id, {names})
        SELECT new_id, {chosen}
          FROM {table} t, (SELECT n, nextval('{table}_id_seq') AS new_id FROM generate_series(1, %s) n) AS numbers
         WHERE t.id = %s
        """,  # noqa: S608
        [count, row_id],
    )


def push(env, connection):
    """Run the push until nothing waits any more; ``{seconds, states}``."""
    exchanges = env["fieldpromax.exchange"]
    started = time.perf_counter()
    for _round in range(100):
        run_cron(env, connection, "push")
        if not exchanges.search_count(
            [
                ("connection_id", "=", connection),
                ("state", "in", ("queued", "retry", "sending", "uncertain")),
            ],
            limit=1,
        ):
            break
    seconds = time.perf_counter() - started
    states = exchanges._read_group([("connection_id", "=", connection)], ["kind", "state"], ["__count"])
    return {"seconds": seconds, "states": {f"{kind} {state}": count for kind, state, count in states}}


def _memory(name):
    """Of this process, in MB."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


# === THE PULL COMPARED === #


PLAIN = (bool, int, str, list, tuple, dict, type(None))


def record_creates(env, path):
    """From now on write down what is given to ``create`` of customers and products: model, context, list of values."""
    from odoo import api

    depth = 0

    def recorded(original):
        @api.model_create_multi
        def create(self, vals_list):
            nonlocal depth
            if not depth:
                # The provider that the sync hands down is nothing to a bare create().
                context = {
                    name: value for name, value in self.env.context.items() if isinstance(value, PLAIN)
                }
                with Path(path).open("ab") as file:
                    pickle.dump((self._name, context, self.env.uid, vals_list), file)
            depth += 1
            try:
                return original(self, vals_list)
            finally:
                depth -= 1

        return create

    for name in ("res.partner", "product.template", "product.product"):
        model = env.registry[name]
        model.create = recorded(model.create)


def create_bare(env, path):
    """The very same batches through a plain ``create`` each, with a commit after each; ``{seconds, counts}``."""
    batches = []
    with Path(path).open("rb") as file:
        while True:
            try:
                batches.append(pickle.load(file))  # noqa: S301, written by our own process a moment ago
            except EOFError:
                break
    counts = {}
    started = time.perf_counter()
    for name, context, uid, values in batches:
        records = env[name].with_user(uid).sudo().with_context({**context, **IMPORT_CONTEXT}).create(values)
        counts[name] = counts.get(name, 0) + len(records)
        env.cr.commit()
    return {"seconds": time.perf_counter() - started, "counts": counts, "batches": len(batches)}


# === INVOICES === #


def make_customers(env, count, prefix="Customer"):
    return (
        env["res.partner"]
        .create(
            [
                {
                    "name": f"{prefix} {number:04d}",
                    "email": f"{prefix.lower().replace(' ', '.')}{number:04d}@example.com",
                    "is_company": True,
                    "street": f"{number} Main Street",
                    "city": "Springfield",
                }
                for number in range(count)
            ]
        )
        .ids
    )


def make_products(env, count, prefix="PUMP"):
    return (
        env["product.product"]
        .create(
            [
                {
                    "name": f"Pump service {prefix} {number:03d}",
                    "default_code": f"{prefix}-{number:03d}",
                    "list_price": 80 + number,
                    "type": "service",
                }
                for number in range(count)
            ]
        )
        .ids
    )


def draft_invoices(env, customers, products, count, lines=3):
    """Drafts: a product, a piece of text with a price and a discount, more products, and a note; ``lines`` in all."""
    from odoo import Command, fields

    tax = env.company.account_sale_tax_id
    return (
        env["account.move"]
        .create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": customers[number % len(customers)],
                    "invoice_date": fields.Date.today(),
                    "invoice_line_ids": [
                        *(
                            Command.create(
                                {
                                    "product_id": products[(number + place) % len(products)],
                                    "quantity": 1 + number % 3,
                                    "price_unit": 80.25,
                                    "tax_ids": [Command.set(tax.ids)],
                                }
                            )
                            for place in range(lines - 2 if products else 0)
                        ),
                        Command.create(
                            {
                                "name": "Call-out",
                                "quantity": 1,
                                "price_unit": 49.95 + number % 7,
                                "discount": 5 * (number % 2),
                                "tax_ids": [Command.set(tax.ids)],
                            }
                        ),
                        Command.create({"display_type": "line_note", "name": "Thank you for your business."}),
                    ],
                }
                for number in range(count)
            ]
        )
        .ids
    )


def own_drafts(env, company, prefix, count):
    """So many drafts, each for a customer and with a product of its own; the ids of the drafts."""
    from odoo import Command, fields

    env = env(
        user=env.ref("base.user_admin"),
        context={"allowed_company_ids": [company], **IMPORT_CONTEXT},
    )
    tax = env.company.account_sale_tax_id
    customers = env["res.partner"].create(
        [
            {
                "name": f"{prefix} customer {number:04d}",
                "email": f"{prefix.lower()}{number:04d}@example.com",
                "is_company": True,
                "company_id": company,
            }
            for number in range(count)
        ]
    )
    products = env["product.product"].create(
        [
            {
                "name": f"{prefix} service {number:04d}",
                "default_code": f"{prefix}-{number:04d}",
                "list_price": 80 + number,
                "type": "service",
                "company_id": company,
                "taxes_id": [Command.set(tax.ids)],
            }
            for number in range(count)
        ]
    )
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": product.id,
                            "quantity": 1 + number % 3,
                            "price_unit": 49.95 + number % 7,
                            "tax_ids": [Command.set(tax.ids)],
                        }
                    )
                ],
            }
            for number, (customer, product) in enumerate(zip(customers, products, strict=True))
        ]
    )
    return moves.ids


def post(env, moves):
    """Post these invoices as one person does from the list, and commit; their numbers, and when it was committed."""
    moves = env["account.move"].browse(moves)
    moves.action_post()
    env.cr.commit()
    return {"committed": time.time(), "names": moves.mapped("name")}


def time_posting(env, moves, together):
    """How long posting these drafts takes a person, in seconds; they are drafts again afterwards.

    Everything but the COMMIT itself is in it: all hooks of the transaction run and all is written before it is rolled
    back. A hundred drafts take longer to make than to post, so they serve again and again.

    :param together: all at once, as from the list; otherwise each by itself, as from the form.
    """
    moves = env["account.move"].browse(moves)
    gc.collect()
    seconds = 0.0
    for batch in [moves] if together else moves:
        env.cr.commit()
        started = time.perf_counter()
        batch.action_post()
        env.cr.flush()
        seconds += time.perf_counter() - started
        assert all(move.state == "posted" for move in batch)
        env.cr.rollback()
    return seconds


def count_queued(env, connection):
    return env["fieldpromax.exchange"].search_count(
        [("connection_id", "=", connection), ("kind", "=", "invoice"), ("state", "=", "queued")]
    )


def invoice_states(env, moves):
    return [
        (move.name, move.fieldpromax_state, move.fieldpromax_reason)
        for move in env["account.move"].browse(moves)
    ]


# === WAITING FOR EACH OTHER === #


def meet(folder, name, seconds=60):
    """Say that this point is reached (a file ``name.here``), and wait until the test lets it go on (``name.go``)."""
    Path(folder, f"{name}.here").touch()
    end = time.monotonic() + seconds
    while not Path(folder, f"{name}.go").exists():
        if time.monotonic() > end:
            raise TimeoutError(f"Nobody let {name} go on.")
        time.sleep(0.01)


# === THE AUDIT === #


def link_documents(env, connection, move, documents):
    """Copies of a posted invoice and of its link, one for each of ``documents`` (``[(id, number)]`` of the books): rows
    alone, because a look over the books reads nothing else."""
    env.flush_all()

    def copied(table, changed, source):
        env.cr.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'",
            [table],
        )
        columns = [name for (name,) in env.cr.fetchall() if name != "id"]
        values = ", ".join(changed.get(name, f'c."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} c {source}"  # noqa: S608

    ids, numbers = map(list, zip(*documents, strict=True))
    pairs = "CROSS JOIN unnest(%s::varchar[], %s::varchar[]) AS d(id, number)"
    env.cr.execute(
        copied("account_move", {"name": "d.number", "sequence_number": "0"}, f"{pairs} WHERE c.id = %s"),
        [ids, numbers, move],
    )
    agreed = "jsonb_set(c.agreed_document, '{number}', to_jsonb(d.number))"
    env.cr.execute(
        copied(
            "fieldpromax_link",
            {
                "move_id": "m.id",
                "external_id": "d.id",
                "external_number": "d.number",
                "agreed_document": agreed,
                "external_document": "NULL",
                "read_at": "NULL",
            },
            f"{pairs} JOIN account_move m ON m.name = d.number WHERE c.move_id = %s AND c.connection_id = %s",
        ),
        [ids, numbers, move, connection],
    )
    assert env.cr.rowcount == len(documents), env.cr.rowcount
    env.cr.commit()
    env.invalidate_all()


def audit(env, connection, everything=False):
    """One look over the documents in the books: ``(seconds, numbers of those that drifted)``."""
    links = env["fieldpromax.link"]
    row = env["fieldpromax.connection"].browse(connection)
    links._ask_for_audit(row)
    if everything:
        env["fieldpromax.checkpoint"].search([("kind", "=", "invoice")]).full_at = False
    env.cr.commit()
    started = time.perf_counter()
    for _round in range(20):
        result = env.ref("fieldpromax_accounting.ir_cron_audit").method_direct_trigger()
        assert result is True, result
        env.cr.commit()
        env.invalidate_all()
        if env["fieldpromax.checkpoint"].search([("kind", "=", "invoice")]).phase == "idle":
            break
    seconds = time.perf_counter() - started
    return seconds, links.search([("is_differing", "=", True)]).mapped("external_number")
