"""The one HTTP door of all providers: host guard, time-outs, no hidden retries, no redirects, one reading of
failures.

Everything goes through a :class:`GuardedSession`: plain requests, requests-oauthlib (the mixin goes before
its session class) and the providers' SDKs (as their REST client or session). Hence the rules hold for all of
them:

* every request names its production URL; with :attr:`ProviderConfig.base_url` set, the session sends it to
  that origin, path kept. So oauthlib, which refuses http, sees https URLs only and
  ``OAUTHLIB_INSECURE_TRANSPORT`` (a switch for the whole process) is never needed; plain http leaves the door
  for loopback hosts only;
* :attr:`ProviderConfig.allow_host` is asked with the host that is really contacted;
* connect and read time-outs always apply, also where a library passes none;
* nothing is sent twice: no retries, no redirects, no waiting for ``Retry-After``;
* no cookies are kept and ``.netrc`` is not read (it would replace our Authorization header).
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from . import dto, errors
from .redaction import get_logger, protect_logs, redact

_logger = get_logger(__name__)

USER_AGENT = 'fieldpromax_accounting'
_CHUNK = 64 * 1024


def is_loopback(host: str) -> bool:
    """Does ``host`` name this very machine (``localhost``, 127.0.0.0/8, ::1)?"""
    if host == 'localhost' or host.endswith('.localhost'):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def at_origin(url: str, base_url: str) -> str:
    """``url`` under the origin ``base_url`` with its path and query kept; unchanged when ``base_url`` is
    empty."""
    if not base_url:
        return url
    base, parts = urlsplit(base_url), urlsplit(url)
    return urlunsplit(
        (base.scheme, base.netloc, base.path.rstrip('/') + parts.path, parts.query, parts.fragment)
    )


def parse_retry_after(value: str | None) -> int | None:
    """Seconds of a ``Retry-After`` header (RFC 9110 10.2.3: seconds or a date), None when it has none that
    makes sense."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return int(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0, round((moment - datetime.now(timezone.utc)).total_seconds()))


@dataclass(frozen=True)
class Answer:
    """What came back. Its repr shows neither headers nor body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str = ''
    limits: dto.Limits = field(default_factory=dto.Limits)
    #: seconds from sending to the last byte, by this machine's clock
    elapsed: float = 0.0

    @property
    def content_type(self) -> str:
        return self.headers.get('Content-Type', '').partition(';')[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode('utf-8', 'replace')

    def json(self):
        """The body as JSON, numbers with a fraction as Decimal.

        :raise ProtocolError: the body is empty, cut off, no JSON, or declared to be something else.
        """
        if not self.body.strip():
            raise self.unreadable('an empty answer')
        content_type = self.content_type
        if content_type and not (content_type.endswith('/json') or content_type.endswith('+json')):
            raise self.unreadable(f'an answer of the type {redact(content_type[:50])} instead of JSON')
        data = _parse_json(self.body)
        if data is _NO_JSON:
            raise self.unreadable('an answer that is not JSON or is cut off')
        return data

    def json_or_none(self):
        """The body as JSON whatever it is declared to be, None when it is none (error bodies: never assume
        JSON)."""
        data = _parse_json(self.body)
        return None if data is _NO_JSON else data

    def unreadable(self, what: str) -> errors.ProtocolError:
        """The error for an answer that arrived and cannot be used; ``what`` completes "The provider sent
        …"."""
        return errors.ProtocolError(
            f'The provider sent {what}.',
            http_status=self.status,
            request_id=self.request_id,
            code='unreadable',
        )


_NO_JSON = object()


def _refuse_constant(text):
    raise ValueError(text)


