"""People who go on with their work over HTTP while the servers are killed under them."""

import json
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

# How long a person keeps trying: PostgreSQL and every worker may be down for a moment.
PATIENCE = 180


class ServerError(AssertionError):
    """Odoo answered, with an error of its own."""


class Person:
    """The administrator in one company. A request that ends without an answer is looked after, then repeated."""

    def __init__(self, server, database, company, journal):
        self._server, self._database, self._company, self._journal = server, database, company, journal
        self._opener = None
        self.repeated = 0

    def post_and_pay(self, moves):
        """Post drafts and pay what was posted in full, each in one request."""
        self._until(lambda: self._post(moves))
        self._until(lambda: self._pay(moves))

    def edit_customer(self, partner, values):
        self._until(lambda: self._call("res.partner", "write", [[partner], values]) is True)

    def sync_now(self, connection):
        """The button of the same name."""
        self._until(lambda: self._call("fieldpromax.connection", "action_sync_now", [[connection]]) or True)

    def _post(self, moves):
        drafts = [row["id"] for row in self._read(moves, "state") if row["state"] == "draft"]
        if drafts:
            self._call("account.move", "action_post", [drafts])
        return True

    def _pay(self, moves):
        open_moves = [row["id"] for row in self._read(moves, "amount_residual") if row["amount_residual"]]
        if open_moves:
            context = {"active_model": "account.move", "active_ids": open_moves}
            wizard = self._call(
                "account.payment.register", "create", [{"journal_id": self._journal}], context=context
            )
            self._call("account.payment.register", "action_create_payments", [[wizard]], context=context)
        return True

    def _read(self, moves, *names):
        return self._call("account.move", "read", [moves, list(names)])

    def _until(self, attempt):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return attempt()
            except (OSError, ValueError, ServerError) as error:
                # An error page, a broken line: a person looks what became of it and tries again.
                self.repeated += 1
                self._opener = None
                if time.monotonic() > end:
                    raise AssertionError(f"For {PATIENCE} s nobody could work: {error}") from error
                time.sleep(0.5)

    def _call(self, model, method, arguments, context=None):
        # Another thread may find the session broken meanwhile.
        opener = self._opener or self._log_in()
        context = {"allowed_company_ids": [self._company], **(context or {})}
        return self._ask(
            opener,
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": arguments, "kwargs": {"context": context}},
        )

    def _log_in(self):
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )
        person = {"db": self._database, "login": "admin", "password": "admin"}
        self._ask(opener, "/web/session/authenticate", person)
        self._opener = opener
        return opener

    def _ask(self, opener, path, parameters):
        request = urllib.request.Request(
            self._server.url + path,
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": parameters}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with opener.open(request, timeout=120) as answer:
            told = json.loads(answer.read())
        if "error" in told:
            data = told["error"].get("data") or {}
            raise ServerError(f"{data.get('name')}: {data.get('message')}\n{data.get('debug')}")
        return told.get("result")
