"""What ``load.py`` does inside Odoo; run by ``worker.py``."""

import gc
import os
import time

from lxml import etree

from bench import steps

# Of each connection, of every hundred links.
CONTACTS, ITEMS = 60, 10
# Runs of a week that found nothing, a poll every 15 minutes: older ones are dropped.
RUNS = 672
OPEN_ISSUES, SOLVED_ISSUES = 5, 20
TICKS = os.sysconf("SC_CLK_TCK")


# === THE ROWS === #


def seed(env, connection):
    """One real row of each kind to multiply: an invoice that was sent and paid, another that waits for a person; what
    is posted later by the benches finds its customers and products in the books."""
    person = env(user=env.ref("base.user_admin"))
    customers, products = steps.make_customers(env, 20), steps.make_products(env, 10)
    invoices = person["account.move"].browse(steps.draft_invoices(person, customers, products, 3))
    invoices.action_post()
    env.cr.commit()
    steps.push(env, connection)
    assert set(invoices.mapped("fieldpromax_state")) == {"sent"}, invoices.mapped("fieldpromax_reason")
    person["account.payment.register"].with_context(
        active_model="account.move", active_ids=invoices[0].ids
    ).create({}).action_create_payments()
    env.cr.commit()
    steps.push(env, connection)
    steps.pull_changes(env, connection)
    drafts = steps.draft_invoices(person, customers, products, 100)
    return {"sent": invoices[1].id, "paid": invoices[0].id, "drafts": drafts}


def _columns(env, table):
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND table_schema = 'public' AND is_generated = 'NEVER'",
        [table],
    )
    return sorted(name for (name,) in env.cr.fetchall() if name != "id")


def _copies(env, table, row_id, source, **values):
    """Copies of a row, one for each row of ``source`` (SQL, as ``s``); ``values``: expressions over ``s`` and ``t``."""
    columns = _columns(env, table)
    unknown = set(values) - set(columns)
    assert not unknown, unknown
    names = ", ".join(f'"{name}"' for name in columns)
    chosen = ", ".join(values.get(name, f't."{name}"') for name in columns)
    # Names of columns come from the database, expressions from the functions below.
    env.cr.execute(
        f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} t, ({source}) s WHERE t.id = %s ORDER BY s.n",  # noqa: S608
        [row_id],
    )
    return env.cr.rowcount


def _numbered(env, name, table, column):
    """The copies that were just made, by their number: a temporary table ``made_<name>``."""
    env.cr.execute(
        f"CREATE TEMPORARY TABLE made_{name} AS"  # noqa: S608
        f" SELECT substring({column} from 6)::int AS n, id FROM {table} WHERE {column} LIKE 'load-%'"
    )
    env.cr.execute(f"CREATE INDEX ON made_{name} (n)")


