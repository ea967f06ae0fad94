"""Signing in and out on the way to a consent page: what the identity services of all providers have in common."""

import base64
import binascii
import hashlib
import hmac
import secrets
from abc import ABC, abstractmethod
from urllib.parse import unquote_plus, urlencode, urlsplit

from aiohttp import web

from . import jsonio
from .keys import SigningKey


class Consent(ABC):
    """A person comes with an app's request, signs in, and decides.

    A provider gives the names and addresses below, ``apps`` and ``people``; ``page(template, status, **values)``
    of its simulator renders. Requests and sessions live in memory.
    """

    login_path = consent_path = logout_path = session_cookie = ""
    words = {}  # of the sign-in form: title, purpose, username, brand (may be empty)
    consent_words = {}  # of the consent page: title, may (do), allow, signed_in, switch
    scopes = {}  # scope → what it allows, in words
    wrong_password = ""
    expired = ("", "")  # name of the error, sentence
    apps, people = {}, {}
    #: path of the redirect URI that the seeded apps registered, and the hosts on which it needs no https
    callback_path = ""
    plain_hosts = ("localhost", "127.0.0.1")
    token_cache = "no-store"  # noqa: S105 the Cache-Control of the answers with tokens

    def __init__(self, simulator):
        self.sim, self.clock = simulator, simulator.clock
        self.pending, self.sessions = {}, {}
        self.load()

    def load(self):
        """Take the collections of the store anew, after a reset; a provider adds its own."""
        self.meta = self.sim.store.collection("meta")
        self.codes = self.sim.store.collection("oauth_codes")
        self.refresh_tokens = self.sim.store.collection("oauth_refresh_tokens")
        self.key = SigningKey(self.meta)

    def consent_routes(self):
        return [
            web.get(self.login_path, self.login_page),
            web.post(self.login_path, self.login),
            web.get(self.consent_path, self.consent_page),
            web.post(self.consent_path, self.consent),
            web.post(self.logout_path, self.logout),
        ]

    def error_page(self, error, sentence):
        return self.sim.page("oauth_error.html", status=400, error=error, sentence=sentence)

    def redirect_allowed(self, uri):
        """https anywhere, http on the plain hosts only; the path is the one that the seeded apps registered."""
        parts = urlsplit(uri)
        if parts.path != self.callback_path or parts.fragment or parts.username:
            return False
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and parts.hostname in self.plain_hosts

    def begin(self, request, pending):
        """Keep what the app asked for and send the person on."""
        number = secrets.token_urlsafe(16)
        self.pending[number] = pending
        return self._to(self.consent_path if self.person(request) else self.login_path, number)

    @staticmethod
    def _to(path, number):
        return web.HTTPFound(f"{path}?{urlencode({'request': number})}")

    def person(self, request):
        """The user name of whoever is signed in, or None."""
        return self.sessions.get(request.cookies.get(self.session_cookie))

    @staticmethod
    def back(pending, **values):
        """To the app."""
        glue = "&" if urlsplit(pending["redirect_uri"]).query else "?"
        return web.HTTPFound(f"{pending['redirect_uri']}{glue}{urlencode(values)}")

    def _login_form(self, number, message=None, username=""):
        if number not in self.pending:
            return self.error_page(*self.expired)
        return self.sim.page(
            "oauth_login.html",
            app=self.apps[self.pending[number]["client"]],
            number=number,
            message=message,
            username=username,
            people=self.people,
            action=self.login_path,
            words={"brand": "", **self.words},
        )

    async def login_page(self, request):
        return self._login_form(request.query.get("request"))

    async def login(self, request):
        form = await request.post()
        number, email = form.get("request"), str(form.get("username", "")).strip().lower()
        if number not in self.pending:
            return self.error_page(*self.expired)
        person = self.people.get(email)
        sent = str(form.get("password", "")).encode()
        if person is None or not hmac.compare_digest(person["password"].encode(), sent):
            return self._login_form(number, self.wrong_password, email)
        session = secrets.token_urlsafe(16)
        self.sessions[session] = email
        answer = self._to(self.consent_path, number)
        answer.set_cookie(self.session_cookie, session, httponly=True, samesite="Lax")
        raise answer

    async def logout(self, request):
        form = await request.post()
        self.sessions.pop(request.cookies.get(self.session_cookie), None)
        answer = self._to(self.login_path, form.get("request", ""))
        answer.del_cookie(self.session_cookie)
        raise answer

    def consent_answer(self, number, pending, email, message=None, **values):
        """The consent page; ``values`` are what the provider's part of it shows."""
        return self.sim.page(
            "oauth_consent.html",
            app=self.apps[pending["client"]],
            person=self.people[email],
            email=email,
            number=number,
            message=message,
            scopes=[(scope, self.scopes[scope]) for scope in pending["scopes"]],
            words=self.consent_words,
            consent_path=self.consent_path,
            logout_path=self.logout_path,
            **values,
        )

    async def consent_page(self, request):
        email, number = self.person(request), request.query.get("request", "")
        if email is None:
            raise self._to(self.login_path, number)
        if number not in self.pending:
            return self.error_page(*self.expired)
        return self.consent_form(number, self.pending[number], email)

    async def consent(self, request):
        form = await request.post()
        email, number = self.person(request), form.get("request", "")
        if email is None:
            raise self._to(self.login_path, number)
        if number not in self.pending:
            return self.error_page(*self.expired)
        pending = self.pending[number]
        if form.get("action") == "allow":
            message = self.refusal(form, pending, email)
            if message:
                return self.consent_form(number, pending, email, message)
        del self.pending[number]
        raise self.decided(form, pending, email)

    # === TOKENS === #

    def next_serial(self):
        """The number of the next token."""
        kept = self.meta.get("tokens") or {}
        serial = kept.get("serial", 0) + 1
        self.meta.put("tokens", {**kept, "serial": serial})
        return serial

    def token_answer(self, tokens):
        """The tokens as the token endpoint gives them."""
        answer = _json_answer(tokens)
        answer.headers.update({"Cache-Control": self.token_cache, "Pragma": "no-cache"})
        return answer

    async def jwks(self, _request):
        return _json_answer(self.key.jwks())

    # === WHAT A PROVIDER DECIDES === #

    @abstractmethod
    def consent_form(self, number, pending, email, message=None):
        """The page on which the person decides, by :meth:`consent_answer`."""

    @abstractmethod
    def refusal(self, form, pending, email):
        """What is wrong with the choice, as a sentence, or None."""

    @abstractmethod
    def decided(self, form, pending, email):
        """The way back to the app, with a code or with the refusal."""


def digest(token):
    """What is kept of a token, and what it is found by."""
    return hashlib.sha256(token.encode()).hexdigest()


def name_parts(person):
    """(first name, last name) of one of ``people``."""
    first, _, last = person["name"].partition(" ")
    return first, last


def _json_answer(value):
    return web.Response(body=jsonio.dumps(value).encode(), content_type="application/json", charset="utf-8")


def basic_credentials(request):
    """(user, password) of Basic authentication, or None when there is none that can be read."""
    header = request.headers.get("Authorization", "")
    if not header.lower().startswith("basic "):
        return None
    try:
        decoded = base64.b64decode(header[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, _, password = decoded.partition(":")
    return unquote_plus(user), unquote_plus(password)
