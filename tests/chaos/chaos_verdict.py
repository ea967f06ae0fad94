"""What became of everything: lost, there twice, or stuck. Looked at from outside, in PostgreSQL and in the books."""

from collections import Counter
from decimal import Decimal

from chaos_world import LOCK_CLASS


def waiting(world):
    """What is still under way: ``{what: count}``, without what is not."""
    told = {}
    for state, count in world.database.rows(
        "SELECT state, count(*) FROM fieldpromax_exchange WHERE state NOT IN ('done', 'cancelled') GROUP BY state"
    ):
        told[f"exchanges {state}"] = count
    counted = {
        "runs open": "SELECT count(*) FROM fieldpromax_run WHERE state NOT IN ('done', 'failed')",
        "payments to look at": "SELECT count(*) FROM fieldpromax_settlement_due",
    }
    for name, sql in counted.items():
        count = world.database.value(sql)
        if count:
            told[name] = count
    drivers = world.database.value(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted",
        (LOCK_CLASS,),
    )
    return {**told, "locks": drivers} if drivers else told


class Verdict:
    """Sentences, by what is wrong; each is one record."""

    def __init__(self, world):
        self.world = world
        self.lost, self.doubled, self.stuck = [], [], []
        for books in world.books:
            self._sent(books)
            self._read(books)
        self._left()

    def _once(self, what, wanted, found):
        """Everything of ``wanted`` exactly once in ``found``, and nothing else of ours."""
        counts = Counter(found)
        self.lost += [f"{what} {name}" for name in wanted if not counts[name]]
        self.doubled += [f"{what} {name}: {counts[name]} times" for name in wanted if counts[name] > 1]

    def _sent(self, books):
        database, provider = self.world.database, books.provider
        moves = database.rows(
            "SELECT m.name, m.state, p.name, m.amount_total FROM account_move m JOIN res_partner p "
            "ON p.id = m.partner_id WHERE m.id = ANY(%s)",
            (books.moves,),
        )
        self.lost += [
            f"{provider}: {name} was never posted" for name, state, *_ in moves if state != "posted"
        ]
        there = look(books)
        wanted = [name for name, *_ in moves]
        self._once(f"{provider} invoice", wanted, there["invoices"])
        self.doubled += [
            f"{provider} invoice {name}: nobody posted it" for name in set(there["invoices"]) - set(wanted)
        ]
        self._once(f"{provider} customer", [customer for _n, _s, customer, _t in moves], there["contacts"])
        codes = [
            code
            for (code,) in database.rows(
                "SELECT DISTINCT p.default_code FROM account_move_line l JOIN product_product p ON p.id = l.product_id "
                "WHERE l.move_id = ANY(%s)",
                (books.moves,),
            )
        ]
        self._once(f"{provider} product", codes, there["items"])
        for name, _state, _customer, total in moves:
            paid = there["paid"].get(name, [])
            if not paid:
                self.lost.append(f"{provider} payment of {name}")
            elif len(paid) > 1 or paid[0] != Decimal(str(total)):
                self.doubled.append(f"{provider} payment of {name}: {paid} for {total}")

    def _read(self, books):
        """What stood in the books before: one record and one link each."""
        database = self.world.database
        for what, column, shown, pattern in (
            ("customer", "partner_id", "external_name", " [0-9]{6}$"),
            ("product", "product_id", "external_number", "^GEN-"),
        ):
            linked = Counter(
                external
                for (external,) in database.rows(
                    f"SELECT external_id FROM fieldpromax_link WHERE connection_id = %s AND {column} IS NOT NULL "  # noqa: S608
                    f"AND {shown} ~ %s",
                    (books.connection, pattern),
                )
            )
            ids = generated_ids(books, what)
            self.lost += [f"{books.provider} {what} {one} is not in Odoo" for one in ids if not linked[one]]
            self.doubled += [f"{books.provider} {what} {one}" for one, count in linked.items() if count > 1]
        shown = dict(
            database.rows(
                "SELECT l.external_id, p.email FROM fieldpromax_link l JOIN res_partner p ON p.id = l.partner_id "
                "WHERE l.connection_id = %s",
                (books.connection,),
            )
        )
        self.lost += [
            f"{books.provider} change of customer {one} to {email}: Odoo has {shown.get(one)}"
            for one, email in books.changed.items()
            if shown.get(one) != email
        ]
        for name, count in database.rows(
            "SELECT lower(name), count(*) FROM res_partner WHERE company_id = %s AND parent_id IS NULL "
            "GROUP BY 1 HAVING count(*) > 1",
            (books.company,),
        ):
            self.doubled.append(f"{books.provider} customer {name} is in Odoo {count} times")
        for code, count in database.rows(
            "SELECT p.default_code, count(*) FROM product_product p "
            "JOIN product_template t ON t.id = p.product_tmpl_id "
            "WHERE t.company_id = %s AND p.default_code IS NOT NULL GROUP BY 1 HAVING count(*) > 1",
            (books.company,),
        ):
            self.doubled.append(f"{books.provider} product {code} is in Odoo {count} times")

    def _left(self):
        database = self.world.database
        for name, kind, state, reason in database.rows(
            "SELECT record_name, kind, state, reason FROM fieldpromax_exchange WHERE state NOT IN ('done', 'cancelled')"
        ):
            self.stuck.append(f"{kind} {name} is {state}: {reason or 'no reason'}")
        for state, reason in database.rows("SELECT state, reason FROM fieldpromax_run WHERE state != 'done'"):
            self.stuck.append(f"a run is {state}: {reason or 'no reason'}")
        for (title,) in database.rows("SELECT title FROM fieldpromax_issue WHERE state = 'open'"):
            self.stuck.append(f"an issue is open: {title}")
        for state, reason in database.rows(
            "SELECT state, state_reason FROM fieldpromax_connection WHERE state != 'connected'"
        ):
            self.stuck.append(f"a connection is {state}: {reason}")
        for what, count in waiting(self.world).items():
            if not what.startswith(("exchanges", "runs")):
                self.stuck.append(f"{what}: {count}")
        for (name,) in database.rows(
            "SELECT s.name::text FROM ir_cron c JOIN ir_act_server s ON s.id = c.ir_actions_server_id "
            "WHERE NOT c.active AND (c.id IN (SELECT push_cron_id FROM fieldpromax_connection) "
            "OR c.id IN (SELECT pull_cron_id FROM fieldpromax_connection))"
        ):
            self.stuck.append(f"a cron is switched off: {name}")


