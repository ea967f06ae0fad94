"""Our data classes ↔ QuickBooks' JSON. Pure; names of the fields as in Intuit's reference (provider_facts B8–B13).

``to_*`` give what is sent, ``from_*`` read what came; ``from_*`` raise :class:`~..wire.Unreadable` for a record that
lacks what it must have, and put up with everything else: null, absent fields, words that Intuit has introduced since.

An update is sparse: it changes what it names and nothing else. ``version`` is the SyncToken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from .. import dto
from ..wire import (
    Unreadable,
    at_most,
    filled,
    flag,
    iso_day,
    nested,
    number,
    objects,
    required_number,
    rounded,
    text,
)
from .wire import ref, ref_id, updated

AMOUNT_DIGITS = 2
QUANTITY_DIGITS = 5
#: of UnitPrice: at most so many, as few as give the amount of the line
PRICE_DIGITS = 7
PRICE_DIGITS_STORED = 4
RATE_DIGITS = 6
EXCHANGE_RATE_DIGITS = 10
#: what rounding makes of the tax of one line at most, in hundredths or in the currency's own smallest unit (yen): half
#: of it for each of its taxes, of which there are seldom more than two
ROUNDING_OF_A_LINE = Decimal('0.01')
_HALF_CENT = Decimal('0.005')
_HUNDRED = Decimal(100)

#: line tax codes of American companies, whatever their real codes are (B11)
TAXABLE, NOT_TAXABLE = 'TAX', 'NON'
#: account types that no item may sell on: QuickBooks books on them by itself (GK)
_CONTROL_ACCOUNTS = {'ACCOUNTS RECEIVABLE', 'ACCOUNTS PAYABLE', 'BANK', 'CREDIT CARD'}
_REVENUE_ACCOUNTS = {'INCOME', 'OTHER INCOME'}
#: what a payment may be deposited to (GK: a bank, or a current asset such as Undeposited Funds)
_PAYMENT_ACCOUNTS = {'BANK', 'OTHER CURRENT ASSET'}
#: of PaymentRefNum, like DocNumber (B10)
REFERENCE_LENGTH = 21
#: items that are bought and sold; Category and Group only order others
_ITEM_TYPES = {'SERVICE', 'NONINVENTORY', 'INVENTORY'}
#: our number in PrivateNote, where QuickBooks numbers invoices by itself
_OWN_NUMBER = re.compile(r'^Odoo: ?([^\r\n]+?)[ \t]*$', re.MULTILINE)
_VOIDED = re.compile(r'\bVoided\b', re.IGNORECASE)
_VOIDED_LINE = re.compile(r'^[ \t]*Voided[ \t.:-]*', re.IGNORECASE | re.MULTILINE)
#: what QuickBooks hangs on the name of a record that was made inactive (B6)
_DELETED_NAME = re.compile(r' \(deleted(?:[ -]?\d+)?\)$')

STATUS_TO_QUICKBOOKS = {
    'open': 'OPEN',
    'in_progress': 'IN_PROGRESS',
    'done': 'COMPLETE',
    'cancelled': 'CANCELED',
}
STATUS_FROM_QUICKBOOKS = {
    'OPEN': 'open',
    'IN_PROGRESS': 'in_progress',
    'BLOCKED': 'in_progress',
    'COMPLETE': 'done',
    'COMPLETED': 'done',
    'CANCELED': 'cancelled',
    'CANCELLED': 'cancelled',
}

#: what is known of a company of which nothing is known: written to as to an American one
UNKNOWN = dto.Organization('', '')


def is_american(organization: dto.Organization) -> bool:
    return organization.country in ('', 'US')


def sync_token(version: str) -> str:
    """The SyncToken of a version; a project has its status behind it."""
    return version.partition('|')[0]


def _head(record) -> dict:
    """Id, SyncToken and the mark of a sparse update; {} for what is made."""
    if not record.external_id:
        return {}
    return {'Id': record.external_id, 'SyncToken': sync_token(record.version), 'sparse': True}


def _id_of(element):
    external_id = text(element, 'Id').strip()
    if not external_id:
        raise Unreadable('it has no Id')
    return external_id


def to_restore(record: dto.Contact | dto.Item) -> dict:
    """Make an inactive customer or item active again. Its name is said as well: QuickBooks hung a mark on it (B6)."""
    key = 'Name' if isinstance(record, dto.Item) else 'DisplayName'
    return {**_head(record), key: record.name, 'Active': True}


def _name_of(element, key, active):
    name = text(element, key)
    if not active:
        name = _DELETED_NAME.sub('', name)
    if not name.strip():
        raise Unreadable('it has no name')
    return name


# === contacts (B8) === #


def to_contact(contact: dto.Contact, organization: dto.Organization = UNKNOWN) -> dict:
    """Empty texts are left out, unless ``changed`` names them. QuickBooks has no place for ``number``; the currency is
    fixed once it is set, and the company's name is given to new ones only: it may have been written otherwise there
    since."""
    if contact.changed is not None:
        return _to_changed_contact(contact)
    body = {**_head(contact), **filled({'DisplayName': contact.name})}
    new = not contact.external_id
    if contact.first_name or contact.last_name:
        body.update(filled({'GivenName': contact.first_name, 'FamilyName': contact.last_name}))
    elif new and len(contact.name) <= 100:
        body['CompanyName'] = contact.name
    if contact.email:
        body['PrimaryEmailAddr'] = {'Address': contact.email}
    if contact.phone:
        body['PrimaryPhone'] = {'FreeFormNumber': contact.phone}
    if contact.website:
        body['WebAddr'] = {'URI': contact.website}
    for key, address in (('BillAddr', contact.address), ('ShipAddr', contact.delivery_address)):
        if address != dto.Address():
            body[key] = filled(_to_address(address))
    if contact.tax_number:
        body['PrimaryTaxIdentifier'] = contact.tax_number
    if contact.term:
        body['SalesTermRef'] = ref(contact.term)
    if new and contact.parent_external_id:
        body.update({'Job': True, 'ParentRef': ref(contact.parent_external_id)})
    if new and contact.currency and contact.currency != organization.currency:
        body['CurrencyRef'] = ref(contact.currency)
    if not contact.active:
        body['Active'] = False
    return body


def _to_changed_contact(contact):
    """What ``changed`` names and nothing else; an empty text clears (B6)."""
    changed, body = contact.changed, _head(contact)
    if 'name' in changed:
        body['DisplayName'] = contact.name
    if 'email' in changed:
        body['PrimaryEmailAddr'] = {'Address': contact.email}
    if 'phone' in changed:
        body['PrimaryPhone'] = {'FreeFormNumber': contact.phone}
    if 'website' in changed:
        body['WebAddr'] = {'URI': contact.website}
    for field, key, address in (
        ('address', 'BillAddr', contact.address),
        ('delivery_address', 'ShipAddr', contact.delivery_address),
    ):
        if field in changed:
            # The lines behind the second would stay otherwise.
            body[key] = {**_to_address(address), 'Line3': '', 'Line4': '', 'Line5': ''}
    if 'active' in changed:
        body['Active'] = contact.active
    return body


def _to_address(address):
    return {
        'Line1': address.street,
        'Line2': address.street2,
        'City': address.city,
        'CountrySubDivisionCode': address.region,
        'PostalCode': address.postal_code,
        'Country': address.country,
    }


def _phone(element):
    for key in ('PrimaryPhone', 'Mobile', 'AlternatePhone'):
        found = text(nested(element, key), 'FreeFormNumber').strip()
        if found:
            return found
    return ''


def _addresses(element):
    """``(where the bill goes, where to deliver to)``; the second alone counts as the first."""
    found = []
    for key in ('BillAddr', 'ShipAddr'):
        part = nested(element, key)
        lines = [text(part, f'Line{index}').strip() for index in (1, 2, 3, 4, 5)]
        found.append(
            dto.Address(
                street=lines[0],
                street2=', '.join(line for line in lines[1:] if line),
                city=text(part, 'City').strip(),
                region=text(part, 'CountrySubDivisionCode').strip(),
                postal_code=text(part, 'PostalCode').strip(),
                country=text(part, 'Country').strip(),
            )
        )
    billing, delivery = found
    return (billing, delivery) if billing != dto.Address() else (delivery, dto.Address())


def _tax_number(element):
    """QuickBooks shows the last characters only: a masked number is none."""
    found = text(element, 'PrimaryTaxIdentifier').strip()
    return '' if re.search(r'[xX*]{3}', found) else found


def from_contact(element: dict) -> dto.Contact:
    """A sub-customer has its parent's id; its name is its own, without the parent's."""
    active = flag(element, 'Active', default=True)
    address, delivery_address = _addresses(element)
    return dto.Contact(
        name=_name_of(element, 'DisplayName', active),
        external_id=_id_of(element),
        version=text(element, 'SyncToken'),
        email=text(nested(element, 'PrimaryEmailAddr'), 'Address').strip(),
        phone=_phone(element),
        first_name=text(element, 'GivenName'),
        last_name=text(element, 'FamilyName'),
        website=text(nested(element, 'WebAddr'), 'URI'),
        tax_number=_tax_number(element),
        address=address,
        delivery_address=delivery_address,
        currency=ref_id(element, 'CurrencyRef'),
        is_customer=True,
        active=active,
        parent_external_id=ref_id(element, 'ParentRef'),
        term=ref_id(element, 'SalesTermRef'),
        updated_at=updated(element),
    )


# === projects (B13) === #


def is_project(element: dict) -> bool:
    return flag(element, 'IsProject')


def to_sub_customer(project: dto.Project) -> dict:
    """A project as a customer below its customer; of one that is there, name and activity."""
    body = {**_head(project), 'DisplayName': project.name}
    if not project.external_id:
        body.update({'Job': True, 'ParentRef': ref(project.contact_external_id), 'BillWithParent': True})
    if project.external_id or not project.active:
        # said in either case: a sparse update that leaves it out does not restore an ended one
        body['Active'] = project.active
    return body


def from_project(element: dict, status: str = '') -> dto.Project:
    """A customer as the project that it is. ``status``: the Projects API's word, '' where it says nothing.

    The version has the status behind the SyncToken: a new status is a change that no SyncToken tells of.
    """
    active = flag(element, 'Active', default=True)
    token = text(element, 'SyncToken')
    return dto.Project(
        name=_name_of(element, 'DisplayName', active),
        contact_external_id=ref_id(element, 'ParentRef'),
        external_id=_id_of(element),
        version=f'{token}|{status}' if status else token,
        status=STATUS_FROM_QUICKBOOKS.get(status, ''),
        is_sub_customer=not is_project(element),
        active=active,
        updated_at=updated(element),
    )


# === items (B9) === #


def to_item(item: dto.Item, organization: dto.Organization = UNKNOWN) -> dict:
    """Service or NonInventory, never Inventory: what is in stock is the books' own affair."""
    if item.changed is not None:
        return _to_changed_item(item)
    body = {**_head(item), **filled({'Name': item.name, 'Sku': item.code, 'Description': item.description})}
    if not item.external_id:
        body['Type'] = 'Service' if item.is_service else 'NonInventory'
    price = at_most(item.sale_price, PRICE_DIGITS_STORED)
    if price is not None:
        body['UnitPrice'] = price
    if item.sale_account:
        body['IncomeAccountRef'] = ref(item.sale_account)
    if item.sale_tax:
        if is_american(organization):
            body['Taxable'] = item.sale_tax != NOT_TAXABLE
        else:
            body['SalesTaxCodeRef'] = ref(item.sale_tax)
    if not item.active:
        body['Active'] = False
    return body


