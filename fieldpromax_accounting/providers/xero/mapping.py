"""Our data classes ↔ Xero's JSON. Pure; names of Xero's fields as in its OpenAPI description (provider_facts
A5–A11).

``to_*`` give what is sent, ``from_*`` read what came; ``from_*`` raise :class:`~.wire.Unreadable` for a
record that lacks what it must have, and put up with everything else: null, absent fields, words that Xero has
introduced since.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone
from decimal import Decimal

from .. import dto
from ..wire import Unreadable, at_most, filled, flag, nested, number, objects, required_number, rounded, text
from .wire import day, guid, moment

#: digits of UnitAmount with ``unitdp=4`` (A4), of quantities, discounts and amounts
PRICE_DIGITS = 4
QUANTITY_DIGITS = 4
DISCOUNT_DIGITS = 4
AMOUNT_DIGITS = 2
RATE_DIGITS = 6
_HUNDRED = Decimal(100)
_OWN_NUMBER_MARK = 'Odoo: '
_REFERENCE_JOINT = ' · '
#: of a payment's reference: no limit is published, this is what its invoices take
REFERENCE_LENGTH = 255
#: tracking categories of a line (A9)
MAX_TRACKING = 2
#: persons of a contact (A7)
MAX_PERSONS = 5

INVOICE_STATUS_TO_XERO = {'draft': 'DRAFT', 'approved': 'AUTHORISED'}
INVOICE_STATUS_FROM_XERO = {
    'DRAFT': 'draft',
    'SUBMITTED': 'draft',
    'AUTHORISED': 'approved',
    'PAID': 'paid',
    'VOIDED': 'void',
    'DELETED': 'deleted',
}
#: contacts that nobody deals with any more (A7); a status unknown to us counts as active
_CLOSED_CONTACT = {'ARCHIVED', 'GDPRREQUEST'}
#: A11
_REVENUE_TYPES = {'REVENUE', 'SALES', 'OTHERINCOME'}
#: accounts that no invoice line may carry: bank accounts, and the control accounts that Xero books on by
#: itself
_NO_LINE_TYPES = {'BANK'}
_NO_LINE_SYSTEM_ACCOUNTS = {'DEBTORS', 'CREDITORS'}


def _version(element):
    updated = moment(element.get('UpdatedDateUTC'))
    return updated, updated.astimezone(timezone.utc).isoformat() if updated else ''


# === contacts (A7) === #


def to_contact(contact: dto.Contact) -> dict:
    """Empty texts are left out, unless ``changed`` names them. Names what belongs together as a whole: a phone number
    without the old area code, an address with every line (POBOX is where the bill goes, STREET where to deliver to),
    all persons. ``website``, ``is_customer`` and ``is_supplier`` cannot be set at Xero."""
    if contact.changed is not None:
        return _to_changed_contact(contact)
    body = filled(
        {
            'ContactID': contact.external_id,
            'ContactNumber': contact.number,
            'Name': contact.name,
            'FirstName': contact.first_name,
            'LastName': contact.last_name,
            'EmailAddress': contact.email,
            'TaxNumber': contact.tax_number,
            'DefaultCurrency': contact.currency,
        }
    )
    if contact.phone:
        body['Phones'] = [_to_phone(contact.phone)]
    addresses = [
        _to_address(kind, address)
        for kind, address in (('POBOX', contact.address), ('STREET', contact.delivery_address))
        if address != dto.Address()
    ]
    if addresses:
        body['Addresses'] = addresses
    if contact.persons:
        body['ContactPersons'] = _to_persons(contact.persons)
    if not contact.active:
        body['ContactStatus'] = 'ARCHIVED'
    return body


def _to_changed_contact(contact):
    """What ``changed`` names and nothing else: Xero keeps what is not sent (A7)."""
    changed = contact.changed
    body = {'ContactID': contact.external_id}
    if 'name' in changed:
        body['Name'] = contact.name
    if 'email' in changed:
        body['EmailAddress'] = contact.email
    if 'tax_number' in changed:
        body['TaxNumber'] = contact.tax_number
    if 'phone' in changed:
        body['Phones'] = [_to_phone(contact.phone)]
    addresses = [
        # The lines behind the second would stay otherwise.
        {**_to_address(kind, address), 'AddressLine3': '', 'AddressLine4': ''}
        for field, kind, address in (
            ('address', 'POBOX', contact.address),
            ('delivery_address', 'STREET', contact.delivery_address),
        )
        if field in changed
    ]
    if addresses:
        body['Addresses'] = addresses
    if 'persons' in changed:
        body['ContactPersons'] = _to_persons(contact.persons)
    if 'active' in changed:
        body['ContactStatus'] = 'ACTIVE' if contact.active else 'ARCHIVED'
    return body


def _to_phone(number_):
    return {
        'PhoneType': 'DEFAULT',
        'PhoneNumber': number_,
        'PhoneAreaCode': '',
        'PhoneCountryCode': '',
    }


def _to_address(kind, address):
    return {
        'AddressType': kind,
        'AddressLine1': address.street,
        'AddressLine2': address.street2,
        'City': address.city,
        'Region': address.region,
        'PostalCode': address.postal_code,
        'Country': address.country,
    }


def _to_persons(persons):
    """Xero has first and last name; a person whom invoices are mailed to is for the books to choose."""
    found = []
    for person in persons[:MAX_PERSONS]:
        first, _space, last = person.name.rpartition(' ')
        found.append(
            {'FirstName': first or last, 'LastName': last if first else '', 'EmailAddress': person.email}
        )
    return found


def _phone(element):
    found = {}
    for phone in objects(element, 'Phones'):
        parts = [text(phone, key).strip() for key in ('PhoneCountryCode', 'PhoneAreaCode', 'PhoneNumber')]
        if not parts[2]:
            continue
        if parts[0] and parts[0].isdigit():
            parts[0] = f'+{parts[0]}'
        found.setdefault(text(phone, 'PhoneType').upper(), ' '.join(part for part in parts if part))
    for kind in ('DEFAULT', 'MOBILE', 'DDI'):
        if kind in found:
            return found[kind]
    return ''


def _addresses(element):
    """``(where the bill goes, where to deliver to)``: POBOX is what Xero prints on invoices; with STREET alone, that
    is both, and counts as the first."""
    found = {}
    for address in objects(element, 'Addresses'):
        lines = [text(address, f'AddressLine{index}').strip() for index in (1, 2, 3, 4)]
        found[text(address, 'AddressType').upper()] = dto.Address(
            street=lines[0],
            street2=', '.join(line for line in lines[1:] if line),
            city=text(address, 'City').strip(),
            region=text(address, 'Region').strip(),
            postal_code=text(address, 'PostalCode').strip(),
            country=text(address, 'Country').strip(),
        )
    nothing = dto.Address()
    billing, delivery = found.get('POBOX', nothing), found.get('STREET', nothing)
    return (billing, delivery) if billing != nothing else (delivery, nothing)


def _persons(element):
    found = []
    for person in objects(element, 'ContactPersons'):
        name = ' '.join(filter(None, (text(person, key).strip() for key in ('FirstName', 'LastName'))))
        email = text(person, 'EmailAddress').strip()
        if name or email:
            found.append(dto.Person(name, email))
    return tuple(found)


def from_contact(element: dict) -> dto.Contact:
    external_id = guid(element, 'ContactID')
    if not external_id:
        raise Unreadable('it has no ContactID')
    name = text(element, 'Name')
    if not name.strip():
        raise Unreadable('it has no name')
    updated_at, version = _version(element)
    address, delivery_address = _addresses(element)
    return dto.Contact(
        name=name,
        external_id=external_id,
        version=version,
        number=text(element, 'ContactNumber'),
        email=text(element, 'EmailAddress'),
        phone=_phone(element),
        first_name=text(element, 'FirstName'),
        last_name=text(element, 'LastName'),
        website=text(element, 'Website'),
        tax_number=text(element, 'TaxNumber'),
        address=address,
        delivery_address=delivery_address,
        persons=_persons(element),
        currency=text(element, 'DefaultCurrency'),
        is_customer=flag(element, 'IsCustomer'),
        is_supplier=flag(element, 'IsSupplier'),
        active=text(element, 'ContactStatus').upper() not in _CLOSED_CONTACT,
        merged_into=guid(element, 'MergedToContactID'),
        updated_at=updated_at,
    )


# === items (A8) === #


def to_item(item: dto.Item) -> dict:
    """Empty texts are left out. A tracked item's asset and cost accounts are never sent: tracking is the
    books' own affair."""
    if item.changed is not None:
        return _to_changed_item(item)
    body = filled(
        {'ItemID': item.external_id, 'Code': item.code, 'Name': item.name, 'Description': item.description}
    )
    body['IsSold'] = item.is_sold
    body['IsPurchased'] = item.is_purchased
    if item.is_sold:
        sales = filled(
            {
                'UnitPrice': at_most(item.sale_price, PRICE_DIGITS),
                'AccountCode': item.sale_account,
                'TaxType': item.sale_tax,
            }
        )
        if sales:
            body['SalesDetails'] = sales
    if item.is_purchased and item.purchase_price is not None:
        body['PurchaseDetails'] = {'UnitPrice': at_most(item.purchase_price, PRICE_DIGITS)}
    return body


