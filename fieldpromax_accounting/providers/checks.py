"""What the providers' rules share: how a broken rule is said.

Every broken rule is a sentence that names the rule, what stands there, and a value that would do. Nothing is
rewritten: a person decides.
"""

from __future__ import annotations

import re

# ordinary blanks: a no-break or an ideographic space is a character like any other
BLANK = ' \t\r\n\f\v'
SPACES = re.compile(f'[{BLANK}]+')
# The form that mail servers agree on; the providers' own checks are not published
EMAIL = re.compile(r'[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)+')


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


def check_email(provider: str, email: str) -> list[str]:
    """The sentence about what is no e-mail address, in a list; [] when it is one, or there is none."""
    if not email or EMAIL.fullmatch(email):
        return []
    first = re.search(EMAIL, email)
    advice = f' For example: {shown(first[0])}.' if first else ' Please correct or remove it.'
    return [f'{provider} needs one valid e-mail address; it cannot use {shown(email)}.{advice}']


def check_name(provider: str, record: str, name: str, reasons: list[str], tidy: str) -> list[str]:
    """The sentence about a name that is missing or has what is not allowed (``reasons``), in a list; [] when it is
    fine. ``tidy``: the name as it would do."""
    if not name.strip():
        return [f'{provider} needs a name for every {record}; this one has none. Please enter a name.']
    if not reasons:
        return []
    sentence = f'{provider} does not allow {" or ".join(reasons)} in the name of a {record}: {shown(name)}.'
    return [f'{sentence} For example: {shown(tidy)}.' if tidy else f'{sentence} Please enter a name.']
