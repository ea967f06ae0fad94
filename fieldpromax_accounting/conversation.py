"""The provider as one run of a driver talks to it."""


class Conversation:
    """Keeps the provider that was built last, and the one bound to the organization, so that the connections below
    stay open from call to call.

    It belongs to one recordset of :meth:`fieldpromax.connection._as_driver`, hence to one run in one thread, and is
    forgotten with it. Another app, address, token or organization makes another provider.
    """

    def __init__(self):
        self._built_from = self._provider = None
        self._bound_from = self._bound = None
        # Of its requests, whichever provider they went through; set by who talks.
        self.meter = None

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
