"""A simulator of books: several organisations with an identity service, and what tests and people control of them."""

from abc import abstractmethod
from decimal import Decimal

from .app import ControlError, Simulator

MOST_GENERATED = 200_000


class BooksSimulator(Simulator):
    """Base of a simulator that keeps the books of several organisations.

    A provider sets the words and names below, gives ``oauth`` and ``pages`` before it calls :meth:`open`, and
    overrides the methods of the second half. ``ledgers`` maps the provider's id of an organisation to its books.

    :param state_dir: where the state is kept across restarts; None keeps it in memory
    """

    #: what the provider calls an organisation, one and many; the many are also the key in answers
    noun, nouns = "organisation", "organisations"
    #: how an organisation can be named in a control call
    naming = "tenant ids"
    #: the names of the limits, for the sentence that refuses another one
    limit_names = ""
    #: what a new state can hold
    seeds = ()
    #: the collections that ``keep_connections`` keeps in a reset
    kept = ()
    #: what a change or a record is refused with
    refused = ValueError
    #: the identity service and the pages for a person
    oauth = pages = None

    def __init__(self, state_dir=None):
        super().__init__(state_dir)
        self.rate_limits = self.new_limits()
        self.ledgers = {}
        self._bookmarks = {}

    def open(self, seed):
        """Take what is kept; what is new is filled from ``seed``."""
        self.load()
        if not self.ledgers:
            self.fill({"seed": seed})
        self.store.flush()

    def page(self, template, status=200, **values):
        return self.pages.render(template, status, **values)

    def find(self, name):
        """The books of the organisation of that name.

        :raise ControlError: there is none
        """
        ledger = self.ledger_of(name)
        if ledger is None:
            raise ControlError(f"There is no such {self.noun}.")
        return ledger

    # === CONTROL === #

    def reset(self, body):
        if "bookmark" in body:
            return self._go_back(body["bookmark"])
        seed = body.get("seed") or "demo"
        if seed not in self.seeds:
            raise ControlError(f"The seed is one of {', '.join(self.seeds)}.")
        for value in (body.get("contacts", 0), body.get("items", 0)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_GENERATED:
                raise ControlError(f"contacts and items are whole numbers from 0 to {MOST_GENERATED}.")
        chosen, names = None, body.get(self.nouns) or body.get("organisations")
        if names:
            wanted = [self.ledger_of(name) for name in names]
            if None in wanted:
                raise ControlError(f"{self.nouns} lists {self.naming}.")
            chosen = [key for key, ledger in self.ledgers.items() if ledger in wanted]
        kept = {}
        if body.get("keep_connections"):
            kept = {name: dict(self.store.collection(name).items()) for name in self.kept}
        self.store.clear()
        self._begin_anew()
        for name, documents in kept.items():
            for key, document in documents.items():
                self.store.collection(name).put(key, document)
        self.store.collection("meta").delete("clock")
        self.fill({**body, "seed": seed}, chosen)
        return {"seed": seed, self.nouns: self._counts()}

    def _begin_anew(self, offset=0.0):
        self.clock.offset = offset
        self.faults.clear()
        self.log.clear()
        self.rate_limits = self.new_limits()

    def bookmark(self, name):
        """Remember books, connections and tokens as they are, for ``POST /_sim/reset {"bookmark": name}``."""
        self._bookmarks[name] = (self.clock.offset, self.store.documents())

    def _go_back(self, name):
        if name not in self._bookmarks:
            raise ControlError("There is no such bookmark: POST /_sim/bookmarks sets one.")
        offset, documents = self._bookmarks[name]
        self.store.put_back(documents)
        self._begin_anew(offset)
        self.load()
        return {"bookmark": name, self.nouns: self._counts()}

    def _counts(self):
        return {key: self.counts(ledger) for key, ledger in self.ledgers.items()}

    def state(self, query):
        """Counts, and full entities unless ``?counts=1``; ``?tenant=`` and ``?entities=`` (a list) narrow it."""
        result = self._counts()
        if query.get("tenant"):
            ledger = self.find(query["tenant"])
            result = {key: entry for key, entry in result.items() if self.ledgers[key] is ledger}
        if query.get("counts") not in ("1", "true"):
            wanted = query.get("entities")
            names = set(wanted.split(",")) if wanted else None
            for key, entry in result.items():
                for name, documents in self.entities(self.ledgers[key]):
                    if names is None or name in names:
                        entry[name] = documents()
        return {
            "now": self.clock.now().isoformat(),
            self.nouns: result,
            "connections": self.connections(),
            "refresh_tokens": len(self.oauth.refresh_tokens),
        }

    def limits(self, body):
        try:
            self.rate_limits.change({k: int(v) if isinstance(v, Decimal) else v for k, v in body.items()})
        except (KeyError, ValueError) as error:
            raise ControlError(
                f"{error.args[0]!r}: the limits are {self.limit_names}; each a whole number, or null for none."
            ) from error
        return self.rate_limits.as_dict()

    def tokens(self, body):
        known = {"expire", "expire_refresh", "revoke", "disconnect", "issue"}
        if not body or set(body) - known:
            raise ControlError(f"Say one of {', '.join(sorted(known))}.")
        if body.get("expire"):
            self.oauth.expire_access()
        if body.get("expire_refresh"):
            self.oauth.expire_refresh()
        if body.get("revoke"):
            self.oauth.forget()
        if body.get("disconnect"):
            self.disconnect(self.find(body["disconnect"]))
        if "issue" in body:
            return self.issue(body["issue"] if isinstance(body["issue"], dict) else {})
        return {"connections": self.count_connections(), "refresh_tokens": len(self.oauth.refresh_tokens)}

    def change_organisation(self, tenant, body):
        ledger = self.find(tenant)
        try:
            with self.store.transaction():
                return self.change(ledger, body)
        except self.refused as error:
            raise ControlError(str(error)) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ControlError(f"The change is not understood: {error!r}.") from error

    # === WHAT A PROVIDER DECIDES === #

    @abstractmethod
    def new_limits(self):
        """The provider's rate limits, nothing counted yet."""

    @abstractmethod
    def load(self):
        """Take the collections of the store anew, ``ledgers`` among them."""

    @abstractmethod
    def fill(self, wanted, chosen=None):
        """New organisations, the records of the seed, and generated ones.

        :param dict wanted: ``seed``, ``contacts``, ``items``, ``random_seed``
        :param list chosen: ids of the organisations that get generated records; None for all
        """

    @abstractmethod
    def ledger_of(self, name):
        """The books of an organisation by any of its names; None when there is none."""

    @abstractmethod
    def counts(self, ledger):
        """What ``/_sim/state`` tells of an organisation in any case: names, currency, ``counts``."""

    @abstractmethod
    def entities(self, ledger):
        """(name, function that renders all of them) of every kind of entity."""

    @abstractmethod
    def connections(self):
        """What ``/_sim/state`` tells of the connections."""

    @abstractmethod
    def count_connections(self):
        """How many connections are kept."""

    @abstractmethod
    def disconnect(self, ledger):
        """The organisation removed the app."""

    @abstractmethod
    def issue(self, wanted):
        """Tokens without the pages, for tests of what comes after: as if the person had consented."""

    @abstractmethod
    def change(self, ledger, body):
        """What a bookkeeper or the provider changes in the books; the result is the answer.

        :raise Exception: of the kind ``refused``
        """