def _to_changed_item(item):
    """What ``changed`` names and nothing else; an empty text clears (B6)."""
    changed, body = item.changed, _head(item)
    if 'name' in changed:
        body['Name'] = item.name
    if 'code' in changed:
        body['Sku'] = item.code
    if 'description' in changed:
        body['Description'] = item.description
    if 'price' in changed and item.sale_price is not None:
        body['UnitPrice'] = at_most(item.sale_price, PRICE_DIGITS_STORED)
    if 'active' in changed:
        body['Active'] = item.active
    return body


def from_item(element: dict) -> dto.Item | None:
    """None for what cannot be sold: categories and bundles."""
    kind = text(element, 'Type').upper()
    if kind and kind not in _ITEM_TYPES:
        return None
    active = flag(element, 'Active', default=True)
    sale_tax = ref_id(element, 'SalesTaxCodeRef')
    if not sale_tax and 'Taxable' in element:
        sale_tax = TAXABLE if flag(element, 'Taxable') else NOT_TAXABLE
    account = ref_id(element, 'IncomeAccountRef')
    return dto.Item(
        code=text(element, 'Sku'),
        name=_name_of(element, 'Name', active),
        external_id=_id_of(element),
        version=text(element, 'SyncToken'),
        description=text(element, 'Description'),
        sale_price=number(element, 'UnitPrice'),
        purchase_price=number(element, 'PurchaseCost'),
        sale_account=account,
        sale_tax=sale_tax,
        is_sold=bool(account),
        is_purchased=bool(ref_id(element, 'ExpenseAccountRef')),
        is_tracked=kind == 'INVENTORY',
        is_service=kind == 'SERVICE',
        active=active,
        updated_at=updated(element),
    )


