"""What a bookkeeper does to customers and products of the books, said the same way for both providers."""

from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class XeroCounterparts(FieldpromaxPushCommon):
    """The books at Xero."""

    provider_label = 'Xero'
    restores = False

    def change_there(self, **body):
        return self.simulator.control('POST', '/_sim/organisations/US', body)

    def archive_there(self, link, archived=True):
        """Archive, or restore, by hand."""
        if link.kind == 'item':
            raise AssertionError('Xero archives no items.')
        self.change_there(
            contacts=[{'ContactID': link.external_id, 'ContactStatus': 'ARCHIVED' if archived else 'ACTIVE'}]
        )

    def add_contact_there(self, name, email=''):
        before = {row['ContactID'] for row in self.books('contacts')}
        self.change_there(contacts=[{'Name': name, 'EmailAddress': email, 'IsCustomer': True}])
        return next(row['ContactID'] for row in self.books('contacts') if row['ContactID'] not in before)

    def merge_there(self, loser_id, survivor_id):
        self.change_there(merge=[{'from': loser_id, 'into': survivor_id}])

    def contact_there(self, external_id):
        return next((row for row in self.books('contacts') if row['ContactID'] == external_id), None)

    def is_active_there(self, external_id):
        return self.contact_there(external_id)['ContactStatus'] == 'ACTIVE'

    def customer_of(self, move):
        (invoice,) = self.in_books(move)
        return invoice['ContactID'] if 'ContactID' in invoice else invoice['Contact']['ContactID']


class QuickBooksCounterparts(QuickBooksPushCommon):
    """The books at QuickBooks Online."""

    provider_label = 'QuickBooks Online'
    restores = True

    def change_there(self, **body):
        return self.change_books(**body)

    def archive_there(self, link, archived=True):
        part = 'items' if link.kind == 'item' else 'contacts'
        self.change_there(**{part: [{'Id': link.external_id, 'Active': not archived}]})

    def add_contact_there(self, name, email=''):
        values = {'DisplayName': name, **({'PrimaryEmailAddr': {'Address': email}} if email else {})}
        return self.change_there(contacts=[values])['contacts'][0]

    def merge_there(self, loser_id, survivor_id):
        self.change_there(merge=[{'from': loser_id, 'into': survivor_id}])

    def contact_there(self, external_id):
        return next((row for row in self.books('contacts') if row['Id'] == external_id), None)

    def is_active_there(self, external_id):
        return self.contact_there(external_id)['Active']

    def customer_of(self, move):
        (invoice,) = self.in_books(move)
        return invoice['CustomerRef']['value']
