"""What ``bench.cents`` does inside Odoo; run by ``worker.py``, so Odoo and hypothesis are imported where needed."""

import uuid
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

from bench import steps

# (currency, how many of a hundred invoices are in it): with 2, 0 and 3 decimals
CURRENCIES = (("GBP", 44), ("USD", 25), ("AUD", 22), ("JPY", 6), ("KWD", 2), ("BHD", 1))
# name → (rates in percent, prices include them, code at Xero, code at QuickBooks); what one line carries
TAX_SETS = {
    "standard": ((20,), False, "OUTPUT2", "2"),
    "reduced": ((5,), False, "RROUTPUT", "3"),
    "two": ((15, 5), False, "OUTPUT2", "2"),
    "included": ((20,), True, "OUTPUT2", "2"),
    "reduced included": ((5,), True, "RROUTPUT", "3"),
    "zero": ((0,), False, "ZERORATEDOUTPUT", "4"),
    "exempt": ((0,), False, "EXEMPTOUTPUT", "5"),
    "none": ((), False, "NONE", "5"),
}
# What the lines of one invoice choose from.
SET_UPS = (
    ("standard",),
    ("standard", "zero", "none"),
    ("standard", "reduced", "exempt"),
    ("two",),
    ("two", "reduced", "zero"),
    ("included",),
    ("included", "reduced included"),
    ("included", "standard", "none"),
    ("zero", "exempt", "none"),
    ("none",),
)
ROUNDINGS = ("round_per_line", "round_globally")
SAMPLE = 20  # of each rounding method: really posted, and compared with what was worked out without saving
SEQUENCE = 10


# === ARRANGE === #


def arrange(env, simulator, provider):
    """A company in pounds, connected to Thames Heating, with taxes, mappings and a customer for each currency."""
    steps.prepare(env, simulator=simulator, provider=provider)
    names = [name for name, _weight in CURRENCIES]
    env["res.currency"].with_context(active_test=False).search([("name", "in", names)]).active = True
    for usage, digits in (("Product Price", 4), ("Product Unit", 3)):
        env["decimal.precision"].search([("name", "=", usage)]).digits = digits
    pounds = env["res.currency"].search([("name", "=", "GBP")])
    company = env["res.company"].create({"name": "Thames Heating"})
    admin = env.ref("base.user_admin")
    admin.write({"company_ids": [(4, company.id)], "company_id": company.id})
    env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
    # The chart brought its own.
    company.currency_id = pounds
    env.cr.commit()
    connection = steps.connect(env, organisation="GB", provider=provider)
    steps.pull(env, connection)
    _make_taxes(env, company)
    env.cr.commit()
    return connection


def _make_taxes(env, company):
    made = {}
    for rates, included, _xero, _quickbooks in TAX_SETS.values():
        for rate in rates:
            if (rate, included) not in made:
                made[rate, included] = env["account.tax"].create(
                    {
                        "name": f"Cents {rate} %{' included' if included else ''}",
                        "amount": rate,
                        "type_tax_use": "sale",
                        "company_id": company.id,
                        "price_include_override": "tax_included" if included else "tax_excluded",
                    }
                )
    # Both are of 0 %, and stand for different codes of the books.
    env["account.tax"].create(
        {"name": "Cents exempt", "amount": 0, "type_tax_use": "sale", "company_id": company.id}
    )


