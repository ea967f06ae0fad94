"""Fixtures for the tests of the simulators: one server a session, its state made new for every test."""

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path

import pytest
import requests
from person import Person
from qbo_kit import ACCOUNTING, PROJECTS, Company
from qbo_kit import Browser as QuickBooksBrowser

from simulators.common import jsonio
from simulators.quickbooks.server import start_in_thread as start_quickbooks
from simulators.xero.server import start_in_thread

ROOT = Path(__file__).resolve().parents[2]
CALLBACK = "http://localhost:8069/fieldpromax/oauth/callback/xero"
SCOPES = "openid profile email offline_access accounting.invoices accounting.contacts accounting.settings"
CLIENT = ("fieldpromax-demo", "fieldpromax-demo-secret")
TODAY_FUTURE = "2099-01-31"


@pytest.fixture(scope="session")
def server():
    with start_in_thread() as running:
        yield running


@pytest.fixture
def sim(server):
    """The server with the demo's organisations, no limits broken, no faults, no tokens."""
    server.control("POST", "/_sim/reset", {"seed": "demo"})
    return server


class Api:
    """Calls of one organisation with plain requests; numbers of answers are Decimal."""

    def __init__(self, server, tokens, tenant):
        self.server, self.tenant = server, tenant
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {tokens['access_token']}",
                "xero-tenant-id": tenant,
                "Accept": "application/json",
            }
        )

    def call(self, method, path, body=None, params=None, headers=None, timeout=10):
        data = None if body is None else jsonio.dumps(body).encode()
        headers = {**({"Content-Type": "application/json"} if data else {}), **(headers or {})}
        return self.session.request(
            method,
            f"{self.server.base_url}/api.xro/2.0/{path}",
            data=data,
            params=params,
            headers=headers,
            timeout=timeout,
        )

    def get(self, path, **params):
        """A GET that must succeed; the parsed body."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return jsonio.loads(answer.content)

    def put(self, path, *elements, **params):
        return self.write("PUT", path, elements, params)

    def post(self, path, *elements, **params):
        return self.write("POST", path, elements, params)

    def write(self, method, path, elements, params):
        """A write that must succeed; the elements of the answer."""
        name = path.split("/")[0]
        answer = self.call(method, path, {name: list(elements)}, params)
        assert answer.status_code == 200, answer.text
        return jsonio.loads(answer.content)[name]

    def refused(self, method, path, *elements, **params):
        """A write that must be refused with 400; the messages of the first refused element."""
        answer = self.call(method, path, {path.split("/")[0]: list(elements)}, params)
        assert answer.status_code == 400, answer.text
        body = answer.json()
        assert body["Type"] == "ValidationException"
        assert body["ErrorNumber"] == 10
        return [error["Message"] for error in body["Elements"][0]["ValidationErrors"]]

    def contact(self, name):
        found = self.get("Contacts", where=f'Name=="{name}"', page=1)["Contacts"]
        assert len(found) == 1
        return found[0]

    def control(self, body):
        return self.server.control("POST", f"/_sim/organisations/{self.tenant}", body)


@pytest.fixture
def connect(sim):
    """``connect("US")`` → an Api of that organisation; ``scopes``, ``client_id`` and ``email`` as wished."""

    def make(country="US", **wanted):
        tokens = sim.control("POST", "/_sim/tokens", {"issue": {**wanted, "tenants": [country]}})
        tenant = next(
            key
            for key, value in sim.control("GET", "/_sim/state?counts=1")["organisations"].items()
            if value["CountryCode"] == country
        )
        return Api(sim, tokens, tenant)

    return make


@pytest.fixture
def us(connect):
    return connect("US")


@pytest.fixture
def invoice(us):
    """A body for an approved sale in the US organisation; keyword arguments replace fields, None leaves one out."""
    state = us.server.control("GET", "/_sim/state?tenant=US&entities=contacts")["organisations"][us.tenant]
    contact_id = next(
        contact["ContactID"] for contact in state["contacts"] if contact["Name"] == "Town Council"
    )

    def make(**values):
        body = {
            "Type": "ACCREC",
            "Contact": {"ContactID": contact_id},
            "Date": "2026-09-14",
            "DueDate": "2026-10-14",
            "LineAmountTypes": "Exclusive",
            "Status": "AUTHORISED",
            "LineItems": [
                {
                    "Description": "Work",
                    "Quantity": 2,
                    "UnitAmount": 50,
                    "AccountCode": "200",
                    "TaxType": "TAX001",
                }
            ],
        }
        return {key: value for key, value in {**body, **values}.items() if value is not None}

    return make


class Browser(Person):
    login_path, consent_path = "/identity/user/login", "/identity/connect/consent"
    callback, choice = CALLBACK, "organisations"

    def __init__(self, server):
        super().__init__(server)
        self.verifier = secrets.token_urlsafe(48)

    def authorize(self, **values):
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        )
        query = {
            "response_type": "code",
            "client_id": CLIENT[0],
            "redirect_uri": CALLBACK,
            "scope": SCOPES,
            "state": "st4te",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **values,
        }
        query = {key: value for key, value in query.items() if value is not None}
        return self.session.get(f"{self.base}/identity/connect/authorize", params=query, timeout=10)

    def token(self, auth=CLIENT, **form):
        return self.session.post(f"{self.base}/connect/token", data=form, auth=auth, timeout=10)

    def code(self, *tenants, **values):
        """The whole way to a code."""
        page = self.authorize(**values)
        if 'id="login-form"' in page.text:
            page = self.login(page)
        return self.decide(page, *tenants)["code"]

    def exchange(self, spent_code, auth=CLIENT, **form):
        values = {
            "grant_type": "authorization_code",
            "code": spent_code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **form,
        }
        return self.token(auth, **{key: value for key, value in values.items() if value is not None})


@pytest.fixture
def browser(sim):
    return Browser(sim)


@pytest.fixture
def tenants(sim):
    """Country → tenant id."""
    state = sim.control("GET", "/_sim/state?counts=1")["organisations"]
    return {value["CountryCode"]: key for key, value in state.items()}


@pytest.fixture(scope="session")
def specs_folder():
    return Path(os.environ.get("FIELDPROMAX_SPECS") or ROOT.parent / "shared" / "specs")


@pytest.fixture(scope="session")
def specs(specs_folder):
    """The folder of Xero's OpenAPI files; tests that need it are skipped where it is absent."""
    folder = specs_folder
    if not (folder / "xero_checker.py").exists():
        pytest.skip("Xero's OpenAPI files are not here (set FIELDPROMAX_SPECS).")
    return folder