# === invoices (B10–B12) === #


def line_figures(line: dto.InvoiceLine, tax_included: bool) -> tuple[Decimal, Decimal]:
    """What a line comes to, without and with its tax: prediction and body must not differ. (0, 0) for a text line."""
    if line.is_text:
        return Decimal('0.00'), Decimal('0.00')
    amount = line.amount
    if amount is None:
        price = line.unit_price if line.unit_price is not None else Decimal(0)
        amount = line.quantity * price * (_HUNDRED - line.discount) / _HUNDRED
    amount = rounded(amount, AMOUNT_DIGITS)
    tax = line_tax(line)
    return (amount - tax, amount) if tax_included else (amount, amount + tax)


def line_tax(line: dto.InvoiceLine) -> Decimal:
    return rounded(line.tax_amount or Decimal(0), AMOUNT_DIGITS)


def unit_price(line: dto.InvoiceLine, net: Decimal) -> tuple[Decimal, Decimal] | None:
    """``(Qty, UnitPrice)`` whose product is ``net`` to the cent, discount and included tax folded into the price (B10).

    The price as it stands in Odoo where it does; otherwise with as few decimals as give the amount. None where no price
    does (a large quantity at a tiny price): the amount alone says it.
    """
    quantity = at_most(line.quantity, QUANTITY_DIGITS)
    plain = (line.unit_price or Decimal(0)) * (_HUNDRED - line.discount) / _HUNDRED
    candidates = [at_most(plain, PRICE_DIGITS)]
    if quantity:
        candidates += [rounded(net / quantity, digits) for digits in range(2, PRICE_DIGITS + 1)]
    for price in candidates:
        if rounded(quantity * price, AMOUNT_DIGITS) == net:
            return quantity, price.normalize() if price else Decimal(0)
    return None


