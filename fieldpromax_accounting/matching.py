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
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from decimal import Decimal
from functools import cache

from odoo.tools import SQL
from odoo.tools.mail import email_normalize

from .providers import dto

# What a match keeps of a record of the books. Another addon adds its own kind.
SNAPSHOT_CLASSES = {'contact': dto.Contact, 'item': dto.Item}

# What a person reads as a percentage; the order decides, not the number.
SCORE_BOTH, SCORE_SECOND, SCORE_NAME = 95, 70, 60

# What carries no meaning in a name: ASCII and Latin-1 signs, combining marks (accents after NFKD),
# typographic punctuation and spaces, variation selectors, full-width forms' remains. One list for Python and
# PostgreSQL.
_DROPPED_RANGES = (
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
_DROPPED = re.compile('[' + ''.join(f'\\u{low:04x}-\\u{high:04x}' for low, high in _DROPPED_RANGES) + ']')
# The same as an ASCII-only regular expression of PostgreSQL, which reads \uXXXX itself.
_DROPPED_SQL = '[' + ''.join(f'\\u{low:04X}-\\u{high:04X}' for low, high in _DROPPED_RANGES) + ']'

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


def text_key(text):
    """What of a name counts when it is compared; '' when nothing does."""
    if not text:
        return ''
    decomposed = unicodedata.normalize('NFKD', text)
    folded = decomposed.translate(_letters()).translate(_ASCII_SMALL)
    return _DROPPED.sub('', folded)


def text_key_sql(column):
    """:func:`text_key` as an SQL expression over ``column`` (an SQL object). Plain ASCII takes the short
    way."""
    source, target = _letter_table()
    folded = SQL('translate(normalize(%s, NFKD), %s, %s)', column, source, target)
    for letter, pair in _FOLDED_PAIRS:
        folded = SQL('replace(%s, %s, %s)', folded, letter, pair)
    return SQL(
        """regexp_replace(lower((CASE WHEN %(column)s ~ '[^\\u0001-\\u007F]' THEN %(folded)s ELSE %(column)s
        END) COLLATE "C"), %(dropped)s, '', 'g')""",
        column=column,
        folded=folded,
        dropped=_DROPPED_SQL,
    )


def email_key(email):
    """The first e-mail address in ``email``, as ``email_normalized`` of a partner holds it; '' when there is
    none."""
    return (email and email_normalize(email, strict=False)) or ''


def one_line(text):
    """Without double, leading and trailing spaces and line breaks: what a name is shown as."""
    return ' '.join((text or '').split())


@dataclass(frozen=True)
class Local:
    """A record of Odoo as matching sees it. ``second``: e-mail of a customer, code of a product."""

    id: int
    name: str
    second: str
    name_key: str
    second_key: str
    active: bool
    #: what it is linked to in this connection: ``{role: (external id, external id of the parent)}``
    links: dict = field(default_factory=dict, hash=False)
    #: the contact person or address that the likeness was found on, '' when it is the customer itself
    via: str = ''


class Candidate:
    """What one record of Odoo has in common with one of the books, over all the ways in which it was
    found.

    :param names: keys of the name that the record of the books has.
    :param second: key of its e-mail or code.
    :param name_decides: it has no code at all, so that the name alone tells.
    """

    def __init__(self, ways, names, second, name_decides=False):
        self.same_name = any(local.name_key in names for local in ways)
        self.same_second = bool(second) and any(local.second_key == second for local in ways)
        equal = [
            local
            for local in ways
            if local.name_key in names and (name_decides or (second and local.second_key == second))
        ]
        own = [local for local in ways if not local.via]
        self.local = next((local for local in equal if not local.via), None) or (equal or own or ways)[0]
        self.is_exact = bool(equal) and not self.local.via and self.local.active
        self.score = (
            SCORE_BOTH
            if self.same_name and self.same_second
            else SCORE_SECOND
            if self.same_second
            else SCORE_NAME
        )


def name_keys(remote, currency=''):
    """Keys of the names that a record of the books goes by: its own and, of a customer in a second ``currency``, the
    one without it ("Acme (EUR)" is "Acme")."""
    names = [remote.name]
    if currency:
        names.append(re.sub(rf'[\W_]*\b{re.escape(currency)}\b[\W_]*', ' ', remote.name, flags=re.IGNORECASE))
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
    if 'address' in data:
        data['address'] = dto.Address(**data['address'] or {})
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