# === QUICKBOOKS === #


@pytest.fixture(scope="session")
def qbo_server():
    with start_quickbooks() as running:
        yield running


@pytest.fixture
def qbo(qbo_server):
    """The server with the demo's companies, no limits broken, no faults, no tokens."""
    qbo_server.control("POST", "/_sim/reset", {"seed": "demo"})
    return qbo_server


@pytest.fixture
def qbo_connect(qbo):
    """``qbo_connect("GB")`` → calls of that company; ``scopes``, ``client_id`` and ``email`` as wished."""

    def make(company="US", **wanted):
        return Company(qbo, qbo.control("POST", "/_sim/tokens", {"issue": {**wanted, "company": company}}))

    return make


@pytest.fixture
def qbo_us(qbo_connect):
    return qbo_connect("US", scopes=[ACCOUNTING, PROJECTS])


@pytest.fixture
def qbo_gb(qbo_connect):
    return qbo_connect("GB")


@pytest.fixture
def qbo_browser(qbo):
    return QuickBooksBrowser(qbo)


@pytest.fixture(scope="session")
def qbo_checker(specs_folder):
    """The checker of Intuit's field list; tests that need it are skipped where it is absent."""
    if not (specs_folder / "qbo_checker.py").exists():
        pytest.skip("Intuit's field list is not here (set FIELDPROMAX_SPECS).")
    sys.path.insert(0, str(specs_folder))
    from qbo_checker import Checker

    return Checker(specs_folder / "quickbooks" / "schema.json")
