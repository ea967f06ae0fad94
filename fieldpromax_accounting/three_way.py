"""What became of both sides of a linked record since they last agreed. Plain Python.

A record is compared field by field. What each side had at the last agreement is kept in that side's own spelling, so
that "(02) 555 0100" here and "+61 2 555 0100" there are no difference as long as neither changes. Values are compared
by their keys (:func:`field_key`): spaces, the case of an e-mail, the punctuation of a phone or tax number tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .providers import dto

#: which side's changes travel: both sides', Odoo's to the books, the books' to Odoo, none
BOTH, PUSH, PULL, NONE = 'both', 'push', 'pull', 'none'
TO_BOOKS, TO_ODOO = (BOTH, PUSH), (BOTH, PULL)

#: what is kept in step, by kind; the order in which people see it
FIELDS = {
    'contact': (
        'name',
        'email',
        'phone',
        'address',
        'delivery_address',
        'persons',
        'tax_number',
        'website',
        'active',
    ),
    'item': ('name', 'code', 'description', 'price', 'active'),
}
ADDRESS_PARTS = ('street', 'street2', 'city', 'region', 'postal_code', 'country')
#: of one contact; who has more is shown in Odoo
MAX_PERSONS = 5
_ADDRESSES = ('address', 'delivery_address')
_SCHEME = re.compile(r'^[a-z][a-z0-9+.-]*://', re.IGNORECASE)


def _text(value):
    return ' '.join(str(value or '').replace('\x00', '').split())


def _price_key(value):
    if value in (None, ''):
        return ''
    try:
        number = Decimal(str(value)).normalize()
    except InvalidOperation:
        return _text(value)
    return f'{number + 0:f}'  # without a minus before zero


def field_key(field: str, value, place: Callable[[str, str], str] | None = None):
    """What of a value counts when two are compared; falsy when there is nothing.

    :param place: ``place(part, text)``: what a country or region is, however it is written.
    """
    if field in _ADDRESSES:
        parts = tuple(
            _text(place(part, _text((value or {}).get(part)))).casefold()
            if place and part in ('country', 'region')
            else _text((value or {}).get(part))
            for part in ADDRESS_PARTS
        )
        return parts if any(parts) else ()
    if field == 'persons':
        return tuple(
            sorted(
                (_text(person.get('name')), _text(person.get('email')).casefold()) for person in value or ()
            )
        )
    if field == 'active':
        return 'archived' if value is False else 'active'
    if field == 'price':
        return _price_key(value)
    text = _text(value)
    if field == 'email':
        return text.casefold()
    if field == 'phone':
        return re.sub(r'[\s().\-/]', '', text).casefold()
    if field == 'tax_number':
        return re.sub(r'[\W_]', '', text).casefold()
    if field == 'website':
        return _SCHEME.sub('', text).rstrip('/').casefold()
    return text


@dataclass(frozen=True)
class Merge:
    """What is to be done, as sets of fields.

    ``known``: nothing, and what both sides have now is what later changes are told from.
    """

    take: frozenset = frozenset()
    send: frozenset = frozenset()
    conflicts: frozenset = frozenset()
    known: frozenset = frozenset()


def merge(
    baseline: Mapping | None,
    ours: Mapping,
    theirs: Mapping,
    directions: Mapping[str, str],
    key: Callable = field_key,
) -> Merge:
    """Three-way merge of one record, field by field.

    * Changed on one side: the change travels, if the direction lets it.
    * Changed on both, differently, where both may travel: a person decides.
    * One direction only: the other side's change is neither taken nor overwritten, until the source changes.
    * Not compared before (the pair was just linked): what one side lacks is filled from the other; what differs is left
      alone and remembered.

    :param baseline: ``{'ours': {field: value}, 'theirs': …}`` at the last agreement; None or without a field: never.
    :param directions: ``{field: direction}``; a field that is not named is left alone.
    """
    then_ours, then_theirs = ((baseline or {}).get(side) or {} for side in ('ours', 'theirs'))
    found = {'take': set(), 'send': set(), 'conflicts': set(), 'known': set()}
    for field, direction in directions.items():
        if field not in ours or field not in theirs:
            continue
        here, there = key(field, ours[field]), key(field, theirs[field])
        if here == there:
            found['known'].add(field)
        elif field not in then_ours or field not in then_theirs:
            found[_first_look(here, there, direction)].add(field)
        else:
            changed_here = here != key(field, then_ours[field])
            changed_there = there != key(field, then_theirs[field])
            if direction == BOTH and changed_here and changed_there:
                found['conflicts'].add(field)
            elif direction in TO_BOOKS and changed_here:
                found['send'].add(field)
            elif direction in TO_ODOO and changed_there:
                found['take'].add(field)
    return Merge(**{name: frozenset(fields) for name, fields in found.items()})


def _first_look(here, there, direction):
    if not here and direction in TO_ODOO:
        return 'take'
    if not there and direction in TO_BOOKS:
        return 'send'
    return 'known'


def remembered(baseline: Mapping | None, ours: Mapping, theirs: Mapping, fields: Iterable[str]) -> dict:
    """The baseline once ``fields`` are settled as both sides have them now; the others stay as they were."""
    fields = set(fields)
    return {**(baseline or {})} | {
        side: {
            **((baseline or {}).get(side) or {}),
            **{field: now[field] for field in fields if field in ours and field in theirs},
        }
        for side, now in (('ours', ours), ('theirs', theirs))
    }


def blend(field: str, then, source, target):
    """The value that travels. An address travels as one, but a part that did not change keeps the spelling of the side
    that it goes to: a region that Odoo does not know is not lost because the street changed. Persons that the target
    alone has stay there.

    :param then: what the source had at the last agreement; None when it never was compared.
    """
    if field == 'persons':
        known = {field_key(field, [person]) for person in [*(source or ()), *(then or ())]}
        own = [person for person in target or () if field_key(field, [person]) not in known]
        return [*(source or ()), *own][:MAX_PERSONS]
    if field not in _ADDRESSES or not then or not any((target or {}).values()):
        return source
    return {
        part: (target or {}).get(part, '')
        if _text((source or {}).get(part)) == _text(then.get(part))
        else (source or {}).get(part, '')
        for part in ADDRESS_PARTS
    }


# === the books' side as plain values === #


def address_values(address: dto.Address) -> dict:
    return {part: _text(getattr(address, part)) for part in ADDRESS_PARTS}


def values_of(kind: str, record) -> dict:
    """``{field: value}`` of a DTO, as JSON; {} for a kind that is not kept in step in this way."""
    if kind == 'contact':
        return {
            'name': _text(record.name),
            'email': _text(record.email),
            'phone': _text(record.phone),
            'address': address_values(record.address),
            'delivery_address': address_values(record.delivery_address),
            'persons': [
                {'name': _text(person.name), 'email': _text(person.email)} for person in record.persons
            ],
            'tax_number': _text(record.tax_number),
            'website': _text(record.website),
            'active': record.active,
        }
    if kind == 'item':
        return {
            'name': _text(record.name),
            'code': _text(record.code),
            'description': record.description.replace('\x00', '').strip(),
            'price': None if record.sale_price is None else _price_key(record.sale_price),
            'active': record.active,
        }
    return {}


def record_of(kind: str, values: Mapping, **known):
    """The DTO of an update: ``values`` of the fields that are sent, and what is ``known`` besides (id, version)."""
    changed = tuple(field for field in FIELDS[kind] if field in values)
    if kind == 'contact':
        return dto.Contact(
            name=values.get('name') or known.pop('name'),
            email=values.get('email') or '',
            phone=values.get('phone') or '',
            website=values.get('website') or '',
            tax_number=values.get('tax_number') or '',
            address=dto.Address(**(values.get('address') or {})),
            delivery_address=dto.Address(**(values.get('delivery_address') or {})),
            persons=tuple(dto.Person(**person) for person in values.get('persons') or ()),
            active=values.get('active', known.pop('active', True)),
            changed=changed,
            **{name: value for name, value in known.items() if name != 'name'},
        )
    price = values.get('price')
    return dto.Item(
        name=values.get('name') or known.pop('name'),
        code=values['code'] if 'code' in values else known.pop('code', ''),
        description=values.get('description') or '',
        sale_price=Decimal(price) if price not in (None, '') else None,
        active=values.get('active', known.pop('active', True)),
        changed=changed,
        **{name: value for name, value in known.items() if name not in ('name', 'code')},
    )
