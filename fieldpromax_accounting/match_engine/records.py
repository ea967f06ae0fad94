"""What goes into matching and what comes out: frozen, plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

CUSTOMER, PRODUCT = 'customer', 'product'


@dataclass(frozen=True, slots=True)
class Record:
    """A customer or product of one side. What is unknown stays empty.

    ``id`` is whatever tells the records of that side apart (an int or a str; one sort a side). Several local records
    may share an id: the record itself and its contact persons and addresses, which say so in ``via``; they make one
    candidate.
    """

    kind: str
    id: int | str
    name: str = ''
    email: str = ''
    phone: str = ''
    tax_number: str = ''
    city: str = ''
    postal_code: str = ''
    currency: str = ''
    code: str = ''
    price: Decimal | None = None
    active: bool = True
    #: name of the contact person or address that stands for the record, '' when it is the record itself
    via: str = ''
    #: name of what it is linked to already, '' when to nothing: it is shown, and never linked again
    linked_to: str = ''


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for or against: a code of :data:`.sentences.TEMPLATES` and its values."""

    code: str
    values: tuple[tuple[str, str | int], ...] = ()

    @classmethod
    def of(cls, code, **values):
        return cls(code, tuple(sorted(values.items())))

    def as_dict(self):
        """For JSON; :meth:`of` takes it back."""
        return {'code': self.code, **dict(self.values)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A local record that a remote one may be the same as."""

    id: int | str
    #: 0 to 100; 100 is kept for what is equal in name and e-mail or code with nothing against it
    score: int
    #: the strongest first
    reasons: tuple[Reason, ...]
    same_name: bool = False
    #: the e-mail of a customer, the code of a product
    same_second: bool = False
    #: the contact person or address that it was found by, '' when it is the record itself
    via: str = ''

    @property
    def is_exact(self):
        """Fit to be linked unasked, if it is unique on both sides."""
        return self.score == 100


@dataclass(frozen=True, slots=True)
class Result:
    """What is to become of one remote record."""

    id: int | str
    #: link, review or create
    verdict: str
    #: the best first
    candidates: tuple[Candidate, ...] = ()
    #: why it is not decided without a person, beyond what the candidates say
    reasons: tuple[Reason, ...] = ()


def from_contact(contact, **values):
    """A customer's :class:`Record` from a contact of a provider (:class:`..providers.dto.Contact`)."""
    fields = {
        'id': contact.external_id,
        'name': contact.name,
        'email': contact.email,
        'phone': contact.phone,
        'tax_number': contact.tax_number,
        'city': contact.address.city,
        'postal_code': contact.address.postal_code,
        'currency': contact.currency,
        'active': contact.active,
    }
    return Record(CUSTOMER, **{**fields, **values})


def from_item(item, **values):
    """A product's :class:`Record` from an item of a provider (:class:`..providers.dto.Item`)."""
    fields = {
        'id': item.external_id,
        'name': item.name,
        'code': item.code,
        'price': item.sale_price,
        'active': item.active,
    }
    return Record(PRODUCT, **{**fields, **values})
