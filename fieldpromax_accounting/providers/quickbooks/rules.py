"""QuickBooks' rules, checked before anything is sent, and its arithmetic (provider_facts B8–B11).

How a broken rule is said: :mod:`..checks`. What the organization allows is asked of it: numbers and currencies.
"""

from __future__ import annotations

import re
from decimal import Decimal

from .. import checks, dto
from ..checks import BLANK, CONTROL, SPACES, EmailRule, NameRule, check_email, shown, too_long
from ..files import MEGABYTE, FileRule
from .mapping import (
    UNKNOWN,
    code_taxes,
    is_american,
    line_figures,
    line_tax,
    tax_calculation,
    tax_override,
)

LABEL = 'QuickBooks Online'
MAX_LINES = 750
_FORBIDDEN = re.compile(r'[:\t\r\n]')
# a record whose name cannot stand in a query could not be found again
_UNSEEN = (r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]', 'characters that cannot be seen')


def _too_long(label: str, value: str, limit: int, suggest: bool = True) -> list[str]:
    return too_long(LABEL, label, value, limit, suggest)


def _tidy_name(name: str) -> str:
    """A colon between two words becomes a dash between spaces, as in "Acme - Homes"."""
    name = SPACES.sub(' ', re.sub(rf'[{BLANK}]*:[{BLANK}:]*', ' - ', name.strip(BLANK + ':')))
    return CONTROL.sub('', name).strip(BLANK)


def _name_rule(record: str, limit: int) -> NameRule:
    """A colon divides parent and child in QuickBooks' names (B8, B9)."""
    return NameRule(
        LABEL,
        record,
        limit,
        forbidden=((':', 'colons'), (r'[\t\r\n]', 'tabs or line breaks'), _UNSEEN),
        tidy=_tidy_name,
        around=True,
    )


CUSTOMER_NAME = _name_rule('customer', 500)
ITEM_NAME = _name_rule('product', 100)
# a customer's name may be longer than a project's (GK)
PROJECT_NAME = _name_rule('project', 100)
SUB_CUSTOMER_NAME = _name_rule('project', 500)
ITEM_CODE = NameRule(
    LABEL, 'product', 100, what='SKU (the internal reference)', required=False, number='{}-{}'
)
EMAIL_ADDRESS = EmailRule(LABEL, 100, several=True)
#: what can be asked about a text alone: ``{(kind, what it is): rule}``
TEXT_RULES = {
    ('contact', 'name'): CUSTOMER_NAME,
    ('contact', 'email'): EMAIL_ADDRESS,
    ('item', 'name'): ITEM_NAME,
    ('item', 'code'): ITEM_CODE,
    ('project', 'name'): PROJECT_NAME,
}


