"""OAuth 2.0 at Xero (provider_facts A1, A2): authorize with login and consent, tokens, revocation, connections."""

import base64
import hashlib
import hmac
import re
import secrets
import uuid

import jwt
from aiohttp import web

from ..common.consent import Consent, basic_credentials, digest, name_parts
from ..common.issued import issued
from .errors import ApiError, forbidden, json_answer, not_found, unauthorized
from .wire import as_guid, new_guid, seven_digits, to_datetime

ACCESS_LIFETIME = 30 * 60
ID_LIFETIME = 5 * 60
CODE_LIFETIME = 5 * 60
REFRESH_LIFETIME = 60 * 86_400
REFRESH_GRACE = 30 * 60
CALLBACK_PATH = "/fieldpromax/oauth/callback/xero"
AUDIENCE = "https://identity.xero.com/resources"

SCOPES = {  # the granular scopes of apps made since 2 March 2026 (A2), in words for the consent page
    "openid": "Know who you are in Xero",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay connected while you are not using the app",
    "accounting.invoices": "View and change invoices, credit notes, quotes, purchase orders and items",
    "accounting.invoices.read": "View invoices, credit notes, quotes, purchase orders and items",
    "accounting.payments": "View and change payments, prepayments and overpayments",
    "accounting.payments.read": "View payments, prepayments and overpayments",
    "accounting.banktransactions": "View and change bank transactions",
    "accounting.banktransactions.read": "View bank transactions",
    "accounting.manualjournals": "View and change manual journals",
    "accounting.manualjournals.read": "View manual journals",
    "accounting.contacts": "View and change contacts",
    "accounting.contacts.read": "View contacts",
    "accounting.settings": "View and change organisation settings, accounts, tax rates and items",
    "accounting.settings.read": "View organisation settings, accounts, tax rates and items",
    "accounting.attachments": "View and change attached files",
    "accounting.attachments.read": "View attached files",
}
APPS = {  # client id → app; the PKCE app type has no secret
    "fieldpromax-demo": {"name": "FieldPromax Accounting", "secret": "fieldpromax-demo-secret"},
    "fieldpromax-pkce": {"name": "FieldPromax Accounting (PKCE)", "secret": None},
}
PEOPLE = {  # user name → person; countries limits the organisations that the person may see
    "bookkeeper@example.com": {"password": "demo", "name": "Casey Brook", "countries": None},
    "owner@example.com": {"password": "demo", "name": "Jordan Lake", "countries": ("US", "NZ")},
}


def user_id(email):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"xero-simulator:{email}"))


class Identity:
    """Who a bearer token speaks for."""

    def __init__(self, claims):
        self.client = claims["client_id"]
        self.email = claims["sub_email"]
        self.scopes = set(claims["scope"])


