"""Nothing secret in a log, a message or a traceback.

Libraries below us write tokens to their debug logs (requests-oauthlib logs request bodies and whole token
answers, urllib3 logs query strings), and providers echo what they were sent: so texts are redacted by their
shape, wherever they come from.
"""

from __future__ import annotations

import logging
import re

MASK = '***'

#: names whose value is secret, in form bodies, query strings, JSON, headers and Python reprs
_SECRET_NAMES = (
    'access_token',
    'refresh_token',
    'id_token',
    'client_secret',
    'code_verifier',
    'authorization',
    'password',
    'assertion',
    'token',
    'code',
    'state',
    'realmId',
)
_NAMES = '|'.join(_SECRET_NAMES)
_PATTERNS = (
    # Authorization header values
    (re.compile(r'\b(Bearer|Basic)\s+[A-Za-z0-9\-._~+/]+=*', re.IGNORECASE), rf'\1 {MASK}'),
    # JSON Web Tokens, wherever they stand
    (re.compile(r'\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*'), MASK),
    # "name": "value" and 'name': 'value' (JSON, repr of a dict), also cut off before the closing quote
    (
        re.compile(rf"""(["'](?:{_NAMES}|Authorization)["']\s*:\s*b?)(["'])(?:\\.|(?!\2).)*(?:\2|$)"""),
        rf'\1\2{MASK}\2',
    ),
    # the company in a path of QuickBooks
    (re.compile(r'(/company/)\d+'), rf'\1{MASK}'),
    # name=value (form body, query string)
    (re.compile(rf"""\b((?:{_NAMES})=)[^&\s"'<>]+"""), rf'\1{MASK}'),
)
_QUERY = re.compile(r'\?\S+')


def redact(text) -> str:
    """``text`` without anything that has the shape of a secret."""
    text = str(text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Redacts a record's message, query strings included, before any handler sees it."""

    def filter(self, record):
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            # a log call whose arguments do not fit its format: keep the format, drop the unread arguments
            message = str(record.msg)
        record.msg = _QUERY.sub(f'?{MASK}', redact(message))
        record.args = ()
        return True


_FILTER = RedactingFilter()
#: loggers of the libraries below us that write requests, answers or URLs (a filter works on its own logger
#: only)
_NOISY_LOGGERS = (
    'requests_oauthlib.oauth2_session',
    'oauthlib.oauth2.rfc6749.clients.base',
    'urllib3.connectionpool',
    'urllib3.util.retry',
    'xero_python',
    'xero_python.rest',
)


def protect_logs():
    """Put the filter on the loggers of the libraries below us; may be called again and again."""
    for name in _NOISY_LOGGERS:
        # addFilter does nothing when this very filter is there already
        logging.getLogger(name).addFilter(_FILTER)


def get_logger(name) -> logging.Logger:
    """A logger whose messages are redacted."""
    logger = logging.getLogger(name)
    logger.addFilter(_FILTER)
    return logger