def check_contact(contact: dto.Contact, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    found = CUSTOMER_NAME.check(contact.name)
    for label, value in (('the first name', contact.first_name), ('the last name', contact.last_name)):
        if _FORBIDDEN.search(value):
            found.append(
                f'{LABEL} does not allow colons, tabs or line breaks in {label}: {shown(value)}. '
                f'For example: {shown(_tidy_name(value))}.'
            )
        found += _too_long(label, value, 100)
    found += EMAIL_ADDRESS.check(contact.email)
    address = contact.address
    for label, value, limit in (
        ('the phone number', contact.phone, 30),
        ('the website', contact.website, 1000),
        ('the tax number', contact.tax_number, 20),
        ('the street', address.street, 500),
        ('the second line of the street', address.street2, 500),
        ('the city', address.city, 255),
        ('the state or region', address.region, 255),
        ('the postal code', address.postal_code, 30),
        ('the country', address.country, 255),
    ):
        found += _too_long(label, value, limit, suggest=label in ('the street', 'the city'))
    if not contact.external_id:
        found += _check_currency(contact.currency, organization, 'a customer')
    return tuple(found)


def _check_currency(currency: str, organization: dto.Organization, what: str) -> list[str]:
    if not currency or not organization.currencies or currency in organization.currencies:
        return []
    return [
        f'The company does not use the currency {currency} in {LABEL}, which {what} has. '
        'Turn on Multicurrency there and add the currency.'
    ]


def check_project(project: dto.Project, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    found = (SUB_CUSTOMER_NAME if project.is_sub_customer else PROJECT_NAME).check(project.name)
    if not project.contact_external_id:
        found.append(
            f'{LABEL} needs a customer for every project; the customer of this one is not there yet. '
            'Please enter a customer.'
        )
    return tuple(found)


def check_item(item: dto.Item, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    found = ITEM_NAME.check(item.name) + ITEM_CODE.check(item.code)
    found += _too_long('the description of a product', item.description, 4000, suggest=False)
    if not item.external_id and not item.sale_account:
        found.append(
            f'{LABEL} needs an income account for every product. Please choose one in the account mapping, '
            'for the income account of the product.'
        )
    return tuple(found)


def check_invoice(invoice: dto.Invoice, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    return _check_document(invoice, organization, 'an invoice', 'a credit note')


def check_credit_note(note: dto.CreditNote, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    return _check_document(note, organization, 'a credit note', 'an invoice')


def _check_document(
    invoice: dto.Invoice, organization: dto.Organization, what: str, opposite: str
) -> tuple[str, ...]:
    """:param what: the document in sentences, with its article. :param opposite: what it is with a negative total."""
    found = []
    noun = what.partition(' ')[2]
    if invoice.status != 'approved':
        found.append(
            f'{LABEL} has no drafts: {what} counts as soon as it arrives. Please post the {noun} first.'
        )
    if not invoice.contact_external_id:
        found.append(f'{LABEL} needs a customer for every {noun}; the customer of this one is not there yet.')
    if not invoice.date:
        found.append(f'{LABEL} needs a date for every {noun}. Please enter the {noun} date.')
    if not re.fullmatch(r'[A-Z]{3}', invoice.currency):
        found.append(f'{LABEL} needs the currency of {what} as a three-letter code, for example "USD".')
    else:
        found += _check_currency(invoice.currency, organization, f'this {noun}')
    if not organization.numbers_documents:
        found += _too_long(f'the number of {what}', invoice.number, 21)
    found += _too_long(f'the reference of {what}', invoice.reference, 3900, suggest=False)
    for address in filter(None, (part.strip() for part in invoice.email.split(','))):
        found += check_email(LABEL, address)
    found += _too_long('the e-mail address', invoice.email, 100, suggest=False)
    if not any(not line.is_text for line in invoice.lines):
        found.append(f'{LABEL} needs at least one line with a product and a price. Please add one.')
    if len(invoice.lines) > MAX_LINES:
        found.append(
            f'{LABEL} allows {MAX_LINES} lines in {what}; this one has {len(invoice.lines)}. '
            'Please divide it into several invoices.'
        )
    total = predict_totals(invoice, organization).total
    if total < 0:
        found.append(
            f'{LABEL} does not accept {what} with a negative total ({total}). Please make {opposite} instead.'
        )
    for position, line in enumerate(invoice.lines, 1):
        found += [f'Line {position}: {sentence}' for sentence in _check_line(line, organization)]
    return tuple(found)


def check_allocation(allocation: dto.Allocation, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    if allocation.amount > 0 and allocation.amount == round(allocation.amount, 2):
        return ()
    return (
        f'{LABEL} takes allocations above zero with two decimals, not {allocation.amount}. '
        'Please reconcile another amount.',
    )


def _check_line(line: dto.InvoiceLine, organization: dto.Organization) -> list[str]:
    found = _too_long('the description of a line', line.description, 4000, suggest=False)
    if line.is_text:
        return found
    if not line.item_external_id:
        found.append(
            f'{LABEL} needs a product on every line. Please choose one, or the product that stands for lines without.'
        )
    if line_tax(line) and not line.tax_code and not is_american(organization):
        found.append(f'{LABEL} needs a tax code on a line with tax. Please map its taxes.')
    return found


def check_payment(payment: dto.Payment, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    return checks.check_payment(LABEL, payment, several=True)


#: as published tables of Intuit's limits have it; the API's reference names neither size nor types
FILES = FileRule(
    LABEL,
    max_bytes=100 * MEGABYTE,
    max_name=1000,
    extensions=frozenset(
        'ai csv doc docx eps gif jpeg jpg ods pages pdf png rtf tif txt xls xlsx xml'.split()
    ),
)


def check_attachment(file: dto.Attachment, organization: dto.Organization = UNKNOWN) -> tuple[str, ...]:
    return FILES.check(file)


CHECKS = {
    'contact': check_contact,
    'item': check_item,
    'project': check_project,
    'invoice': check_invoice,
    'credit_note': check_credit_note,
    'allocation': check_allocation,
    'payment': check_payment,
    'attachment': check_attachment,
}


def predict_totals(invoice: dto.Invoice, organization: dto.Organization = UNKNOWN) -> dto.Totals:
    """What QuickBooks will add up.

    * American companies: our own tax, which goes along as ``TotalTax``; it may be worked out otherwise there. None
      where the company uses no sales tax.
    * Elsewhere, prices without tax: the tax of each code on the sum of its lines, unless ours goes along because
      rounding alone tells them apart. Of codes whose rate is not known, our own amounts: they are compared afterwards.
    * Elsewhere, prices with tax: what the gross amounts leave, so that the total stays what was agreed.
    """
    lines = [line for line in invoice.lines if not line.is_text]
    figures = [line_figures(line, invoice.tax_included) for line in lines]
    untaxed = sum((net for net, _gross in figures), Decimal('0.00'))
    own_tax = sum((line_tax(line) for line in lines), Decimal('0.00'))
    if is_american(organization):
        tax = own_tax if organization.computes_tax or not organization.country else Decimal('0.00')
    elif tax_calculation(invoice) == 'NotApplicable':
        tax = Decimal('0.00')
    elif invoice.tax_included:
        tax = own_tax
    else:
        tax = tax_override(invoice)
        if tax is None:
            tax = code_taxes(invoice)
    return dto.Totals(untaxed=untaxed, tax=tax, total=untaxed + tax)
