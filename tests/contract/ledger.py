"""One organization, seen as the addon sees it: bound, with accounts, taxes and an item to sell."""

import itertools
import uuid
from datetime import date, timedelta
from decimal import Decimal

from fieldpromax_accounting.providers import dto, wire

D = Decimal
#: what customers were charged where only the provider knows the rate
UNKNOWN_RATE = D(15)


class Ledger:
    def __init__(self, books, tag):
        self.books, self.tag = books, tag
        self.unbound = books.make_provider()
        self.token, self.params = books.token(self.unbound, tag)
        (self.organization,) = [
            one
            for one in self.unbound.list_organizations(self.token, self.params)
            if one.consent_id == self.token.consent_id or not self.token.consent_id
        ]
        self.capabilities = self.unbound.capabilities
        self.operations = self.unbound.operations
        self.provider = self.bind(self.unbound)
        accounts = [a for a in self.provider.list_accounts() if a.is_revenue and a.active]
        rates = [r for r in self.provider.list_tax_rates() if r.active and r.for_sales]
        self.account = accounts[0].code
        self.taxable = next(rate for rate in rates if rate.rate is None or rate.rate > 0)
        self.untaxed = next(rate for rate in rates if rate.rate == 0)
        self._numbers = itertools.count(1)
        self._item = None

    def bind(self, provider):
        return provider.for_organization(
            self.organization.external_id, self.token.access_token, organization=self.organization
        )

    def hasty(self):
        """The same, but it soon gives up waiting for an answer."""
        return self.bind(self.books.make_provider(read_timeout=0.3))

    # === what is sent === #

    def contact(self, name='', **values):
        number = next(self._numbers)
        return dto.Contact(
            **{'name': name or f'Contract customer {number}', 'number': f'ct-{number}', **values}
        )

    def item(self, name='', **values):
        number = next(self._numbers)
        return dto.Item(
            **{
                'code': f'CT-{number}',
                'name': name or f'Contract product {number}',
                'description': 'Sold by contract',
                'sale_price': D('12.5'),
                'sale_account': self.account,
                'sale_tax': self.taxable.external_id,
                **values,
            }
        )

    def a_contact(self):
        return self.create('contact', self.contact())[0]

    def an_item(self):
        """One item for all: invoices need one where lines do."""
        if self._item is None:
            self._item = self.create('item', self.item())[0]
        return self._item

    def line(self, quantity='1', price='10', discount='0', taxed=True, included=False):
        """A line as Odoo would give it, rounded line by line."""
        rate = self.taxable.rate if self.taxable.rate is not None else UNKNOWN_RATE
        percent = rate if taxed else D(0)
        amount = wire.rounded(D(quantity) * D(price) * (100 - D(discount)) / 100, 2)
        net = wire.rounded(amount * 100 / (100 + percent), 2) if included else amount
        tax = amount - net if included else wire.rounded(amount * percent / 100, 2)
        item = self.an_item() if self.capabilities.items_on_lines else None
        code = self.taxable if taxed else self.untaxed
        return dto.InvoiceLine(
            'Work done',
            D(quantity),
            D(price),
            D(discount),
            account=self.account if self.capabilities.accounts_on_lines else '',
            item_external_id=item.external_id if item else '',
            tax_code=code.external_id,
            tax_rate=code.rate,
            tax_amount=tax,
            amount=amount,
        )

    def invoice(self, contact=None, lines=None, **values):
        return self._document(dto.Invoice, contact, lines, values)

    def credit_note(self, contact=None, lines=None, **values):
        return self._document(dto.CreditNote, contact, lines, {'due_date': None, **values})

    def allocation(self, amount='5', note=None, invoice=None, **values):
        """Of two documents that are there already; without, both are made, for one customer."""
        contact = self.a_contact() if note is None or invoice is None else None
        note = note or self.create('credit_note', self.credit_note(contact))[0]
        invoice = invoice or self.create('invoice', self.invoice(contact))[0]
        return dto.Allocation(
            **{
                'credit_note_external_id': note.external_id,
                'invoice_external_id': invoice.external_id,
                'amount': D(amount),
                'date': date(2026, 9, 20),
                'contact_external_id': invoice.contact_external_id,
                'currency': invoice.currency,
                'reference': 'CT-1 to CT-2',
                **values,
            }
        )

    def _document(self, document_class, contact, lines, values):
        contact = contact or self.a_contact()
        lines = lines or (
            self.line('3', '33.3333', '5'),
            dto.InvoiceLine('A note between the lines'),
            self.line('1.5', '10', taxed=False),
        )
        included = values.get('tax_included', False)
        tax = sum((line.tax_amount or D(0) for line in lines), D('0.00'))
        amount = sum((line.amount or D(0) for line in lines), D('0.00'))
        untaxed = amount - tax if included else amount
        number = next(self._numbers)
        return document_class(
            **{
                'contact_external_id': contact.external_id,
                'date': date(2026, 9, 14),
                'due_date': date(2026, 10, 14),
                'currency': self.organization.currency,
                'number': f'CT/2026/{number:05d}',
                'reference': 'PO 4711',
                'lines': tuple(lines),
                'totals': dto.Totals(untaxed, tax, untaxed + tax),
                **values,
            }
        )

    def payment(self, *invoices, amounts=None, **values):
        """A payment of invoices that stand in the books, whole or by ``amounts``."""
        amounts = amounts or [invoice.amount_due for invoice in invoices]
        applications = tuple((one.external_id, amount) for one, amount in zip(invoices, amounts, strict=True))
        return dto.Payment(
            **{
                'contact_external_id': invoices[0].contact_external_id,
                'account': self.payment_account,
                'date': date(2026, 9, 20),
                'amount': sum(amounts),
                'currency': invoices[0].currency,
                'applications': applications,
                'reference': 'Cheque 17',
                **values,
            }
        )

    @property
    def payment_account(self):
        return next(a.external_id for a in self.provider.list_accounts() if a.is_payment and a.active)

    def due(self, invoice):
        """(status, what is left to pay) of an invoice as it stands now."""
        now = self.provider.get_record('invoice', invoice.external_id)
        return now.status, now.amount_due

    # === sending === #

    def prepare(self, operation, *members):
        return self.provider.prepare(operation, [(str(place), one) for place, one in enumerate(members)])

    def send(self, operation, *members, key=None):
        return self.provider.send(self.prepare(operation, *members), key or new_key()).results

    def create(self, kind, *members):
        """The records as the provider has them now; none was refused."""
        results = self.send(f'{kind}.create', *members)
        assert [result.error for result in results] == [None] * len(members)
        return [result.record for result in results]

    def sample(self, kind):
        if kind == 'project':
            return dto.Project(f'Contract project {next(self._numbers)}', self.a_contact().external_id)
        return getattr(self, kind)()

    def wanted(self, kind, record, since=None):
        """What the addon asks for after an uncertain outcome."""
        if kind == 'allocation':
            return dto.Wanted(
                key='',
                contact_external_id=record.contact_external_id,
                date=record.date,
                currency=record.currency,
                total=record.amount,
                since=since,
                documents=(record.credit_note_external_id, record.invoice_external_id),
            )
        invoice = kind in ('invoice', 'credit_note')
        return dto.Wanted(
            key=self.provider.natural_key(kind, record),
            contact_external_id=record.contact_external_id if invoice else '',
            project_external_id=record.project_external_id if invoice else '',
            date=record.date if invoice else None,
            currency=record.currency if invoice else '',
            total=record.totals.total if invoice else None,
            own_number=record.own_number if invoice and not record.number else '',
            since=since,
        )

    def pull(self, kind='contact', since='', page_size=1000, between=None):
        """All pages of a pass; ``between`` is called after each with how many there were."""
        pages, cursor = [], ''
        while True:
            page = self.provider.pull_page(kind, cursor=cursor, since=since, page_size=page_size)
            pages.append(page)
            cursor = page.next_cursor
            if not cursor:
                return pages
            assert len(pages) < 100, 'the pass does not end'
            if between:
                between(len(pages))


def new_key():
    return str(uuid.uuid4())


def names(pages):
    return [record.name for page in pages for record in page.records]


def soon(moment):
    return moment + timedelta(seconds=1)
