"""One error tree for every provider: what happened decides what is done about it, once, by class.

The sync engine never looks at an HTTP status or at the words of a message; it looks at the class:

===========================  =====================================================================
class                        what the engine does
===========================  =====================================================================
TransportError               nothing reached the provider: retry with back-off
OutcomeUnknown               it may have taken effect: the same call again, or look it up first
RateLimited                  wait until ``retry_after``
ProviderUnavailable          the provider is down: retry with back-off (a write may have taken effect)
AccessTokenExpired           refresh the token, then the same call again
ReauthorizationRequired      a person has to connect again
PermissionMissing            scope, role or plan: a person has to act
ConnectionRefused            the organization no longer accepts this connection
ValidationRejected           the record is not acceptable: a person reads why
NotFound                     the counterpart is gone
Conflict                     duplicate name or number, stale version, key used for something else
ProtocolError                an answer that cannot be read (a write may have taken effect)
===========================  =====================================================================
"""

from __future__ import annotations


class ProviderError(Exception):
    """Something went wrong at, or on the way to, the provider.

    :param message: the provider's own reason where it gave one, otherwise a plain sentence. Never holds a secret.
    :param code: stable machine-readable code (the provider's where it has one).
    :param http_status: status of the answer, None when there was none.
    :param request_id: the provider's id of the request (Xero-Correlation-Id, intuit_tid).
    :param retry_after: seconds to wait, when known.
    :param details: list of messages, one per field or element, as the provider worded them.
    """

    #: May the same request be sent again without a person doing anything first?
    retryable = False
    #: May a write that ended so have taken effect all the same?
    maybe_applied = False

    def __init__(self, message='', *, code='', http_status=None, request_id='', retry_after=None, details=()):
        super().__init__(message)
        self.message = message
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.details = tuple(details)


class TransportError(ProviderError):
    """The request never reached the provider: name not resolved, connection refused."""

    retryable = True


class HostRefused(TransportError):
    """Our own guard refused the host: tests, a neutralized or a copied database talk to nobody."""

    retryable = False


class OutcomeUnknown(ProviderError):
    """The request was sent and the answer was lost: it may or may not have taken effect."""

    retryable = True
    maybe_applied = True


class RateLimited(ProviderError):
    """The provider asks us to wait; nothing took effect. ``limit`` is minute, day, concurrent or app_minute."""

    retryable = True

    def __init__(self, message='', *, limit='minute', **kwargs):
        super().__init__(message, **kwargs)
        self.limit = limit


class ProviderUnavailable(ProviderError):
    """The provider answered 5xx, or said that the organization is offline."""

    retryable = True
    maybe_applied = True


class AuthError(ProviderError):
    """The provider does not accept who we are."""


class AccessTokenExpired(AuthError):
    """The access token is not valid (any more): refresh it and repeat the call."""

    retryable = True


class ReauthorizationRequired(AuthError):
    """Consent is gone (``invalid_grant``): a person has to connect again.

    :ivar refused_token: which tokens were refused, as whoever keeps them tells them apart; '' when nobody said.
    """

    refused_token = ''


class AppRefused(AuthError):
    """The provider does not know the app: client id, secret or redirect URI is wrong."""


class PermissionMissing(ProviderError):
    """The token lacks a scope, or the person's role or plan does not allow this."""


class ConnectionRefused(ProviderError):
    """The organization is not, or no longer, open to this connection.

    ``code`` is ``removed`` (taken off at the provider), ``subscription_lapsed``, ``organization_closed``, or the
    provider's own where it is none of these.
    """


class ValidationRejected(ProviderError):
    """The provider refused the record; ``details`` has its own words."""


class NotFound(ProviderError):
    """No such record at the provider."""


class Conflict(ProviderError):
    """Duplicate name or number, stale version, or a request key used before for another request."""


class ProtocolError(ProviderError):
    """The answer cannot be read: not JSON, cut off, or without what it must have."""

    maybe_applied = True


#: Codes of refusals that are, or may be, about something that the record names and that is archived, deleted or merged
#: in the books. :class:`NotFound` may be as well.
COUNTERPART_CODES = frozenset({'archived_contact', 'invalid_reference', 'item_invalid'})
