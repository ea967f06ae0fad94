"""Garbage at the addon's routes, over HTTP, on a running Odoo: none ends in a 5xx, a traceback in a page or in the log,
a change of state or a write. A webhook with a true signature and garbage inside may ring the doorbell, nothing else.

A database, a connection and a server of their own, without crons: nobody else writes meanwhile.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
from pathlib import Path
from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from bench import rig, steps

KEYS = {"xero": "xero-webhook-key-of-the-tests", "quickbooks": "quickbooks-verifier-of-the-tests"}
SIGNATURES = {"xero": "x-xero-signature", "quickbooks": "intuit-signature"}
#: a longer address ends at the HTTP server, before Odoo
LONGEST = 60_000
#: cases between two looks at the rows
LOOK_EVERY = 40
#: what a webhook that is truly signed may write: that it rang, and when one was last heard
MAY_RING = ("fieldpromax_doorbell", "ir_cron_trigger")

# === CASES === #

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LONG = st.sampled_from(["x" * 4000, "\u00e9" * 600, "%00" * 50, "../" * 40])
SIGNS = st.sampled_from(
    [
        "",
        "'",
        '"',
        "\\",
        "\x00",
        "%",
        "%s",
        "{}",
        "${7*7}",
        "{{7*7}}",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
        "null",
        "-1",
        "99999999999999999999",
        "1e400",
        "NaN",
        "\u202e",
        "\r\nSet-Cookie: a=b",
        "//evil.example",
        "[]",
    ]
)
VALUE = st.one_of(ANY, SIGNS, LONG)
PROVIDER = st.one_of(st.sampled_from(["xero", "quickbooks", "xero", "XERO", "sage", "..", "%2e%2e"]), VALUE)
NAMES = st.one_of(
    st.sampled_from(
        "state code error error_description realmId company_id session_state scope redirect_uri provider "
        "_params self debug db resume on_consumed".split()
    ),
    VALUE,
)
QUERY = st.lists(st.tuples(NAMES, VALUE), max_size=6)
METHODS = st.sampled_from(["GET"] * 6 + ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "ODD"])
# Values of headers as the wire can carry them.
HEADER_VALUE = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain; charset=utf-16",
        "application/json; charset=\xff",
        "",
        "application/cloudevents-batch+json",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "X-Xero-Signature",
            "Intuit-Signature",
            "Accept-Language",
            "Cookie",
            "Content-Encoding",
            "X-Forwarded-Host",
            "Referer",
            "Origin",
            "Accept",
            "X-Requested-With",
        ]
    ),
    HEADER_VALUE,
    max_size=3,
)
BODY = st.one_of(
    st.binary(max_size=300),
    ANY.map(str.encode),
    st.sampled_from(
        [b"", b"{}", b"[]", b"null", b"[" * 20000, b"\x00" * 1000, b"a" * 1_200_000, b"--x\r\n\r\n"]
    ),
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), VALUE)
JSON = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(VALUE, inner, max_size=4)),
    max_leaves=8,
)


def events(provider, organization):
    """Bodies like those of the provider, with anything in any place."""
    some = st.one_of(
        JSON, st.just(organization), st.sampled_from(["CONTACT", "INVOICE", "UPDATE", "Customer", "Merge"])
    )
    if provider == "xero":
        event = st.dictionaries(
            st.sampled_from(
                "resourceUrl resourceId eventDateUtc eventType eventCategory tenantId tenantType".split()
            ),
            some,
        )
        return st.fixed_dictionaries(
            {"events": st.one_of(st.lists(event, max_size=4), JSON)}, optional={"x": JSON}
        )
    entity = st.dictionaries(st.sampled_from("name id operation lastUpdated deletedId".split()), some)
    change = st.fixed_dictionaries({"entities": st.one_of(st.lists(entity, max_size=4), JSON)})
    notification = st.fixed_dictionaries(
        {"realmId": st.one_of(st.just(organization), JSON), "dataChangeEvent": st.one_of(change, JSON)}
    )
    cloud = st.dictionaries(
        st.sampled_from("id type source time data intuitaccountid intuitentityid".split()), some
    )
    return st.one_of(
        st.fixed_dictionaries({"eventNotifications": st.one_of(st.lists(notification, max_size=3), JSON)}),
        st.lists(cloud, max_size=3),
    )


# === THE WORLD === #


def arrange(env, keys):
    """Webhook keys, a consent under way, and people; inside Odoo. ``{organization, nonce}``."""
    from odoo import Command

    for provider, key in keys.items():
        env["fieldpromax.app"]._set_credentials(
            provider, "fieldpromax-demo", "fieldpromax-demo-secret", webhook_key=key
        )
    env["res.users"].create(
        {
            "name": "Portal",
            "login": "fuzz_portal",
            "password": "fuzz_portal",
            "group_ids": [Command.set(env.ref("base.group_portal").ids)],
        }
    )
    connection = env["fieldpromax.connection"].search([], limit=1)
    return {"organization": connection.organization_external_id}


class World:
    def __init__(self, server, database, organization):
        self.server, self.database, self.organization = server, database, organization
        self.sessions = {"nobody": "", **{who: self._log_in(who) for who in ("admin", "demo", "fuzz_portal")}}
        self.before, self.read = None, 0

    def _log_in(self, login):
        body = json.dumps(
            {"jsonrpc": "2.0", "params": {"db": self.database, "login": login, "password": login}}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request("POST", "/web/session/authenticate", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert b'"uid"' in answer.read(), login
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        # What the first page of a person writes is theirs, not the routes'.
        connection.close()
        return cookie

    def ask(self, method, path, body=b"", headers=(), who="nobody"):
        """:raise AssertionError: it ended as it should not."""
        if len(path) > LONGEST:
            return 0
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        # http.client looks at methods and paths itself; what it refuses never leaves.
        connection._validate_method = lambda method: None
        all_headers = dict(headers)
        if cookie := self.sessions[who]:
            all_headers["Cookie"] = cookie
        try:
            connection.request(method, path, body, all_headers)
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ValueError, UnicodeError, ConnectionError) as error:
            # The server may hang up on a body that is too large; whether it lives is asked by the next case.
            hung_up = isinstance(error, http.client.RemoteDisconnected) and len(body) <= 100_000
            if hung_up:
                raise AssertionError(f"no answer to {method} {path[:200]}") from error
            return 0
        finally:
            connection.close()
        assert answer.status < 500 or answer.status == 501, (
            f"{answer.status} for {method} {path[:300]} {text[:300]!r}"
        )
        assert b"Traceback" not in text, f"a traceback for {method} {path[:300]}"
        return answer.status

    def rows(self, without=()):
        """``{table: hash of all rows}`` of the addon, and how many records of the ledger there are."""
        names = rig.postgres.query(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
            "WHERE relkind = 'r' AND relname LIKE 'fieldpromax%'",
            self.database,
        ).split()
        # Names of tables are the database's and ours.
        parts = []
        for name in [one for one in names if one not in without]:
            # When a webhook was last heard is the doorbell's, too.
            row = "t::text" if not without or name != "fieldpromax_app" else "t.client_id || t.id"
            parts.append(f"(SELECT md5(coalesce(string_agg({row}, '|' ORDER BY {row}), '')) FROM {name} t)")  # noqa: S608
        counted = (
            "res_partner",
            "account_move",
            "product_product",
            "res_users",
            "mail_message",
            "ir_cron_trigger",
        )
        counted = [name for name in counted if name not in without]
        parts += [f"(SELECT count(*)::text FROM {name})" for name in counted]  # noqa: S608
        found = rig.postgres.query(f"SELECT concat_ws('|', {', '.join(parts)})", self.database)
        return dict(
            zip([*(one for one in names if one not in without), *counted], found.split("|"), strict=True)
        )

    def log_is_clean(self):
        text = Path(self.server.log).read_text(errors="replace")
        new, self.read = text[self.read :], len(text)
        bad = [line for line in new.splitlines() if "Traceback (most recent" in line or " ERROR " in line]
        assert not bad, bad[:3]


@contextlib.contextmanager
def world():
    with (
        rig.postgres.lease(),
        rig.Simulator("fuzz") as simulator,
        rig.database("fuzz_routes") as database,
    ):
        key = rig.new_key()
        worker = rig.Worker(database, key)
        try:
            worker.call(steps.prepare, simulator=simulator.url)
            worker.call(steps.connect)
            organization = worker.call(arrange, keys=KEYS)["organization"]
        finally:
            worker.stop()
        with rig.Server(database, key, "--max-cron-threads=0") as server:
            yield World(server, database, organization)


# === WHAT IS TRIED === #


def sign(provider, body):
    digest = hmac.new(KEYS[provider].encode(), body, hashlib.sha256).digest()
    return {SIGNATURES[provider]: base64.b64encode(digest).decode()}


def _address(kind, provider, query):
    return f"/fieldpromax/{kind}/{quote(provider, safe='%')}" + ("?" + urlencode(query) if query else "")


def try_routes(there, how_many, cases, on_case=lambda: None):
    """
    :param how_many: number → the decorator that hypothesis runs so many cases by.
    :return: the exceptions, of each route three at most.
    """
    who = st.sampled_from(["nobody", "nobody", "admin", "admin", "demo", "fuzz_portal"])

    def guarded(name, without, number, strategy, act):
        before, since, problems = there.rows(without), [], []

        def look():
            # Not raised within a case, which alone would look innocent when it is tried again.
            try:
                after = there.rows(without)
                changed = sorted(table for table in after if after[table] != before[table])
                assert not changed, f"rows of {changed} changed at {name}"
                there.log_is_clean()
            except AssertionError as error:
                error.add_note("\n".join(repr(one)[:300] for one in since))
                problems.append(error)
            since.clear()

        @how_many(max(1, number))
        @given(strategy)
        def case(given_case):
            on_case()
            act(given_case)
            since.append(given_case)
            if len(since) >= LOOK_EVERY:
                look()

        try:
            case()
        except Exception as error:  # noqa: BLE001
            problems.append(error)
        look()
        return problems[:3]

    def callback(case):
        method, provider, query, body, headers, kind, person = case
        headers = {**headers, **({"Content-Type": kind} if kind else {})}
        there.ask(method, _address("oauth/callback", provider, query), body, headers, person)

    def start(case):
        method, provider, query, headers, person = case
        if person == "admin" and provider in KEYS and method in ("GET", "HEAD"):
            # An administrator who starts a consent starts one: it has to be refused for another company.
            query = [
                ("company_id", "999999"),
                *((name, value) for name, value in query if name != "company_id"),
            ]
        there.ask(method, _address("oauth/start", provider, query), b"", headers, person)

    def unsigned(case):
        method, provider, query, body, headers, kind, person = case
        method = "POST" if method == "GET" else method
        headers = {**headers, **({"Content-Type": kind} if kind else {})}
        status = there.ask(method, _address("webhook", provider, query), body, headers, person)
        assert not (method == "POST" and status == 200), "taken without a signature"

    def signed(case):
        provider, body, kind = case
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if len(data) > 1024 * 1024:
            return
        headers = {**sign(provider, data), "Content-Type": kind or "application/json"}
        status = there.ask("POST", f"/fieldpromax/webhook/{provider}", data, headers)
        assert status in (200, 400), status

    request = st.tuples(METHODS, PROVIDER, QUERY, BODY, HEADERS, TYPES, who)
    bodies = st.sampled_from(sorted(KEYS)).flatmap(
        lambda provider: st.tuples(
            st.just(provider),
            st.one_of(events(provider, there.organization), events(provider, there.organization), JSON, BODY),
            st.sampled_from(["application/json", "application/json", "text/plain", ""]),
        )
    )
    starts = st.tuples(METHODS, PROVIDER, QUERY, HEADERS, who)
    share = cases // 8
    wrong = guarded("callback", (), 3 * share, request, callback)
    wrong += guarded("start", (), share, starts, start)
    wrong += guarded("webhook", (), 2 * share, request, unsigned)
    wrong += guarded("signed webhook", MAY_RING, 2 * share, bodies, signed)
    return wrong
