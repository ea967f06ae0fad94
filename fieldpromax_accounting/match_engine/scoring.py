"""What a name's likeness and everything else that is known come to: a score and its reasons.

The name gives at most 70 of 100. What agrees besides adds to it, what differs takes away. A hundred is kept for what
the rule of linking asks for: name and e-mail (or code) equal, and nothing against it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from . import normalise
from .compare import Likeness
from .records import CUSTOMER, Reason

#: from here on a pair is worth a person's look
SUGGEST = 55
_NAME_SHARE = 0.7
# Equal names, e-mails, codes and tax numbers are always shown.
_FLOOR_NAME, _FLOOR_SECOND = SUGGEST, 60
_BEST = 100
_ALMOST = 99


class Prepared:
    """A record with what is compared taken out of it, once."""

    __slots__ = (
        'city',
        'code',
        'emails',
        'name',
        'name_keys',
        'phones',
        'postal_code',
        'price',
        'record',
        'shape',
        'tax',
    )

    def __init__(self, record):
        self.record = record
        is_customer = record.kind == CUSTOMER
        self.name = normalise.Name(record.name, is_product=not is_customer)
        self.name_keys = normalise.name_keys(self.name)
        self.emails = normalise.emails(record.email) if is_customer else ()
        self.phones = normalise.phones(record.phone) if is_customer else ()
        self.tax = normalise.tax_number(record.tax_number) if is_customer else ('', '')
        self.city = normalise.place_key(record.city) if is_customer else ''
        self.postal_code = normalise.place_key(record.postal_code) if is_customer else ''
        self.code = '' if is_customer else normalise.code_key(record.code)
        self.shape = normalise.code_shape(record.code) if self.code else ''
        self.price = None if is_customer else _amount(record.price)

    @property
    def second_keys(self):
        """What must be equal besides the name: e-mail addresses of a customer, the code of a product."""
        return self.emails or ((self.code,) if self.code else ())


def _amount(price):
    if price is None:
        return None
    try:
        amount = Decimal(str(price))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


class Pair:
    """A remote and a local record compared: ``score``, ``reasons`` (the strongest first), ``same_name``,
    ``same_second``."""

    __slots__ = ('_points', 'against', 'reasons', 'same_name', 'same_second', 'score')

    def __init__(self, books, odoo, likeness=None):
        likeness = likeness or Likeness(books.name, odoo.name)
        self.same_name = likeness.is_equal
        self.same_second = False
        #: something says that they are two, though name and e-mail may agree
        self.against = not likeness.is_safe
        self.reasons = []
        self._points = _NAME_SHARE * likeness.score
        floor = _FLOOR_NAME if self.same_name else 0
        if books.record.kind == CUSTOMER:
            floor = max(floor, self._compare_customers(books, odoo))
        else:
            floor = max(floor, self._compare_products(books, odoo))
        self._order_reasons(likeness)
        exact = self.same_name and self.same_second and not self.against
        self.score = _BEST if exact else max(floor, min(_ALMOST, round(self._points)))

    def _note(self, points, code, **values):
        self._points += points
        self.reasons.append(Reason.of(code, **values))

    def _order_reasons(self, likeness):
        agreeing = [reason for reason in self.reasons if reason.code in _AGREEING]
        rest = [reason for reason in self.reasons if reason.code not in _AGREEING]
        if self.same_name:
            self.reasons = likeness.reasons + agreeing + rest
        else:
            self.reasons = agreeing + likeness.reasons + rest

    def _compare_customers(self, books, odoo):
        floor = 0
        if self._compare_emails(books, odoo):
            floor = _FLOOR_SECOND
        if books.tax[1] and odoo.tax[1]:
            if normalise.same_tax_number(books.tax, odoo.tax):
                self._note(25, 'tax_same')
                floor = _FLOOR_SECOND
            else:
                self._note(-30, 'tax_other')
                self.against = True
        if books.phones and odoo.phones:
            if any(normalise.same_phone(a, b) for a in books.phones for b in odoo.phones):
                self._note(15, 'phone_same')
            else:
                self._note(-3, 'phone_other')
        self._compare_places(books, odoo)
        ours, theirs = books.record.currency.strip().upper(), odoo.record.currency.strip().upper()
        if ours and theirs and ours != theirs:
            self._note(-8, 'currency_other', books=ours, odoo=theirs)
            self.against = True
        return floor

    def _compare_emails(self, books, odoo):
        if not books.emails or not odoo.emails:
            if self.same_name:
                missing = 'books' if odoo.emails else 'odoo' if books.emails else 'both'
                self._note(0, f'email_missing_{missing}')
            return False
        if not set(books.emails).isdisjoint(odoo.emails):
            self.same_second = True
            self._note(30, 'email_same')
            return True
        if not set(map(normalise.mailbox, books.emails)).isdisjoint(map(normalise.mailbox, odoo.emails)):
            self._note(25, 'email_mailbox')
            return True
        domains = set(map(normalise.own_domain, books.emails)) - {''}
        if not domains.isdisjoint(map(normalise.own_domain, odoo.emails)):
            self._note(6, 'email_domain')
        else:
            self._note(-5 if self.same_name else -8, 'email_other')
        return False

    def _compare_places(self, books, odoo):
        if (books.postal_code and books.postal_code == odoo.postal_code) or (
            books.city and books.city == odoo.city
        ):
            self._note(6, 'place_same')
        elif books.city and odoo.city:
            self._note(-4, 'place_other')

    def _compare_products(self, books, odoo):
        floor = 0
        if not books.code or not odoo.code:
            if self.same_name:
                missing = 'books' if odoo.code else 'odoo' if books.code else 'both'
                self._note(0, f'code_missing_{missing}')
        elif books.code == odoo.code:
            self.same_second = True
            self._note(30, 'code_same')
            floor = _FLOOR_SECOND
        elif books.shape == odoo.shape:
            self._note(10, 'code_shape', books=books.record.code.strip(), odoo=odoo.record.code.strip())
        else:
            self._note(-15, 'code_other')
        if books.price and odoo.price:
            low, high = sorted((abs(books.price), abs(odoo.price)))
            if low == high:
                self._note(4, 'price_same')
            elif low * 5 < high * 4:
                self._note(-4, 'price_other')
        return floor


_AGREEING = frozenset(
    (
        'email_same',
        'email_mailbox',
        'phone_same',
        'tax_same',
        'place_same',
        'code_same',
        'code_shape',
        'price_same',
    )
)