def _to_changed_item(item):
    """What ``changed`` names and nothing else, with the code, which Xero wants in any case (A8)."""
    body = filled({'ItemID': item.external_id, 'Code': item.code})
    if 'name' in item.changed:
        body['Name'] = item.name
    if 'description' in item.changed:
        body['Description'] = item.description
    if 'price' in item.changed and item.sale_price is not None:
        body['SalesDetails'] = {'UnitPrice': at_most(item.sale_price, PRICE_DIGITS)}
    return body


def from_item(element: dict) -> dto.Item:
    """Code and Name may be missing at Xero (C2.4): they are '' then."""
    external_id = guid(element, 'ItemID')
    if not external_id:
        raise Unreadable('it has no ItemID')
    updated_at, version = _version(element)
    sales, purchases = nested(element, 'SalesDetails'), nested(element, 'PurchaseDetails')
    return dto.Item(
        code=text(element, 'Code'),
        name=text(element, 'Name'),
        external_id=external_id,
        version=version,
        description=text(element, 'Description'),
        sale_price=number(sales, 'UnitPrice'),
        purchase_price=number(purchases, 'UnitPrice'),
        sale_account=text(sales, 'AccountCode'),
        sale_tax=text(sales, 'TaxType'),
        is_sold=flag(element, 'IsSold', default=True),
        is_purchased=flag(element, 'IsPurchased'),
        is_tracked=flag(element, 'IsTrackedAsInventory'),
        updated_at=updated_at,
    )


