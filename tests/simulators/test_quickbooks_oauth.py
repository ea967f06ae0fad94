"""Intuit's consent and tokens: what is refused first, then the whole way, rotation, revocation and the five years."""

import base64

import jwt
import pytest
import requests
from qbo_kit import ACCOUNTING, CALLBACK, CLIENT, PROJECTS, REALMS

DAY = 86_400


# === AUTHORIZE === #


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"redirect_uri": "http://localhost:8069/elsewhere"}, "invalid_redirect_uri"),
        (
            {"redirect_uri": "http://evil.example/fieldpromax/oauth/callback/quickbooks"},
            "invalid_redirect_uri",
        ),
        ({"redirect_uri": "http://localhost:8069/fieldpromax/oauth/callback/xero"}, "invalid_redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "accounting.contacts"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
    ],
)
def test_bad_requests_end_on_an_error_page(qbo_browser, values, error):
    answer = qbo_browser.authorize(**values)
    assert answer.status_code == 400
    assert f'id="oauth-error" data-error="{error}"' in answer.text
    assert answer.url.startswith(qbo_browser.base), "nothing is sent on to the redirect URI"


def test_wrong_password_stays_on_the_form(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize(), password="wrong")
    assert 'id="login-error"' in page.text


def test_consent_needs_exactly_one_company_of_the_person(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize(), "owner@example.com")
    assert 'id="company-US"' in page.text
    assert 'id="company-GB"' not in page.text
    assert 'id="consent-error"' in qbo_browser.decide(page).text
    both = qbo_browser.decide(page, REALMS["US"], REALMS["US2"])
    assert 'id="consent-error"' in both.text
    assert 'id="consent-error"' in qbo_browser.decide(page, REALMS["GB"]).text
    assert qbo_browser.decide(page, REALMS["US2"])["realmId"] == REALMS["US2"]


def test_cancel_comes_back_with_access_denied_and_state(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize())
    assert qbo_browser.decide(page, action="cancel") == {"error": "access_denied", "state": "st4te"}


def test_consent_page_lists_scopes_in_words(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize(scope=f"{ACCOUNTING} {PROJECTS}"))
    assert "View and change your accounting data" in page.text
    assert "View and change your projects" in page.text
    for company in REALMS:
        assert f'id="company-{company}"' in page.text


def test_a_request_can_be_decided_once(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize())
    assert "code" in qbo_browser.decide(page, REALMS["US"])
    again = qbo_browser.decide(page, REALMS["US"])
    assert 'data-error="sign_in_expired"' in again.text


def test_signing_out_asks_for_the_account_again(qbo_browser):
    page = qbo_browser.login(qbo_browser.authorize())
    answer = qbo_browser.session.post(
        f"{qbo_browser.base}/sign-out", data={"request": qbo_browser.number(page)}, timeout=10
    )
    assert 'id="login-form"' in answer.text


# === CODE === #


def test_code_is_refused_when_wrong_used_late_or_elsewhere(qbo, qbo_browser):
    assert qbo_browser.exchange("nonsense").json()["error"] == "invalid_grant"
    code = qbo_browser.connect()["code"]
    assert qbo_browser.exchange(code, redirect_uri=CALLBACK + "/").json()["error"] == "invalid_grant"
    assert qbo_browser.exchange(code).json()["error"] == "invalid_grant", "spent by the first try"
    code = qbo_browser.connect()["code"]
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 301})
    assert qbo_browser.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("auth", [None, (CLIENT[0], "wrong"), ("nobody", CLIENT[1])])
def test_the_app_must_prove_itself(qbo_browser, auth):
    answer = qbo_browser.token(auth=auth, grant_type="refresh_token", refresh_token="x")
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}


def test_malformed_basic_header_is_refused(qbo_browser):
    for value in ("Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode()):
        answer = requests.post(
            f"{qbo_browser.base}/oauth2/v1/tokens/bearer", headers={"Authorization": value}, timeout=10
        )
        assert answer.status_code == 401


def test_other_grant_types_are_refused(qbo_browser):
    assert qbo_browser.token(grant_type="password").json() == {"error": "unsupported_grant_type"}


def test_whole_way_to_a_token(qbo_browser):
    back = qbo_browser.connect()
    assert set(back) == {"code", "state", "realmId"}
    assert (back["state"], back["realmId"]) == ("st4te", REALMS["US"])
    answer = qbo_browser.exchange(back["code"])
    body = answer.json()
    assert set(body) == {
        "token_type",
        "access_token",
        "expires_in",
        "refresh_token",
        "x_refresh_token_expires_in",
    }
    assert (body["token_type"], body["expires_in"], body["x_refresh_token_expires_in"]) == (
        "bearer",
        3600,
        8_640_000,
    )
    assert "no-store" in answer.headers["Cache-Control"]
    assert qbo_browser.info(body["access_token"]).json()["CompanyInfo"]["CompanyName"].startswith("Lakeside")


def test_hard_expiry_comes_when_asked_for(qbo, qbo_browser):
    header = {"x-include-refresh-token-hard-expires-in": "true"}
    body = qbo_browser.exchange(qbo_browser.connect()["code"], headers=header).json()
    assert body["x_refresh_token_hard_expires_in"] == 157_680_000
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 10 * DAY})
    later = qbo_browser.refresh(body["refresh_token"], headers=header).json()
    assert 157_680_000 - 10 * DAY - 60 <= later["x_refresh_token_hard_expires_in"] <= 157_680_000 - 10 * DAY


# === REFRESH === #