def _to_line(line: dto.InvoiceLine, tax_included: bool, organization: dto.Organization) -> dict:
    body = filled({'Id': line.external_id, 'Description': line.description})
    if line.is_text:
        return {**body, 'DetailType': 'DescriptionOnly', 'DescriptionLineDetail': {}}
    if not line.item_external_id:
        # QuickBooks would book it on whatever its item number 1 is.
        raise ValueError('A line without an item is not sent to QuickBooks Online')
    net, gross = line_figures(line, tax_included)
    detail = {'ItemRef': ref(line.item_external_id)}
    figures = unit_price(line, net)
    if figures:
        detail['Qty'], detail['UnitPrice'] = figures
    code = line.tax_code
    if is_american(organization):
        code = code or (TAXABLE if line_tax(line) else NOT_TAXABLE)
    elif tax_included:
        detail['TaxInclusiveAmt'] = gross
    if code:
        detail['TaxCodeRef'] = ref(code)
    if line.categories:
        detail['ClassRef'] = ref(line.categories[0])
    return {**body, 'Amount': net, 'DetailType': 'SalesItemLineDetail', 'SalesItemLineDetail': detail}


def _note(invoice: dto.Invoice, organization: dto.Organization) -> str:
    lines = []
    if organization.numbers_documents and invoice.number:
        lines.append(f'Odoo: {invoice.number}')
    if invoice.reference:
        lines.append(invoice.reference)
    return '\n'.join(lines)


def tax_calculation(invoice: dto.Invoice) -> str:
    """GlobalTaxCalculation, which American companies do not have (B11)."""
    if not any(line.tax_code for line in invoice.lines):
        return 'NotApplicable'
    return 'TaxInclusive' if invoice.tax_included else 'TaxExcluded'


def code_taxes(invoice: dto.Invoice) -> Decimal:
    """The tax that QuickBooks works out outside America, prices without tax: one amount for each tax code, on the sum
    of its lines. Of a code whose rate is not known on every line, our own amounts."""
    codes: dict[str, list[dto.InvoiceLine]] = {}
    for line in invoice.lines:
        if not line.is_text and line.tax_code:
            codes.setdefault(line.tax_code, []).append(line)
    tax = Decimal('0.00')
    for group in codes.values():
        rates = {line.tax_rate for line in group}
        if len(rates) == 1 and None not in rates:
            net = sum((line_figures(line, False)[0] for line in group), Decimal(0))
            tax += rounded(net * rates.pop() / _HUNDRED, AMOUNT_DIGITS)
        else:
            tax += sum((line_tax(line) for line in group), Decimal(0))
    return tax


def tax_override(invoice: dto.Invoice) -> Decimal | None:
    """``TotalTax`` to send outside America: Odoo's own tax, where QuickBooks would come to another one by rounding
    alone (Odoo may round each line, and each of two taxes on a line).

    None: QuickBooks' own is the same, or its difference is more than rounding, which no override may hide, or no line
    has a rate that could carry it.
    """
    if invoice.tax_included or tax_calculation(invoice) == 'NotApplicable':
        return None
    computed = code_taxes(invoice)
    taxed = [
        line
        for line in invoice.lines
        if not line.is_text and line.tax_code and line.tax_rate and line.tax_amount is not None
    ]
    own = sum((line_tax(line) for line in invoice.lines if not line.is_text), Decimal('0.00'))
    if not taxed or own == computed:
        return None
    digits = max(-line.tax_amount.as_tuple().exponent for line in taxed)
    smallest = max(ROUNDING_OF_A_LINE, Decimal(1).scaleb(-digits))
    return own if abs(own - computed) <= smallest * len(taxed) + _HALF_CENT else None