def _parse_json(body: bytes):
    try:
        # utf-8-sig: .NET likes to begin with a byte order mark
        return json.loads(body.decode('utf-8-sig'), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        return _NO_JSON


class BearerAuth(requests.auth.AuthBase):
    """An access token for one request; its repr does not show it."""

    def __init__(self, token: str):
        self._token = token

    def __call__(self, request):
        request.headers['Authorization'] = f'Bearer {self._token}'
        return request


class _NoAuth(requests.auth.AuthBase):
    """Keeps requests from looking for credentials in .netrc, which would replace the Authorization header."""

    def __call__(self, request):
        return request


class _Adapter(HTTPAdapter):
    """The place that every request passes, whichever library made it."""

    def __init__(self, config):
        self._config = config
        # read=False: a read error is raised as it is; total=0: nothing is tried again, Retry-After is not
        # obeyed
        super().__init__(
            max_retries=urllib3.Retry(0, read=False, redirect=False, respect_retry_after_header=False)
        )

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        config = self._config
        parts = urlsplit(request.url)
        host = (parts.hostname or '').lower()
        loopback = is_loopback(host)
        if parts.scheme != 'https' and not loopback:
            raise errors.HostRefused(f'{host} is only talked to over https.', code='insecure_host')
        if not config.allow_host(host):
            raise errors.HostRefused(f'This database does not talk to {host}.', code='host_refused')
        return super().send(
            request,
            stream=stream,
            timeout=(config.connect_timeout, config.read_timeout),
            verify=verify,
            cert=cert,
            # the way to this machine needs no proxy
            proxies={} if loopback else proxies,
        )


class GuardedMixin:
    """Makes a session class of requests go through the door. ``guard()`` comes right after its
    construction."""

    _config = None

    def guard(self, config):
        self._config = config
        adapter = _Adapter(config)
        self.mount('https://', adapter)
        self.mount('http://', adapter)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.headers['User-Agent'] = USER_AGENT
        return self

    def prepare_request(self, request):
        # Here, and not in the adapter: whoever watches what sessions send (Odoo's tests do) sees the true
        # host.
        request.url = at_origin(request.url, self._config.base_url)
        return super().prepare_request(request)

    def get_redirect_target(self, resp):
        """None: the answer is taken as it is."""


class GuardedSession(GuardedMixin, requests.Session):
    """A session for our own requests."""


class Transport:
    """Sends requests for one provider.

    :param config: :class:`~.base.ProviderConfig`.
    :param read_headers: gets the headers of an answer, gives ``(dto.Limits, request id)``: each provider has
        its own names.
    :param lane_of: gets the production URL of a request, gives the lane of the limits that it counts for.
    """

    def __init__(
        self,
        config,
        read_headers: Callable[[Mapping[str, str]], tuple[dto.Limits, str]],
        lane_of: Callable[[str], str] = lambda url: '',
    ):
        self.config = config
        self.read_headers = read_headers
        self.lane_of = lane_of
        self._session: GuardedSession | None = None
        protect_logs()

    def __repr__(self):
        return f'<{type(self).__name__}>'

    def at_origin(self, url: str) -> str:
        return at_origin(url, self.config.base_url)

    def guard(self, session, purpose: str):
        """Guard a library's session (with :class:`GuardedMixin`) and report its answers under ``purpose``."""

        def report(response, *args, **kwargs):
            # what a hook of requests returns replaces the response: nothing does
            self._report(purpose, response.status_code, response.headers)

        session.guard(self.config)
        session.hooks['response'].append(report)
        return session

    def _report(self, purpose, status, headers):
        """Tell ``on_response``; give what the headers say as well.

        The hook only counts: if it fails, a write that took effect must not look like one that failed.
        """
        limits, request_id = self.read_headers(headers)
        if self.config.on_response is not None:
            try:
                self.config.on_response(purpose, status, limits, request_id)
            except Exception as exc:  # noqa: BLE001
                _logger.warning('The hook for answers failed with %s on %s', type(exc).__name__, purpose)
        return limits, request_id

    def request(self, purpose, method, url, *, params=None, headers=None, body=None, auth=None) -> Answer:
        """Send one request, once.

        :param purpose: what the call is for, for the API meter (``on_response``).
        :param url: the production URL.
        :param params: pairs for the query string.
        :param body: bytes, sent as they are.
        :return: the answer, whatever its status.
        :raise TransportError: it never reached the provider (:class:`HostRefused`: it was not allowed to).
        :raise OutcomeUnknown: it was sent, and no answer came.
        :raise ProtocolError: the answer began and broke off.
        """
        answer, error = self.try_request(
            purpose, method, url, params=params, headers=headers, body=body, auth=auth
        )
        # Raised here, outside any except block: the exceptions of requests carry URL, headers and body in
        # their message, attributes and context, and none of that may hang on ours.
        if error is not None:
            raise error
        return answer

    def try_request(self, purpose, method, url, *, params=None, headers=None, body=None, auth=None):
        """As :meth:`request`, but gives ``(answer, error)``, one of which is None."""
        if self._session is None:
            self._session = GuardedSession().guard(self.config)
        meter = self.config.meter if self.lane_of(url) else None
        ticket = None
        if meter is not None:
            try:
                ticket = meter.enter(self.lane_of(url))
            except errors.ProviderError as error:
                return None, error.with_traceback(None)
        started = time.monotonic()
        response, limits = None, dto.Limits()
        try:
            response = self._session.request(
                method,
                url,
                params=params,
                headers=headers,
                data=body,
                auth=auth or _NoAuth(),
                stream=True,
            )
            limits, request_id = self._report(purpose, response.status_code, response.headers)
            content = self._read(response)
        except errors.ProviderError as error:
            # of the adapter: without the frames of requests, whose variables hold headers and body
            return None, error.with_traceback(None)
        except FAILURES as exc:
            return None, read_failure(exc, response)
        finally:
            if response is not None:
                response.close()
            if meter is not None:
                meter.leave(ticket, 0 if response is None else response.status_code, limits)
        return Answer(
            status=response.status_code,
            headers=response.headers,
            body=content,
            request_id=request_id,
            limits=limits,
            elapsed=time.monotonic() - started,
        ), None

    def _read(self, response) -> bytes:
        """The whole body. The read time-out of a socket starts anew with every byte: a trickling answer needs
        its own end."""
        deadline = time.monotonic() + self.config.read_timeout
        pieces = []
        for piece in _pieces(response):
            pieces.append(piece)
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout('the body took too long')
        return b''.join(pieces)


def _pieces(response):
    """The decoded body as it arrives."""
    read1 = getattr(response.raw, 'read1', None)
    if read1 is None:
        # urllib3 before 2.1 waits until a piece is full: small ones, so that the clock is looked at now and
        # then
        yield from response.iter_content(256)
        return
    while piece := read1(_CHUNK, decode_content=True):
        yield piece


#: what requests, urllib3 and the sockets below raise when a request cannot be built, sent or answered
FAILURES = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)