# === invoices (A9) === #


def line_product(quantity: Decimal, unit_price: Decimal, discount: Decimal) -> Decimal:
    """``Quantity × UnitAmount × (100 − DiscountRate) / 100``, two decimals, half up (A9)."""
    return rounded(quantity * unit_price * (_HUNDRED - discount) / _HUNDRED, AMOUNT_DIGITS)


def line_figures(line: dto.InvoiceLine) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, unit price, discount as they are sent: prediction and body must not differ.

    Xero multiplies them anew. Where that gives another amount than Odoo's (which rounds over the whole invoice, to
    whole yen, or has more decimals in its prices), the price is moved within its four decimals, or else the discount;
    where neither gives the amount, they stay as they are and the prediction tells the difference.
    """
    quantity = at_most(line.quantity, QUANTITY_DIGITS)
    unit_price = at_most(line.unit_price if line.unit_price is not None else Decimal(0), PRICE_DIGITS)
    discount = at_most(line.discount, DISCOUNT_DIGITS)
    plain = (quantity, unit_price, discount)
    amount = None if line.amount is None else rounded(line.amount, AMOUNT_DIGITS)
    if amount is None or line_product(*plain) == amount:
        return plain
    share = quantity * (_HUNDRED - discount) / _HUNDRED
    if share:
        moved = (quantity, rounded(amount / share, PRICE_DIGITS), discount)
        if line_product(*moved) == amount:
            return moved
    if discount and quantity * unit_price:
        rate = rounded(_HUNDRED - amount * _HUNDRED / (quantity * unit_price), DISCOUNT_DIGITS)
        if 0 <= rate <= _HUNDRED and line_product(quantity, unit_price, rate) == amount:
            return quantity, unit_price, rate
    return plain


def line_tax(line: dto.InvoiceLine) -> Decimal | None:
    """The tax amount as it is sent: it overrides Xero's own."""
    return None if line.tax_amount is None else rounded(line.tax_amount, AMOUNT_DIGITS)


