"""When do two names, e-mails or codes count as the same? Plain helpers, and the same rule as an SQL
expression.

Names are compared without case, accents, spaces and punctuation, so that "Müller  & Söhne" and "MULLER &
SOHNE" meet. The Python function and the SQL expression give the same key by construction: the same code
points are dropped and the same letters folded. That lets the database pick the few rows worth reading,
set-based, whatever its locale is (``lower()`` of PostgreSQL leaves other than ASCII letters alone in a C
locale).
"""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from functools import cache, lru_cache

from odoo.tools import SQL
from odoo.tools.mail import email_normalize

from .match_engine import Reason, Record, from_contact, from_item
from .providers import dto

# What a match keeps of a record of the books. Another addon adds its own kind.
SNAPSHOT_CLASSES = {'contact': dto.Contact, 'item': dto.Item}

# What carries no meaning in a name: ASCII and Latin-1 signs, combining marks (accents after NFKD),
# typographic punctuation and spaces, variation selectors, full-width forms' remains. One list for Python and
# PostgreSQL.
DROPPED_RANGES = (
    (0x01, 0x2F),
    (0x3A, 0x40),
    (0x5B, 0x60),
    (0x7B, 0xBF),
    (0xD7, 0xD7),
    (0xF7, 0xF7),
    (0x2B0, 0x36F),
    (0x483, 0x489),
    (0x591, 0x5C7),
    (0x64B, 0x65F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x2000, 0x206F),
    (0x20D0, 0x20FF),
    (0x3000, 0x3004),
    (0x3008, 0x3020),
    (0x3099, 0x309C),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xFEFF, 0xFEFF),
)
_DROPPED = re.compile('[' + ''.join(f'\\u{low:04x}-\\u{high:04x}' for low, high in DROPPED_RANGES) + ']')
# The same as an ASCII-only regular expression of PostgreSQL, which reads \uXXXX itself.
_DROPPED_SQL = '[' + ''.join(f'\\u{low:04X}-\\u{high:04X}' for low, high in DROPPED_RANGES) + ']'

# Letters that have no decomposition in Unicode and are accented ones to whoever reads them.
_FOLDED_LETTERS = {
    'ø': 'o',
    'ł': 'l',
    'đ': 'd',
    'ð': 'd',
    'ħ': 'h',
    'ı': 'i',
    'ŧ': 't',
    'ς': 'σ',
}
_FOLDED_PAIRS = (
    ('ß', 'ss'),
    ('ẞ', 'ss'),
    ('æ', 'ae'),
    ('Æ', 'ae'),
    ('œ', 'oe'),
    ('Œ', 'oe'),
    ('þ', 'th'),
    ('Þ', 'th'),
)


@cache
def _letter_table():
    """``(from, to)``: every Latin, Greek, Cyrillic or Armenian capital outside ASCII that NFKD leaves whole,
    and its small letter."""
    table = dict(_FOLDED_LETTERS)
    for code in range(0x80, 0x590):
        letter = chr(code)
        small = letter.lower()
        if letter == small or len(small) != 1 or unicodedata.normalize('NFKD', letter) != letter:
            continue
        table[letter] = _FOLDED_LETTERS.get(small, small)
    for letter, _ in _FOLDED_PAIRS:
        table.pop(letter, None)
    return ''.join(table), ''.join(table.values())


@cache
def _letters():
    source, target = _letter_table()
    return str.maketrans(source, target) | {ord(letter): pair for letter, pair in _FOLDED_PAIRS}


_ASCII_SMALL = str.maketrans('ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')


def folded(text):
    """``text`` in small letters, accents parted from them; spaces and punctuation stay."""
    return unicodedata.normalize('NFKD', text).translate(_letters()).translate(_ASCII_SMALL)


def folded_sql(column):
    """:func:`folded` as an SQL expression over ``column`` (an SQL object). Plain ASCII takes the shortest way, accents
    on it a short one: the letters of the table are looked for one by one."""
    source, target = _letter_table()
    parted = SQL('normalize(%s, NFKD)', column)
    others = SQL('translate(%s, %s, %s)', parted, source, target)
    for letter, pair in _FOLDED_PAIRS:
        others = SQL('replace(%s, %s, %s)', others, letter, pair)
    return SQL(
        """lower((CASE WHEN %(column)s !~ '[^\\u0001-\\u007F]' THEN %(column)s
                       WHEN %(parted)s !~ '[^\\u0001-\\u007F\\u0300-\\u036F]' THEN %(parted)s
                       ELSE %(others)s END) COLLATE "C")""",
        column=column,
        parted=parted,
        others=others,
    )


def text_key(text):
    """What of a name counts when it is compared; '' when nothing does."""
    return _DROPPED.sub('', folded(text)) if text else ''


def text_key_sql(column):
    """:func:`text_key` as an SQL expression over ``column`` (an SQL object)."""
    return SQL("regexp_replace(%s, %s, '', 'g')", folded_sql(column), _DROPPED_SQL)


@lru_cache(maxsize=4096)
def email_key(email):
    """The first e-mail address in ``email``, as ``email_normalized`` of a partner holds it; '' when there is
    none."""
    return (email and email_normalize(email, strict=False)) or ''


def one_line(text):
    """Without double, leading and trailing spaces and line breaks: what a name is shown as."""
    return ' '.join((text or '').split())