def to_invoice(invoice: dto.Invoice, organization: dto.Organization = UNKNOWN) -> dict:
    """A whole invoice, or a sparse change of one whose lines are given anew.

    * A project is a customer: the invoice is made out to it, which works on every plan, for projects and for
      sub-customers alike; it is billed to the customer above.
    * Where QuickBooks numbers invoices, ours goes into the private note, where :func:`from_invoice` finds it again.
    * In American companies ``TotalTax`` is what the customer was charged; QuickBooks keeps it where it does not work
      the tax out itself. Elsewhere the codes of the lines decide, and ``TotalTax`` is sent only where rounding alone
      would make another tax (:func:`tax_override`); where prices include the tax, each line has both its net and its
      gross amount.
    """
    if invoice.status != 'approved':
        raise ValueError(f'QuickBooks Online has approved invoices only, none that are {invoice.status!r}')
    body = _head(invoice)
    if invoice.number and not invoice.external_id and not organization.numbers_documents:
        body['DocNumber'] = invoice.number
    body['CustomerRef'] = ref(invoice.project_external_id or invoice.contact_external_id)
    body['TxnDate'] = invoice.date.isoformat()
    if invoice.due_date:
        body['DueDate'] = invoice.due_date.isoformat()
    if invoice.term:
        body['SalesTermRef'] = ref(invoice.term)
    if invoice.currency and (len(organization.currencies) != 1 or invoice.currency != organization.currency):
        body['CurrencyRef'] = ref(invoice.currency)
    if invoice.currency_rate:
        # home units for one foreign unit: the inverse of ours (B12)
        body['ExchangeRate'] = rounded(1 / invoice.currency_rate, EXCHANGE_RATE_DIGITS)
    if invoice.email:
        body['BillEmail'] = {'Address': invoice.email}
    note = _note(invoice, organization)
    if note or invoice.external_id:
        # a sparse change keeps what it does not name
        body['PrivateNote'] = note
    if not is_american(organization):
        body['GlobalTaxCalculation'] = tax_calculation(invoice)
    body['Line'] = [_to_line(line, invoice.tax_included, organization) for line in invoice.lines]
    if is_american(organization) and (organization.computes_tax or not organization.country):
        tax = sum((line_tax(line) for line in invoice.lines if not line.is_text), Decimal('0.00'))
        body['TxnTaxDetail'] = {'TotalTax': tax}
    elif not is_american(organization) and (override := tax_override(invoice)) is not None:
        body['TxnTaxDetail'] = {'TotalTax': override}
    return body


def to_credit_note(note: dto.CreditNote, organization: dto.Organization = UNKNOWN) -> dict:
    """As :func:`to_invoice`: a credit memo has no due date and no term."""
    body = to_invoice(note, organization)
    return {name: value for name, value in body.items() if name not in ('DueDate', 'SalesTermRef')}


def to_void(invoice: dto.Invoice) -> dict:
    return _head(invoice)


def _from_lines(element: dict, tax_included: bool) -> list[dto.InvoiceLine]:
    found = []
    for line in objects(element, 'Line'):
        kind = text(line, 'DetailType')
        if kind == 'SubTotalLineDetail':
            continue
        if kind == 'GroupLineDetail':
            found += _from_lines(nested(line, 'GroupLineDetail'), tax_included)
            continue
        found.append(_from_line(line, kind, tax_included))
    return found


def _from_line(line: dict, kind: str, tax_included: bool) -> dto.InvoiceLine:
    description, external_id = text(line, 'Description'), text(line, 'Id')
    if kind == 'DescriptionOnly':
        return dto.InvoiceLine(description, external_id=external_id)
    net = number(line, 'Amount')
    if kind == 'DiscountLineDetail':
        amount = -net if net is not None else None
        return dto.InvoiceLine(description, Decimal(1), amount, amount=amount, external_id=external_id)
    detail = nested(line, kind) or nested(line, 'SalesItemLineDetail')
    gross = number(detail, 'TaxInclusiveAmt') if tax_included else None
    class_id = ref_id(detail, 'ClassRef')
    quantity = number(detail, 'Qty')
    price = number(detail, 'UnitPrice')
    if quantity is None:
        quantity, price = Decimal(1), net
    return dto.InvoiceLine(
        description=description,
        quantity=quantity,
        unit_price=price,
        item_external_id=ref_id(detail, 'ItemRef'),
        tax_code=ref_id(detail, 'TaxCodeRef'),
        tax_amount=gross - net if gross is not None and net is not None else None,
        amount=gross if gross is not None else net,
        external_id=external_id,
        categories=(class_id,) if class_id else None,
    )


def _status(total, balance, note):
    """There is no status field: void is a total of 0 with the note that QuickBooks leaves, paid a balance
    of 0 (B10).
    """
    if not total and _VOIDED.search(note):
        return 'void'
    return 'paid' if balance is not None and not balance else 'approved'