def _to_line(line: dto.InvoiceLine, discounts: bool = True) -> dict:
    """A line that is there already (``external_id``) names what it has no more: Xero keeps what is not sent.

    :param discounts: the document may have any.
    """
    body = filled({'LineItemID': line.external_id})
    body['Description'] = line.description
    if line.is_text:
        return body
    quantity, unit_price, discount = line_figures(line)
    body['Quantity'] = quantity
    body['UnitAmount'] = unit_price
    if discount or (line.external_id and discounts):
        body['DiscountRate'] = discount
    body.update(filled({'AccountCode': line.account, 'ItemCode': line.item_code, 'TaxType': line.tax_code}))
    if line.external_id:
        body.setdefault('ItemCode', '')
    tax = line_tax(line)
    if tax is not None:
        body['TaxAmount'] = tax
    if line.categories is not None:
        body['Tracking'] = [_to_tracking(one) for one in line.categories]
    return body


def _to_tracking(category: str) -> dict:
    group, _slash, option = category.partition('/')
    return {'TrackingCategoryID': group, 'TrackingOptionID': option}


def _from_tracking(element: dict) -> tuple[str, ...] | None:
    """Ids of the options, each behind that of its category, in their order."""
    found = [
        (guid(one, 'TrackingCategoryID'), guid(one, 'TrackingOptionID'))
        for one in objects(element, 'Tracking')
    ]
    return tuple(sorted(f'{group}/{option}' for group, option in found if group and option)) or None


def reference_text(invoice: dto.Invoice) -> str:
    """Our own number stands in front of the reference of an invoice that Xero numbers."""
    own = f'{_OWN_NUMBER_MARK}{invoice.own_number}' if invoice.own_number else ''
    return _REFERENCE_JOINT.join(filter(None, (own, invoice.reference)))


def _read_reference(reference: str) -> tuple[str, str]:
    """``(our own number, reference)``: see :func:`reference_text`."""
    if not reference.startswith(_OWN_NUMBER_MARK):
        return '', reference
    own, _joint, rest = reference.removeprefix(_OWN_NUMBER_MARK).partition(_REFERENCE_JOINT)
    return own.strip(), rest


def to_invoice(invoice: dto.Invoice) -> dict:
    """``Contact`` holds the id and nothing else: any other field would change the contact and drop its
    persons (A7).

    A change (``external_id`` set) leaves the number out (A9), and names a reference that there is no more.
    LineAmount and totals are left to Xero: a sent line total that is not the product is refused, and ours are compared
    with the answer.
    """
    status = INVOICE_STATUS_TO_XERO.get(invoice.status)
    if status is None:
        raise ValueError(f'An invoice is sent as draft or approved, not as {invoice.status!r}')
    body = {}
    if invoice.external_id:
        body['InvoiceID'] = invoice.external_id
    body['Type'] = 'ACCREC'
    if invoice.number and not invoice.external_id:
        body['InvoiceNumber'] = invoice.number
    reference = reference_text(invoice)
    if reference or invoice.external_id:
        body['Reference'] = reference
    body['Contact'] = {'ContactID': invoice.contact_external_id}
    body['Date'] = invoice.date.isoformat()
    if invoice.due_date:
        body['DueDate'] = invoice.due_date.isoformat()
    body['CurrencyCode'] = invoice.currency
    if invoice.currency_rate is not None:
        body['CurrencyRate'] = at_most(invoice.currency_rate, RATE_DIGITS)
    body['LineAmountTypes'] = 'Inclusive' if invoice.tax_included else 'Exclusive'
    body['Status'] = status
    body['LineItems'] = [
        _to_line(line, discounts=not isinstance(invoice, dto.CreditNote)) for line in folded_lines(invoice)
    ]
    return body


