"""How the suite drives the QuickBooks Online simulator."""

from books import AdapterBase, always

REALMS = {
    'US': '9341453908059321',
    'US2': '9341453908061207',
    'GB': '9130357849837246',
    'AU': '9130357990012875',
}


class Books(AdapterBase):
    name = 'quickbooks'
    module = 'simulators.quickbooks.server'
    # one with everything, one that numbers invoices by itself, one with several currencies, one with codes for taxes
    organizations = {
        'US': {'projects in use', 'payment terms'},
        'US2': {'payment terms'},
        'GB': {'projects in use', 'payment terms', 'foreign currencies'},
        'AU': {'projects in use', 'payment terms'},
    }
    choice = 'company'
    paths = {
        'token': ('/tokens/bearer$', 'POST'),
        'organization': ('/query$', 'POST'),
        'contact.list': ('/query$', 'POST'),
        'item.list': ('/query$', 'POST'),
        'contact.create': ('/customer$', 'POST'),
        'contact.update': ('/customer$', 'POST'),
        'item.create': ('/item$', 'POST'),
        'invoice.create': ('/invoice$', 'POST'),
        'invoice.void': ('/invoice$', 'POST'),
        'credit_note.create': ('/creditmemo$', 'POST'),
        'credit_note.void': ('/creditmemo$', 'POST'),
        'allocation.create': ('/payment$', 'POST'),
        'allocation.delete': ('/payment$', 'POST'),
        'payment.create': ('/payment$', 'POST'),
        'attachment.create': ('/upload$', 'POST'),
        'project.create': ('/graphql$', 'POST'),
    }
    outcomes = {
        'AccessTokenExpired': lambda books, tag: books.expire(),
        'ConnectionRefused': lambda books, tag: books.disconnect(tag),
        'ConnectionRefused:subscription_lapsed': lambda books, tag: books.set_status(tag, 'lapsed'),
        'ConnectionRefused:organization_closed': lambda books, tag: books.set_status(tag, 'closed'),
        'PermissionMissing': always('fault200:120', '/v3/'),
        'RateLimited': always('429:minute', '/v3/'),
        'ProviderUnavailable': always('status:503', '/v3/'),
        'ProtocolError': always('html', '/v3/'),
        'OutcomeUnknown': always('reset', '/v3/'),
    }

    def no_limits(self):
        limits = dict.fromkeys(('minute', 'batch', 'appminute', 'day'))
        self.control('POST', '/_sim/limits', limits)

    def choice_of(self, tag):
        return REALMS[tag]

    def token(self, provider, *tags, **values):
        scopes = ['com.intuit.quickbooks.accounting', 'project-management.project']
        issued = self.control(
            'POST', '/_sim/tokens', {'issue': {'tenants': list(tags), 'scopes': scopes, **values}}
        )
        return provider.refresh_token(issued['refresh_token']), {'realmId': issued['realmId']}

    def _state(self, tag, entity):
        found = self.control('GET', f'/_sim/state?tenant={tag}&entities={entity}')['companies']
        return next(iter(found.values()))[entity]

    def records(self, tag, kind):
        entity, name = {
            'contact': ('contacts', 'DisplayName'),
            'project': ('contacts', 'DisplayName'),
            'item': ('items', 'Name'),
            'invoice': ('invoices', 'DocNumber'),
            'credit_note': ('credit_memos', 'DocNumber'),
            'allocation': ('payments', 'Id'),
        }[kind]
        return [
            record.get(name)
            for record in self._state(tag, entity)
            if kind not in ('contact', 'project') or bool(record.get('IsProject')) == (kind == 'project')
        ]

    def change(self, tag, kind, name, **values):
        if kind == 'contact':
            body = {'DisplayName': name}
            if 'rename' in values:
                body['rename'] = values['rename']
            if values.get('active') is False:
                body['Active'] = False
            self._company(tag, {'contacts': [body]})
        elif values.get('pay'):
            self._company(tag, {'invoices': [{'DocNumber': name, 'action': 'pay'}]})

    def tell_apart(self, tag, names):
        former = {one['Name']: one['Id'] for one in self._state(tag, 'classes')}
        classes = [{'Id': key, 'Active': name in names} for name, key in former.items()]
        classes += [{'Name': name} for name in names if name not in former]
        self._company(tag, {'ClassTrackingPerTxnLine': True, 'classes': classes})

    def lock(self, tag, day):
        self._company(tag, {'BookCloseDate': day.isoformat()})

    def set_status(self, tag, status):
        self._company(tag, {'status': status})

    def _company(self, tag, body):
        self.control('POST', f'/_sim/companies/{tag}', body)
