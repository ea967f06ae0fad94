"""Helpers for the tests of the QuickBooks simulator: calls of one company, and a person's browser over HTTP."""

import requests
from person import Person

from simulators.common import jsonio

CALLBACK = "http://localhost:8069/fieldpromax/oauth/callback/quickbooks"
CLIENT = ("fieldpromax-demo", "fieldpromax-demo-secret")
ACCOUNTING, PROJECTS = "com.intuit.quickbooks.accounting", "project-management.project"
REALMS = {
    "US": "9341453908059321",
    "US2": "9341453908061207",
    "GB": "9130357849837246",
    "AU": "9130357990012875",
}


class Company:
    """Calls of one company with plain requests; numbers of answers are Decimal or int."""

    def __init__(self, server, tokens):
        self.server, self.realm = server, tokens["realmId"]
        self.session = requests.Session()
        self.session.headers.update(
            {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
        )

    def call(self, method, path, body=None, params=None, headers=None, timeout=10):
        data = body if isinstance(body, bytes) or body is None else jsonio.dumps(body).encode()
        headers = {**({"Content-Type": "application/json"} if data else {}), **(headers or {})}
        return self.session.request(
            method,
            f"{self.server.base_url}/v3/company/{self.realm}/{path}",
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

    def post(self, entity, values, **params):
        """A write that must succeed; the entity of the answer."""
        answer = self.call("POST", entity.lower(), values, params)
        assert answer.status_code == 200, answer.text
        body = jsonio.loads(answer.content)
        assert "Fault" not in body, body
        return body[entity]

    def refused(self, entity, values, status=400, **params):
        """A write that must be refused; (code, Detail) of its first error."""
        return self.fault(self.call("POST", entity.lower(), values, params), status)

    @staticmethod
    def fault(answer, status=400):
        assert answer.status_code == status, answer.text
        error = answer.json()["Fault"]["Error"][0]
        assert set(error) == {"Message", "Detail", "code", "element"}
        return error["code"], error["Detail"]

    def query(self, text):
        """A query that must succeed; the QueryResponse."""
        answer = self.call("POST", "query", text.encode(), headers={"Content-Type": "application/text"})
        assert answer.status_code == 200, answer.text
        return jsonio.loads(answer.content)["QueryResponse"]

    def query_refused(self, text):
        answer = self.call("POST", "query", text.encode(), headers={"Content-Type": "application/text"})
        return self.fault(answer)

    def batch(self, *requests_, **params):
        answer = self.call("POST", "batch", {"BatchItemRequest": list(requests_)}, params)
        assert answer.status_code == 200, answer.text
        return jsonio.loads(answer.content)["BatchItemResponse"]

    def customer(self, name):
        escaped = name.replace("\\", "\\\\").replace("'", "\\'")
        found = self.query(f"SELECT * FROM Customer WHERE DisplayName = '{escaped}'")["Customer"]  # noqa: S608 QuickBooks' own
        assert len(found) == 1
        return found[0]

    def item(self, name):
        return self.query(f"SELECT * FROM Item WHERE Name = '{name}'")["Item"][0]  # noqa: S608 QuickBooks' own

    def invoice(self, **values):
        """A body of an invoice: two hours of 50 for Town Council; keywords replace, None leaves out."""
        body = {
            "CustomerRef": {"value": self.customer("Town Council")["Id"]},
            "TxnDate": "2026-09-14",
            "DueDate": "2026-10-14",
            "Line": [sales_line(100, Qty=2, UnitPrice=50, TaxCodeRef="TAX")],
        }
        return {key: value for key, value in {**body, **values}.items() if value is not None}

    def graphql(self, query, status=200, **variables):
        answer = self.session.post(
            f"{self.server.base_url}/graphql", json={"query": query, "variables": variables}, timeout=10
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def control(self, **body):
        return self.server.control("POST", f"/_sim/companies/{self.realm}", body)


def sales_line(amount, description="Work", item="2", **detail):
    """A SalesItemLineDetail line; TaxCodeRef and ItemRef as plain values, None leaves out."""
    values = {"ItemRef": item, **detail}
    for name in ("ItemRef", "TaxCodeRef"):
        if values.get(name) is not None:
            values[name] = {"value": str(values[name])}
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "Description": description,
        "SalesItemLineDetail": {key: value for key, value in values.items() if value is not None},
    }


class Browser(Person):
    login_path, consent_path = "/sign-in", "/connect/consent"
    callback, choice = CALLBACK, "company"

    def authorize(self, **values):
        query = {
            "response_type": "code",
            "client_id": CLIENT[0],
            "redirect_uri": CALLBACK,
            "scope": ACCOUNTING,
            "state": "st4te",
            **values,
        }
        query = {key: value for key, value in query.items() if value is not None}
        return self.session.get(f"{self.base}/connect/oauth2", params=query, timeout=10)

    def connect(self, realm=REALMS["US"], username="bookkeeper@example.com", **values):
        """The whole way: the parameters of the callback."""
        page = self.authorize(**values)
        if 'id="login-form"' in page.text:
            page = self.login(page, username)
        return self.decide(page, realm)

    def token(self, auth=CLIENT, headers=None, **form):
        return self.session.post(
            f"{self.base}/oauth2/v1/tokens/bearer", data=form, auth=auth, headers=headers, timeout=10
        )

    def exchange(self, code, headers=None, **form):
        return self.token(
            grant_type="authorization_code",
            headers=headers,
            **{"code": code, "redirect_uri": CALLBACK, **form},
        )

    def refresh(self, token, headers=None):
        return self.token(grant_type="refresh_token", refresh_token=token, headers=headers)

    def info(self, access_token, realm=REALMS["US"]):
        return requests.get(
            f"{self.base}/v3/company/{realm}/companyinfo/{realm}",
            headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"},
            timeout=10,
        )