def folded_lines(invoice: dto.Invoice) -> tuple[dto.InvoiceLine, ...]:
    """The lines as Xero takes them: it has no discounts on credit notes (A9), there they are in the price."""
    if not isinstance(invoice, dto.CreditNote):
        return tuple(invoice.lines)
    return tuple(
        replace(
            line,
            unit_price=(line.unit_price or Decimal(0)) * (_HUNDRED - line.discount) / _HUNDRED,
            discount=Decimal(0),
        )
        if line.discount
        else line
        for line in invoice.lines
    )


def to_credit_note(note: dto.CreditNote) -> dict:
    """As :func:`to_invoice`, without a due date."""
    body = to_invoice(note)
    body.pop('DueDate', None)
    body['Type'] = 'ACCRECCREDIT'
    renamed = {'InvoiceID': 'CreditNoteID', 'InvoiceNumber': 'CreditNoteNumber'}
    return {renamed.get(name, name): value for name, value in body.items()}


def to_void(invoice: dto.Invoice) -> dict:
    """A draft is deleted, an approved invoice is voided: Xero allows each for its own only (A9)."""
    return {
        'CreditNoteID' if isinstance(invoice, dto.CreditNote) else 'InvoiceID': invoice.external_id,
        'Status': 'DELETED' if invoice.status == 'draft' else 'VOIDED',
    }


def _from_line(element: dict) -> dto.InvoiceLine:
    """A line with a description alone comes back with zeros, and is a text line again here."""
    item = nested(element, 'Item')
    quantity = number(element, 'Quantity')
    if not (
        quantity or number(element, 'LineAmount') or text(element, 'AccountCode') or text(element, 'ItemCode')
    ):
        return dto.InvoiceLine(text(element, 'Description'), external_id=guid(element, 'LineItemID'))
    return dto.InvoiceLine(
        description=text(element, 'Description'),
        quantity=quantity if quantity is not None else Decimal(0),
        unit_price=number(element, 'UnitAmount'),
        discount=number(element, 'DiscountRate') or Decimal(0),
        account=text(element, 'AccountCode'),
        item_code=text(element, 'ItemCode') or text(item, 'Code'),
        item_external_id=guid(item, 'ItemID'),
        tax_code=text(element, 'TaxType'),
        tax_amount=number(element, 'TaxAmount'),
        amount=number(element, 'LineAmount'),
        external_id=guid(element, 'LineItemID'),
        categories=_from_tracking(element),
    )


def from_invoice(element: dict) -> dto.Invoice:
    return _from_document(element, dto.Invoice, 'Invoice', 'AmountDue')


def from_credit_note(element: dict) -> dto.CreditNote:
    return _from_document(element, dto.CreditNote, 'CreditNote', 'RemainingCredit')


def _from_document(element: dict, document_class, name: str, open_field: str) -> dto.Invoice:
    """``status`` is Xero's word in lower case where it is none we know; ``date`` is None where Xero has none
    (drafts).

    The balance of a voided or deleted invoice is not read: Xero leaves stale figures there (A9).
    """
    external_id = guid(element, f'{name}ID')
    if not external_id:
        raise Unreadable(f'it has no {name}ID')
    word = text(element, 'Status').upper()
    status = INVOICE_STATUS_FROM_XERO.get(word, word.lower())
    updated_at, version = _version(element)
    contact = nested(element, 'Contact')
    own_number, reference = _read_reference(text(element, 'Reference'))
    return document_class(
        contact_external_id=guid(contact, 'ContactID'),
        date=day(element, 'Date'),
        currency=text(element, 'CurrencyCode'),
        lines=tuple(_from_line(line) for line in objects(element, 'LineItems')),
        totals=dto.Totals(
            untaxed=required_number(element, 'SubTotal'),
            tax=required_number(element, 'TotalTax'),
            total=required_number(element, 'Total'),
        ),
        number=text(element, f'{name}Number'),
        own_number=own_number,
        reference=reference,
        due_date=day(element, 'DueDate'),
        currency_rate=number(element, 'CurrencyRate'),
        status=status,
        tax_included=text(element, 'LineAmountTypes').lower() == 'inclusive',
        external_id=external_id,
        version=version,
        contact_name=text(contact, 'Name'),
        amount_due=None if status in ('void', 'deleted') else number(element, open_field),
        updated_at=updated_at,
    )


