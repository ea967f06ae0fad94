"""The first import and later changes from QuickBooks Online, by the real provider over HTTP to the simulator."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from ..models import fieldpromax_run
from .quickbooks_common import QuickBooksBooks
from .test_pull import PullCommon


class QuickBooksPullCommon(QuickBooksBooks, PullCommon):
    """Books with nothing but what a test puts there."""

    def put_customers(self, *customers, company='US'):
        """``customers``: names, or dicts of QuickBooks' fields."""
        rows = [{'DisplayName': row} if isinstance(row, str) else row for row in customers]
        return self.change_books(company, contacts=rows)

    def customer(self, name, email='', **values):
        mail = {'PrimaryEmailAddr': {'Address': email}} if email else {}
        return {'DisplayName': name, **mail, **values}

    def put_numbered(self, count):
        self.put_customers(
            *(self.customer(f'Customer {n:03}', f'customer{n}@example.com') for n in range(count))
        )

    def counted(self, company='US'):
        state = self.quickbooks.control('GET', f'/_sim/state?tenant={company}&entities=contacts,items')
        (books,) = state['companies'].values()
        return books

    def id_of(self, name, company='US'):
        return next(row['Id'] for row in self.counted(company)['contacts'] if row['DisplayName'] == name)

    def external(self, connection, kind='contact'):
        return {link.external_name: link for link in self.links(connection, kind)}

    def pages_read(self, purpose='contacts.list'):
        return [row for row in self.quickbooks.requests() if row['purpose'] == purpose]


