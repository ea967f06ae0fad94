"""Who may call, and how often: 401, 403, scopes, limits and their headers, Accept, unknown addresses (A1–A3, A6)."""

import threading

import contract
import pytest

from simulators.common import jsonio


def _problem(answer, status, title, detail):
    assert answer.status_code == status
    body = answer.json()
    assert contract.violations(body, contract.PROBLEM) == []
    assert (body["Title"], body["Status"]) == (title, status)
    assert body["Detail"].startswith(detail)


def test_without_a_token(us):
    for header in (None, "Bearer", "Bearer nonsense", "Basic eA=="):
        us.session.headers.pop("Authorization", None)
        headers = {"Authorization": header} if header else {}
        _problem(
            us.call("GET", "Organisation", headers=headers), 401, "Unauthorized", "AuthenticationUnsuccessful"
        )


def test_a_token_signed_by_someone_else(us):
    head, body, _ = us.session.headers["Authorization"].split(".")
    _problem(
        us.call("GET", "Organisation", headers={"Authorization": f"{head}.{body}.AAAA"}),
        401,
        "Unauthorized",
        "AuthenticationUnsuccessful",
    )


def test_an_expired_token(us, sim):
    sim.control("POST", "/_sim/clock", {"advance_seconds": 30 * 60 + 1})
    _problem(us.call("GET", "Organisation"), 401, "Unauthorized", "TokenExpired: token expired at ")


def test_expiry_by_control(us, sim, connect):
    sim.control("POST", "/_sim/tokens", {"expire": True})
    _problem(us.call("GET", "Organisation"), 401, "Unauthorized", "TokenExpired")
    assert connect("US").call("GET", "Organisation").status_code == 200


@pytest.mark.parametrize("tenant", ["", "nonsense", "11111111-1111-1111-1111-111111111111"])
def test_wrong_tenant(us, tenant):
    _problem(
        us.call("GET", "Organisation", headers={"xero-tenant-id": tenant}),
        403,
        "Forbidden",
        "AuthenticationUnsuccessful",
    )


def test_an_organisation_that_was_not_connected(us, tenants):
    _problem(us.call("GET", "Organisation", headers={"xero-tenant-id": tenants["AU"]}), 403, "Forbidden", "")


def test_a_disconnected_organisation(us, sim):
    sim.control("POST", "/_sim/tokens", {"disconnect": "US"})
    _problem(us.call("GET", "Organisation"), 403, "Forbidden", "AuthenticationUnsuccessful")


def test_a_revoked_app(us, sim):
    sim.control("POST", "/_sim/tokens", {"revoke": True})
    _problem(us.call("GET", "Organisation"), 403, "Forbidden", "AuthenticationUnsuccessful")


@pytest.mark.parametrize(
    ("scopes", "method", "path", "allowed"),
    [
        (["accounting.contacts"], "GET", "Organisation", False),
        (["accounting.settings.read"], "GET", "Organisation", True),
        (["accounting.contacts.read"], "GET", "Contacts", True),
        (["accounting.contacts.read"], "PUT", "Contacts", False),
        (["accounting.settings"], "GET", "Items", True),
        (["accounting.invoices"], "GET", "Items", True),
        (["accounting.invoices"], "GET", "Contacts", False),
        (["accounting.payments"], "GET", "Invoices", False),
        (["accounting.settings"], "PUT", "Invoices", False),
    ],
)
def test_scopes(connect, scopes, method, path, allowed):
    answer = connect("US", scopes=scopes).call(method, path, {path: [{}]} if method == "PUT" else None)
    if allowed:
        assert answer.status_code == 200
    else:
        _problem(answer, 401, "Unauthorized", "AuthorizationUnsuccessful")


def test_unknown_addresses_are_empty_html(us):
    for path in (
        "Invoices/11111111-1111-1111-1111-111111111111",
        "Contacts/11111111-1111-1111-1111-111111111111",
        "Items/NO-SUCH-CODE",
        "Accounts/nope",
        "TaxRates/NOPE",
        "Nonsense",
        "Organisation/x",
    ):
        answer = us.call("GET", path)
        assert (answer.status_code, answer.content) == (404, b""), path
        assert answer.headers["Content-Type"].startswith("text/html")
    assert (
        us.call("POST", "Invoices/11111111-1111-1111-1111-111111111111", {"Status": "VOIDED"}).status_code
        == 404
    )
    assert us.call("DELETE", "Items/NO-SUCH-CODE").status_code == 404


def test_a_method_that_an_address_does_not_have(us):
    assert us.call("DELETE", "Contacts").status_code == 405
    assert us.call("PUT", "Accounts", {}).status_code == 405