class Bench:
    """Generated invoices on their way to one connection; what became of them is counted."""

    def __init__(self, env, connection):
        self.connection = env["fieldpromax.connection"].browse(connection)
        self.company = self.connection.company_id
        context = {"allowed_company_ids": self.company.ids, "tracking_disable": True}
        self.env = env(context={**env.context, **context})
        self.connection = self.connection.with_env(self.env)
        self.company = self.company.with_env(self.env)
        self.provider = self.connection._deciding_provider()
        self.resolver = self.env["fieldpromax.mapping"]._resolver(self.connection)
        self.today = self.env["account.move"]._fields["date"].today()
        self.journal = self.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", self.company.id)], limit=1
        )
        self.account = self.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", self.company.ids)], limit=1
        )
        self.customer = self.env["res.partner"].create({"name": "Cents customer"})
        self.currencies = {
            one.name: one
            for one in self.env["res.currency"].search([("name", "in", [name for name, _ in CURRENCIES])])
        }
        self.taxes = {name: self._taxes_of(name) for name in TAX_SETS}
        self._confirm_mappings()
        self.contacts = self._make_contacts()
        self.counts, self.reasons, self.examples = Counter(), Counter(), []
        self.number, self.waiting = 0, []

    def _taxes_of(self, name):
        rates, included, _xero, _quickbooks = TAX_SETS[name]
        labels = [f"Cents {rate} %{' included' if included else ''}" for rate in rates]
        if name == "exempt":
            labels = ["Cents exempt"]
        return self.env["account.tax"].search(
            [("name", "in", labels), ("company_id", "=", self.company.id)], order="id"
        )

    def _confirm_mappings(self):
        """What a bookkeeper chooses: one revenue account, one stand-in product, a code for every set of taxes."""
        if self.resolver.capabilities.items_on_lines:
            driver = self.connection.sudo()._as_driver()
            driver.env["fieldpromax.mapping"]._look_for_items(driver)
            self.env.invalidate_all()
        references = self.env["fieldpromax.reference"].search([("connection_id", "=", self.connection.id)])
        account = references.filtered(lambda one: one.kind == "account" and one.is_revenue)[:1]
        row = self.resolver._default_row()
        rows = [(row, account)]
        if self.resolver.capabilities.items_on_lines:
            item = references.filtered(lambda one: one.kind == "item")[:1]
            rows.append((self.resolver._default_item_row(), item))
        for name, (_rates, _included, xero, quickbooks) in TAX_SETS.items():
            code = xero if self.connection.provider == "xero" else quickbooks
            found = references.filtered(lambda one, code=code: one.kind == "tax" and one.external_id == code)
            rows.append((self.resolver._tax_row(self.taxes[name], "sale"), found))
        person = self.env.ref("base.user_admin")
        for row, reference in rows:
            assert reference, (row.key, row.record_name)
            row._choose(reference, person)
        self.resolver = self.env["fieldpromax.mapping"]._resolver(self.connection)

    def _make_contacts(self):
        from odoo.addons.fieldpromax_accounting.providers import dto

        members = [
            (name, dto.Contact(name=f"Cents customer {name}", number=f"cents-{name}", currency=name))
            for name in self.currencies
        ]
        prepared = self.provider.prepare("contact.create", members)
        answer = self.connection._talk(lambda provider: provider.send(prepared, str(uuid.uuid4())))
        assert not [one.error for one in answer.results if one.error], answer
        return {one.member: SimpleNamespace(external_id=one.record.external_id) for one in answer.results}

    # === ODOO'S SIDE === #

    def values(self, drawn):
        """What ``account.move`` takes for a generated invoice."""
        currency, lines = drawn
        return {
            "move_type": "out_invoice",
            "partner_id": self.customer.id,
            "company_id": self.company.id,
            "journal_id": self.journal.id,
            "invoice_date": self.today,
            "date": self.today,
            "invoice_date_due": self.today,
            "currency_id": self.currencies[currency].id,
            "invoice_line_ids": [
                (
                    0,
                    0,
                    {
                        "name": f"Line {position}",
                        "display_type": "product",
                        "sequence": SEQUENCE * position,
                        "account_id": self.account.id,
                        "quantity": float(quantity),
                        "price_unit": float(price),
                        "discount": float(discount),
                        "tax_ids": [(6, 0, self.taxes[taxes].ids)],
                    },
                )
                for position, (quantity, price, discount, taxes) in enumerate(lines, 1)
            ],
        }

    def unsaved(self, drawn):
        """What goes over of an invoice that has no row in the database: its amounts come from Odoo's own engine."""
        from odoo.addons.fieldpromax_accounting.models.account_move import decimal_of
        from odoo.addons.fieldpromax_accounting.providers import dto

        move = self.env["account.move"].new(self.values(drawn))
        move.line_ids = move.invoice_line_ids
        base_lines, _tax_lines = move._get_rounded_base_and_tax_lines()
        totals = self.env["account.tax"]._get_tax_totals_summary(
            base_lines, currency=move.currency_id, company=move.company_id
        )
        amounts = [
            decimal_of(totals[f"{name}_amount_currency"], move.currency_id.decimal_places)
            for name in ("base", "tax", "total")
        ]
        return replace(self.prepared(move, drawn[0]), totals=dto.Totals(*amounts))

    def prepared(self, move, currency):
        self.number += 1
        data = move._fieldpromax_prepare(self.connection, self.resolver, self.contacts[currency], {})
        return replace(data, number=f"CENTS-{self.number:06d}")

    def check_sample(self, drawn):
        """Invoices that are really posted say the same as those that are not even saved; how many were compared."""
        unsaved = [self.unsaved(one) for one in drawn]
        drawn, unsaved = zip(
            *((one, data) for one, data in zip(drawn, unsaved, strict=True) if data.totals.total >= 0),
            strict=True,
        )
        moves = self.env["account.move"].create([self.values(one) for one in drawn])
        moves.action_post()
        for move, one, data in zip(moves, drawn, unsaved, strict=True):
            posted = self.prepared(move, one[0])
            assert replace(posted, number="") == replace(data, number=""), (one, posted, data)
        self.env.cr.rollback()
        return len(moves)

    # === THE BOOKS' SIDE === #

    def take(self, drawn):
        from odoo.addons.fieldpromax_accounting.providers import agreement

        data = self.unsaved(drawn)
        reason = agreement.refusal(self.provider, data)
        if reason:
            self.counts["refused"] += 1
            self.reasons[reason.value] += 1
            return
        self.waiting.append((drawn, data))
        if len(self.waiting) == self.provider.operations["invoice.create"].max_members:
            self.send()

    def send(self):
        """One call; every answer is compared with Odoo's totals."""
        members = [(str(index), data) for index, (_drawn, data) in enumerate(self.waiting)]
        if not members:
            return
        prepared = self.provider.prepare("invoice.create", members)
        answer = self.connection._talk(lambda provider: provider.send(prepared, str(uuid.uuid4())))
        results = {one.member: one for one in answer.results}
        for (member, data), (drawn, _data) in zip(members, self.waiting, strict=True):
            result = results[member]
            if result.error:
                outcome, told = "unforeseen", str(result.error)
            else:
                outcome = "equal" if result.record.totals == data.totals else "silent"
                told = f"Odoo {data.totals}, books {result.record.totals}"
            self.counts[outcome] += 1
            if outcome != "equal" and len(self.examples) < 5:
                self.examples.append(f"{outcome}: {drawn} {told}")
        self.waiting = []