# === allocations (A10) === #


def to_allocation(allocation: dto.Allocation) -> dict:
    return {
        'Invoice': {'InvoiceID': allocation.invoice_external_id},
        'Amount': at_most(allocation.amount, AMOUNT_DIGITS),
        'Date': allocation.date.isoformat(),
    }


def allocation_path(external_id: str) -> tuple[str, str]:
    """``(id of the credit note, id of the allocation)``: an allocation is found below its credit note alone, so our id
    of it names both."""
    note, _slash, allocation = external_id.partition('/')
    return note, allocation


def from_allocation(element: dict, note_id: str = '') -> dto.Allocation:
    """:param note_id: of the credit note that the element was read from; the answer to a write names it itself."""
    external_id = guid(element, 'AllocationID')
    note_id = note_id or guid(nested(element, 'CreditNote'), 'CreditNoteID')
    if not external_id or not note_id:
        raise Unreadable('it has no AllocationID, or does not tell its credit note')
    return dto.Allocation(
        credit_note_external_id=note_id,
        invoice_external_id=guid(nested(element, 'Invoice'), 'InvoiceID'),
        amount=required_number(element, 'Amount'),
        date=day(element, 'Date'),
        status='deleted' if flag(element, 'IsDeleted') else 'approved',
        external_id=f'{note_id}/{external_id}',
    )


# === payments (A10) === #


def to_payment(payment: dto.Payment) -> dict:
    """A payment of one invoice. ``BankAmount`` is left to Xero."""
    ((invoice, amount),) = payment.applications
    body = {
        'Invoice': {'InvoiceID': invoice},
        'Account': {'AccountID': payment.account},
        'Date': payment.date.isoformat(),
        'Amount': at_most(amount, AMOUNT_DIGITS),
    }
    if payment.currency_rate is not None:
        body['CurrencyRate'] = at_most(payment.currency_rate, RATE_DIGITS)
    body.update(filled({'Reference': payment.reference[:REFERENCE_LENGTH]}))
    return body


def to_deletion(_payment: dto.Payment) -> dict:
    """The one change that Xero knows of a payment."""
    return {'Status': 'DELETED'}


def from_payment(element: dict) -> dto.Payment:
    """Payments of bills, credit notes, prepayments and overpayments have no customer invoice: applied to nothing."""
    external_id = guid(element, 'PaymentID')
    if not external_id:
        raise Unreadable('it has no PaymentID')
    updated_at, version = _version(element)
    invoice = nested(element, 'Invoice')
    amount = required_number(element, 'Amount')
    word = text(element, 'Status').upper()
    of_sale = text(element, 'PaymentType').upper() in ('', 'ACCRECPAYMENT') and guid(invoice, 'InvoiceID')
    paid_on = day(element, 'Date')
    if of_sale and paid_on is None:
        raise Unreadable('it has no date')
    return dto.Payment(
        contact_external_id=guid(nested(invoice, 'Contact'), 'ContactID'),
        account=guid(nested(element, 'Account'), 'AccountID'),
        date=paid_on,
        amount=amount,
        currency=text(invoice, 'CurrencyCode'),
        applications=((guid(invoice, 'InvoiceID'), amount),) if of_sale else (),
        currency_rate=number(element, 'CurrencyRate'),
        reference=text(element, 'Reference'),
        status={'AUTHORISED': 'approved', '': 'approved'}.get(word, word.lower()),
        external_id=external_id,
        version=version,
        updated_at=updated_at,
    )


