"""What counts of a name, e-mail, phone, tax number or code when it is compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from sys import intern

from . import words as lists

# Letters without a decomposition in Unicode that are accented ones, or two, to whoever reads them.
_WHOLE_LETTERS = {
    'ø': 'o', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'ħ': 'h', 'ı': 'i', 'ŧ': 't', 'ς': 'σ', 'ß': 'ss', 'æ': 'ae', 'œ': 'oe',
    'þ': 'th',
}  # fmt: skip
# Modifier letters, and marks of scripts that do without them. Vowel signs of Indic scripts stay: they are letters.
MARKS = (
    (0x2B0, 0x36F), (0x483, 0x489), (0x591, 0x5C7), (0x64B, 0x65F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF), (0x3000, 0x3004), (0x3008, 0x3020), (0x3099, 0x309C), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F),
)  # fmt: skip
_APOSTROPHES = frozenset("'’‘`´ʼʹ＇")
_KEPT_SIGNS = frozenset('.,/&+')
SPELLED_OUT = str.maketrans(
    {
        **dict(zip('абвгдезиіклмнопрстуфыэ', 'abvgdeziiklmnoprstufye', strict=True)),
        **dict(zip('αβγδεζηικλμνοπρστυφω', 'avgdeziiklmnoprstufo', strict=True)),
        'ж': 'zh', 'х': 'kh', 'ц': 'ts', 'ч': 'ch', 'ш': 'sh', 'щ': 'shch', 'ь': '', 'ъ': '', 'ю': 'yu', 'я': 'ya',
        'є': 'ye', 'ґ': 'g', 'ђ': 'dj', 'ј': 'j', 'љ': 'lj', 'њ': 'nj', 'ћ': 'c', 'џ': 'dz', 'θ': 'th', 'ξ': 'x',
        'χ': 'ch', 'ψ': 'ps',
    }
)  # fmt: skip
# Two letters for one: umlauts that are written out, and long vowels.
DIGRAPHS = (('ae', 'a'), ('oe', 'o'), ('ue', 'u'), ('aa', 'a'))


def _folded(character):
    """One character after NFKD: small, without its accent; '' for what carries no meaning."""
    code = ord(character)
    if any(low <= code <= high for low, high in MARKS) or unicodedata.category(character)[0] in 'PSZC':
        return ''
    small = character.casefold()
    return ''.join(_WHOLE_LETTERS.get(letter, letter) for letter in unicodedata.normalize('NFKD', small))


class _Fold(dict):
    """Code point → letters, filled as letters are met."""

    def __missing__(self, code):
        letters = self[code] = _folded(chr(code))
        return letters


class _FoldWords(dict):
    """The same, with what parts words left as a space and what parts numbers left as it is."""

    def __missing__(self, code):
        character = chr(code)
        letters = _folded(character)
        if not letters and character not in _APOSTROPHES and unicodedata.category(character)[0] in 'PSZC':
            letters = character if character in _KEPT_SIGNS else ' '
        self[code] = letters
        return letters


_fold, _fold_words = _Fold(), _FoldWords()


def compact(text):
    """Letters and digits of ``text`` alone: no case, accents, spaces or punctuation; '' when nothing is left."""
    if not text:
        return ''
    if not text.isascii():
        text = unicodedata.normalize('NFKD', text)
    return text.translate(_fold)


# Letters with dots between them are one word: "S.p.A.", "z o.o.", "A.B. Mortlake".
_DOTTED = re.compile(r'(?<![^\s/,&])[^\W\d_](?:\.[^\W\d_])+(?![^\s.,/&])')
_WORD = re.compile(r'\d+(?:[.,]\d+)*|[^\s\d.,/&+]+|&|\+')
_SIGNED_PLUS = re.compile(r'(?<!\s)\+|\+(?!\s)')


def plain_words(text):
    """The words and numbers of ``text`` in their order, as tuples of small letters without accents. ``&`` and a
    ``+`` that stands alone are words."""
    if not text:
        return ()
    if not text.isascii():
        text = unicodedata.normalize('NFKD', text)
    text = text.translate(_fold_words)
    if '.' in text:
        text = _DOTTED.sub(lambda found: found.group().replace('.', ''), text)
    if '+' in text:
        text = _SIGNED_PLUS.sub(' ', text)
    return tuple(_number(word) if word[0].isdigit() else word for word in _WORD.findall(text))


def _number(text):
    """1,000 → 1000; 2,5 → 2.5; 3.0 → 3."""
    whole, *groups = text.split(',')
    if groups and whole[0] != '0' and all(len(group) == 3 for group in groups) and '.' not in whole:
        text = whole + ''.join(groups)
    text = text.replace(',', '.')
    whole, point, fraction = text.partition('.')
    if point and len(fraction) < 3 and '.' not in fraction:
        fraction = fraction.rstrip('0')
        text = f'{whole}.{fraction}' if fraction else whole
    return text


def is_number(word):
    return word[0].isdigit()


@lru_cache(maxsize=1 << 16)
def spelled(word):
    """A word as it is compared: one spelling of several, in Latin letters, umlauts written in one way."""
    if word.isascii():
        word = lists.SPELLINGS.get(word, word)
    else:
        word = word.translate(SPELLED_OUT) or word
    for two, one in DIGRAPHS:
        if two in word and len(word) > 3:
            word = word.replace(two, one)
    return intern(word)


def one_line(text):
    return ' '.join((text or '').split())


# === NAMES === #

_WRITTEN = re.compile(r'[^\s,;:()\[\]/&+"“”„]+')


class Name:
    """A name taken apart.

    ``compact`` and ``canonical`` are its keys: two names are equal when one of the two is (see :func:`equal`).
    ``compact`` is blind to case, accents, spaces and punctuation; ``canonical`` sees through the ways to write a legal
    form, "the", "and" and "Smith, John" as well. ``words`` are compared one by one, ``raw`` are the same as written.
    """

    __slots__ = (
        '_form_words', 'canonical', 'compact', 'currency', 'form', 'notes', 'numbers', 'raw', 'sorted_key', 'text',
        'titles', 'words',
    )  # fmt: skip

    def __init__(self, text, is_product=False):
        self.text = one_line(text)
        self.compact = compact(text)
        self.form = self.notes = self.currency = ''
        self.titles = self._form_words = ()
        tokens = plain_words(text)
        self.numbers = tuple(filter(is_number, tokens))
        core = list(tokens)
        if not is_product:
            core = self._without_form(core)
            core = self._turned(core)
        core = _without_article(core)
        core = [
            word
            for place, word in enumerate(core)
            if word not in lists.CONNECTORS or (word not in '&+' and not 0 < place < len(core) - 1)
        ]
        self.canonical = _joined(core) + (f'|{self.form}' if self.form else '')
        if not any(map(str.isalnum, self.canonical)):
            self.canonical = self.compact
        core = self._without_notes(core)
        if not is_product:
            core = self._without_title(core)
            core = self._without_currency(core)
        self.raw = tuple(map(intern, core))
        self.words = tuple(map(spelled, core))
        #: blind to the order of the words and to their spelling; '' when nothing is left
        self.sorted_key = ''.join(sorted(self.words))

    def written(self, places):
        """The words at ``places`` as they stand in the text."""
        return self._as_written(self.raw[place] for place in places)

    @property
    def written_form(self):
        return self._as_written(self._form_words)

    def _as_written(self, words):
        parts = {compact(part): part for part in _WRITTEN.findall(self.text)}
        return ' '.join(parts.get(word, word) for word in words)

    def _without_form(self, tokens):
        if tokens and tokens[-1] in lists.FORM_ENDINGS:
            ands = tuple('and' if token in lists.CONNECTORS else token for token in tokens)
            for size in range(min(lists.LONGEST_FORM, len(tokens) - 1), 0, -1):
                if code := lists.LEGAL_FORMS.get(ands[-size:]):
                    self.form, self._form_words = code, tokens[-size:]
                    return tokens[:-size]
        if self.text.isascii():
            return tokens
        if len(tokens) > 1 and tokens[0] in lists.LEADING_FORMS:
            self.form, self._form_words = lists.LEADING_FORMS[tokens[0]], tokens[:1]
            return tokens[1:]
        for way, code in lists.JOINED_FORMS:
            for place in (0, -1) if tokens else ():
                rest = tokens[place].removeprefix(way).removesuffix(way)
                if rest and rest != tokens[place]:
                    self.form, self._form_words = code, [way]
                    tokens[place] = rest
                    return tokens
        return tokens

    def _turned(self, tokens):
        """Smith, John → john smith."""
        before, comma, after = self.text.partition(',')
        if not comma or ',' in after:
            return tokens
        first = len(plain_words(before))
        if 0 < first < len(tokens) and len(tokens) - first <= 3:
            return tokens[first:] + tokens[:first]
        return tokens

    def _without_notes(self, tokens):
        if lists.NOTE_WORDS.isdisjoint(tokens):
            return tokens
        for note, label in lists.NOTES.items():
            size = len(note)
            for start in range(len(tokens) - size + 1) if len(tokens) > size else ():
                if tuple(tokens[start : start + size]) == note:
                    self.notes = label
                    tokens = tokens[:start] + tokens[start + size :]
                    break
        in_brackets = self.text.rstrip(' )]').lower().endswith(('(old', '[old'))
        if not self.notes and len(tokens) > 1 and tokens[-1] == 'old' and in_brackets:
            self.notes = 'old'
            tokens = tokens[:-1]
        return tokens

    def _without_title(self, tokens):
        count = 0
        while count < len(tokens) - 1 and tokens[count] in lists.TITLES:
            count += 1
        self.titles = tuple(tokens[:count])
        return tokens[count:]

    def _without_currency(self, tokens):
        if len(tokens) > 1 and tokens[-1] in lists.CURRENCIES and self._ends_in_code(tokens[-1]):
            self.currency = tokens[-1].upper()
            return tokens[:-1]
        return tokens

    def _ends_in_code(self, code):
        end = self.text.rstrip(' )]}')
        return end.endswith(code.upper()) and not end[: -len(code)][-1:].isalnum()


def _without_article(tokens):
    if len(tokens) > 1 and tokens[0] == 'the':
        return tokens[1:]
    if len(tokens) > 1 and tokens[-1] == 'the':
        return tokens[:-1]
    return tokens


def _joined(words):
    """Words without spaces between them, but for digits that would run together."""
    parts = []
    for word in words:
        if parts and is_number(word) and parts[-1][-1].isdigit():
            parts.append(' ')
        parts.append(word)
    return ''.join(parts)


def equal(a, b):
    """Are two names the same but for how they are written?"""
    return bool(a.compact) and (a.compact == b.compact or a.canonical == b.canonical)


def name_keys(name):
    """Two names are equal exactly when they share a key."""
    if not name.compact:
        return ()
    return (name.compact, f'|{name.canonical}')


# === E-MAIL === #

_ADDRESS = re.compile(r'[^\s<>,;:"()\[\]]+@[^\s<>,;:"()\[\]@]+')


def emails(text):
    """The addresses in ``text``, each once, small; those that only say that there is none are left out."""
    if not text or '@' not in text:
        return ()
    found = []
    for address in _ADDRESS.findall(text):
        address = address.strip(".'").casefold()
        local, _, domain = address.partition('@')
        is_none = local in lists.NO_MAILBOX or domain in lists.NO_DOMAIN
        if local and domain and '@' not in domain and not is_none and address not in found:
            found.append(address)
    return tuple(found)


def mailbox(address):
    """The address that mail to ``address`` arrives at, as far as can be told: without what follows a plus, nor dots
    where they do not count."""
    local, _, domain = address.rpartition('@')
    local = local.partition('+')[0] or local
    if domain in lists.DOTLESS_DOMAINS:
        return f'{local.replace(".", "")}@{lists.DOTLESS_DOMAINS[domain]}'
    return f'{local}@{domain}'


def own_domain(address):
    """The domain of ``address``, '' where anybody can have an address."""
    domain = address.rpartition('@')[2]
    return '' if domain in lists.SHARED_DOMAINS else domain


# === PHONE, TAX NUMBER, CODE, PLACE === #

_EXTENSION = re.compile(r'(?:ext\.?|extn\.?|x|#|durchwahl|poste)\s*\d{1,6}\s*$', re.IGNORECASE)
_TRUNK_ZERO = re.compile(r'\(\s*0\s*\)')
_SEVERAL = re.compile(r'[,;/|]|\bor\b', re.IGNORECASE)
_NO_DIGIT = re.compile(r'\D+')
KEY_DIGITS = 7  # of a phone number, from its end: shorter than any national number, long enough to be rare


def _digits(text):
    if text.isascii():
        return _NO_DIGIT.sub('', text)
    return ''.join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())


def phones(text):
    """The phone numbers in ``text`` as ``(is international, digits without leading zeros)``."""
    found = []
    for part in _SEVERAL.split(text or ''):
        part = _EXTENSION.sub('', part.strip())
        is_international = part.startswith(('+', '00', '(+'))
        if is_international:
            part = _TRUNK_ZERO.sub('', part)
        digits = _digits(part).lstrip('0')
        if (
            KEY_DIGITS <= len(digits) <= 15
            and len(set(digits)) > 1
            and (is_international, digits) not in found
        ):
            found.append((is_international, digits))
    return tuple(found)


def phone_key(phone):
    return phone[1][-KEY_DIGITS:]


def same_phone(a, b):
    """A number with its country and one without are the same when the rest is."""
    if a[1] == b[1]:
        return True
    if a[0] and b[0]:
        return False
    long, short = sorted((a, b), key=lambda phone: -len(phone[1]))
    return not short[0] and len(long[1]) - len(short[1]) <= 3 and long[1].endswith(short[1])


def tax_number(text):
    """``(letters, digits)`` of a tax number, its labels left out; ``('', '')`` for what cannot be one."""
    if not text:
        return '', ''
    # The labels are words of their own; "ATU" and "CHE" belong to the number.
    parts = re.findall(r'[a-z]+|\d+', compact_with_gaps(text))
    letters = ''.join(part for part in parts if part.isalpha() and part not in lists.TAX_LABELS)
    digits = ''.join(part for part in parts if part.isdigit())
    if len(digits) < 5 or len(set(digits)) == 1:
        return '', ''
    return letters, digits


def compact_with_gaps(text):
    return ' '.join(compact(part) for part in re.split(r'[\s.\-/]+', text))


def same_tax_number(a, b):
    """The country in front of a number may be missing on one side."""
    if not a[1] or a[1] != b[1]:
        return False
    long, short = sorted((a[0], b[0]), key=len, reverse=True)
    return long == short or not short or (len(long) - len(short) >= 2 and long.endswith(short))


_BETWEEN_DIGITS = re.compile(r'(?<=\d)[\W_]+(?=\d)')


def code_key(text):
    """A product's code without case, spaces and signs, but for those that part digits: A-100 is a100, 1-10 is not
    11-0."""
    if not text:
        return ''
    parts = [compact(part) for part in _BETWEEN_DIGITS.split(unicodedata.normalize('NFKC', text))]
    return '-'.join(part for part in parts if part)


_LOOKALIKES = str.maketrans('oil', '011')
_LEADING_ZEROS = re.compile(r'(?<!\d)0+(?=\d)')


def code_shape(text):
    """Codes that a person may take for one another share a shape: O and 0, I and 1, leading zeros."""
    return _LEADING_ZEROS.sub('', compact(text).translate(_LOOKALIKES))


def place_key(text):
    return compact(text)
