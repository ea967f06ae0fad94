"""Why a record is not sent: what the preparing code raises, and what the driver writes down for people."""


class Hold(Exception):
    """Somebody has to do something first. Becomes one issue per ``cause_key``; every record with it waits there.

    :param cause: what kind of cause this is (``mapping_missing``, ``refused``, …).
    :param cause_key: the cause itself.
    :param title: what is wrong, short, without the record held up (there may be many).
    :param reason: why, with the provider's own words in quotes where it said something.
    :param remedy: what to do.
    :param can_retry: trying again can help although nothing was changed in Odoo.
    :param suggestion: a :class:`~.renaming.Suggestion` that cures it when a person accepts it; None without.
    :param differences: ``(what, Odoo's value, value of the books)``, shown side by side.
    :param records: values for the issue's Many2one fields: where to go for the cure.
    """

    def __init__(
        self,
        cause,
        cause_key,
        title,
        reason,
        remedy,
        can_retry=False,
        suggestion=None,
        differences=(),
        **records,
    ):
        super().__init__(title)
        self.cause = cause
        self.cause_key = cause_key
        self.title = title
        self.reason = reason
        self.remedy = remedy
        self.can_retry = can_retry
        self.suggestion = suggestion
        self.differences = differences
        self.records = records


class NotToBeSent(Exception):
    """The record is out of scope; the message says why in a sentence."""


class WaitFor(Exception):
    """Another record has to go first; the message says which, ``until`` when to look again (None: next pass)."""

    def __init__(self, message, until=None):
        super().__init__(message)
        self.until = until
