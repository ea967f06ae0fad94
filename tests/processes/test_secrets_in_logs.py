"""What the simulator issued, and what opens it, is in no log, page or dump. Runs last: over the logs of all tests of
this folder."""

import re
import subprocess
from urllib.parse import parse_qsl, quote, urlsplit

import inside
import requests

from bench import rig, steps
from devenv import databases, postgres

# All that Odoo and the libraries can say, but every SQL statement.
CHATTY = ("--log-handler=:DEBUG", "--log-handler=odoo.sql_db:INFO")
# An access token is a JSON Web Token: its head is always the same letters.
TOKEN_HEAD = re.compile(r"\beyJ[\w-]{10,}\.")


class Person:
    """An administrator in a browser, as far as the server can tell."""

    def __init__(self, server):
        self.server, self.session = server, requests.Session()
        self.session.trust_env = False

    def log_in(self):
        page = self.session.get(f"{self.server.url}/web/login", timeout=60)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
        form = {"csrf_token": token, "login": "admin", "password": "admin"}
        self.session.post(f"{self.server.url}/web/login", data=form, timeout=60)
        return self

    def get(self, path, **options):
        return self.session.get(f"{self.server.url}{path}", timeout=60, allow_redirects=False, **options)


def journey(world):
    """The whole way, in processes that log all they can: consent, replay, a foreign state, refreshes that fail."""
    teller, simulator = world.teller, world.simulator
    teller.call(steps.prepare, simulator=simulator.url)
    server = world.server(*CHATTY)
    teller.call(inside.set_base_url, url=server.url)
    person = Person(server).log_in()
    address = person.get("/fieldpromax/oauth/start/xero").headers["Location"]
    back = steps.consent(address, ["US"])
    assert back.startswith(f"{server.url}/fieldpromax/oauth/callback/xero?")
    path = back.removeprefix(server.url)
    given = dict(parse_qsl(urlsplit(back).query))
    world.run.secrets |= {given["code"], given["state"]}
    assert Person(server).get(path).status_code in (302, 303), "without a session: to the login page"
    assert person.get(path).status_code in (302, 303)
    replayed = person.get(path)
    assert "used already" in replayed.text
    foreign = person.get(path.replace(given["state"], "x" * 43))
    assert foreign.status_code == 200
    world.connection = int(world.value("SELECT id FROM fieldpromax_connection WHERE state = 'connected'"))
    rig.wait_until(
        lambda: world.value("SELECT state FROM fieldpromax_run WHERE kind = 'initial'") == "done",
        "the first import",
        120,
    )
    world.remember_secrets()
    told = [replayed.text, foreign.text, *pages(person)]
    shown = len(told)
    for fault in ("status:500", "status:400", "html", "empty", "reset", "truncated", None):
        simulator.control("POST", "/_sim/tokens", {"expire": True})
        if fault:
            # Until it is taken back: the server's own crons refresh the token as well.
            simulator.fault(fault, "/connect/token", times=None)
        told += refusal(world)
        simulator.control("DELETE", "/_sim/faults")
        world.remember_secrets()
    simulator.control("POST", "/_sim/tokens", {"revoke": True})
    told += refusal(world)
    assert len(told) == shown + 7, "each of them failed, but the one without a fault"
    return told


def pages(person):
    """What an administrator's web client is told of itself and the settings, and Odoo's pages for what goes wrong."""

    def call(path, **params):
        return person.session.post(f"{person.server.url}{path}", json={"params": params}, timeout=60).text

    def call_model(model, method, *args, **kwargs):
        return call(
            f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args, kwargs=kwargs
        )

    yield call("/web/session/get_session_info")
    yield person.get("/odoo/settings").text
    yield call_model("res.config.settings", "get_values")
    yield call_model("fieldpromax.connection", "search_read", [], [])
    # Errors of Odoo carry a traceback to the client.
    yield call_model("fieldpromax.connection", "action_open_form", [0])
    yield call_model("fieldpromax.credential", "search_read", [], ["token_set_encrypted"])
    yield call_model("fieldpromax.app", "read", [1], ["client_secret_encrypted"])
    yield person.get("/fieldpromax/oauth/nowhere?code=nothing").text


def dump(database):
    """The whole database, as a backup has it."""
    made = subprocess.run(
        [postgres.program("pg_dump"), database],
        env=databases.odoo_environment(),
        capture_output=True,
        check=True,
    )
    return made.stdout.decode(errors="replace")


def refusal(world):
    """What a call to the provider fails with, traceback included; [] when it succeeds."""
    try:
        world.teller.call(inside.organisation_name, connection=world.connection)
    except rig.WorkerError as error:
        return [str(error)]
    return []


def test_no_secret_in_any_log(make_world, run):
    with make_world("secrets", *CHATTY) as world:
        texts = {f"error or page {number}": text for number, text in enumerate(journey(world))}
        texts["a dump of the database"] = dump(world.database)
        # What is stored is found: the search would find what is not encrypted.
        assert "fieldpromax-demo" in texts["a dump of the database"]
    assert len(run.secrets) > 6, "key, client secret, code, state, tokens"
    texts |= {log.name: log.read_text(errors="replace") for log in run.logs}
    for name, text in texts.items():
        assert text, f"{name} is empty: nothing was looked at"
        found = [secret[:6] for secret in run.secrets if secret in text or quote(secret, safe="") in text]
        assert not found, f"{name} holds secrets that begin with {found}"
        assert not TOKEN_HEAD.search(text), f"{name} holds something that looks like a token"
        assert f"password={steps.PASSWORD}" not in text
