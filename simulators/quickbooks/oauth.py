"""OAuth 2.0 at Intuit (provider_facts B1): sign-in, consent with the choice of one company, tokens, revocation,
discovery."""

import hashlib
import hmac
import secrets

from aiohttp import web

from ..common import jsonio
from ..common.consent import Consent, basic_credentials, digest, name_parts
from ..common.issued import issued
from .errors import ApiError, gateway, json_answer

ACCESS_LIFETIME = 3600
CODE_LIFETIME = 5 * 60
REFRESH_LIFETIME = 8_640_000  # 100 days, rolling
HARD_LIFETIME = 157_680_000  # five years from the consent
ROTATION = 86_400  # the value changes about once a day, and the older one lives for another day
CALLBACK_PATH = "/fieldpromax/oauth/callback/quickbooks"
ISSUER = "https://oauth.platform.intuit.com/op/v1"
ACCOUNTING, PROJECTS = "com.intuit.quickbooks.accounting", "project-management.project"

SCOPES = {  # in words for the consent page
    "openid": "Know who you are at Intuit",
    "profile": "See your name",
    "email": "See your e-mail address",
    ACCOUNTING: "View and change your accounting data: customers, products and services, invoices, payments and lists",
    PROJECTS: "View and change your projects",
}
APPS = {"fieldpromax-demo": {"name": "FieldPromax Accounting", "secret": "fieldpromax-demo-secret"}}
PEOPLE = {  # user name → person; companies limits what the person may see
    "bookkeeper@example.com": {"password": "demo", "name": "Casey Brook", "companies": None},
    "owner@example.com": {"password": "demo", "name": "Jordan Lake", "companies": ("US", "US2")},
}


class Identity:
    """Who a bearer token speaks for: an app, a person, one company."""

    def __init__(self, grant):
        self.grant_id = grant["id"]
        self.client, self.email, self.realm = grant["client"], grant["email"], grant["realm"]
        self.scopes = set(grant["scopes"])