# === settings (A11) === #


def from_organization(element: dict, currencies: tuple[str, ...] = ()) -> dto.Organization:
    locks = [found for found in (day(element, 'PeriodLockDate'), day(element, 'EndOfYearLockDate')) if found]
    external_id = guid(element, 'OrganisationID')
    if not external_id:
        raise Unreadable('it has no OrganisationID')
    return dto.Organization(
        external_id=external_id,
        name=text(element, 'Name'),
        currency=text(element, 'BaseCurrency'),
        country=text(element, 'CountryCode'),
        short_code=text(element, 'ShortCode'),
        is_demo=flag(element, 'IsDemoCompany'),
        timezone=text(element, 'Timezone'),
        currencies=currencies,
        # PeriodLockDate binds all but advisers, EndOfYearLockDate everyone: the later one is the safe one
        lock_date=max(locks, default=None),
    )


def from_account(element: dict) -> dto.Account | None:
    """None for an account that neither an invoice line nor a payment may name."""
    external_id = guid(element, 'AccountID')
    if not external_id:
        raise Unreadable('it has no AccountID')
    kind = text(element, 'Type').upper()
    code = text(element, 'Code')
    is_line = bool(
        code
        and kind not in _NO_LINE_TYPES
        and text(element, 'SystemAccount').upper() not in _NO_LINE_SYSTEM_ACCOUNTS
    )
    is_payment = kind == 'BANK' or flag(element, 'EnablePaymentsToAccount')
    if not is_line and not is_payment:
        return None
    return dto.Account(
        external_id=external_id,
        code=code,
        name=text(element, 'Name'),
        type=kind,
        is_revenue=kind in _REVENUE_TYPES or text(element, 'Class').upper() == 'REVENUE',
        tax_code=text(element, 'TaxType'),
        active=text(element, 'Status').upper() in ('', 'ACTIVE'),
        is_line=is_line,
        is_payment=is_payment,
        currency=text(element, 'CurrencyCode'),
    )


def from_tracking_category(element: dict) -> tuple[dto.Category, ...]:
    """A tracking category as its options: lines carry one of them. The id names both, because lines do."""
    group, name = guid(element, 'TrackingCategoryID'), text(element, 'Name')
    if not group:
        raise Unreadable('it has no TrackingCategoryID')
    in_use = text(element, 'Status').upper() in ('', 'ACTIVE')
    return tuple(
        dto.Category(
            external_id=f'{group}/{option}',
            name=text(one, 'Name'),
            group=group,
            group_name=name,
            active=in_use and text(one, 'Status').upper() in ('', 'ACTIVE'),
        )
        for one in objects(element, 'Options')
        if (option := guid(one, 'TrackingOptionID'))
    )


def from_tax_rate(element: dict) -> dto.TaxRate:
    code = text(element, 'TaxType')
    if not code:
        raise Unreadable('it has no TaxType')
    rate = number(element, 'EffectiveRate')
    if rate is None:
        rate = required_number(element, 'DisplayTaxRate')
    return dto.TaxRate(
        external_id=code,
        name=text(element, 'Name'),
        rate=rate,
        for_sales=flag(element, 'CanApplyToRevenue', default=True),
        for_purchases=flag(element, 'CanApplyToExpenses', default=True),
        active=text(element, 'Status').upper() in ('', 'ACTIVE'),
    )


# === files === #


def from_attachment(element: dict, *, kind: str, document: str) -> dto.Attachment:
    external_id, name = guid(element, 'AttachmentID'), text(element, 'FileName')
    if not external_id or not name:
        raise Unreadable('it has no AttachmentID or no FileName')
    return dto.Attachment(
        document_kind=kind,
        document_external_id=document,
        name=name,
        content_type=text(element, 'MimeType'),
        size=int(required_number(element, 'ContentLength')),
        external_id=external_id,
    )
