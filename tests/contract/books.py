"""What an adapter between the suite and a simulator has."""

import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from fieldpromax_accounting.providers import base, dto, registry

PROVIDERS = [name for name, _label in registry.selection()]
#: what organizations of one provider may have or not
HAS = {'projects in use', 'payment terms', 'foreign currencies'}


def adapter(name):
    """:raise ModuleNotFoundError: a provider without an adapter does not pass the suite."""
    return importlib.import_module(f'books_{name}').Books


def features(name, tag):
    """What a test may need: names of the provider's capabilities and operations, and what the organization has."""
    provider = registry.get(name)
    capabilities = {key for key, value in asdict(provider.capabilities).items() if value}
    consents = {'limited consents'} if adapter(name).weak_scopes else set()
    return capabilities | set(provider.operations) | set(adapter(name).organizations[tag]) | consents


def always(fault, path):
    """An outcome: every call to the path meets the fault."""
    return lambda books, tag: books.control(
        'POST', '/_sim/faults', {'fault': fault, 'path': path, 'times': None}
    )


class AdapterBase(ABC):
    """A simulator and a person in front of it.

    What an adapter says: ``name`` of the provider; ``module`` of the simulator; ``organizations``, tags of those that
    the suite runs with, the first one being the usual one → which of :data:`HAS` they have (a test holds it against
    the books); ``choice``, the field of the consent page that takes an organization; ``paths``: what the suite breaks
    → (path as a regular expression, method); ``outcomes``: the error, with its code where that decides → a function
    of adapter and tag that makes it happen for reading and writing alike; ``weak_scopes``: a consent to next to
    nothing, () where the provider has one right for everything.
    """

    name: str
    module: str
    organizations: dict[str, set[str]]
    choice: str
    paths: dict[str, tuple[str, str]]
    outcomes: dict[str, Callable]
    weak_scopes: tuple[str, ...] = ()
    app = dto.AppCredentials('fieldpromax-demo', 'fieldpromax-demo-secret')
    person = ('bookkeeper@example.com', 'demo')

    def __init__(self):
        self.tags = tuple(self.organizations)
        self.server = importlib.import_module(self.module).start_in_thread()
        self.base_url = self.server.base_url
        self.callback = f'http://localhost:8069/fieldpromax/oauth/callback/{self.name}'

    def control(self, method, path, body=None):
        return self.server.control(method, path, body)

    def reset(self, **values):
        self.control('POST', '/_sim/reset', {'seed': 'demo', **values})
        self.no_limits()

    def make_provider(self, app=None, base_url=None, **values):
        values = {'connect_timeout': 2.0, 'read_timeout': 10.0, **values}
        config = base.ProviderConfig(app=app or self.app, base_url=base_url or self.base_url, **values)
        return registry.get(self.name)(config)

    # === a person === #

    def consent(self, url, tags, action='allow'):
        """Sign in, choose, press a button: the parameters that the callback gets."""
        session = requests.Session()
        page = session.get(url, timeout=10)
        if 'name="password"' in page.text:
            page = self._submit(session, page, {'username': self.person[0], 'password': self.person[1]})
        chosen = {self.choice: [self.choice_of(tag) for tag in tags], 'action': action}
        answer = self._submit(session, page, chosen, allow_redirects=False)
        target = answer.headers['Location']
        assert target.startswith(self.callback)
        return {key: value[0] for key, value in parse_qs(urlsplit(target).query).items()}

    @staticmethod
    def _submit(session, page, values, allow_redirects=True):
        """Fill in the form that has the first of ``values`` among its fields."""
        field = next(iter(values))
        (form,) = [
            part for part in re.findall(r'<form.*?</form>', page.text, re.DOTALL) if f'name="{field}"' in part
        ]
        action = re.search(r'<form[^>]*action="([^"]*)"', form)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        return session.post(
            urljoin(page.url, action[1]) if action else page.url,
            data={**hidden, **values},
            allow_redirects=allow_redirects,
            timeout=10,
        )

    # === faults === #

    def fault(self, fault, what, **values):
        path, method = self.paths[what]
        self.control('POST', '/_sim/faults', {'fault': fault, 'path': path, 'method': method, **values})

    def clear_faults(self):
        self.control('DELETE', '/_sim/faults')

    def requests(self, what=None):
        """What was asked so far, of one thing or of all."""
        found = self.control('GET', '/_sim/requests')['requests']
        if what:
            path, method = self.paths[what]
            found = [one for one in found if re.search(path, one['path']) and one['method'] == method]
        return found

    def forget_requests(self):
        self.control('DELETE', '/_sim/requests')

    def expire(self):
        self.control('POST', '/_sim/tokens', {'expire': True})

    def expire_refresh(self):
        self.control('POST', '/_sim/tokens', {'expire_refresh': True})

    def revoke(self):
        self.control('POST', '/_sim/tokens', {'revoke': True})

    def disconnect(self, tag):
        self.control('POST', '/_sim/tokens', {'disconnect': tag})

    # === what differs === #

    @abstractmethod
    def no_limits(self):
        """Calls are not counted."""

    @abstractmethod
    def choice_of(self, tag):
        """What the consent page's field takes for an organization."""

    @abstractmethod
    def token(self, provider, *tags, **values):
        """``(TokenSet, parameters of the callback)`` of a consent that nobody had to click for.

        :param values: ``scopes``, where not the usual ones
        """

    @abstractmethod
    def records(self, tag, kind):
        """Names (numbers) of the records that the organization has, as its books show them."""

    @abstractmethod
    def change(self, tag, kind, name, **values):
        """What a bookkeeper does to a record, by its name or number: ``rename``, ``active``, ``pay``."""

    @abstractmethod
    def tell_apart(self, tag, names):
        """From now on lines may carry one of these categories; earlier ones of other names end."""

    @abstractmethod
    def lock(self, tag, day):
        """Nothing may be booked on or before the day any more."""
