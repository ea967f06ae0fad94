"""How the suite drives the Xero simulator."""

from books import AdapterBase, always


class Books(AdapterBase):
    name = 'xero'
    module = 'simulators.xero.server'
    organizations = {'US': {'foreign currencies'}, 'GB': {'foreign currencies'}}
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
        'credit_note.create': ('/CreditNotes$', 'PUT'),
        'credit_note.void': ('/CreditNotes/', 'POST'),
        'allocation.create': ('/Allocations$', 'PUT'),
        'allocation.delete': ('/Allocations/', 'DELETE'),
        'payment.create': ('/Payments$', 'PUT'),
        'attachment.create': ('/Attachments/', 'PUT'),
    }
    outcomes = {
        'AccessTokenExpired': lambda books, tag: books.expire(),
        'ConnectionRefused': lambda books, tag: books.disconnect(tag),
        'RateLimited': always('429:minute', '/api.xro/'),
        'ProviderUnavailable': always('status:503', '/api.xro/'),
        'ProtocolError': always('html', '/api.xro/'),
        'OutcomeUnknown': always('reset', '/api.xro/'),
    }
    weak_scopes = ('openid', 'offline_access')

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
        if kind == 'allocation':
            notes = self._state(tag, 'credit_notes')
            return [one['AllocationID'] for note in notes for one in note['Allocations']]
        entity, name = {
            'contact': ('contacts', 'Name'),
            'item': ('items', 'Code'),
            'invoice': ('invoices', 'InvoiceNumber'),
            'credit_note': ('credit_notes', 'CreditNoteNumber'),
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

    def tell_apart(self, tag, names):
        former = [one for category in self._state(tag, 'tracking') for one in category['Options']]
        options = [
            *({'Name': one['Name'], 'Status': 'ARCHIVED'} for one in former if one['Name'] not in names),
            *({'Name': name, 'Status': 'ACTIVE'} for name in names),
        ]
        self._organisation(tag, {'tracking': [{'Name': 'Branch', 'Options': options}]})

    def lock(self, tag, day):
        self._organisation(tag, {'PeriodLockDate': day.isoformat()})

    def _organisation(self, tag, body):
        self.control('POST', f'/_sim/organisations/{tag}', body)