class OAuth(Consent):
    """Intuit's identity service.

    A grant is what a consent gave: app, person, company and scopes. Access and refresh tokens belong to a
    grant. One active
    grant an app and company: another person's consent replaces it.
    """

    login_path, logout_path, consent_path = "/sign-in", "/sign-out", "/connect/consent"
    session_cookie = "quickbooks_sim_session"
    words = {
        "brand": "Intuit account (simulated)",
        "title": "Sign in",
        "purpose": "One account for everything, now to connect",
        "username": "Email or user ID",
    }
    consent_words = {
        "title": "Connect a company",
        "may": "The app will be able to",
        "allow": "Connect",
        "signed_in": "Signed in",
        "switch": "Use another account",
    }
    wrong_password = "The user ID or password is not right. Try again."  # noqa: S105 a sentence
    expired = ("sign_in_expired", "This sign-in has expired. Go back to the app and start again.")
    apps, people, scopes = APPS, PEOPLE, SCOPES
    callback_path = CALLBACK_PATH
    token_cache = "no-cache, no-store"  # noqa: S105 a header

    def load(self):
        super().load()
        self.grants = self.sim.store.collection("oauth_grants")
        self.access_tokens = self.sim.store.collection("oauth_access_tokens")
        if self.meta.get("token_key") is None:
            self.meta.put("token_key", {"key": secrets.token_hex(32)})

    def add_routes(self, app):
        app.router.add_routes(
            [
                web.get("/connect/oauth2", self.authorize),
                *self.consent_routes(),
                web.post("/oauth2/v1/tokens/bearer", self.token),
                web.post("/v2/oauth2/tokens/revoke", self.revoke),
                web.get("/v1/openid_connect/userinfo", self.userinfo),
                web.get("/op/v1/jwks", self.jwks),
                *(
                    web.get(f"/.well-known/{name}{slash}", self.discovery)
                    for name in ("openid_configuration", "openid_sandbox_configuration")
                    for slash in ("", "/")
                ),
            ]
        )

    def now(self):
        return int(self.clock.time())

    # === AUTHORIZE: sign-in, consent, company === #

    async def authorize(self, request):
        """The address a person is sent to. What is wrong with the app's request is shown here and not sent on."""
        query = request.query
        if query.get("client_id") not in APPS:
            return self.error_page("invalid_client", "The client_id does not belong to an app.")
        if not self.redirect_allowed(query.get("redirect_uri", "")):
            return self.error_page(
                "invalid_redirect_uri",
                "The redirect_uri query parameter value is not one of those set up for this app.",
            )
        if query.get("response_type") != "code":
            return self.error_page("unsupported_response_type", "The response_type must be code.")
        scopes = query.get("scope", "").split()
        if not scopes or set(scopes) - set(SCOPES):
            return self.error_page(
                "invalid_scope", "The scope query parameter is missing or names an unknown scope."
            )
        if not query.get("state"):
            return self.error_page("invalid_request", "The state query parameter is missing.")
        raise self.begin(
            request,
            {
                "client": query["client_id"],
                "redirect_uri": query["redirect_uri"],
                "state": query["state"],
                "scopes": list(dict.fromkeys(scopes)),
            },
        )

    def companies_of(self, email):
        tags = PEOPLE[email]["companies"]
        return [b.company for b in self.sim.ledgers.values() if tags is None or b.company["tag"] in tags]

    def consent_form(self, number, pending, email, message=None):
        connected = {g["realm"] for g in self.grants.values() if g["client"] == pending["client"]}
        return self.consent_answer(
            number, pending, email, message, companies=self.companies_of(email), connected=connected
        )

    def refusal(self, form, pending, email):
        chosen = form.getall("company", [])
        allowed = {company["realm"] for company in self.companies_of(email)}
        if len(chosen) != 1 or chosen[0] not in allowed:
            return "Choose the company that the app may use."
        return None

    def decided(self, form, pending, email):
        if form.get("action") != "allow":
            return self.back(pending, error="access_denied", state=pending["state"])
        realm = form["company"]
        grant = self._grant(pending["client"], email, realm, pending["scopes"])
        code = issued(secrets.token_urlsafe(32))
        self.codes.put(
            digest(code),
            {"grant": grant["id"], "redirect_uri": pending["redirect_uri"], "issued": self.now()},
        )
        return self.back(pending, code=code, state=pending["state"], realmId=realm)

    def _grant(self, client, email, realm, scopes):
        """A new grant; one of another person for the same app and company ends (B1)."""
        for key, grant in self.grants.items():
            if (grant["client"], grant["realm"]) == (client, realm) and grant["email"] != email:
                self.forget(key)
        grant = {
            "id": secrets.token_hex(8),
            "client": client,
            "email": email,
            "realm": issued(realm),
            "scopes": list(scopes),
            "since": self.now(),
            "disconnected": False,
        }
        self.grants.put(grant["id"], grant)
        return grant

    # === TOKENS === #

    @staticmethod
    def _oauth_error(error, description=None, status=400):
        value = {"error": error}
        if description:
            value["error_description"] = description
        return json_answer(value, status)

    @staticmethod
    def _client(request):
        """The app that Basic authentication proves, or None."""
        client, secret = basic_credentials(request) or ("", "")
        if client not in APPS or not hmac.compare_digest(APPS[client]["secret"].encode(), secret.encode()):
            return None
        return client

    async def token(self, request):
        form = await request.post()
        client = self._client(request)
        if client is None:
            return self._oauth_error("invalid_client", status=401)
        hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._from_code(form, client, hard)
        if kind == "refresh_token":
            return self._from_refresh(form, client, hard)
        return self._oauth_error("unsupported_grant_type")

    def _from_code(self, form, client, hard):
        key = digest(form.get("code", ""))
        code = self.codes.get(key)
        # A code is spent by the first try, right or wrong.
        self.codes.delete(key)
        grant = self.grants.get(code["grant"]) if code else None
        if (
            grant is None
            or grant["client"] != client
            or form.get("redirect_uri") != code["redirect_uri"]
            or self.now() - code["issued"] > CODE_LIFETIME
        ):
            return self._oauth_error("invalid_grant", "Invalid authorization code")
        return self.token_answer(self._tokens(grant, hard))

    def _from_refresh(self, form, client, hard):
        bad = self._oauth_error("invalid_grant", "Incorrect or invalid refresh token")
        token = self.refresh_tokens.get(digest(form.get("refresh_token", "")))
        grant = self.grants.get(token["grant"]) if token else None
        if grant is None or grant["client"] != client or grant["disconnected"]:
            return bad
        now = self.now()
        if now >= token["expires"] or now >= grant["since"] + HARD_LIFETIME:
            return bad
        return self.token_answer(self._tokens(grant, hard))

    def _value(self, serial):
        """The text of a refresh token: made from its number, so that the same one can be given out again."""
        key = self.meta.get("token_key")["key"].encode()
        return "AB11" + hmac.new(key, f"refresh {serial}".encode(), hashlib.sha256).hexdigest()[:46]

    def _refresh_token(self, grant):
        """(value, seconds left): the current one, or a new one when that is a day old (B1)."""
        now = self.now()
        current = self.refresh_tokens.get(grant.get("refresh", ""))
        if current is not None and now - current["issued"] < ROTATION and now < current["expires"]:
            return self._value(current["serial"]), current["expires"] - now
        if current is not None:
            limit = min(current["expires"], now + ROTATION)
            self.refresh_tokens.put(grant["refresh"], {**current, "expires": limit})
        serial = self.next_serial()
        value = issued(self._value(serial))
        self.refresh_tokens.put(
            digest(value),
            {"grant": grant["id"], "serial": serial, "issued": now, "expires": now + REFRESH_LIFETIME},
        )
        self.grants.put(grant["id"], {**grant, "refresh": digest(value)})
        return value, REFRESH_LIFETIME

    def _tokens(self, grant, hard=False):
        """The body of the token endpoint. There is no scope in it (B1)."""
        refresh, left = self._refresh_token(grant)
        access = issued("eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.." + secrets.token_urlsafe(520))
        now = self.now()
        for key, token in self.access_tokens.items():
            if token["expires"] < now - 86_400:
                self.access_tokens.delete(key)
        self.access_tokens.put(digest(access), {"grant": grant["id"], "expires": now + ACCESS_LIFETIME})
        result = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": ACCESS_LIFETIME,
            "refresh_token": refresh,
            "x_refresh_token_expires_in": left,
        }
        if "openid" in grant["scopes"]:
            result["id_token"] = self.key.sign(
                {
                    "iss": ISSUER,
                    "sub": digest(grant["email"])[:32],
                    "aud": [grant["client"]],
                    "realmid": grant["realm"],
                    "auth_time": now,
                    "iat": now,
                    "exp": now + ACCESS_LIFETIME,
                }
            )
        if hard:
            result["x_refresh_token_hard_expires_in"] = grant["since"] + HARD_LIFETIME - now
        return result

    def issue(self, client, email, scopes, realm):
        """Tokens as if that person had just connected that company; with ``realmId`` beside them."""
        return {**self._tokens(self._grant(client, email, realm, scopes)), "realmId": realm}

    async def revoke(self, request):
        """``{"token": …}``, an access or refresh token: the connection ends (B1)."""
        client = self._client(request)
        if client is None:
            return self._oauth_error("invalid_client", status=401)
        try:
            body = jsonio.loads(await request.read())
        except ValueError:
            body = dict(await request.post())
        key = digest(str(body.get("token", ""))) if isinstance(body, dict) else ""
        token = self.refresh_tokens.get(key) or self.access_tokens.get(key)
        grant = self.grants.get(token["grant"]) if token else None
        if grant is None or grant["client"] != client:
            return self._oauth_error("invalid_request")
        self.forget(grant["id"])
        return web.Response(status=200)

    def forget(self, grant_id=None):
        """End grants and their tokens: one, or all."""
        for collection in (self.refresh_tokens, self.access_tokens):
            for key, token in collection.items():
                if grant_id in (None, token["grant"]):
                    collection.delete(key)
        for key in self.grants:
            if grant_id in (None, key):
                self.grants.delete(key)

    def disconnect(self, realm):
        """The company removed the app: tokens live on, but calls are refused and nothing is refreshed."""
        for key, grant in self.grants.items():
            if grant["realm"] == realm:
                self.grants.put(key, {**grant, "disconnected": True})

    def expire_access(self):
        for key, token in self.access_tokens.items():
            self.access_tokens.put(key, {**token, "expires": self.now()})

    def expire_refresh(self):
        for key, token in self.refresh_tokens.items():
            self.refresh_tokens.put(key, {**token, "expires": self.now()})

    # === WHAT A TOKEN MAY === #

    def _gateway(self, code, detail, kind, status):
        return gateway(code, detail, kind, status, self.clock.now_ms())

    def unauthorized(self, detail="Invalid token"):
        return self._gateway("3200", detail, "AUTHENTICATION", 401)

    def forbidden(self):
        return self._gateway("3100", "The app is not authorized for this company.", "AUTHORIZATION", 403)

    def identify(self, request):
        """The identity behind the bearer token.

        :raise ApiError: 401 (B7)
        """
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not value:
            raise ApiError(self.unauthorized("Malformed bearer token: too short or too long"))
        token = self.access_tokens.get(digest(value))
        grant = self.grants.get(token["grant"]) if token else None
        if grant is None:
            raise ApiError(self.unauthorized("Token revoked or not valid"))
        if self.now() >= token["expires"]:
            raise ApiError(self.unauthorized("Token expired: the access token is older than an hour"))
        return Identity(grant)

    def connected(self, identity, realm):
        """Whether this token is for that company, for accounting, and the company still has the app connected."""
        grant = self.grants.get(identity.grant_id)
        return identity.realm == realm and not grant["disconnected"] and ACCOUNTING in identity.scopes

    async def userinfo(self, request):
        try:
            identity = self.identify(request)
        except ApiError as error:
            return error.response
        if "openid" not in identity.scopes:
            return self.forbidden()
        first, last = name_parts(PEOPLE[identity.email])
        result = {"sub": digest(identity.email)[:32]}
        if "email" in identity.scopes:
            result.update(email=identity.email, emailVerified=True)
        if "profile" in identity.scopes:
            result.update(givenName=first, familyName=last)
        return json_answer(result)

    async def discovery(self, request):
        origin = f"{request.scheme}://{request.host}"
        return json_answer(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{origin}/connect/oauth2",
                "token_endpoint": f"{origin}/oauth2/v1/tokens/bearer",
                "userinfo_endpoint": f"{origin}/v1/openid_connect/userinfo",
                "revocation_endpoint": f"{origin}/v2/oauth2/tokens/revoke",
                "jwks_uri": f"{origin}/op/v1/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": list(SCOPES),
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
            }
        )
