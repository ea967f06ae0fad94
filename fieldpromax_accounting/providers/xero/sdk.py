"""xero-python, made safe (provider_facts C2, C3): its methods know paths and parameters, our transport does
the sending.

What the SDK does by itself, and what becomes of it here:

* its ``Configuration`` shares one token object between instances → each client gets a token object of its
  own;
* its REST client (urllib3) sends a PUT again after a dropped connection, sleeps through ``Retry-After`` and
  has no time-out
  → replaced by one that goes through :class:`~..transport.Transport`: once, guarded, timed, reported;
* it serialises bodies with floats → bodies are given as text, which its serialiser passes on and our REST
  client sends as it is, byte for byte;
* its deserialiser fails whole pages and turns null into 'None', its exceptions print headers and bodies →
  answers are taken raw, whatever their status: no exception of the SDK is ever made.

xero_python is imported inside functions: this module loads where the package is missing.
"""

from __future__ import annotations

from .. import errors
from ..transport import Answer, Transport

#: xero-python keeps the production URL of the Accounting API; the transport moves it to another origin where
#: one is set
API_URL = 'https://api.xero.com/api.xro/2.0'


class _RawResponse:
    """What the SDK wants of a response when it is told to leave it alone: status and headers."""

    def __init__(self, answer: Answer | None):
        self.answer = answer
        self.status = answer.status if answer else 0

    def getheaders(self):
        return self.answer.headers if self.answer else {}


def _query_value(value):
    return str(value).lower() if isinstance(value, bool) else value


def _make_rest_client(configuration, transport):
    from xero_python.rest import RESTClientObject

    class RestClient(RESTClientObject):
        """The SDK's REST client over our transport. Serves one call at a time; ``purpose`` is set before,
        ``error`` read after."""

        purpose = ''
        error = None

        def request(
            self,
            method,
            url,
            query_params=None,
            headers=None,
            body=None,
            post_params=None,
            _preload_content=True,
            _request_timeout=None,
        ):
            if body is not None and not isinstance(body, str):
                raise TypeError('Bodies are given as the text that is to be sent')
            answer, self.error = transport.try_request(
                self.purpose,
                method,
                url,
                params=[(key, _query_value(value)) for key, value in query_params or ()],
                headers=headers,
                body=None if body is None else body.encode('utf-8'),
            )
            # An error is handed over here and raised by whoever called the SDK: raised from within, it would
            # carry the SDK's frames, whose variables hold the Authorization header.
            return _RawResponse(answer)

    return RestClient(configuration)


class AccountingCalls:
    """xero-python's ``AccountingApi`` for one tenant and one access token; every call gives an
    :class:`Answer`.

    Not for use by several threads at once.
    """

    def __init__(self, transport: Transport, tenant_id: str, access_token: str):
        try:
            from xero_python.accounting import AccountingApi
            from xero_python.api_client import ApiClient
            from xero_python.api_client.configuration import Configuration
            from xero_python.api_client.oauth2 import OAuth2Token
        except ImportError:
            AccountingApi = None
        if AccountingApi is None:
            raise errors.ProviderError(
                'The Python package xero-python is not installed on this server. '
                'Install it (pip install xero-python) and restart Odoo.',
                code='missing_package',
            )
        configuration = Configuration()
        # Set after construction: Configuration() is a copy of the first one ever made, token object included
        # (C2.1).
        configuration.oauth2_token = OAuth2Token()
        client = ApiClient(configuration, pool_threads=1)
        # Without an expiry the SDK never refreshes: tokens are renewed elsewhere, under a lock.
        client.oauth2_token_getter(
            lambda: {'access_token': access_token, 'scope': [], 'expires_in': None, 'token_type': 'Bearer'}
        )
        self._rest_client = client.rest_client = _make_rest_client(configuration, transport)
        self._api = AccountingApi(client, base_url=API_URL)
        self._tenant_id = tenant_id

    def __repr__(self):
        return f'<{type(self).__name__} {self._tenant_id}>'

    def call(self, purpose: str, method: str, *args, **kwargs) -> Answer:
        """``AccountingApi.<method>(tenant, *args, **kwargs)``, raw.

        :raise TransportError, OutcomeUnknown, ProtocolError: no whole answer came; see
            :meth:`Transport.request`.
        """
        rest_client = self._rest_client
        rest_client.purpose, rest_client.error = purpose, None
        response, _status, _headers = getattr(self._api, method)(
            self._tenant_id, *args, _preload_content=False, _return_http_data_only=False, **kwargs
        )
        error, rest_client.error = rest_client.error, None
        # the SDK keeps it; a page of records would stay in memory until the next call
        self._api.api_client.last_response = None
        if error is not None:
            raise error
        return response.answer