def fill(env, connection, seeded, companies, links, exchanges):
    """``companies`` in all with a connection each, and so many links and exchanges of all of them together, as years
    of work leave them; the numbers that came of it."""
    connection = env["fieldpromax.connection"].browse(connection)
    company, sent = connection.company_id, env["account.move"].browse(seeded["sent"])
    env.flush_all()
    execute = env.cr.execute

    # Companies with a connection and a sales journal each; place 0 is the one that is measured.
    execute(
        "CREATE TEMPORARY TABLE place (n int PRIMARY KEY, company_id int, connection_id int, journal_id int)"
    )
    execute("INSERT INTO place VALUES (0, %s, %s, %s)", [company.id, connection.id, sent.journal_id.id])
    numbers = f"SELECT n FROM generate_series(1, {companies - 1}) n"  # noqa: S608
    _copies(
        env,
        "res_partner",
        company.partner_id.id,
        numbers,
        name="'Company ' || n",
        complete_name="'Company ' || n",
    )
    _copies(
        env,
        "res_company",
        company.id,
        numbers,
        name="'Company ' || n",
        partner_id="(SELECT id FROM res_partner WHERE name = 'Company ' || n)",
        parent_path="NULL",
    )
    execute("UPDATE res_company SET parent_path = id || '/' WHERE name LIKE 'Company %'")
    execute(
        "INSERT INTO place (n, company_id) SELECT substring(name from 9)::int, id FROM res_company"
        " WHERE name ~ '^Company [0-9]+$'"
    )
    others = "SELECT * FROM place WHERE n > 0"
    _copies(
        env,
        "account_journal",
        sent.journal_id.id,
        others,
        company_id="s.company_id",
        sequence="t.sequence + s.n",
    )
    execute(
        "UPDATE place SET journal_id = j.id FROM account_journal j"
        " WHERE place.n > 0 AND j.company_id = place.company_id AND j.type = 'sale'"
    )
    _copies(
        env,
        "fieldpromax_connection",
        connection.id,
        others,
        company_id="s.company_id",
        organization_external_id="'load-' || s.n",
        organization_name="'Organization ' || s.n",
        remote_connection_external_id="'load-' || s.n",
        push_cron_id="NULL",
        pull_cron_id="NULL",
        is_source_of_shared="FALSE",
    )
    execute(
        "UPDATE place SET connection_id = c.id FROM fieldpromax_connection c"
        " WHERE place.n > 0 AND c.company_id = place.company_id"
    )
    env.invalidate_all()
    env["fieldpromax.connection"].search([("organization_external_id", "=like", "load-%")])._ensure_crons()
    env.flush_all()
    for table in (
        "fieldpromax_credential",
        "fieldpromax_checkpoint",
        "fieldpromax_reference",
        "fieldpromax_mapping",
    ):
        company_of = {"company_id": "s.company_id"} if "company_id" in _columns(env, table) else {}
        execute(f"SELECT id FROM {table} WHERE connection_id = %s ORDER BY id", [connection.id])  # noqa: S608
        for (row,) in env.cr.fetchall():
            _copies(env, table, row, others, connection_id="s.connection_id", **company_of)

    # Records and their links, each company's own.
    spread = "SELECT g AS n, p.company_id, p.connection_id, p.journal_id FROM generate_series(0, {} - 1) g"
    spread += f" JOIN place p ON p.n = g %% {companies}"
    contacts, items = links * CONTACTS // 100, links * ITEMS // 100
    documents = links - contacts - items
    link_of = {}
    for kind in ("contact", "item", "invoice"):
        domain = [("connection_id", "=", connection.id), ("kind", "=", kind), ("role", "in", (False, ""))]
        column = {"contact": "partner_id", "item": "product_id", "invoice": "move_id"}[kind]
        link_of[kind] = env["fieldpromax.link"].search(
            [*domain, (column, "!=", False)], order="id desc", limit=1
        )
    customer, product = link_of["contact"].partner_id, link_of["item"].product_id
    ours = {"company_id": "s.company_id"}
    _copies(
        env,
        "res_partner",
        customer.id,
        spread.format(contacts),
        name="'Load customer ' || s.n",
        complete_name="'Load customer ' || s.n",
        email="'load' || s.n || '@example.com'",
        ref="'load-' || s.n",
        **ours,
    )
    execute("UPDATE res_partner SET commercial_partner_id = id WHERE name LIKE 'Load customer %'")
    _numbered(env, "partner", "res_partner", "ref")
    named = {"name": "jsonb_build_object('en_US', 'Load service ' || s.n)", "default_code": "'load-' || s.n"}
    _copies(env, "product_template", product.product_tmpl_id.id, spread.format(items), **named, **ours)
    template = "(SELECT id FROM product_template WHERE default_code = 'load-' || s.n)"
    execute("CREATE INDEX ON product_template (default_code)")
    _copies(
        env,
        "product_product",
        product.id,
        spread.format(items),
        default_code="'load-' || s.n",
        product_tmpl_id=template,
    )
    execute("DROP INDEX product_template_default_code_idx")
    _numbered(env, "product", "product_product", "default_code")
    partner = f"(SELECT id FROM made_partner m WHERE m.n = s.n %% {contacts})"  # noqa: S608
    # One a day of each company, numbered anew each year.
    day = f"(t.date - (({documents} - s.n) / {companies})::int)"
    dated = {"date": day, "invoice_date": day}
    prefix = f"replace(t.sequence_prefix, to_char(t.date, 'YYYY'), to_char({day}, 'YYYY'))"
    _copies(
        env,
        "account_move",
        sent.id,
        spread.format(documents),
        name=f"{prefix} || lpad((10000 + s.n)::text, 6, '0')",
        sequence_prefix=prefix,
        sequence_number="10000 + s.n",
        journal_id="s.journal_id",
        ref="'load-' || s.n",
        partner_id=partner,
        commercial_partner_id=partner,
        **dated,
        **ours,
    )
    _numbered(env, "move", "account_move", "ref")
    receivable = sent.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
    move = "(SELECT id FROM made_move m WHERE m.n = s.n)"
    _copies(
        env,
        "account_move_line",
        receivable.id,
        spread.format(documents),
        move_id=move,
        partner_id=partner,
        journal_id="s.journal_id",
        **dated,
        **ours,
    )
    made = {
        "contact": (contacts, "partner_id", "(SELECT id FROM made_partner m WHERE m.n = s.n)"),
        "item": (items, "product_id", "(SELECT id FROM made_product m WHERE m.n = s.n)"),
        "invoice": (documents, "move_id", move),
    }
    for kind, (count, column, record) in made.items():
        _copies(
            env,
            "fieldpromax_link",
            link_of[kind].id,
            spread.format(count),
            connection_id="s.connection_id",
            external_id=f"'load-{kind}-' || s.n",
            external_number="'load-' || s.n",
            **{column: record},
            **ours,
        )

    # History: what was sent in the last weeks, the calls that it went in, the polls, and what once was in the way.
    exchange = env["fieldpromax.exchange"].search(
        [("move_id", "=", sent.id), ("state", "=", "done"), ("call_id", "!=", False)], limit=1
    )
    _copies(
        env,
        "fieldpromax_call",
        exchange.call_id.id,
        spread.format(exchanges // 10),
        key="'load-' || s.n",
        connection_id="s.connection_id",
        create_date="now() - make_interval(days => (s.n %% 80)::int)",
        **ours,
    )
    _numbered(env, "call", "fieldpromax_call", "key")
    _copies(
        env,
        "fieldpromax_exchange",
        exchange.id,
        spread.format(exchanges),
        connection_id="s.connection_id",
        move_id=f"(SELECT id FROM made_move m WHERE m.n = s.n %% {documents - documents % companies})",  # noqa: S608
        call_id="(SELECT id FROM made_call m WHERE m.n = s.n / 10)",
        done_at="now() - make_interval(days => (s.n %% 80)::int)",
        state="CASE WHEN s.n %% 50 = 7 THEN 'cancelled' ELSE 'done' END",
        to_announce="FALSE",
        **ours,
    )
    settlement = env["fieldpromax.settlement"].search([("move_id", "=", seeded["paid"])], limit=1)
    _copies(
        env,
        "fieldpromax_settlement",
        settlement.id,
        spread.format(documents // 4),
        connection_id="s.connection_id",
        move_id=move,
        external_id="'load-' || s.n",
        document_external_id="'load-invoice-' || s.n",
        group_key="'load-' || s.n",
        **ours,
    )
    run = env["fieldpromax.run"].search(
        [("connection_id", "=", connection.id), ("kind", "=", "incremental"), ("state", "=", "done")], limit=1
    )
    _copies(
        env,
        "fieldpromax_run",
        run.id,
        spread.format(RUNS * companies),
        connection_id="s.connection_id",
        ended_at=f"now() - make_interval(mins => 15 * (1 + s.n / {companies})::int)",
        **ours,
    )
    for line in run.line_ids:
        _copies(
            env,
            "fieldpromax_run_line",
            line.id,
            f"SELECT id AS n, connection_id, company_id FROM fieldpromax_run WHERE id > {run.id}",  # noqa: S608
            run_id="s.n",
            connection_id="s.connection_id",
            **ours,
        )
    issue = env["fieldpromax.issue"].create(
        {
            "connection_id": connection.id,
            "company_id": company.id,
            "cause": "load",
            "cause_key": "load",
            "title": "An account is missing",
            "remedy": "Choose one under Mappings.",
            "state": "solved",
        }
    )
    env.flush_all()
    _copies(
        env,
        "fieldpromax_issue",
        issue.id,
        spread.format((OPEN_ISSUES + SOLVED_ISSUES) * companies),
        connection_id="s.connection_id",
        cause_key="'load-' || s.n",
        state=f"CASE WHEN s.n / {companies} < {OPEN_ISSUES} THEN 'open' ELSE 'solved' END",
        **ours,
    )
    env.cr.commit()
    env.invalidate_all()
    env.registry.clear_all_caches()
    counted = {}
    for name in ("connection", "link", "exchange", "call", "run", "settlement", "issue"):
        counted[name] = env[f"fieldpromax.{name}"].search_count([])
    return counted


# === MEASURING === #


def _spent(env):
    """Seconds of processor time that this process and its sessions in PostgreSQL used so far: what else the machine
    does meanwhile is not in it, nor is waiting for the books."""
    env.cr.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    ticks = 0
    for (pid,) in env.cr.fetchall():
        with open(f"/proc/{pid}/stat") as file:
            values = file.read().rpartition(")")[2].split()
        ticks += int(values[11]) + int(values[12])
    return time.process_time() + ticks / TICKS


def _measured(env, function):
    gc.collect()
    before = _spent(env)
    function()
    return _spent(env) - before


def time_posting(env, moves):
    """Processor time to post these drafts together, all but the COMMIT; they are drafts again afterwards."""
    env.cr.commit()
    moves = env["account.move"].browse(moves)

    def post():
        moves.action_post()
        env.cr.flush()
        assert all(move.state == "posted" for move in moves)

    seconds = _measured(env, post)
    env.cr.rollback()
    return seconds


def time_cycle(env, connection, times):
    """Processor time of idle cycles of one connection: push, pull, sweep; and the housekeeping of the database."""
    row = env["fieldpromax.connection"].browse(connection)

    def cycle():
        for _number in range(times):
            steps.run_cron(env, connection, "push")
            steps.run_cron(env, connection, "pull")
            driver = row._as_driver()
            driver.env["fieldpromax.exchange"]._sweep(driver)
            env.cr.commit()

    return _measured(env, cycle)


def time_shared(env):
    """Processor time of what is done for all connections together: the hourly sweep, and dropping old history."""

    def shared():
        env["fieldpromax.exchange"]._cron_sweep()
        for name in ("exchange", "call", "run"):
            getattr(env[f"fieldpromax.{name}"], f"_gc_{name}s")()
        env.cr.commit()

    return _measured(env, shared)


OVERVIEW = "fieldpromax_accounting.fieldpromax_connection_view_form"
LISTS = (
    # model, view (None: the default list), domain
    ("account.move", "account.view_out_invoice_tree", [("move_type", "=", "out_invoice")]),
    (
        "account.move",
        "account.view_out_invoice_tree",
        [("move_type", "=", "out_invoice"), ("fieldpromax_state", "=", "sent")],
    ),
    (
        "account.move",
        "account.view_out_invoice_tree",
        [
            ("move_type", "=", "out_invoice"),
            ("fieldpromax_state", "in", ["attention", "waiting", "retrying"]),
        ],
    ),
    (
        "account.move",
        "account.view_out_invoice_tree",
        [("move_type", "=", "out_invoice"), ("fieldpromax_state", "=", "not_sent")],
    ),
    ("res.partner", None, [("fieldpromax_external_id", "!=", False)]),
    ("res.partner", None, []),
    ("fieldpromax.link", None, []),
    ("fieldpromax.exchange", None, []),
    ("fieldpromax.exchange", None, [("state", "not in", ["done", "cancelled"])]),
    ("fieldpromax.issue", None, [("state", "=", "open")]),
    ("fieldpromax.run", None, []),
    ("fieldpromax.settlement", None, []),
    ("fieldpromax.receivable", None, []),
    ("fieldpromax.connection", None, []),
)


def _specification(env, model, view):
    """What the web client asks for: the fields of the list."""
    view_id = env.ref(view).id if view else False
    arch = env[model].get_views([(view_id, "list")])["views"]["list"]["arch"]
    names = {node.get("name") for node in etree.fromstring(arch).xpath("//field[not(ancestor::field)]")}
    fields = env[model]._fields
    return {
        name: {"fields": {"display_name": {}}} if fields[name].type == "many2one" else {}
        for name in sorted(names)
    }


def time_lists(env, connection, times):
    """``{page: processor time}`` of opening the main lists and the overview ``times`` times, as a person of one
    company."""
    row = env["fieldpromax.connection"].browse(connection)
    env = env(context={"allowed_company_ids": row.company_id.ids, "lang": "en_US"})
    found = {}
    for number, (model, view, domain) in enumerate(LISTS):
        specification = _specification(env, model, view)

        def opened(model=model, domain=domain, specification=specification):
            for _number in range(times):
                env.invalidate_all()
                env[model].web_search_read(domain, specification, limit=80, count_limit=10001)

        found[f"{number} {model} {domain}"] = _measured(env, opened)
    row = row.with_env(env)
    arch = row.get_views([(env.ref(OVERVIEW).id, "form")])["views"]["form"]["arch"]
    names = {node.get("name") for node in etree.fromstring(arch).xpath("//field[not(ancestor::field)]")}

    def overview():
        for _number in range(times):
            env.invalidate_all()
            row.web_read({name: {} for name in sorted(names)})

    found["overview"] = _measured(env, overview)
    env.cr.rollback()
    return found
