"""Odoo's access log prints query strings; those of a consent hold its code and state."""

import logging
import re

# Also the login page's ``redirect=`` when the session ended meanwhile. Everything from the first question mark of the
# address to its end: the request line ends with a space, other texts with a quote.
QUERY = re.compile(r'(/[^\s?"\']*)\?[^\s"\']*')
LOGGERS = ('werkzeug', 'odoo.http', 'odoo.service.server', 'odoo.addons.base.models.ir_http', 'longpolling')


def redact(text):
    """``text`` without query strings, if it speaks of one of our routes."""
    if 'fieldpromax' not in text.lower() or '?' not in text:
        return text
    return QUERY.sub(r'\1?[redacted]', text)


class QueryRedaction(logging.Filter):
    """Redacts the message as a whole, its arguments included; never drops a record."""

    def filter(self, record):
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            return True  # a malformed record: logging itself reports it
        redacted = redact(message)
        if redacted != message:
            # Without arguments the message is taken literally, percent signs included.
            record.msg, record.args = redacted, ()
        return True


def install():
    """Once per process, however often the addon is loaded."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(type(present).__name__ == QueryRedaction.__name__ for present in logger.filters):
            logger.addFilter(QueryRedaction())
