"""Signing in and out on the way to a consent page: what the identity services of all providers have in common."""

import base64
import binascii
import hmac
import secrets
from urllib.parse import unquote_plus, urlencode, urlsplit

from aiohttp import web


class Consent:
    """A person comes with an app's request, signs in, and decides.

    A provider gives the names and addresses below, ``apps`` and ``people``; ``page(template, status, **values)``
    of its simulator renders. Requests and sessions live in memory.
    """

    login_path = consent_path = session_cookie = ""
    words = {}  # of the form: title, purpose, username, brand (may be empty)
    wrong_password = ""
    expired = ("", "")  # name of the error, sentence
    apps, people = {}, {}

    def __init__(self, simulator):
        self.sim, self.clock = simulator, simulator.clock
        self.pending, self.sessions = {}, {}

    def consent_routes(self):
        return [
            web.get(self.login_path, self.login_page),
            web.post(self.login_path, self.login),
            web.get(self.consent_path, self.consent_page),
            web.post(self.consent_path, self.consent),
        ]

    def error_page(self, error, sentence):
        return self.sim.page("oauth_error.html", status=400, error=error, sentence=sentence)

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

    # === WHAT A PROVIDER DECIDES === #

    def consent_form(self, number, pending, email, message=None):
        """The page on which the person decides."""
        raise NotImplementedError

    def refusal(self, form, pending, email):
        """What is wrong with the choice, as a sentence, or None."""
        raise NotImplementedError

    def decided(self, form, pending, email):
        """The way back to the app, with a code or with the refusal."""
        raise NotImplementedError


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
