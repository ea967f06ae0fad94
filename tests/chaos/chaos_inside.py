"""What the crash test has done inside Odoo before anything is killed; run by ``bench/worker.py``."""

from bench import steps


def arrange(env, simulators):
    """A company for each provider, connected; ``{provider: {"company", "connection"}}``.

    Both are connected before anything is read, so that each keeps its customers and products to itself.

    :param simulators: ``{provider: address}``.
    """
    made = {}
    admin = env.ref("base.user_admin")
    for provider, address in simulators.items():
        steps.prepare(env, simulator=address, provider=provider)
        company = env["res.company"].create(
            {
                "name": f"Crash Test {provider}",
                "currency_id": env.ref("base.USD").id,
                "country_id": env.ref("base.us").id,
            }
        )
        admin.write({"company_ids": [(4, company.id)], "company_id": company.id})
        env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
        env.cr.commit()
        connection = steps.connect(env, provider=provider)
        steps.pull_suppliers_too(env, connection)
        made[provider] = {"company": company.id, "connection": connection}
    return made


def settle_mappings(env, connection, bank):
    """What a bookkeeper does once the first import is done: confirm the proposals, say where payments go."""
    connection = env["fieldpromax.connection"].browse(connection)
    env = env(user=env.ref("base.user_admin"), context={"allowed_company_ids": connection.company_id.ids})
    steps.confirm_mappings(env, connection.id)
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


def draft_invoices(env, company, prefix, count):
    """So many drafts, each for a customer and with a product of its own; the ids of the drafts."""
    from odoo import Command, fields

    env = env(
        user=env.ref("base.user_admin"),
        context={"allowed_company_ids": [company], **steps.IMPORT_CONTEXT},
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