def look(books):
    """What the books hold: names, codes and numbers, and what pays each invoice."""
    entities = books.simulator.entities
    if books.provider == "xero":
        invoices = entities("invoices")
        return {
            "invoices": [
                one["InvoiceNumber"] for one in invoices if one["Status"] not in ("VOIDED", "DELETED")
            ],
            "contacts": [one["Name"] for one in entities("contacts")],
            "items": [one["Code"] for one in entities("items")],
            "paid": {
                one["InvoiceNumber"]: [Decimal(str(payment["Amount"])) for payment in one["Payments"]]
                for one in invoices
            },
        }
    invoices = entities("invoices")
    numbers = {one["Id"]: one["DocNumber"] for one in invoices}
    paid = {}
    for payment in entities("payments"):
        for line in payment["Line"]:
            for linked in line["LinkedTxn"]:
                paid.setdefault(numbers.get(linked["TxnId"]), []).append(Decimal(str(line["Amount"])))
    return {
        "invoices": [one["DocNumber"] for one in invoices],
        "contacts": [one["DisplayName"] for one in entities("contacts")],
        "items": [one.get("Sku") or one["Name"] for one in entities("items")],
        "paid": paid,
    }


def generated_ids(books, what):
    """Ids of the customers or products that the simulator was filled with."""
    entities = books.simulator.entities("contacts" if what == "customer" else "items")
    xero = books.provider == "xero"
    key = {"customer": "ContactID" if xero else "Id", "product": "ItemID" if xero else "Id"}[what]
    if what == "customer":
        name = "Name" if xero else "DisplayName"
        return [one[key] for one in entities if one[name][-6:].isdecimal()]
    code = "Code" if xero else "Sku"
    return [one[key] for one in entities if (one.get(code) or "").startswith("GEN-")]
