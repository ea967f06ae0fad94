"""When do two names, e-mails or codes count as the same? Plain helpers, and the same rule as an SQL expression.

Names are compared without case, accents, spaces and punctuation, so that "Müller  & Söhne" and "MULLER & SOHNE" meet. The Python
function and the SQL expression give the same key by construction: the same code points are dropped and the same letters
folded. That lets the database pick the few rows worth reading, set-based, whatever its locale is (``lower()`` of PostgreSQL
leaves other than ASCII letters alone in a C locale).
"""

import re
import unicodedata
from functools import cache

from odoo.tools import SQL
from odoo.tools.mail import email_normalize

# What carries no meaning in a name: ASCII and Latin-1 signs, combining marks (accents after NFKD), typographic punctuation
# and spaces, variation selectors, full-width forms' remains. One list for Python and PostgreSQL.
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
    """``(from, to)``: every Latin, Greek, Cyrillic or Armenian capital outside ASCII that NFKD leaves whole, and its small letter."""
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
    """:func:`text_key` as an SQL expression over ``column`` (an SQL object). Plain ASCII takes the short way."""
    source, target = _letter_table()
    folded = SQL('translate(normalize(%s, NFKD), %s, %s)', column, source, target)
    for letter, pair in _FOLDED_PAIRS:
        folded = SQL('replace(%s, %s, %s)', folded, letter, pair)
    return SQL(
        """regexp_replace(lower((CASE WHEN %(column)s ~ '[^\\u0001-\\u007F]' THEN %(folded)s ELSE %(column)s END)
        COLLATE "C"), %(dropped)s, '', 'g')""",
        column=column,
        folded=folded,
        dropped=_DROPPED_SQL,
    )


def email_key(email):
    """The first e-mail address in ``email``, as ``email_normalized`` of a partner holds it; '' when there is none."""
    return (email and email_normalize(email, strict=False)) or ''


def one_line(text):
    """Without double, leading and trailing spaces and line breaks: what a name is shown as."""
    return ' '.join((text or '').split())