def from_credit_note(element: dict, organization: dto.Organization = UNKNOWN) -> dto.CreditNote:
    return from_invoice(element, organization, dto.CreditNote)


def from_invoice(
    element: dict, organization: dto.Organization = UNKNOWN, document_class: type[dto.Invoice] = dto.Invoice
) -> dto.Invoice:
    """``contact_external_id`` is whom the invoice is made out to: the project, if it was sent with one."""
    total = required_number(element, 'TotalAmt')
    tax = number(nested(element, 'TxnTaxDetail'), 'TotalTax') or Decimal(0)
    note = text(element, 'PrivateNote')
    own_number = _OWN_NUMBER.search(note)
    reference = _VOIDED_LINE.sub('', _OWN_NUMBER.sub('', note)).strip()
    status = _status(total, number(element, 'Balance'), note)
    tax_included = text(element, 'GlobalTaxCalculation') == 'TaxInclusive'
    currency = ref_id(element, 'CurrencyRef') or organization.currency
    rate = number(element, 'ExchangeRate')
    if not rate or not organization.currency or currency == organization.currency:
        rate = None
    return document_class(
        contact_external_id=ref_id(element, 'CustomerRef'),
        date=iso_day(element, 'TxnDate'),
        currency=currency,
        lines=tuple(_from_lines(element, tax_included)),
        totals=dto.Totals(untaxed=total - tax, tax=tax, total=total),
        number=text(element, 'DocNumber'),
        own_number=own_number[1].strip() if own_number else '',
        reference=reference,
        due_date=iso_day(element, 'DueDate'),
        currency_rate=rounded(1 / rate, RATE_DIGITS) if rate else None,
        status=status,
        tax_included=tax_included,
        external_id=_id_of(element),
        version=text(element, 'SyncToken'),
        contact_name=text(nested(element, 'CustomerRef'), 'name'),
        email=text(nested(element, 'BillEmail'), 'Address'),
        project_external_id=ref_id(element, 'ProjectRef'),
        term=ref_id(element, 'SalesTermRef'),
        amount_due=None if status == 'void' else number(element, 'Balance'),
        updated_at=updated(element),
    )


# === allocations: payments of nothing (B10) === #


def to_allocation(allocation: dto.Allocation, organization: dto.Organization = UNKNOWN) -> dict:
    """A payment of 0 with a line for each of the two: what the credit memo brings is what the invoice takes."""
    body = {
        'CustomerRef': ref(allocation.project_external_id or allocation.contact_external_id),
        'TotalAmt': Decimal(0),
        'TxnDate': allocation.date.isoformat(),
    }
    currency = allocation.currency
    if currency and (len(organization.currencies) != 1 or currency != organization.currency):
        body['CurrencyRef'] = ref(currency)
    if allocation.currency_rate:
        body['ExchangeRate'] = rounded(1 / allocation.currency_rate, EXCHANGE_RATE_DIGITS)
    body.update(filled({'PrivateNote': allocation.reference}))
    amount = rounded(allocation.amount, AMOUNT_DIGITS)
    body['Line'] = [
        {'Amount': amount, 'LinkedTxn': [{'TxnId': external_id, 'TxnType': kind}]}
        for kind, external_id in (
            ('Invoice', allocation.invoice_external_id),
            ('CreditMemo', allocation.credit_note_external_id),
        )
    ]
    return body


def from_allocation(element: dict, organization: dto.Organization = UNKNOWN) -> dto.Allocation | None:
    """None for a payment that brings money, or that ties together other than one credit memo and one invoice."""
    linked: dict[str, list[tuple[str, Decimal]]] = {}
    for line in objects(element, 'Line'):
        for one in objects(line, 'LinkedTxn'):
            linked.setdefault(text(one, 'TxnType'), []).append(
                (text(one, 'TxnId'), required_number(line, 'Amount'))
            )
    notes, invoices = linked.get('CreditMemo', []), linked.get('Invoice', [])
    if required_number(element, 'TotalAmt') or len(notes) != 1 or len(invoices) != 1:
        return None
    return dto.Allocation(
        credit_note_external_id=notes[0][0],
        invoice_external_id=invoices[0][0],
        amount=min(notes[0][1], invoices[0][1]),
        date=iso_day(element, 'TxnDate'),
        contact_external_id=ref_id(element, 'CustomerRef'),
        currency=ref_id(element, 'CurrencyRef') or organization.currency,
        reference=text(element, 'PrivateNote'),
        external_id=_id_of(element),
        version=text(element, 'SyncToken'),
        updated_at=updated(element),
    )


# === payments === #


