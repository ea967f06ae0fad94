"""python-quickbooks, made safe (provider_facts C4): its client knows paths and parameters, our transport does the
sending.

What the library does by itself, and what becomes of it here:

* its model classes send defaults that change what they were not asked to (exchange rate 1, blank dates, taxable) →
  they are not used; bodies are given as text and sent as they are, byte for byte;
* its stock session has no time-out and refuses http on loopback → ours goes through
  :class:`~..transport.Transport`: once, guarded, timed, reported;
* it raises on what it thinks an answer means: only the first of several errors, nothing of headers, everything but
  one spelling as code 10000, and it prints bodies → it is told that every answer is an empty success, and the answer
  itself is taken raw from the session: no exception of the library is ever made;
* its batch call has no request id → batches go through its ``make_request``.

quickbooks is imported inside functions: this module loads where the package is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import errors
from ..transport import Answer, BearerAuth, Transport

#: 1 to 74 are ignored by Intuit since August 2025 (B2)
MINOR_VERSION = 75
#: python-quickbooks keeps the production URL; the transport moves it to another origin where one is set
API_URL = 'https://quickbooks.api.intuit.com/v3'


class _Taken:
    """What the library gets for every answer: something that it does not look into any further."""

    status_code = 200
    text = '{}'


class _Session:
    """The library's session over our transport. Serves one call at a time; ``purpose`` is set before, ``answer`` and
    ``error`` are read after."""

    #: the library writes it into a header, which our own replaces: it never gets to see the token
    access_token = ''

    def __init__(self, transport: Transport, access_token: str):
        self._transport = transport
        self._auth = BearerAuth(access_token)
        self.purpose = ''
        self.answer: Answer | None = None
        self.error: errors.ProviderError | None = None

    def request(self, method, url, headers=None, params=None, data=None):
        if data and not isinstance(data, str):
            raise TypeError('Bodies are given as the text that is to be sent')
        self.answer, self.error = self._transport.try_request(
            self.purpose,
            method,
            url,
            params=list((params or {}).items()),
            headers={name: value for name, value in headers.items() if name in ('Accept', 'Content-Type')},
            body=data.encode('utf-8') if data else None,
            auth=self._auth,
        )
        return _Taken()


class CompanyCalls:
    """python-quickbooks' client for one company and one access token; every call gives an :class:`Answer`.

    Not for use by several threads at once.
    """

    def __init__(self, transport: Transport, company_id: str, access_token: str):
        try:
            from quickbooks.client import QuickBooks
        except ImportError:
            QuickBooks = None
        if QuickBooks is None:
            raise errors.ProviderError(
                'The Python package python-quickbooks is not installed on this server. '
                'Install it (pip install python-quickbooks) and restart Odoo.',
                code='missing_package',
            )
        self._client = QuickBooks(company_id=company_id, minorversion=MINOR_VERSION)
        self._client.api_url_v3 = API_URL
        self._client.session = self._session = _Session(transport, access_token)

    def __repr__(self):
        return f'<{type(self).__name__}>'

    def call(self, purpose: str, method: str, *args, **kwargs) -> Answer:
        """``QuickBooks.<method>(*args, **kwargs)``, raw.

        :raise TransportError, OutcomeUnknown, ProtocolError: no whole answer came; see
            :meth:`Transport.request`.
        """
        session = self._session
        session.purpose, session.answer, session.error = purpose, None, None
        getattr(self._client, method)(*args, **kwargs)
        answer, error = session.answer, session.error
        # a page of records would stay in memory until the next call
        session.answer = session.error = None
        if error is not None:
            # outside the library: its frames hold what was sent
            raise error
        return answer

    def changes(self, purpose: str, entities: Sequence[str], since: str) -> Answer:
        """``GET /cdc``; the library's own call loses the zone of the time.

        :param since: ISO 8601 with a zone.
        """
        url = f'{self._client.api_url}/company/{self._client.company_id}/cdc'
        params = {'entities': ','.join(entities), 'changedSince': since}
        return self.call(purpose, 'make_request', 'GET', url, params=params)

    def batch(self, purpose: str, body: str, request_id: str) -> Answer:
        """``POST /batch`` under a request id."""
        url = f'{self._client.api_url}/company/{self._client.company_id}/batch'
        return self.call(purpose, 'make_request', 'POST', url, body, request_id=request_id)
