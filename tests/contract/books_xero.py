"""How the suite drives the Xero simulator."""

from books import AdapterBase


class Books(AdapterBase):
    name = 'xero'
    module = 'simulators.xero.server'
    organizations = ('US', 'GB')
    choice = 'organisations'
    paths = {
        'token': ('/connect/token$', 'POST'),
        'organization': ('/Organisation$', 'GET'),
        'contact.list': ('/Contacts$', 'GET'),
        'item.list': ('/Items$', 'GET'),
        'contact.create': ('/Contacts$', 'PUT'),
        'contact.update': ('/Contacts$', 'POST'),
        'item.create': ('/Items$', 'PUT'),
        'invoice.create': ('/Invoices$', 'PUT'),
        'invoice.void': ('/Invoices/', 'POST'),
    }

    def no_limits(self):
        self.control('POST', '/_sim/limits', {'minute': None})

    def choice_of(self, tag):
        found = self.control('GET', '/_sim/state?counts=1')['organisations']
        return next(key for key, value in found.items() if value['CountryCode'] == tag)

    def token(self, provider, *tags, **values):
        issued = self.control('POST', '/_sim/tokens', {'issue': {'tenants': list(tags), **values}})
        return provider.refresh_token(issued['refresh_token']), {}

    def _state(self, tag, entity):
        found = self.control('GET', f'/_sim/state?tenant={tag}&entities={entity}')['organisations']
        return next(iter(found.values()))[entity]

    def records(self, tag, kind):
        entity, name = {
            'contact': ('contacts', 'Name'),
            'item': ('items', 'Code'),
            'invoice': ('invoices', 'InvoiceNumber'),
        }[kind]
        return [record.get(name) for record in self._state(tag, entity)]

    def change(self, tag, kind, name, **values):
        if kind == 'contact':
            body = {'Name': name}
            if 'rename' in values:
                (contact,) = [c for c in self._state(tag, 'contacts') if c['Name'] == name]
                body = {'ContactID': contact['ContactID'], 'Name': values['rename']}
            if values.get('active') is False:
                body['ContactStatus'] = 'ARCHIVED'
            self._organisation(tag, {'contacts': [body]})
        elif values.get('pay'):
            self._organisation(tag, {'invoices': [{'InvoiceNumber': name, 'action': 'pay'}]})

    def lock(self, tag, day):
        self._organisation(tag, {'PeriodLockDate': day.isoformat()})

    def _organisation(self, tag, body):
        self.control('POST', f'/_sim/organisations/{tag}', body)

    def outcomes(self, tag):
        def always(fault):
            return lambda: self.control(
                'POST', '/_sim/faults', {'fault': fault, 'path': '/api.xro/', 'times': None}
            )

        return {
            'AccessTokenExpired': self.expire,
            'ConnectionRefused': lambda: self.disconnect(tag),
            'PermissionMissing': None,
            'RateLimited': always('429:minute'),
            'ProviderUnavailable': always('status:503'),
            'ProtocolError': always('html'),
            'OutcomeUnknown': always('reset'),
        }

    def weak_token(self, provider, tag):
        """A consent without the right to most things; rights add up, so earlier consents are forgotten."""
        self.reset()
        return self.token(provider, tag, scopes=['openid', 'offline_access'])
