"""What the tests of the life cycle do inside Odoo; run by ``bench/worker.py``."""

from bench import steps


def modules(env):
    """Those of ours that are installed."""
    found = env["ir.module.module"].search(
        [("name", "=like", "fieldpromax%"), ("state", "!=", "uninstalled")]
    )
    return sorted((module.name, module.state) for module in found)


def send_invoice(env, connection, name):
    """An invoice for a new customer, posted by the administrator and pushed; its number and where it stands."""
    customers = steps.make_customers(env, 1, prefix=name)
    products = steps.make_products(env, 1, prefix=name)
    person = env(user=env.ref("base.user_admin"))
    (invoice,) = steps.draft_invoices(person, customers, products, 1)
    steps.post(person, [invoice])
    steps.push(env, connection)
    move = env["account.move"].browse(invoice)
    return {
        "id": move.id,
        "name": move.name,
        "state": move.fieldpromax_state,
        "reason": move.fieldpromax_reason,
    }


def state_of(env, invoice):
    return env["account.move"].browse(invoice).fieldpromax_state


def post_invoice(env):
    """As anybody does where the addon was never heard of."""
    person = env(user=env.ref("base.user_admin"))
    customer = person["res.partner"].create({"name": "Afterwards Ltd"})
    product = person["product.product"].create({"name": "Call-out", "list_price": 80})
    (invoice,) = steps.draft_invoices(person, customer.ids, product.ids, 1)
    move = person["account.move"].browse(invoice)
    move.action_post()
    return move.state


def open_settings(env):
    """The settings as the web client asks for them, and saved again; the forms of what the addon extends."""
    settings = env(user=env.ref("base.user_admin"))["res.config.settings"]
    view = settings.get_views([(False, "form")])["views"]["form"]["arch"]
    settings.create({}).execute()
    for model in ("account.move", "res.partner", "product.template", "ir.cron"):
        env[model].get_views([(False, "form"), (False, "list"), (False, "search")])
    return "fieldpromax" in view
