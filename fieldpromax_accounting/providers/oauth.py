"""OAuth 2.0 for all providers by requests-oauthlib: consent URL, code → token, refresh (RFC 6749, PKCE RFC
7636).

* State and PKCE verifier are the caller's: they have to outlive the request that made them.
* The app type decides about PKCE: an app with a secret proves itself by HTTP Basic, one without has only its
  ``client_id`` in the body and PKCE S256 instead. Xero describes PKCE as an app type of its own, so the two
  are not mixed. Intuit does not describe it at all: there every app has a secret.
* ``scope`` is never given when tokens are read: Xero's scopes are additive, an answer may name more than was
  asked for, and oauthlib would raise a ``Warning`` instead of giving the token.
* Sessions go through :mod:`~.transport`, which sees to http on loopback; see there.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from requests.auth import HTTPBasicAuth

from . import dto, errors
from .redaction import redact
from .transport import FAILURES, Answer, GuardedMixin, Transport, parse_retry_after, read_failure

#: what a token lives when the answer does not say so: short, because a refresh too early does no harm
_DEFAULT_LIFETIME = timedelta(minutes=5)
#: what requests-oauthlib sends by itself as long as it is not given headers
_FORM_HEADERS = {
    'Accept': 'application/json',
    'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8',
}


def _oauthlib():
    """requests-oauthlib and oauthlib, imported late: this module loads where they are missing."""
    try:
        import oauthlib.oauth2
        import requests_oauthlib
    except ImportError:
        requests_oauthlib = None
    if requests_oauthlib is None:
        raise errors.ProviderError(
            'The Python package requests-oauthlib is not installed on this server. '
            'Install it (pip install requests-oauthlib) and restart Odoo.',
            code='missing_package',
        )
    return requests_oauthlib, oauthlib


def claims(jwt: str) -> Mapping:
    """The claims of a JSON Web Token, **not verified**: good for telling who and which consent, for nothing
    that needs trust.

    Anything that is no such token gives an empty mapping.
    """
    parts = jwt.split('.') if isinstance(jwt, str) else ()
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + '=' * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


class OAuthClient:
    """The OAuth side of one provider for one app.

    :param label: the provider's name, for messages.
    :param authorize_url: consent page (production URL).
    :param token_url: token endpoint (production URL).
    :param code_lifetime: how long an authorization code lives, in words, for the message about a dead one.
    :param pkce: whether the provider knows apps without a secret.
    :param token_headers: sent with token requests beside what OAuth needs.
    """

    def __init__(
        self,
        transport: Transport,
        app: dto.AppCredentials,
        *,
        label,
        authorize_url,
        token_url,
        code_lifetime,
        pkce=True,
        token_headers=None,
    ):
        self._transport = transport
        self._app = app
        self._label = label
        self._authorize_url = authorize_url
        self._token_url = token_url
        self._code_lifetime = code_lifetime
        self._pkce = pkce
        self._token_headers = {**_FORM_HEADERS, **(token_headers or {})}

    @property
    def uses_pkce(self) -> bool:
        return self._pkce and not self._app.client_secret

    def authorization_url(self, state, redirect_uri, code_verifier, scopes: Sequence[str]) -> str:
        """No I/O."""
        requests_oauthlib, oauthlib = _oauthlib()
        client = oauthlib.oauth2.WebApplicationClient(self._app.client_id)
        pkce = {}
        if self.uses_pkce:
            pkce = {
                'code_challenge': client.create_code_challenge(code_verifier, 'S256'),
                'code_challenge_method': 'S256',
            }
        session = requests_oauthlib.OAuth2Session(
            client=client, scope=list(scopes), redirect_uri=redirect_uri
        )
        url, _state = session.authorization_url(self._authorize_url, state=state, **pkce)
        return self._transport.at_origin(url)

    def fetch_token(self, code, redirect_uri, code_verifier) -> Mapping:
        """Exchange the code; the token answer as a mapping.

        :raise AuthError: the code is used up or too old (``invalid_grant``).
        """
        pkce = {'code_verifier': code_verifier} if self.uses_pkce else {}
        return self._token_request(
            'token.fetch',
            'access_token_response',
            lambda session, **common: session.fetch_token(
                self._token_url,
                code=code,
                # the Basic header names the app; without a secret the body does
                include_client_id=self.uses_pkce,
                **common,
                **pkce,
            ),
            lambda words, **kwargs: errors.AuthError(
                f'{self._label} no longer accepts this authorization code: it was used already, or it is older than '
                f'{self._code_lifetime}. Start connecting again.',
                details=(words,),
                **kwargs,
            ),
            redirect_uri=redirect_uri,
        )

    def refresh_token(self, refresh_token) -> Mapping:
        """A new token answer; holds the old refresh token when the provider sent no new one.

        :raise ReauthorizationRequired: ``invalid_grant``, and only then.
        """
        client_id = {'client_id': self._app.client_id} if self.uses_pkce else {}
        return self._token_request(
            'token.refresh',
            'refresh_token_response',
            lambda session, **common: session.refresh_token(
                self._token_url, refresh_token=refresh_token, **common, **client_id
            ),
            lambda words, **kwargs: errors.ReauthorizationRequired(
                f'{self._label} no longer accepts the stored consent. Connect again.',
                details=(words,),
                **kwargs,
            ),
        )

    def _token_request(self, purpose, hook_type, send, invalid_grant, redirect_uri=None):
        requests_oauthlib, oauthlib = _oauthlib()
        client = oauthlib.oauth2.WebApplicationClient(self._app.client_id)
        session_class = type('GuardedOAuth2Session', (GuardedMixin, requests_oauthlib.OAuth2Session), {})
        session = self._transport.guard(session_class(client=client, redirect_uri=redirect_uri), purpose)
        # oauthlib reads any body as a token answer, whatever its status: ours looks first
        session.register_compliance_hook(hook_type, lambda response: self._checked(response, invalid_grant))
        auth = None
        if not self.uses_pkce:
            # as bytes: requests encodes text as latin-1, and breaks on what was pasted with a typographic
            # quote
            auth = HTTPBasicAuth(self._app.client_id.encode(), self._app.client_secret.encode())
        error = None
        try:
            token = send(session, auth=auth, headers=self._token_headers)
        except errors.ProviderError as exc:
            error = exc
        except oauthlib.oauth2.OAuth2Error:
            error = errors.ProtocolError(
                f'{self._label} sent a token answer without a token.', code='unreadable'
            )
        except FAILURES as exc:
            error = read_failure(exc)
        finally:
            session.close()
        if error is not None:
            # outside the except block: no context that holds the request
            raise error.with_traceback(None)
        return token

    def _checked(self, response, invalid_grant):
        """The response if it is a token answer; otherwise the error that it stands for.

        Error codes: RFC 6749 5.2; provider_facts A1.
        """
        _limits, request_id = self._transport.read_headers(response.headers)
        answer = Answer(
            status=response.status_code,
            headers=response.headers,
            body=response.content,
            request_id=request_id,
        )
        known = {'http_status': answer.status, 'request_id': answer.request_id}
        if answer.status == 200:
            data = answer.json()
            if (
                not isinstance(data, dict)
                or not isinstance(data.get('access_token'), str)
                or not data['access_token']
            ):
                raise answer.unreadable('a token answer without a token')
            expires_in = str(data.get('expires_in', 0))
            if not (expires_in.isascii() and expires_in.isdigit() and len(expires_in) < 10):
                raise answer.unreadable('a token answer without a readable expiry')
            if not isinstance(data.get('scope', ''), str) or not isinstance(
                data.get('refresh_token', ''), str
            ):
                raise answer.unreadable('a token answer that cannot be read')
            return response
        if answer.status == 429:
            raise errors.RateLimited(
                f'{self._label} asks to wait.',
                retry_after=parse_retry_after(answer.headers.get('Retry-After')),
                **known,
            )
        if answer.status >= 500:
            raise errors.ProviderUnavailable(
                f"{self._label}'s login service is out of order at the moment.", **known
            )
        data = answer.json_or_none()
        code = data.get('error') if isinstance(data, dict) else None
        if not isinstance(code, str) or not code:
            if answer.status == 401:
                raise errors.AppRefused(self._app_refused(), code='invalid_client', **known)
            raise answer.unreadable(f'an unexpected answer (HTTP {answer.status})')
        words = redact(data.get('error_description') or code)[:500]
        known['code'] = code[:50]
        if code == 'invalid_grant':
            raise invalid_grant(words, **known)
        if code in ('invalid_client', 'unauthorized_client'):
            raise errors.AppRefused(self._app_refused(), details=(words,), **known)
        if code == 'invalid_scope':
            raise errors.PermissionMissing(
                f'{self._label} does not allow this app what it asks for ({words}).',
                details=(words,),
                **known,
            )
        raise errors.AuthError(f'{self._label} refused to give a token ({words}).', details=(words,), **known)

    def _app_refused(self):
        return (
            f'{self._label} does not know this app: its client id or client secret is wrong, or it was deleted or is '
            f'not allowed to do this. Check both in the settings against the app at {self._label}.'
        )

    def token_set(self, token: Mapping, **extra) -> dto.TokenSet:
        """A token answer as :class:`~.dto.TokenSet`. ``extra``: what only the provider knows how to read.

        :raise PermissionMissing: there is no refresh token in it.
        """
        if not token.get('refresh_token'):
            raise errors.PermissionMissing(
                f'{self._label} gave no refresh token, so the connection would end within the hour. '
                'The app must be allowed to ask for offline access.',
                code='no_refresh_token',
            )
        scope = token.get('scope') or ()
        lifetime = timedelta(seconds=int(token.get('expires_in') or 0)) or _DEFAULT_LIFETIME
        return dto.TokenSet(
            access_token=token['access_token'],
            refresh_token=token['refresh_token'],
            expires_at=datetime.now(timezone.utc) + lifetime,
            scopes=tuple(scope.split() if isinstance(scope, str) else scope),
            **extra,
        )