class OAuth(Consent):
    """The identity service of the simulator.

    :param loopback_ip: accept ``http://127.0.0.1`` as a redirect URI too; Xero takes ``http://localhost`` only (A1)
    """

    login_path, logout_path = "/identity/user/login", "/identity/user/logout"
    consent_path = "/identity/connect/consent"
    session_cookie = "xero_sim_session"
    words = {"title": "Log in", "purpose": "Log in to continue to", "username": "Email address"}
    consent_words = {
        "title": "Allow access",
        "may": "What it may do",
        "allow": "Allow access",
        "signed_in": "Logged in",
        "switch": "Use another login",
    }
    wrong_password = "Your email or password is incorrect"  # noqa: S105 a sentence
    expired = ("login_expired", "This sign-in has expired. Go back to the app and start again.")
    apps, people, scopes = APPS, PEOPLE, SCOPES
    callback_path = CALLBACK_PATH

    def __init__(self, simulator, loopback_ip=True):
        super().__init__(simulator)
        if not loopback_ip:
            self.plain_hosts = ("localhost",)

    def load(self):
        super().load()
        self.consents = self.sim.store.collection("oauth_consents")
        self.connections = self.sim.store.collection("oauth_connections")

    def add_routes(self, app):
        app.router.add_routes(
            [
                web.get("/identity/connect/authorize", self.authorize),
                *self.consent_routes(),
                web.post("/connect/token", self.token),
                web.post("/connect/revocation", self.revoke),
                web.get("/.well-known/openid-configuration", self.discovery),
                web.get("/.well-known/openid-configuration/jwks", self.jwks),
                web.get("/{_:[cC]}onnections", self.list_connections),
                web.delete("/{_:[cC]}onnections/{id}", self.delete_connection),
            ]
        )

    # === AUTHORIZE: login and consent === #

    async def authorize(self, request):
        """The address a person is sent to. Faults of the app are shown here and not sent on to its redirect URI."""
        query = request.query
        app = APPS.get(query.get("client_id"))
        if app is None:
            return self.error_page("unauthorized_client", "The client id does not belong to an app.")
        if not self.redirect_allowed(query.get("redirect_uri", "")):
            return self.error_page(
                "invalid_request", "The redirect URI is not one of those registered for this app."
            )
        if query.get("response_type") != "code":
            return self.error_page("unsupported_response_type", "Only response_type=code is supported.")
        scopes = query.get("scope", "").split()
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            return self.error_page(
                "invalid_scope", f"Invalid scope for client: {' '.join(unknown) or '(none)'}"
            )
        challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
        if challenge and method != "S256":
            return self.error_page("invalid_request", "The code challenge method must be S256.")
        if challenge and not re.fullmatch(r"[A-Za-z0-9_-]{43,128}", challenge):
            return self.error_page("invalid_request", "The code challenge is not valid.")
        if app["secret"] is None and not challenge:
            return self.error_page("invalid_request", "This app must send a code challenge.")
        raise self.begin(
            request,
            {
                "client": query["client_id"],
                "redirect_uri": query["redirect_uri"],
                "state": query.get("state"),
                "nonce": query.get("nonce"),
                "scopes": scopes,
                "challenge": challenge,
                "single": "bulk_connect:false" in query.get("acr_values", ""),
            },
        )

    def organisations_of(self, email):
        countries = PEOPLE[email]["countries"]
        return [
            ledger.organisation
            for ledger in self.sim.ledgers.values()
            if countries is None or ledger.organisation["CountryCode"] in countries
        ]

    def consent_form(self, number, pending, email, message=None):
        connected = {c["tenantId"] for c in self.connections_of(pending["client"], email)}
        return self.consent_answer(
            number,
            pending,
            email,
            message,
            organisations=self.organisations_of(email),
            connected=connected,
            single=pending["single"],
        )

    def refusal(self, form, pending, email):
        chosen = form.getall("organisations", [])
        allowed = {organisation["OrganisationID"] for organisation in self.organisations_of(email)}
        if not chosen or not set(chosen) <= allowed or (pending["single"] and len(chosen) > 1):
            return "Choose the organisation that the app may use."
        return None

    def decided(self, form, pending, email):
        state = {} if pending["state"] is None else {"state": pending["state"]}
        if form.get("action") != "allow":
            return self.back(pending, error="access_denied", **state)
        return self.back(pending, **self._grant(pending, email, form.getall("organisations")), **state)

    def _connect(self, client, email, tenants, scopes):
        """Connect the organisations to the app; (event id, scopes). Scopes add to those granted before (A2)."""
        event, now = new_guid(), self.clock.now_ms()
        known = {c["tenantId"]: c for c in self.connections_of(client, email)}
        for tenant in tenants:
            connection = known.get(tenant) or {
                "id": issued(new_guid()),
                "client": client,
                "email": email,
                "tenantId": issued(tenant),
                "created": now,
            }
            self.connections.put(connection["id"], {**connection, "authEventId": event, "updated": now})
        slot = f"{client} {email}"
        earlier = (self.consents.get(slot) or {}).get("scopes", [])
        granted = list(dict.fromkeys([*earlier, *scopes]))
        self.consents.put(slot, {"scopes": granted})
        return event, granted

    def _grant(self, pending, email, tenants):
        """What goes back to the app after Allow access: the code."""
        event, scopes = self._connect(pending["client"], email, tenants, pending["scopes"])
        code = issued(secrets.token_urlsafe(32))
        self.codes.put(
            digest(code),
            {
                "client": pending["client"],
                "email": email,
                "redirect_uri": pending["redirect_uri"],
                "scopes": scopes,
                "challenge": pending["challenge"],
                "nonce": pending["nonce"],
                "event": event,
                "issued": int(self.clock.time()),
            },
        )
        return {
            "code": code,
            "scope": " ".join(pending["scopes"]),
            "session_state": secrets.token_urlsafe(24),
        }

    # === TOKENS === #

    @staticmethod
    def _oauth_error(error, status=400):
        return json_answer({"error": error}, status)

    @staticmethod
    def _client(request, form):
        """(client id, app) of the caller: Basic authentication, or in the body; None when it is not proven."""
        client, secret = form.get("client_id"), form.get("client_secret")
        if request.headers.get("Authorization", "").lower().startswith("basic "):
            client, secret = basic_credentials(request) or (None, None)
        app = APPS.get(client)
        if app is None:
            return None
        if app["secret"] is not None and not hmac.compare_digest(
            app["secret"].encode(), (secret or "").encode()
        ):
            return None
        return client

    async def token(self, request):
        form = await request.post()
        client = self._client(request, form)
        if client is None:
            return self._oauth_error("invalid_client")
        kind = form.get("grant_type")
        if kind == "authorization_code":
            return self._from_code(request, form, client)
        if kind == "refresh_token":
            return self._from_refresh(request, form, client)
        return self._oauth_error("unsupported_grant_type")

    def _from_code(self, request, form, client):
        key = digest(form.get("code", ""))
        code = self.codes.get(key)
        if code is None or code["client"] != client or form.get("redirect_uri") != code["redirect_uri"]:
            return self._oauth_error("invalid_grant")
        # A code is spent by the first try, right or wrong (A1: single use).
        self.codes.delete(key)
        if self.clock.time() - code["issued"] > CODE_LIFETIME:
            return self._oauth_error("invalid_grant")
        if code["challenge"] and not self._verifies(code["challenge"], form.get("code_verifier", "")):
            return self._oauth_error("invalid_grant")
        return self.token_answer(self._tokens(code, self._origin(request)))

    @staticmethod
    def _verifies(challenge, verifier):
        if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier):
            return False
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return hmac.compare_digest(made, challenge)

    def _from_refresh(self, request, form, client):
        key, now = digest(form.get("refresh_token", "")), int(self.clock.time())
        token = self.refresh_tokens.get(key)
        if token is None or token["client"] != client or now - token["issued"] > REFRESH_LIFETIME:
            return self._oauth_error("invalid_grant")
        if token["used"] is not None and now - token["used"] > REFRESH_GRACE:
            return self._oauth_error("invalid_grant")
        wanted = form.get("scope", "").split()
        if not set(wanted) <= set(token["scopes"]):
            return self._oauth_error("invalid_scope")
        if token["used"] is None:
            self.refresh_tokens.put(key, {**token, "used": now})
        return self.token_answer(self._tokens(token, self._origin(request)))

    @staticmethod
    def _origin(request):
        return f"{request.scheme}://{request.host}"

    def issue(self, client, email, scopes, tenants):
        """Tokens as if that person had just allowed these scopes and organisations."""
        event, granted = self._connect(client, email, tenants, scopes)
        grant = {"client": client, "email": email, "scopes": granted, "event": event}
        return self._tokens(grant, "http://localhost")

    def _tokens(self, grant, origin):
        """Mint the tokens of a grant; the result is the body of the token endpoint."""
        now = int(self.clock.time())
        serial = self.next_serial()
        person = PEOPLE[grant["email"]]
        common = {
            "iss": origin,
            "nbf": now,
            "sub": digest(grant["email"])[:32],
            "auth_time": now,
            "xero_userid": user_id(grant["email"]),
            "global_session_id": uuid.uuid4().hex,
        }
        access = {
            **common,
            "exp": now + ACCESS_LIFETIME,
            "aud": AUDIENCE,
            "client_id": grant["client"],
            "sub_email": grant["email"],
            "jti": f"{serial:010X}{secrets.token_hex(11).upper()}",
            "authentication_event_id": grant["event"],
            "scope": grant["scopes"],
            "amr": ["pwd"],
        }
        result = {
            "access_token": self.key.sign(access),
            "expires_in": ACCESS_LIFETIME,
            "token_type": "Bearer",
        }
        if "openid" in grant["scopes"]:
            claims = {
                **common,
                "aud": grant["client"],
                "exp": now + ID_LIFETIME,
                "iat": now,
                "sid": uuid.uuid4().hex,
            }
            if "email" in grant["scopes"]:
                claims.update(email=grant["email"], preferred_username=grant["email"])
            if "profile" in grant["scopes"]:
                first, last = name_parts(person)
                claims.update(name=person["name"], given_name=first, family_name=last)
            if grant.get("nonce"):
                claims["nonce"] = grant["nonce"]
            result["id_token"] = self.key.sign(claims)
        if "offline_access" in grant["scopes"]:
            refresh = issued(secrets.token_urlsafe(32))
            self.refresh_tokens.put(
                digest(refresh),
                {
                    "client": grant["client"],
                    "email": grant["email"],
                    "scopes": grant["scopes"],
                    "event": grant["event"],
                    "issued": now,
                    "used": None,
                },
            )
            result["refresh_token"] = refresh
        result["scope"] = " ".join(grant["scopes"])
        return result

    async def revoke(self, request):
        """Always 200 for a known app; a known token ends **all** connections of that person to the app (A1)."""
        form = await request.post()
        client = self._client(request, form)
        if client is None:
            return self._oauth_error("invalid_client")
        token = self.refresh_tokens.get(digest(form.get("token", "")))
        if token is not None and token["client"] == client:
            self.forget(client, token["email"])
        return web.Response(status=200)

    def forget(self, client=None, email=None):
        """End refresh tokens, connections and consents, of one person and app or of all."""
        for collection in (self.refresh_tokens, self.connections):
            for key, document in collection.items():
                if client in (None, document["client"]) and email in (None, document["email"]):
                    collection.delete(key)
        for slot in self.consents:
            if client is None or slot == f"{client} {email}":
                self.consents.delete(slot)

    def expire_access(self):
        """Every access token made so far counts as expired."""
        tokens = self.meta.get("tokens") or {"serial": 0}
        self.meta.put("tokens", {**tokens, "expired_to": tokens["serial"]})

    def expire_refresh(self):
        """Every refresh token dies, as after 60 unused days; connections stay."""
        for key in self.refresh_tokens:
            self.refresh_tokens.delete(key)

    # === WHAT A TOKEN MAY === #

    def identify(self, request):
        """The identity behind the bearer token.

        :raise ApiError: 401 as of A6
        """
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise ApiError(unauthorized())
        try:
            claims = jwt.decode(
                token,
                self.key.public(),
                algorithms=["RS256"],
                audience=AUDIENCE,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise ApiError(unauthorized()) from None
        expired_to = (self.meta.get("tokens") or {}).get("expired_to", 0)
        if claims["exp"] <= self.clock.time() or int(claims["jti"][:10], 16) <= expired_to:
            moment = to_datetime(min(claims["exp"] * 1000, self.clock.now_ms())).strftime("%m/%d/%Y %H:%M:%S")
            raise ApiError(unauthorized(f"TokenExpired: token expired at {moment}"))
        return Identity(claims)

    def connections_of(self, client, email):
        return [c for c in self.connections.values() if c["client"] == client and c["email"] == email]

    def connected(self, identity, tenant):
        """Whether this token's person connected that organisation to this app."""
        return any(c["tenantId"] == tenant for c in self.connections_of(identity.client, identity.email))

    async def list_connections(self, request):
        try:
            identity = self.identify(request)
        except ApiError as error:
            return error.response
        event = request.query.get("authEventId")
        return json_answer(
            [
                {
                    "id": c["id"],
                    "authEventId": c["authEventId"],
                    "tenantId": c["tenantId"],
                    "tenantType": "ORGANISATION",
                    "tenantName": self.sim.ledgers[c["tenantId"]].organisation["Name"],
                    "createdDateUtc": seven_digits(c["created"]),
                    "updatedDateUtc": seven_digits(c["updated"]),
                }
                for c in self.connections_of(identity.client, identity.email)
                if not event or c["authEventId"] == event
            ]
        )

    async def delete_connection(self, request):
        """204; a tenantId in place of the connection's id answers 403 (A1)."""
        try:
            identity = self.identify(request)
        except ApiError as error:
            return error.response
        key = as_guid(request.match_info["id"])
        connection = self.connections.get(key)
        if connection and (connection["client"], connection["email"]) == (identity.client, identity.email):
            self.connections.delete(key)
            return web.Response(status=204)
        if connection or key in self.sim.ledgers:
            return forbidden()
        return not_found()

    # === DISCOVERY === #

    async def discovery(self, request):
        origin = self._origin(request)
        return json_answer(
            {
                "issuer": origin,
                "jwks_uri": f"{origin}/.well-known/openid-configuration/jwks",
                "authorization_endpoint": f"{origin}/identity/connect/authorize",
                "token_endpoint": f"{origin}/connect/token",
                "revocation_endpoint": f"{origin}/connect/revocation",
                "scopes_supported": list(SCOPES),
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "subject_types_supported": ["public"],
                "code_challenge_methods_supported": ["S256"],
            }
        )