def test_refresh_value_stays_for_a_day_then_changes_with_overlap(qbo, qbo_browser):
    first = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    again = qbo_browser.refresh(first["refresh_token"]).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    assert again["x_refresh_token_expires_in"] <= first["x_refresh_token_expires_in"]
    qbo.control("POST", "/_sim/clock", {"advance_seconds": DAY + 60})
    second = qbo_browser.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["x_refresh_token_expires_in"] == 8_640_000
    # The older one works for another day, and gives the newer value.
    overlap = qbo_browser.refresh(first["refresh_token"]).json()
    assert overlap["refresh_token"] == second["refresh_token"]
    qbo.control("POST", "/_sim/clock", {"advance_seconds": DAY + 60})
    assert qbo_browser.refresh(first["refresh_token"]).json() == {
        "error": "invalid_grant",
        "error_description": "Incorrect or invalid refresh token",
    }
    assert qbo_browser.refresh(second["refresh_token"]).status_code == 200


def test_unused_refresh_token_dies_after_100_days(qbo, qbo_browser):
    body = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 100 * DAY + 1})
    assert qbo_browser.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"


def test_five_years_end_it_however_often_it_is_refreshed(qbo, qbo_browser):
    token = qbo_browser.exchange(qbo_browser.connect()["code"]).json()["refresh_token"]
    for _ in range(19):
        qbo.control("POST", "/_sim/clock", {"advance_seconds": 95 * DAY})
        token = qbo_browser.refresh(token).json()["refresh_token"]
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 30 * DAY})
    assert qbo_browser.refresh(token).json()["error"] == "invalid_grant"


# === WHAT A TOKEN MAY === #


def gateway_error(answer, status):
    assert answer.status_code == status
    body = answer.json()
    assert "Fault" not in body
    error = body["fault"]["error"][0]
    assert set(error) == {"message", "detail", "code", "element"}
    return error["code"], body["fault"]["type"]


def test_expired_missing_and_foreign_tokens(qbo, qbo_browser):
    body = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    assert gateway_error(qbo_browser.info("nonsense"), 401) == ("3200", "AUTHENTICATION")
    assert gateway_error(qbo_browser.info(body["access_token"], REALMS["GB"]), 403) == (
        "3100",
        "AUTHORIZATION",
    )
    assert gateway_error(qbo_browser.info(body["access_token"], "123"), 403)[0] == "3100"
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 3601})
    assert gateway_error(qbo_browser.info(body["access_token"]), 401)[0] == "3200"


def test_a_token_without_the_accounting_scope_is_refused(qbo_browser):
    body = qbo_browser.exchange(qbo_browser.connect(scope="openid email profile")["code"]).json()
    assert gateway_error(qbo_browser.info(body["access_token"]), 403)[0] == "3100"
    info = requests.get(
        f"{qbo_browser.base}/v1/openid_connect/userinfo",
        headers={"Authorization": f"Bearer {body['access_token']}"},
        timeout=10,
    ).json()
    assert info["email"] == "bookkeeper@example.com"
    assert info["givenName"] == "Casey"


def test_another_person_replaces_the_connection(qbo_browser, qbo):
    first = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    qbo_browser.session.cookies.clear()
    second = qbo_browser.exchange(qbo_browser.connect(username="owner@example.com")["code"]).json()
    assert gateway_error(qbo_browser.info(first["access_token"]), 401)[0] == "3200"
    assert qbo_browser.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert qbo_browser.info(second["access_token"]).status_code == 200


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_the_connection(qbo, qbo_browser, which):
    body = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    revoke = f"{qbo_browser.base}/v2/oauth2/tokens/revoke"
    assert requests.post(revoke, json={"token": body[which]}, timeout=10).status_code == 401
    assert requests.post(revoke, json={"token": "nonsense"}, auth=CLIENT, timeout=10).status_code == 400
    answer = requests.post(revoke, json={"token": body[which]}, auth=CLIENT, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert gateway_error(qbo_browser.info(body["access_token"]), 401)[0] == "3200"
    assert qbo_browser.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert qbo.control("GET", "/_sim/state?counts=1")["connections"] == []


def test_discovery_has_both_names_with_and_without_slash(qbo):
    for name in ("openid_configuration", "openid_sandbox_configuration"):
        for slash in ("", "/"):
            body = requests.get(f"{qbo.base_url}/.well-known/{name}{slash}", timeout=10).json()
            assert body["token_endpoint"] == f"{qbo.base_url}/oauth2/v1/tokens/bearer"
            assert body["revocation_endpoint"].startswith(qbo.base_url)
            assert body["issuer"] == "https://oauth.platform.intuit.com/op/v1"


def test_id_token_comes_with_openid_only_and_verifies(qbo, qbo_browser):
    assert "id_token" not in qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    body = qbo_browser.exchange(qbo_browser.connect(scope=f"{ACCOUNTING} openid")["code"]).json()
    uri = requests.get(f"{qbo.base_url}/.well-known/openid_configuration", timeout=10).json()["jwks_uri"]
    key = jwt.PyJWKClient(uri).get_signing_key_from_jwt(body["id_token"]).key
    claims = jwt.decode(body["id_token"], key, algorithms=["RS256"], audience=CLIENT[0])
    assert claims["realmid"] == REALMS["US"]


def test_intuits_own_client_gets_through(qbo, qbo_browser):
    """intuit-oauth with the simulator's discovery document: code, refresh, revoke."""
    intuitlib = pytest.importorskip("intuitlib.client")
    client = intuitlib.AuthClient(
        *CLIENT, CALLBACK, environment=f"{qbo.base_url}/.well-known/openid_sandbox_configuration/"
    )
    back = qbo_browser.connect()
    client.get_bearer_token(back["code"], realm_id=back["realmId"])
    assert client.x_refresh_token_expires_in == 8_640_000
    before = client.access_token
    client.refresh()
    assert client.access_token != before
    assert client.revoke() is True
    assert qbo.control("GET", "/_sim/state?counts=1")["connections"] == []
