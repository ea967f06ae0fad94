"""What the providers' rules share: how a broken rule is said.

Every broken rule is a sentence that names the rule, what stands there, and a value that would do. Nothing is
rewritten: a person decides.

Names, codes and e-mail addresses have rules of their own as objects (:class:`NameRule`, :class:`EmailRule`): they can
be asked about a text alone, before anything is connected, and can suggest another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

# ordinary blanks: a no-break or an ideographic space is a character like any other
BLANK = ' \t\r\n\f\v'
SPACES = re.compile(f'[{BLANK}]+')
# nobody sees them, and queries cannot hold them
CONTROL = re.compile(r'[\x00-\x1f\x7f-\x9f]')
# The form that mail servers agree on; the providers' own checks are not published
EMAIL = re.compile(r'[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)+')


def spellings(keys: Iterable[str]) -> list[str]:
    """Each key as it is and without the spaces around, ordinary ones and all: which of these a provider takes away
    when it keeps a text is not documented. Each once; blank ones are none."""
    keys = [key for key in keys if key and key.strip()]
    return list(dict.fromkeys(one for key in keys for one in (key.strip(BLANK), key, key.strip())))


def shown(value: str) -> str:
    """A value as it stands in a sentence."""
    return f'"{value}"' if len(value) <= 80 else f'"{value[:77]}…"'


def too_long(provider: str, label: str, value: str, limit: int, suggest: bool = True) -> list[str]:
    """The sentence about a text that is longer than ``limit``, in a list; [] when it is not."""
    if len(value) <= limit:
        return []
    sentence = f'{provider} allows {limit} characters in {label}; this one has {len(value)}.'
    if suggest:
        sentence += f' For example: {shown(value[:limit].rstrip())}.'
    else:
        sentence += ' Please shorten it.'
    return [sentence]


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, between two words where that leaves at least half of it."""
    if len(text) <= limit:
        return text
    short = text[:limit]
    edge = max(short.rfind(' '), short.rfind('-'))
    if text[limit] not in BLANK + '-' and edge >= limit // 2:
        short = short[:edge]
    return short.rstrip(BLANK + '-,;(&')


@dataclass(frozen=True)
class NameRule:
    """What a provider asks of a name or a code.

    :param provider: its label.
    :param record: what it calls the record, e.g. ``customer``.
    :param limit: how many characters it takes.
    :param forbidden: ``(pattern, in words)`` of what may not stand in it; tried on the text without the spaces around.
    :param tidy: a text as it would do, but for its length; may give '' when nothing is left.
    :param around: spaces at the beginning and end are refused.
    :param what: what the text is of the record: ``name``, or a code in the provider's words.
    :param required: there has to be one.
    :param missing: the sentence about one that is missing, without its example.
    :param make: the text that is suggested for one that is missing, from what else the record is called.
    :param number: how a word is added to tell two apart.
    """

    provider: str
    record: str
    limit: int
    forbidden: Sequence[tuple[str, str]] = ()
    tidy: Callable[[str], str] = field(default=lambda text: SPACES.sub(' ', text).strip(BLANK), repr=False)
    around: bool = False
    what: str = 'name'
    required: bool = True
    missing: str = ''
    make: Callable[[str], str] = field(default=lambda text: '', repr=False)
    number: str = '{} ({})'

    @property
    def _of_record(self) -> str:
        """E.g. ``name of an item``."""
        return f'{self.what} of {"an" if self.record[0] in "aeiou" else "a"} {self.record}'

    def check(self, text: str, source: str = '') -> list[str]:
        """Sentences about what is wrong with ``text``; [] when it is fine.

        :param source: what else the record is called, for the example of what is missing.
        """
        if not text.strip():
            if not self.required:
                return []
            missing = (
                self.missing
                or f'{self.provider} needs a {self.what} for every {self.record}; this one has none.'
            )
            example = self.suggest(text, source)
            return [f'{missing} {self._advice(example)}']
        reasons = [words for pattern, words in self.forbidden if re.search(pattern, text.strip(BLANK))]
        if self.around and text != text.strip(BLANK):
            reasons.append('spaces at the beginning or end')
        found = []
        if reasons:
            found.append(
                f'{self.provider} does not allow {" or ".join(reasons)} in the {self._of_record}: '
                f'{shown(text)}. {self._advice(self.suggest(text))}'
            )
        if len(text) > self.limit:
            found.append(
                f'{self.provider} allows {self.limit} characters in the {self._of_record}; '
                f'this one has {len(text)}. {self._advice(self.suggest(text))}'
            )
        return found

    def _advice(self, example: str) -> str:
        if example:
            return f'For example: {shown(example)}.'
        return 'Please enter a name.' if self.what == 'name' else 'Please enter one.'

    def suggest(self, text: str, source: str = '', addition: str = '', room: int = 0) -> str:
        """``text`` as it would do, '' when nothing is left of it.

        :param source: what it is made of when there is none.
        :param addition: a word, or a number, that tells it from another one.
        :param room: so many characters are added to it elsewhere.
        """
        base = self.tidy(text) if text.strip() else self.make(source)
        if not base:
            return ''
        limit = self.limit - room
        if not addition:
            return cut(base, limit)
        return self.number.format(cut(base, limit - len(self.number.format('', addition))), addition)


@dataclass(frozen=True)
class EmailRule:
    """What a provider asks of an e-mail address.

    :param several: more than one may stand there, with commas between them.
    """

    provider: str
    limit: int
    several: bool = False

    def check(self, text: str, source: str = '') -> list[str]:
        """As :meth:`NameRule.check`; none at all is fine."""
        parts = [part.strip() for part in text.split(',')] if self.several else [text]
        found = [sentence for part in parts for sentence in check_email(self.provider, part)]
        return found + too_long(self.provider, 'the e-mail address', text, self.limit, suggest=False)

    def suggest(self, text: str, source: str = '', addition: str = '', room: int = 0) -> str:
        """The first address in ``text`` that would do, '' when there is none: an address is never made up."""
        found = EMAIL.search(text)
        return found[0] if found and len(found[0]) <= self.limit else ''


def check_email(provider: str, email: str) -> list[str]:
    """The sentence about what is no e-mail address, in a list; [] when it is one, or there is none."""
    if not email or EMAIL.fullmatch(email):
        return []
    first = re.search(EMAIL, email)
    advice = f' For example: {shown(first[0])}.' if first else ' Please correct or remove it.'
    return [f'{provider} needs one valid e-mail address; it cannot use {shown(email)}.{advice}']


def check_payment(label: str, payment, several: bool) -> tuple[str, ...]:
    """What every provider asks of a payment: invoices, an account, amounts above zero in hundredths that do not exceed
    what was paid.

    :param payment: ``dto.Payment``
    :param several: one payment may pay several invoices
    """
    found = []
    amounts = [amount for _document, amount in payment.applications]
    if not amounts:
        found.append(f'{label} needs the invoice that a payment pays. Reconcile it with an invoice.')
    elif len(amounts) > 1 and not several:
        found.append(f'A payment pays one invoice in {label}. Send one payment for each.')
    if not payment.account:
        found.append(f'{label} needs the account that the money goes to. Choose it under Mappings.')
    if any(amount <= 0 for amount in (payment.amount, *amounts)):
        found.append(f'{label} takes payments above zero only.')
    if any(amount != round(amount, 2) for amount in (payment.amount, *amounts)):
        found.append(f'{label} keeps two decimals of an amount, and this payment has more.')
    if sum(amounts) > payment.amount:
        found.append('More is applied to invoices than was paid. Check what the payment is reconciled with.')
    return tuple(found)