@tagged('post_install', '-at_install')
class TestQuickBooksPull(QuickBooksPullCommon):
    def test_seeded_books(self):
        """Everything of a real set of books comes in once: sub-customers below their parents, neither inactive ones nor
        projects, nor categories and bundles."""
        self.quickbooks.reset()
        books = self.counted()
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        run = connection.run_ids
        self.assertEqual((run.kind, run.state, run.progress), ('initial', 'done', 100), run.reason)
        people = {
            row['Id']: row
            for row in books['contacts']
            if row.get('Active', True) and not row.get('IsProject')
        }
        links = {link.external_id: link for link in self.links(connection)}
        review = set(self.matches(connection, decision='pending', kind='contact').mapped('external_id'))
        self.assertFalse(set(links) & review)
        self.assertEqual(set(links) | review, set(people))
        below = 0
        for external_id, link in links.items():
            parent = people[external_id].get('ParentRef', {}).get('value', '')
            self.assertEqual(link.parent_external_id or '', parent)
            if parent in links:
                below += 1
                self.assertEqual(link.partner_id.parent_id, links[parent].partner_id)
                self.assertEqual(link.partner_id.commercial_partner_id, link.partner_id)
        self.assertGreaterEqual(below, 3)
        items = {
            row['Id']
            for row in books['items']
            if row.get('Active', True) and row['Type'] in ('Service', 'NonInventory', 'Inventory')
        }
        known = set(self.links(connection, 'item').mapped('external_id'))
        waiting = set(self.matches(connection, decision='pending', kind='item').mapped('external_id'))
        self.assertEqual(known | waiting, items)
        self.assertFalse(
            self.env['fieldpromax.exchange'].search([('connection_id', '=', connection.id)]),
            'nothing is sent back',
        )

    def test_second_run_makes_nothing(self):
        self.quickbooks.reset()
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        before = self.env['res.partner'].search_count([]), self.env['product.product'].search_count([])
        self.run_pull(connection)
        self.assertEqual(connection.run_ids[:1].state, 'done', connection.run_ids[:1].reason)
        self.assertEqual(connection.run_ids[:1].kind, 'incremental')
        self.assertEqual(
            (self.env['res.partner'].search_count([]), self.env['product.product'].search_count([])), before
        )

    def test_filled_database(self):
        """Equal ones are linked, new ones made, everything else is a question."""
        partner = self.env['res.partner'].create
        equal = partner({'name': "O'Brien  & Sons", 'email': 'office@obrien.example'})
        partner({'name': 'Same name', 'email': 'one@same.example'})
        self.put_customers(
            self.customer("O'BRIEN & SONS", 'office@obrien.example'),
            self.customer('Same name', 'two@same.example'),
            self.customer('Brand new', 'brand@new.example'),
            self.customer('Closed', 'closed@example.com'),
        )
        self.put_customers({'Id': self.id_of('Closed'), 'Active': False})
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        links = self.external(connection)
        self.assertEqual(links["O'BRIEN & SONS"].partner_id, equal)
        self.assertEqual(links['Brand new'].partner_id.email, 'brand@new.example')
        self.assertNotIn('Same name', links)
        self.assertFalse(self.partners('Closed'))
        self.assertIn('mail', self.matches(connection, external_name='Same name')[:1].reason)

    def test_family_with_one_email(self):
        self.put_customers(self.customer('Freeman Sporting Goods', 'all@freeman.example'))
        parent = {'value': self.id_of('Freeman Sporting Goods')}
        self.put_customers(
            self.customer('55 Twin Lane', 'all@freeman.example', Job=True, ParentRef=parent),
            self.customer('0969 Ocean View', 'all@freeman.example', Job=True, ParentRef=parent),
        )
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        freeman = self.external(connection)['Freeman Sporting Goods'].partner_id
        self.assertEqual(
            set(freeman.child_ids.mapped('name')),
            {'55 Twin Lane', '0969 Ocean View'},
            'nobody waits for review',
        )

    def test_second_currency(self):
        """A customer of Odoo who is two of QuickBooks'."""
        acme = self.env['res.partner'].create({'name': 'Acme', 'email': 'office@acme.example'})
        self.change_books(
            'US',
            MultiCurrencyEnabled=True,
            currencies=['EUR'],
            contacts=[
                self.customer('Acme', 'office@acme.example', CurrencyRef={'value': 'USD'}),
                self.customer('Acme (EUR)', 'office@acme.example', CurrencyRef={'value': 'EUR'}),
                self.customer('Acme EUR two', 'sales@acme.example', CurrencyRef={'value': 'EUR'}),
            ],
        )
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        links = self.external(connection)
        self.assertEqual((links['Acme'].partner_id, links['Acme'].role), (acme, ''))
        self.assertEqual((links['Acme (EUR)'].partner_id, links['Acme (EUR)'].role), (acme, 'EUR'))
        self.assertEqual(links['Acme EUR two'].role, 'EUR')
        self.assertNotEqual(links['Acme EUR two'].partner_id, acme)

    def test_items_by_sku_then_name(self):
        product = self.env['product.product'].create
        by_sku = product({'name': 'Valve 15mm', 'default_code': 'V 15'})
        by_name = product({'name': 'Call-out', 'default_code': 'CALL'})
        product({'name': 'Something else', 'default_code': 'X-1'})
        account = {'IncomeAccountRef': {'value': '9'}}
        self.change_books(
            'US',
            items=[
                {'Name': 'Valve 15 mm', 'Sku': 'V-15', 'Type': 'NonInventory', 'UnitPrice': 12.5, **account},
                {'Name': 'Call-out', 'Type': 'Service', 'UnitPrice': 80, **account},
                {'Name': 'Brass tap', 'Sku': 'X1', 'Type': 'NonInventory', **account},
                {
                    'Name': 'Inspection',
                    'Type': 'Service',
                    'UnitPrice': 45.5,
                    'Description': 'Yearly',
                    **account,
                },
            ],
        )
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        links = self.external(connection, 'item')
        self.assertEqual(links['Valve 15 mm'].product_id, by_sku)
        self.assertEqual(links['Call-out'].product_id, by_name)
        made = links['Inspection'].product_id
        self.assertEqual((made.type, made.list_price, made.default_code), ('service', 45.5, False))
        self.assertNotIn('Brass tap', links)
        self.assertIn('Same code; ', self.matches(connection, external_name='Brass tap').reason)

    # === INTERRUPTED === #

    def test_killed_between_pages(self):
        self.put_numbered(9)
        connection = self.connect_quickbooks('US')
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 3):
            self.pull_and_die(connection, steps=3)
            stored = len(self.links(connection))
            self.assertGreater(stored, 0)
            self.assertLess(stored, 9)
            self.run_pull(connection)
        self.check_done(connection, 9)

    def test_paused_and_put_off(self):
        self.put_numbered(5)
        connection = self.connect_quickbooks('US')
        run = connection.run_ids
        run.with_env(self.as_person(self.user_bookkeeper)).action_pause()
        self.quickbooks.forget_requests()
        self.run_pull(connection)
        self.assertFalse(self.quickbooks.requests())
        run.with_env(self.as_person(self.user_bookkeeper))._put_off(
            fields.Datetime.now() + timedelta(hours=3)
        )
        self.run_pull(connection)
        self.assertFalse(self.quickbooks.requests())
        self.assertIn('Starts', run.status_text)
        run.scheduled_at = fields.Datetime.now() - timedelta(minutes=1)
        self.run_pull(connection)
        self.assertEqual(run.state, 'done', run.reason)
        self.assertEqual(len(self.links(connection).partner_id), 5)

    def check_fault(self, fault, words):
        """It ends in a run that waits and says why, and that goes on without making anything twice."""
        self.put_numbered(4)
        connection = self.connect_quickbooks('US')
        self.quickbooks.control(
            'POST', '/_sim/faults', {'fault': fault, 'path': '/query$', 'times': 1, 'skip': 1}
        )
        self.run_pull(connection)
        self.check_waits(connection, words)
        self.wake(connection)
        self.run_pull(connection)
        self.check_done(connection, 4)

    def test_limit(self):
        self.check_fault('429:minute', 'break')

    def test_unavailable(self):
        self.check_fault('status:503', 'not available')

    def test_truncated(self):
        self.check_fault('truncated', 'could not be read')

    def test_consent_gone(self):
        self.put_numbered(2)
        connection = self.connect_quickbooks('US')
        self.quickbooks.revoke_tokens()
        self.run_pull(connection)
        self.assertEqual(connection.state, 'reauth_required')
        self.assertEqual(connection.run_ids.state, 'paused')
        self.assertTrue(connection.run_ids.status_text)

    # === LATER === #

    def test_changed_later(self):
        """Renamed: Odoo follows. Made inactive, merged, new: links say so; nothing is made twice."""
        self.put_customers('Renamed', 'Closed', 'Loser', 'Winner')
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        ids = {name: self.id_of(name) for name in ('Renamed', 'Closed', 'Loser', 'Winner')}
        partners = {name: self.external(connection)[name].partner_id for name in ids}
        self.quickbooks.control('POST', '/_sim/clock', {'advance_seconds': 30})
        self.change_books(
            'US',
            contacts=[
                {'Id': ids['Renamed'], 'rename': 'New name'},
                {'Id': ids['Closed'], 'Active': False},
                {'DisplayName': 'Newcomer'},
            ],
            merge=[{'from': ids['Loser'], 'into': ids['Winner']}],
        )
        self.run_pull(connection)
        self.assertEqual(connection.run_ids[:1].state, 'done', connection.run_ids[:1].reason)
        links = {link.external_id: link for link in self.links(connection)}
        self.assertEqual(links[ids['Renamed']].external_name, 'New name')
        self.assertEqual(partners['Renamed'].name, 'New name')
        self.assertFalse(links[ids['Closed']].external_active)
        self.assertTrue(links[ids['Winner']].external_active)
        self.assertTrue(self.partners('Newcomer'))
        self.assertEqual(len(self.partners('Winner', 'Loser', 'Closed', 'New name')), 4)

    def test_few_calls(self):
        self.put_numbered(30)
        connection = self.connect_quickbooks('US')
        self.quickbooks.forget_requests()
        self.run_pull(connection)
        # Customers, what changed meanwhile, products; and projects, where that addon is there.
        self.assertLessEqual(len(self.pages_read()) + len(self.pages_read('items.list')), 6)