# === GENERATED === #


def invoices():
    """The strategy: ``(currency, ((quantity, price, discount, set of taxes), …))``, numbers as Decimal."""
    from hypothesis import strategies as st

    def decimals(low, high, digits):
        return st.integers(low * 10**digits, high * 10**digits).map(lambda n: Decimal(n).scaleb(-digits))

    def weighted(*pairs):
        return st.sampled_from([one for one, weight in pairs for _ in range(weight)]).flatmap(lambda one: one)

    quantities = weighted(
        (decimals(1, 12, 0), 20), (decimals(0, 40, 2), 10), (decimals(0, 8, 3), 4), (decimals(100, 1000, 0), 1),
    )  # fmt: skip
    # What is taken off, such as a deposit.
    negative = weighted((decimals(-3, -1, 0), 1), (decimals(-2, 0, 2), 1))
    prices = weighted((decimals(1, 900, 2), 8), (decimals(0, 250, 4), 4), (decimals(1, 5000, 0), 3))
    discounts = weighted((st.just(Decimal(0)), 6), (decimals(0, 60, 0), 2), (decimals(0, 100, 2), 1))
    currencies = st.sampled_from([name for name, weight in CURRENCIES for _ in range(weight)])

    @st.composite
    def invoice(draw):
        set_up = draw(st.sampled_from(SET_UPS))
        rest = (prices, discounts, st.sampled_from(set_up))
        lines = draw(st.lists(st.tuples(quantities, *rest), min_size=1, max_size=12))
        if len(lines) > 1 and draw(st.sampled_from(range(20))) == 1:
            lines.insert(draw(st.integers(0, len(lines))), draw(st.tuples(negative, *rest)))
        return draw(currencies), tuple(lines[:12])

    return invoice()


def prove(env, connection, seed, count):
    """Generate ``count`` invoices, send what is not refused, compare; ``{counts, reasons, examples, sample}``."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    bench = Bench(env, connection)

    def generated(salt, number, take):
        @seeded(seed * 10 + salt)
        @settings(
            max_examples=number,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(invoices())
        def run(drawn):
            take(drawn)

        run()

    sample = 0
    for salt, rounding in enumerate(ROUNDINGS):
        bench.company.tax_calculation_rounding_method = rounding
        bench.env.flush_all()
        bench.env.cr.commit()
        taken = []
        generated(salt, SAMPLE, taken.append)
        sample += bench.check_sample(taken[:SAMPLE])
        half = count // 2 + (count % 2) * (1 - salt)

        def take(drawn):
            bench.take(drawn)
            if not bench.number % 25:
                # The customer's and the company's caches would carry every invoice that was ever made up.
                bench.env.invalidate_all()

        generated(salt + 2, half, take)
        bench.send()
    return {
        "counts": dict(bench.counts),
        "reasons": dict(bench.reasons),
        "examples": bench.examples,
        "sample": sample,
    }
