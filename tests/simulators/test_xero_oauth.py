"""OAuth at the simulated Xero (provider_facts A1, A2): the unhappy ways first."""

import base64

import contract
import jwt
import pytest
import requests
from conftest import CALLBACK, CLIENT, SCOPES, Browser

from simulators.common import jsonio
from simulators.xero.server import start_in_thread


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"client_id": "unknown"}, "unauthorized_client"),
        ({"client_id": None}, "unauthorized_client"),
        ({"redirect_uri": "http://evil.example/fieldpromax/oauth/callback/xero"}, "invalid_request"),
        ({"redirect_uri": "http://localhost:8069/elsewhere"}, "invalid_request"),
        (
            {"redirect_uri": "http://localhost@evil.example/fieldpromax/oauth/callback/xero"},
            "invalid_request",
        ),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid accounting.transactions"}, "invalid_scope"),
        ({"scope": "openid accounting.reports.read"}, "invalid_scope"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"client_id": "fieldpromax-pkce", "code_challenge": None}, "invalid_request"),
    ],
)
def test_a_faulty_request_ends_on_an_error_page(browser, values, error):
    page = browser.authorize(**values)
    assert page.status_code == 400
    assert f'data-error="{error}"' in page.text


@pytest.mark.parametrize(
    "uri",
    [
        CALLBACK,
        "http://127.0.0.1:1234/fieldpromax/oauth/callback/xero",
        "https://odoo.example/fieldpromax/oauth/callback/xero",
    ],
)
def test_registered_redirect_uris(browser, uri):
    assert "login-form" in browser.authorize(redirect_uri=uri).text


def test_strict_redirects_refuse_127_0_0_1_as_the_real_xero_does():
    with start_in_thread(loopback_ip=False) as server:
        strict = Browser(server)
        page = strict.authorize(redirect_uri="http://127.0.0.1:8069/fieldpromax/oauth/callback/xero")
        assert 'data-error="invalid_request"' in page.text
        assert "login-form" in strict.authorize().text


def test_wrong_password(browser):
    page = browser.login(browser.authorize(), password="guess")
    assert "login-error" in page.text
    assert "consent-form" not in page.text
    assert "login-error" in browser.login(browser.authorize(), username="nobody@example.com").text


def test_consent_lists_scopes_in_words_and_organisations(browser):
    page = browser.login(browser.authorize())
    assert "View and change contacts" in page.text
    assert 'data-scope="offline_access"' in page.text
    for name in ("Riverside Plumbing", "Thames Heating", "Lakeside Field Services"):
        assert name in page.text
    assert 'type="checkbox"' in page.text


def test_a_person_sees_only_their_own_organisations(browser, tenants):
    page = browser.login(browser.authorize(), username="owner@example.com")
    assert "Lakeside" in page.text
    assert "Riverside" not in page.text
    answer = browser.decide(page, tenants["AU"])
    assert "consent-error" in answer.text


def test_single_organisation_consent(browser, tenants):
    page = browser.login(browser.authorize(acr_values="bulk_connect:false"))
    assert 'type="radio"' in page.text
    assert "consent-error" in browser.decide(page, tenants["AU"], tenants["US"]).text
    assert "code" in browser.decide(page, tenants["US"])


def test_cancel(browser, sim):
    answer = browser.decide(browser.login(browser.authorize()), action="cancel")
    assert answer == {"error": "access_denied", "state": "st4te"}
    assert sim.control("GET", "/_sim/state?counts=1")["connections"] == []


def test_allow_without_an_organisation_asks_again(browser):
    page = browser.login(browser.authorize())
    assert "consent-error" in browser.decide(page).text


def test_a_sign_in_can_be_decided_once(browser, tenants):
    page = browser.login(browser.authorize())
    browser.decide(page, tenants["US"])
    assert "login_expired" in browser.decide(page, tenants["US"]).text


def test_consent_without_login_leads_to_the_login(browser, sim):
    page = browser.authorize()
    other = Browser(sim)
    answer = other.decide(page)
    assert answer.headers["Location"].startswith("/identity/user/login")