def to_payment(payment: dto.Payment, organization: dto.Organization = UNKNOWN) -> dict:
    """One payment of one invoice or several. What is not applied stays as credit of the customer.

    The reference stands whole in the private note, and as far as it goes in the reference number.
    """
    body = {
        'CustomerRef': ref(payment.contact_external_id),
        'TxnDate': payment.date.isoformat(),
        'TotalAmt': at_most(payment.amount, AMOUNT_DIGITS),
        'DepositToAccountRef': ref(payment.account),
    }
    if payment.currency and (len(organization.currencies) != 1 or payment.currency != organization.currency):
        body['CurrencyRef'] = ref(payment.currency)
    if payment.currency_rate:
        # home units for one foreign unit: the inverse of ours (B12)
        body['ExchangeRate'] = rounded(1 / payment.currency_rate, EXCHANGE_RATE_DIGITS)
    body.update(
        filled(
            {
                'PaymentRefNum': payment.reference[:REFERENCE_LENGTH],
                'PrivateNote': payment.reference if len(payment.reference) > REFERENCE_LENGTH else '',
            }
        )
    )
    body['Line'] = [
        {
            'Amount': at_most(amount, AMOUNT_DIGITS),
            'LinkedTxn': [{'TxnId': document, 'TxnType': 'Invoice'}],
        }
        for document, amount in payment.applications
    ]
    return body


def from_payment(element: dict, organization: dto.Organization = UNKNOWN) -> dto.Payment:
    """A void one is a total of 0 with the note that QuickBooks leaves; a total of 0 without it applies credit, and pays
    nothing."""
    external_id = _id_of(element)
    total = required_number(element, 'TotalAmt')
    applied: dict[str, Decimal] = {}
    credit = Decimal(0)
    for line in objects(element, 'Line'):
        amount = number(line, 'Amount') or Decimal(0)
        for linked in objects(line, 'LinkedTxn'):
            if text(linked, 'TxnType') == 'Invoice':
                key = text(linked, 'TxnId')
                applied[key] = applied.get(key, Decimal(0)) + amount
            elif text(linked, 'TxnType') in ('CreditMemo', 'JournalEntry', 'Deposit'):
                credit += amount
    currency = ref_id(element, 'CurrencyRef') or organization.currency
    rate = number(element, 'ExchangeRate')
    if not rate or not organization.currency or currency == organization.currency:
        rate = None
    note = text(element, 'PrivateNote')
    day = iso_day(element, 'TxnDate')
    if day is None:
        raise Unreadable('it has no date')
    return dto.Payment(
        contact_external_id=ref_id(element, 'CustomerRef'),
        account=ref_id(element, 'DepositToAccountRef'),
        date=day,
        amount=total,
        currency=currency,
        applications=tuple(applied.items()),
        currency_rate=rounded(1 / rate, RATE_DIGITS) if rate else None,
        reference=text(element, 'PaymentRefNum') or _VOIDED_LINE.sub('', note).strip(),
        status='void' if not total and _VOIDED.search(note) else 'approved',
        credit=credit,
        external_id=external_id,
        version=text(element, 'SyncToken'),
        updated_at=updated(element),
    )


# === settings === #


def _other_preference(preferences, name):
    for pair in objects(nested(preferences, 'OtherPrefs'), 'NameValue'):
        if text(pair, 'Name').lower() == name.lower():
            return text(pair, 'Value').lower() == 'true'
    return False


def from_organization(
    company_id: str, company: dict, preferences: dict, currencies: tuple[str, ...] = ()
) -> dto.Organization:
    """CompanyInfo and Preferences. ``currencies``: beside the company's own."""
    currency_preferences = nested(preferences, 'CurrencyPrefs')
    currency = ref_id(currency_preferences, 'HomeCurrency')
    country = text(company, 'Country').strip().upper()
    country = {'UK': 'GB', 'USA': 'US'}.get(country, country)
    tax = nested(preferences, 'TaxPrefs')
    uses_tax = flag(tax, 'UsingSalesTax') or flag(tax, 'PartnerTaxEnabled')
    return dto.Organization(
        external_id=company_id,
        name=text(company, 'CompanyName') or text(company, 'LegalName'),
        currency=currency,
        country=country if len(country) == 2 else '',
        timezone=text(company, 'DefaultTimeZone'),
        currencies=tuple(dict.fromkeys(code for code in (currency, *currencies) if code)),
        lock_date=iso_day(nested(preferences, 'AccountingInfoPrefs'), 'BookCloseDate'),
        numbers_documents=not flag(nested(preferences, 'SalesFormsPrefs'), 'CustomTxnNumbers'),
        computes_tax=country == 'US' and uses_tax,
        has_projects=_other_preference(preferences, 'ProjectsEnabled'),
    )


