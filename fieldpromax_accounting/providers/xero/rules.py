"""Xero's rules, checked before anything is sent, and its arithmetic (provider_facts A7–A9).

How a broken rule is said: :mod:`..checks`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from .. import checks, dto
from ..checks import BLANK, SPACES, EmailRule, NameRule, too_long
from ..files import MEGABYTE, FileRule
from .mapping import (
    INVOICE_STATUS_TO_XERO,
    folded_lines,
    line_figures,
    line_product,
    line_tax,
    reference_text,
)

_HUNDRED = Decimal(100)


def _too_long(label: str, value: str, limit: int, suggest: bool = True) -> list[str]:
    return too_long('Xero', label, value, limit, suggest)


def _tidy_name(name: str) -> str:
    return SPACES.sub(' ', name.replace('<', '').replace('>', '')).strip(BLANK)


def _code_of(name: str) -> str:
    """A code made of a name: capitals, digits and hyphens."""
    return re.sub(r'[^A-Z0-9]+', '-', name.upper()).strip('-')


CONTACT_NAME = NameRule(
    'Xero',
    'contact',
    255,
    forbidden=(
        (r'[<>]', 'the characters < and >'),
        (r' {2,}|[\t\r\n\f\v]', 'two spaces in a row, tabs or line breaks'),
    ),
    tidy=_tidy_name,
    around=True,
)
EMAIL_ADDRESS = EmailRule('Xero', 255)
# Xero's items may go without a name of their own, not without a code (A8)
ITEM_NAME = NameRule('Xero', 'item', 50, required=False)
ITEM_CODE = NameRule(
    'Xero',
    'item',
    30,
    what='code',
    missing='Xero needs a code (the internal reference) for every item; this one has none.',
    make=_code_of,
    number='{}-{}',
)
#: what can be asked about a text alone: ``{(kind, what it is): rule}``
TEXT_RULES = {
    ('contact', 'name'): CONTACT_NAME,
    ('contact', 'email'): EMAIL_ADDRESS,
    ('item', 'name'): ITEM_NAME,
    ('item', 'code'): ITEM_CODE,
}


def check_contact(contact: dto.Contact) -> tuple[str, ...]:
    found = CONTACT_NAME.check(contact.name) + EMAIL_ADDRESS.check(contact.email)
    for label, value, limit in (
        ('the number of a contact', contact.number, 50),
        ('the first name', contact.first_name, 255),
        ('the last name', contact.last_name, 255),
        ('the phone number', contact.phone, 50),
        ('the tax number', contact.tax_number, 50),
        ('the street', contact.address.street, 500),
        ('the second line of the street', contact.address.street2, 500),
        ('the city', contact.address.city, 255),
        ('the state or region', contact.address.region, 255),
        ('the postal code', contact.address.postal_code, 50),
        ('the country', contact.address.country, 50),
    ):
        found += _too_long(label, value, limit, suggest=label in ('the street', 'the city'))
    return tuple(found)


def check_item(item: dto.Item) -> tuple[str, ...]:
    found = ITEM_CODE.check(item.code, item.name) + ITEM_NAME.check(item.name)
    found += _too_long('the description of an item', item.description, 4000, suggest=False)
    return tuple(found)


def check_invoice(invoice: dto.Invoice) -> tuple[str, ...]:
    return _check_document(invoice, 'an invoice', 'credit note')


def check_credit_note(note: dto.CreditNote) -> tuple[str, ...]:
    found = _check_document(note, 'a credit note', 'invoice')
    if '"' in note.number or '\\' in note.number:
        # a filter is all that credit notes are found by, and its texts stand in quotation marks
        found += ('The number of a credit note has no quotation marks and backslashes. Please change it.',)
    return found


def _check_document(invoice: dto.Invoice, what: str, opposite: str) -> tuple[str, ...]:
    """:param what: the document in sentences, with its article. :param opposite: what it is with a negative total."""
    found = []
    approved = invoice.status == 'approved'
    noun = what.partition(' ')[2]
    if invoice.status not in INVOICE_STATUS_TO_XERO:
        found.append(f'Only draft and approved {noun}s are sent to Xero. Please post the {noun} first.')
    if not invoice.contact_external_id:
        found.append(f'Xero needs a contact for every {noun}; the customer of this one is not in Xero yet.')
    if not invoice.date:
        found.append(f'Xero needs a date for every {noun}. Please enter the {noun} date.')
    if approved and not invoice.due_date and not isinstance(invoice, dto.CreditNote):
        found.append(
            'Xero needs a due date for an approved invoice. Please enter one, for example the invoice date.'
        )
    if not re.fullmatch(r'[A-Z]{3}', invoice.currency):
        found.append(f'Xero needs the currency of {what} as a three-letter code, for example "USD".')
    if not any(not line.is_text for line in invoice.lines):
        found.append('Xero needs at least one line with a quantity and a price. Please add one.')
    found += _too_long(f'the number of {what}', invoice.number, 255)
    found += _too_long(f'the reference of {what}', reference_text(invoice), 255)
    total = predict_totals(invoice).total
    if total < 0:
        article = 'an' if opposite == 'invoice' else 'a'
        found.append(
            f'Xero does not accept {what} with a negative total ({total}). Please make {article} {opposite} instead.'
        )
    for position, line in enumerate(folded_lines(invoice), 1):
        found += _check_line(position, line, approved)
    return tuple(found)


def check_allocation(allocation: dto.Allocation) -> tuple[str, ...]:
    if allocation.amount > 0 and allocation.amount == round(allocation.amount, 2):
        return ()
    return (
        f'Xero takes allocations above zero with two decimals, not {allocation.amount}. '
        'Please reconcile another amount.',
    )


def _check_line(position: int, line: dto.InvoiceLine, approved: bool) -> list[str]:
    where = f'Line {position}'
    found = []
    if not line.description.strip():
        found.append(
            f"{where}: Xero needs a description on every line. Please enter one, for example the product's name."
        )
    found += [
        f'{where}: {sentence}'
        for sentence in _too_long('the description of a line', line.description, 4000, suggest=False)
    ]
    if line.is_text:
        return found
    if approved and not line.account and not line.item_code:
        found.append(
            f'{where}: Xero needs an account on every line of an approved invoice. Please map its account.'
        )
    found += [f'{where}: {s}' for s in _too_long('an account code', line.account, 10, suggest=False)]
    found += [f'{where}: {s}' for s in _too_long('the code of an item', line.item_code, 30)]
    if not 0 <= line.discount <= _HUNDRED:
        found.append(
            f'{where}: Xero needs a discount between 0 and 100 percent, not {line.discount}. '
            'Please change the unit price instead.'
        )
    tax, amount = line_tax(line), line_amount(line)
    if tax is not None and abs(tax) > abs(amount):
        found.append(
            f'{where}: Xero does not accept a tax amount ({tax}) that is larger than the amount of the line '
            f'({amount}). Please check the taxes of the line.'
        )
    return found


def check_payment(payment: dto.Payment) -> tuple[str, ...]:
    """One invoice, an amount above zero in cents, an account (A10)."""
    return checks.check_payment('Xero', payment, several=False)


#: size and number of files: A10; the types are those that Xero's own pages list
FILES = FileRule(
    'Xero',
    max_bytes=10 * MEGABYTE,
    max_name=255,
    extensions=frozenset(
        '7z bmp csv doc docx eml gif jpeg jpg keynote msg numbers odf ods odt pages pdf png ppt pptx rar rtf tif tiff '
        'txt xls xlsx zip'.split()
    ),
    max_files=10,
)


def check_attachment(file: dto.Attachment) -> tuple[str, ...]:
    return FILES.check(file)


CHECKS = {
    'contact': check_contact,
    'item': check_item,
    'invoice': check_invoice,
    'credit_note': check_credit_note,
    'allocation': check_allocation,
    'payment': check_payment,
    'attachment': check_attachment,
}


def line_amount(line: dto.InvoiceLine) -> Decimal:
    """What Xero multiplies the line to; 0 for a text line."""
    return Decimal('0.00') if line.is_text else line_product(*line_figures(line))


def predict_totals(invoice: dto.Invoice) -> dto.Totals:
    """What Xero will add up: line amounts as they are sent, and our own tax amounts, which override Xero's
    (A9).

    A line without ``tax_amount`` counts as untaxed: its rate is not known here, and a prediction that is too
    low stops the invoice before it is sent, which is the safe side.
    """
    amounts = sum((line_amount(line) for line in folded_lines(invoice)), Decimal('0.00'))
    tax = sum((line_tax(line) or Decimal(0) for line in invoice.lines if not line.is_text), Decimal('0.00'))
    if invoice.tax_included:
        return dto.Totals(untaxed=amounts - tax, tax=tax, total=amounts)
    return dto.Totals(untaxed=amounts, tax=tax, total=amounts + tax)
