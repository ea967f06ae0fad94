"""A person's browser in front of a simulator's consent pages, over HTTP."""

from urllib.parse import parse_qs, urlsplit

import requests


class Person:
    """What is the same whoever the identity service belongs to; a subclass says the addresses and the field's name.

    :ivar choice: the field of the consent page that takes an organisation
    """

    login_path = consent_path = callback = choice = ""

    def __init__(self, server):
        self.base = server.base_url
        self.session = requests.Session()

    def login(self, page, username="bookkeeper@example.com", password="demo"):
        return self.session.post(
            self.base + self.login_path,
            data={"request": self.number(page), "username": username, "password": password},
            timeout=10,
        )

    def decide(self, page, *chosen, action="allow"):
        """Press a button of the consent page; the query of the redirect to the app, or the page shown instead."""
        answer = self.session.post(
            self.base + self.consent_path,
            data=[
                ("request", self.number(page)),
                ("action", action),
                *((self.choice, one) for one in chosen),
            ],
            allow_redirects=False,
            timeout=10,
        )
        if answer.status_code != 302 or not urlsplit(answer.headers["Location"]).netloc:
            return answer
        parts = urlsplit(answer.headers["Location"])
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == self.callback
        return {key: value[0] for key, value in parse_qs(parts.query).items()}

    @staticmethod
    def number(page):
        return page.url.partition("request=")[2] or page.text.split('name="request" value="')[1].split('"')[0]