def from_account(element: dict) -> dto.Account | None:
    """None for an account that neither an item may sell on nor a payment go to. ``code`` is the id, which references
    carry; the number that people know goes before the name."""
    external_id = _id_of(element)
    kind = text(element, 'AccountType')
    is_line = kind.upper() not in _CONTROL_ACCOUNTS
    is_payment = kind.upper() in _PAYMENT_ACCOUNTS
    if not is_line and not is_payment:
        return None
    active = flag(element, 'Active', default=True)
    name = text(element, 'FullyQualifiedName') or text(element, 'Name')
    return dto.Account(
        external_id=external_id,
        code=external_id,
        name=f'{text(element, "AcctNum")} {name}'.strip(),
        type=kind,
        is_revenue=kind.upper() in _REVENUE_ACCOUNTS,
        tax_code=ref_id(element, 'TaxCodeRef'),
        active=active,
        is_line=is_line,
        is_payment=is_payment,
        currency=ref_id(element, 'CurrencyRef'),
    )


def _effective_rate(details: list[dict], rates: Mapping[str, Decimal]) -> Decimal:
    """What the rates of a tax code come to, in percent. A rate may be on the amount, on the amount with the taxes
    before it, or on those taxes alone.

    :raise Unreadable: one of its rates is not known.
    """
    total = Decimal(0)
    ordered = sorted(details, key=lambda detail: number(detail, 'TaxOrder') or Decimal(0))
    for detail in ordered:
        rate = rates.get(ref_id(detail, 'TaxRateRef'))
        if rate is None:
            raise Unreadable('one of its rates is not there')
        kind = text(detail, 'TaxTypeApplicable')
        base = {'TaxOnAmountPlusTax': _HUNDRED + total, 'TaxOnTax': total}.get(kind, _HUNDRED)
        total += rate * base / _HUNDRED
    return total.normalize() + Decimal(0)


def from_tax_code(element: dict, rates: Mapping[str, Decimal]) -> dto.TaxRate:
    """A code of a company outside the United States. ``rates``: percent by the id of the TaxRate."""
    sales = objects(nested(element, 'SalesTaxRateList'), 'TaxRateDetail')
    purchases = objects(nested(element, 'PurchaseTaxRateList'), 'TaxRateDetail')
    unused = not sales and not purchases
    return dto.TaxRate(
        external_id=_id_of(element),
        name=text(element, 'Name'),
        rate=_effective_rate(sales or purchases, rates),
        # a code without rates, such as "no VAT", goes for both
        for_sales=bool(sales) or unused,
        for_purchases=bool(purchases) or unused,
        active=flag(element, 'Active', default=True) and not flag(element, 'Hidden'),
    )


#: what lines of American companies may say: QuickBooks works out the rate by the address (B11)
AMERICAN_TAX_RATES = (
    dto.TaxRate(TAXABLE, 'Taxable', None),
    dto.TaxRate(NOT_TAXABLE, 'Non-taxable', Decimal(0)),
)


def from_rate(element: dict) -> tuple[str, Decimal]:
    return _id_of(element), required_number(element, 'RateValue')


def tracks_classes_of_lines(preferences: dict) -> bool:
    return flag(nested(preferences, 'AccountingInfoPrefs'), 'ClassTrackingPerTxnLine')


def from_class(element: dict) -> dto.Category:
    """A class by its whole name: there may be others of the same one below different parents."""
    return dto.Category(
        external_id=_id_of(element),
        name=text(element, 'FullyQualifiedName') or text(element, 'Name'),
        active=flag(element, 'Active', default=True),
    )


def from_term(element: dict) -> dto.Term:
    days = number(element, 'DueDays')
    standard = text(element, 'Type').upper() in ('', 'STANDARD')
    return dto.Term(
        external_id=_id_of(element),
        name=text(element, 'Name'),
        days=int(days) if standard and days is not None else None,
        active=flag(element, 'Active', default=True),
    )


# === files === #


def to_attachment(file: dto.Attachment, entity: str) -> dict:
    """The metadata of an upload, and ``Size``, which stays here."""
    return {
        'FileName': file.name,
        'ContentType': file.content_type or 'application/octet-stream',
        'AttachableRef': [
            {'EntityRef': {'type': entity, 'value': file.document_external_id}, 'IncludeOnSend': False}
        ],
        'Size': file.size,
    }


def from_attachment(element: dict, kinds: dict[str, str]) -> dto.Attachment:
    """:param kinds: entity → kind, of the documents that files are attached to."""
    name = text(element, 'FileName')
    if not name:
        raise Unreadable('it has no FileName')
    references = [nested(one, 'EntityRef') for one in objects(element, 'AttachableRef')]
    reference = next((one for one in references if text(one, 'type') in kinds), {})
    return dto.Attachment(
        document_kind=kinds.get(text(reference, 'type'), ''),
        document_external_id=text(reference, 'value'),
        name=name,
        content_type=text(element, 'ContentType'),
        size=int(required_number(element, 'Size')),
        external_id=_id_of(element),
    )