def _causes(exc):
    """The exception and what it wraps, as requests and urllib3 do it (``args[0]``, ``reason``)."""
    seen = []
    while isinstance(exc, BaseException) and exc not in seen:
        seen.append(exc)
        exc = getattr(exc, 'reason', None) or (exc.args[0] if exc.args else None)
    return seen


def read_failure(exc, response=None) -> errors.ProviderError:
    """What an exception of requests or urllib3 means: did the request reach the provider?

    :param response: the answer as far as it had come.
    """
    status = response.status_code if response is not None else None
    causes = _causes(exc)
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return errors.TransportError('The provider could not be reached in time.', code='connect_timeout')
    if isinstance(exc, requests.exceptions.ProxyError):
        return errors.TransportError(
            'The proxy of this server could not be reached or refused the way.', code='proxy'
        )
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        # connection refused, no route, or (NameResolutionError, a subclass since urllib3 2) an unknown name
        return errors.TransportError('No connection to the provider could be made.', code='connection_failed')
    if isinstance(exc, requests.exceptions.SSLError) and any(
        'CERTIFICATE_VERIFY_FAILED' in str(c) for c in causes
    ):
        # the handshake comes before the request
        return errors.TransportError("The provider's certificate could not be verified.", code='certificate')
    if isinstance(exc, requests.exceptions.ReadTimeout) or any(
        isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in causes
    ):
        return errors.OutcomeUnknown(
            'The provider did not answer in time.', code='read_timeout', http_status=status
        )
    broken = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(exc, broken) or (
        response is not None
        and isinstance(exc, (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError))
    ):
        return errors.ProtocolError(
            "The provider's answer broke off or is damaged.", code='truncated', http_status=status
        )
    if response is None and isinstance(exc, ValueError):
        # requests' InvalidURL, InvalidHeader and the like, and text that fits no header
        return errors.ProviderError('The request could not be put together.', code='invalid_request')
    return errors.OutcomeUnknown(
        'The connection to the provider was lost before its answer came.',
        code='connection_lost',
        http_status=status,
    )