def test_the_whole_flow(browser, tenants, sim):
    answer = browser.decide(browser.login(browser.authorize()), tenants["US"], tenants["GB"])
    assert answer["state"] == "st4te"
    assert answer["scope"] == SCOPES
    tokens = browser.exchange(answer["code"])
    assert tokens.status_code == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert contract.violations(jsonio.loads(tokens.content), contract.TOKEN) == []
    keys = requests.get(f"{sim.base_url}/.well-known/openid-configuration/jwks", timeout=5).json()["keys"]
    key = jwt.PyJWK(keys[0])
    claims = jwt.decode(
        tokens.json()["access_token"], key, ["RS256"], audience="https://identity.xero.com/resources"
    )
    assert claims["exp"] - claims["nbf"] == 30 * 60
    assert claims["scope"] == SCOPES.split()
    assert claims["client_id"] == CLIENT[0]
    identity = jwt.decode(tokens.json()["id_token"], key, ["RS256"], audience=CLIENT[0])
    assert identity["exp"] - identity["iat"] == 300
    assert identity["email"] == "bookkeeper@example.com"
    assert identity["xero_userid"] == claims["xero_userid"]
    bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    event = claims["authentication_event_id"]
    listed = requests.get(
        f"{sim.base_url}/connections", headers=bearer, params={"authEventId": event}, timeout=5
    ).json()
    assert {c["tenantId"] for c in listed} == {tenants["US"], tenants["GB"]}
    assert all(c["id"] != c["tenantId"] and c["authEventId"] == event for c in listed)


def test_discovery(sim):
    found = requests.get(f"{sim.base_url}/.well-known/openid-configuration", timeout=5).json()
    assert found["token_endpoint"] == f"{sim.base_url}/connect/token"
    assert found["authorization_endpoint"] == f"{sim.base_url}/identity/connect/authorize"
    assert found["revocation_endpoint"] == f"{sim.base_url}/connect/revocation"


# === CODE → TOKENS === #