def test_without_accept_the_answer_is_xml(us):
    answer = us.call("GET", "Organisation", headers={"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert "<Name>Lakeside Field Services LLC</Name>" in answer.text


def test_paths_and_parameters_ignore_case(us):
    assert us.call("GET", "contacts", params={"PAGE": 1}).json()["pagination"]["page"] == 1


def test_an_url_that_is_too_long(us):
    ids = ",".join(["11111111-1111-1111-1111-111111111111"] * 52)
    assert us.call("GET", "Contacts", params={"IDs": ids}).status_code == 200
    ids += ",11111111-1111-1111-1111-111111111111"
    assert us.call("GET", "Contacts", params={"IDs": ids}).status_code == 404


# === LIMITS === #


def test_every_answer_carries_the_headers(us):
    answer = us.call("GET", "Organisation")
    assert answer.headers["X-MinLimit-Remaining"] == "59"
    assert answer.headers["X-DayLimit-Remaining"] == "4999"
    assert answer.headers["X-AppMinLimit-Remaining"] == "9999"
    refused = us.call("PUT", "Contacts", {"Contacts": [{}]})
    assert refused.status_code == 400
    assert refused.headers["X-MinLimit-Remaining"] == "58"
    ids = {answer.headers["Xero-Correlation-Id"], refused.headers["Xero-Correlation-Id"]}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("limit", "header"), [("minute", "X-MinLimit-Remaining"), ("day", "X-DayLimit-Remaining")]
)
def test_window_limits(us, sim, limit, header):
    sim.control("POST", "/_sim/limits", {limit: 2})
    assert us.call("GET", "Organisation").headers[header] == "1"
    us.call("GET", "Organisation")
    refused = us.call("GET", "Organisation")
    assert (refused.status_code, refused.content) == (429, b"")
    assert "Content-Type" not in refused.headers
    assert refused.headers["X-Rate-Limit-Problem"] == limit
    assert refused.headers[header] == "0"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= {"minute": 60, "day": 86400}[limit]
    sim.control("POST", "/_sim/clock", {"advance_seconds": wait})
    answer = us.call("GET", "Organisation")
    # A day may be longer than the token's life; either way the limit is no longer in the way.
    assert answer.status_code == (200 if limit == "minute" or wait < 1800 else 401)


def test_limits_are_per_organisation_and_the_apps_over_all(us, connect, sim):
    other = connect("AU")
    sim.control("POST", "/_sim/limits", {"minute": 1})
    assert us.call("GET", "Organisation").status_code == 200
    assert us.call("GET", "Organisation").status_code == 429
    assert other.call("GET", "Organisation").status_code == 200
    sim.control("POST", "/_sim/limits", {"minute": None, "appminute": 2})
    assert us.call("GET", "Organisation").status_code == 200
    assert other.call("GET", "Organisation").status_code == 200
    refused = us.call("GET", "Organisation")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "appminute")


def test_five_at_once(us, sim):
    sim.control("POST", "/_sim/faults", {"fault": "slow:0.4", "times": 5})
    answers = []
    lock = threading.Lock()

    def ask():
        answer = us.call("GET", "Organisation")
        with lock:
            answers.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        if len(sim.control("GET", "/_sim/requests")["requests"]) >= 5:
            break
    refused = us.call("GET", "Organisation")
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 5
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "concurrent")
    assert "Retry-After" not in refused.headers
    assert us.call("GET", "Organisation").status_code == 200


def test_starter_tier_has_a_thousand_a_day(connect):
    from simulators.xero.server import start_in_thread

    with start_in_thread(tier="starter") as server:
        assert server.control("GET", "/_sim/limits")["day"] == 1000
        server.control("POST", "/_sim/reset", {})
        assert server.control("GET", "/_sim/limits")["day"] == 1000


def test_a_body_that_is_no_json(us):
    for data in (
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"Invoices": []}',
        b'{"Invoices": [1]}',
        b"\xff\xfe",
        b"NaN",
    ):
        answer = us.session.put(f"{us.server.base_url}/api.xro/2.0/Invoices", data=data, timeout=5)
        assert answer.status_code == 400, data
        assert jsonio.loads(answer.content)["Type"] == "PostDataInvalidException"


def test_a_body_over_ten_megabytes(us):
    answer = us.session.put(
        f"{us.server.base_url}/api.xro/2.0/Invoices", data=b" " * (10 * 1024 * 1024 + 1), timeout=10
    )
    assert answer.status_code == 413