@dataclass(frozen=True)
class Local:
    """A record of Odoo, or a contact person or address that stands for it, as it was found by an equal key."""

    record: Record
    name_key: str
    second_key: str
    #: what it is linked to in this connection: ``{role: (external id, external id of the parent, name)}``
    links: dict = field(default_factory=dict, hash=False)

    @property
    def id(self):
        return self.record.id


@dataclass(frozen=True)
class Likely:
    """A record of Odoo that one of the books may be, as the engine judges it in this database."""

    id: int
    score: int
    reasons: tuple
    #: it has the very name, e-mail or code
    is_equal: bool
    #: fit to be linked unasked, if nothing else on either side is equal
    is_exact: bool
    #: not linked yet in the role that is asked about
    is_free: bool


def likely(candidate, links, role, name_decides):
    """:class:`Likely` of a candidate of the engine.

    :param links: what the record of Odoo is linked to, see :class:`Local`.
    :param name_decides: the record of the books has no code at all, so that the name alone tells.
    """
    score, reasons = candidate.score, list(candidate.reasons)
    codes = {reason.code for reason in reasons}
    is_exact = candidate.is_exact or (
        name_decides and candidate.same_name and codes.isdisjoint(('name_digits', 'archived', 'found_via'))
    )
    is_free = role not in links
    if not is_free:
        reasons.append(Reason.of('linked', name=links[role][2]))
        score = min(score, 99)
    if role:
        reasons.append(Reason.of('currency_books', currency=role))
    return Likely(
        id=candidate.id,
        score=score,
        reasons=tuple(reasons),
        is_equal=candidate.same_name or candidate.same_second,
        is_exact=is_exact and is_free,
        is_free=is_free,
    )


def name_without(name, currency):
    """The name of a customer in a second ``currency`` without it: "Acme (EUR)" is "Acme"."""
    return re.sub(rf'[\W_]*\b{re.escape(currency)}\b[\W_]*', ' ', name, flags=re.IGNORECASE)


def name_keys(remote, currency=''):
    """Keys of the names that a record of the books goes by: its own and, of a customer in a second ``currency``, the
    one without it ("Acme (EUR)" is "Acme")."""
    names = [remote.name]
    if currency:
        names.append(name_without(remote.name, currency))
    return tuple(dict.fromkeys(filter(None, map(text_key, names))))


class Families:
    """Who in the books is a part of whom: sub-customers often carry the e-mail of their parent, which then tells
    nothing about them.

    :param members: ``{external id: (external id of the parent or '', key of the e-mail)}``
    """

    def __init__(self, members):
        self.members = members

    def ancestors(self, external_id):
        """Parent, its parent, and so on; whatever loops the data may have."""
        seen = [external_id]
        while (parent := self.members.get(seen[-1], ('', ''))[0]) and parent not in seen:
            seen.append(parent)
        return seen[1:]

    def head(self, external_id):
        """The topmost one, which stands for the family."""
        return (self.ancestors(external_id) or [external_id])[-1]

    def inherits(self, external_id, email):
        """Has one above it the same e-mail?"""
        return any(self.members.get(one, ('', ''))[1] == email for one in self.ancestors(external_id))


def engine_records(kind, remote, role='', inherits_email=False):
    """Ways to look at a record of the books, as ``[(record of the engine, fits)]``; a candidate counts where
    ``fits(candidate)``. Usually there is one.

    :param role: a second currency: its name may carry that, or not.
    :param inherits_email: the e-mail is the one of its parent: it counts where the name is the same, and finds nobody.
    """
    if kind == 'item':
        return [(from_item(remote), lambda _one: True)]
    # Odoo knows no currency of a customer; the books know it by the role.
    record = from_contact(remote, currency='')
    ways = [record]
    if role and (name := one_line(name_without(remote.name, role))):
        ways.append(replace(record, name=name))
    if not inherits_email:
        return [(way, lambda _one: True) for way in ways]
    return [(way, lambda one: one.same_name) for way in ways] + [
        (replace(way, email=''), lambda one: not one.same_name) for way in ways
    ]


def second_of(kind, remote):
    return remote.email if kind == 'contact' else remote.code


def second_key(kind, text):
    return email_key(text) if kind == 'contact' else text_key(text)


def snapshot(remote):
    """A DTO as JSON, to make the record from later."""
    return json.loads(json.dumps(asdict(remote), default=str).replace('\\u0000', ''))


def from_snapshot(kind, data):
    """The DTO of a snapshot; fields that it does not have, or no longer has, keep their defaults."""
    cls = SNAPSHOT_CLASSES[kind]
    data = dict(data)
    data.pop('updated_at', None)
    for name in ('address', 'delivery_address'):
        if name in data:
            data[name] = dto.Address(**data[name] or {})
    if 'persons' in data:
        data['persons'] = tuple(dto.Person(**person) for person in data['persons'] or ())
    for name in ('sale_price', 'purchase_price'):
        if data.get(name) is not None:
            data[name] = Decimal(data[name])
    known = {field.name for field in dataclass_fields(cls)}
    return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True)
class Remote:
    """A record of the books as it is known here."""

    external_id: str
    name: str
    second: str
    record_id: int
    is_ignored: bool
    match_id: int
    role: str = ''
    parent: str = ''