def test_code_is_single_use(browser, tenants):
    code = browser.code(tenants["US"])
    assert browser.exchange(code).status_code == 200
    again = browser.exchange(code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_code_dies_after_five_minutes(browser, tenants, sim):
    code = browser.code(tenants["US"])
    sim.control("POST", "/_sim/clock", {"advance_seconds": 301})
    assert browser.exchange(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("form", "auth", "error"),
    [
        ({"redirect_uri": "http://localhost:8069/other"}, CLIENT, "invalid_grant"),
        ({"redirect_uri": None}, CLIENT, "invalid_grant"),
        ({"code_verifier": "x" * 50}, CLIENT, "invalid_grant"),
        ({"code_verifier": None}, CLIENT, "invalid_grant"),
        ({}, (CLIENT[0], "wrong"), "invalid_client"),
        ({}, ("unknown", "x"), "invalid_client"),
        ({}, None, "invalid_client"),
        ({"client_id": "fieldpromax-pkce"}, None, "invalid_grant"),
        ({"grant_type": "password"}, CLIENT, "unsupported_grant_type"),
        ({"grant_type": None}, CLIENT, "unsupported_grant_type"),
        ({"code": "made-up"}, CLIENT, "invalid_grant"),
    ],
)
def test_bad_exchanges(browser, tenants, form, auth, error):
    answer = browser.exchange(browser.code(tenants["US"]), auth, **form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_malformed_basic_header_is_an_invalid_client(sim):
    for header in ("Basic ***", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Basic"):
        answer = requests.post(
            f"{sim.base_url}/connect/token",
            data={"grant_type": "refresh_token"},
            headers={"Authorization": header},
            timeout=5,
        )
        assert answer.json() == {"error": "invalid_client"}


def test_without_a_challenge_no_verifier_is_needed(browser, tenants):
    code = browser.code(tenants["US"], code_challenge=None, code_challenge_method=None)
    assert browser.exchange(code, code_verifier=None).status_code == 200


def test_secret_in_the_body(browser, tenants):
    code = browser.code(tenants["US"])
    answer = browser.exchange(code, None, client_id=CLIENT[0], client_secret=CLIENT[1])
    assert answer.status_code == 200


def test_pkce_app_needs_no_secret(browser, tenants):
    code = browser.code(tenants["US"], client_id="fieldpromax-pkce")
    tokens = browser.exchange(code, None, client_id="fieldpromax-pkce").json()
    refreshed = browser.token(
        None, grant_type="refresh_token", client_id="fieldpromax-pkce", refresh_token=tokens["refresh_token"]
    )
    assert refreshed.status_code == 200


def test_scopes_decide_what_comes_back(browser, tenants):
    tokens = browser.exchange(browser.code(tenants["US"], scope="accounting.contacts")).json()
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens


def test_scopes_add_up(browser, tenants):
    browser.exchange(browser.code(tenants["US"], scope="openid offline_access accounting.contacts"))
    tokens = browser.exchange(
        browser.code(tenants["US"], scope="openid offline_access accounting.settings")
    ).json()
    assert set(tokens["scope"].split()) == {
        "openid",
        "offline_access",
        "accounting.contacts",
        "accounting.settings",
    }


# === REFRESH, REVOKE, CONNECTIONS === #


@pytest.fixture
def tokens(sim, tenants):
    return sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US", "AU"]}})


def _refresh(browser, token, auth=CLIENT):
    return browser.token(auth, grant_type="refresh_token", refresh_token=token)


def test_refresh_rotates_with_thirty_minutes_of_grace(browser, tokens, sim):
    first = _refresh(browser, tokens["refresh_token"]).json()
    assert first["refresh_token"] != tokens["refresh_token"]
    sim.control("POST", "/_sim/clock", {"advance_seconds": 29 * 60})
    repeat = _refresh(browser, tokens["refresh_token"])
    assert repeat.status_code == 200
    assert repeat.json()["refresh_token"] != first["refresh_token"]
    sim.control("POST", "/_sim/clock", {"advance_seconds": 2 * 60})
    late = _refresh(browser, tokens["refresh_token"])
    assert (late.status_code, late.json()) == (400, {"error": "invalid_grant"})
    assert _refresh(browser, first["refresh_token"]).status_code == 200


def test_refresh_token_dies_after_sixty_unused_days(browser, tokens, sim):
    sim.control("POST", "/_sim/clock", {"advance_seconds": 59 * 86400})
    kept = _refresh(browser, tokens["refresh_token"]).json()["refresh_token"]
    sim.control("POST", "/_sim/clock", {"advance_seconds": 61 * 86400})
    assert _refresh(browser, kept).json() == {"error": "invalid_grant"}


def test_refresh_needs_the_same_app(browser, tokens):
    answer = browser.token(
        None, grant_type="refresh_token", refresh_token=tokens["refresh_token"], client_id="fieldpromax-pkce"
    )
    assert answer.json() == {"error": "invalid_grant"}
    assert _refresh(browser, "made-up").json() == {"error": "invalid_grant"}
    assert _refresh(browser, tokens["refresh_token"], (CLIENT[0], "wrong")).json() == {
        "error": "invalid_client"
    }


def test_revocation_ends_all_connections_of_that_person_to_the_app(browser, tokens, sim):
    sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"], "email": "owner@example.com"}})
    answer = requests.post(
        f"{sim.base_url}/connect/revocation", data={"token": tokens["refresh_token"]}, auth=CLIENT, timeout=5
    )
    assert (answer.status_code, answer.content) == (200, b"")
    left = sim.control("GET", "/_sim/state?counts=1")["connections"]
    assert {c["email"] for c in left} == {"owner@example.com"}
    assert _refresh(browser, tokens["refresh_token"]).json() == {"error": "invalid_grant"}


def test_revocation_by_a_stranger_changes_nothing(tokens, sim):
    url = f"{sim.base_url}/connect/revocation"
    assert (
        requests.post(url, data={"token": tokens["refresh_token"]}, auth=("x", "y"), timeout=5).status_code
        == 400
    )
    assert requests.post(url, data={"token": "made-up"}, auth=CLIENT, timeout=5).status_code == 200
    assert len(sim.control("GET", "/_sim/state?counts=1")["connections"]) == 2


def test_delete_connection(tokens, sim, tenants):
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    listed = requests.get(f"{sim.base_url}/connections", headers=bearer, timeout=5).json()
    url = f"{sim.base_url}/connections/"
    assert requests.delete(url + tenants["US"], headers=bearer, timeout=5).status_code == 403
    assert requests.delete(url + "9" * 8, headers=bearer, timeout=5).status_code == 404
    assert requests.delete(url + listed[0]["id"], timeout=5).status_code == 401
    gone = requests.delete(url + listed[0]["id"], headers=bearer, timeout=5)
    assert (gone.status_code, gone.content) == (204, b"")
    assert requests.delete(url + listed[0]["id"], headers=bearer, timeout=5).status_code == 404
    left = requests.get(f"{sim.base_url}/connections", headers=bearer, timeout=5).json()
    assert [c["tenantId"] for c in left] == [listed[1]["tenantId"]]


def test_connecting_again_keeps_the_connection_and_renews_its_event(tokens, sim):
    before = sim.control("GET", "/_sim/state?counts=1")["connections"]
    sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"]}})
    after = sim.control("GET", "/_sim/state?counts=1")["connections"]
    assert {c["id"] for c in before} == {c["id"] for c in after}
    assert len({c["authEventId"] for c in after}) == 2


def test_another_persons_connection_cannot_be_deleted(tokens, sim):
    other = sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"], "email": "owner@example.com"}})
    mine = next(
        c for c in sim.control("GET", "/_sim/state?counts=1")["connections"] if c["email"].startswith("book")
    )
    bearer = {"Authorization": f"Bearer {other['access_token']}"}
    assert (
        requests.delete(f"{sim.base_url}/connections/{mine['id']}", headers=bearer, timeout=5).status_code
        == 403
    )
