"""The provider as one run of a driver talks to it."""

from time import monotonic

# An answer that takes so many seconds comes from a provider in trouble: more than the pacing may wait for its turn.
SLOW_ANSWER = 20.0


class Conversation:
    """Keeps the provider that was built last, and the one bound to the organization, so that the connections below
    stay open from call to call.

    It belongs to one recordset of :meth:`fieldpromax.connection._as_driver`, hence to one run in one thread, and is
    forgotten with it. Another app, address, token or organization makes another provider.
    """

    def __init__(self):
        self._built_from = self._provider = None
        self._bound_from = self._bound = None
        self._longest = 0.0

    def __repr__(self):
        return f'<{type(self).__name__}>'

    def provider(self, built_from, build):
        """The provider; ``build()`` makes it unless the last one was built from equal ``built_from``."""
        if self._provider is None or self._built_from != built_from:
            self._built_from, self._provider = built_from, build()
            self._bound = None
        return self._provider

    def bound(self, organization, token):
        """The provider of this conversation for one organization and one access token."""
        if self._bound is None or self._bound_from != (organization, token):
            self._bound = self._provider.for_organization(
                organization.external_id, token, organization=organization
            )
            self._bound_from = (organization, token)
        return self._bound

    def ask(self, function, organization, token):
        """``function(provider)``, and keep how long it took."""
        began = monotonic()
        try:
            return function(self.bound(organization, token))
        finally:
            self._longest = max(self._longest, monotonic() - began)

    def was_slow(self):
        """Did the provider take so long for an answer that this run has had its share of the cron worker?"""
        return self._longest >= SLOW_ANSWER
