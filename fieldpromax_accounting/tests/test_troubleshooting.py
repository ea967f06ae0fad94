"""Every cause that people meet: it is provoked, read as they read it, and cured, here or in the books."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .counterpart_common import QuickBooksCounterparts, XeroCounterparts


class Troubleshooting:
    def issue(self, cause):
        issue = self.env['fieldpromax.issue'].search(
            [('connection_id', '=', self.connection.id), ('cause', '=', cause), ('state', '=', 'open')]
        )
        self.assertEqual(len(issue), 1, f'one issue about {cause}')
        for text in (issue.reason, issue.remedy):
            self.assertTrue(text.endswith('.'), text)
        return issue

    def pending(self, name):
        return self.env['fieldpromax.match'].search(
            [
                ('connection_id', '=', self.connection.id),
                ('external_name', '=', name),
                ('decision', '=', 'pending'),
            ]
        )

    def assertConnectionIssue(self, *words):
        """What keeps the connection from working is an issue, which says how much waits for it."""
        moves = self.invoice() | self.invoice()
        self.run_push(self.connection)
        issue = self.issue('connection')
        self.assertGreaterEqual(issue.held_count, 2, 'what waits for it')
        self.assertIn('records wait for it', issue.held_text)
        self.assertIn(self.provider_label, issue.title)
        for word in words:
            self.assertIn(word.lower(), f'{issue.title}. {issue.reason} {issue.remedy}'.lower())
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'waiting'})
        self.run_push(self.connection)
        self.assertEqual(self.issue('connection'), issue, 'said once')
        action = issue.with_env(self.as_person(self.user_bookkeeper)).action_open_remedy()
        self.assertEqual(action['res_model'], 'fieldpromax.connection')
        with self.assertRaises(AccessError):
            issue.with_env(self.as_person(self.user_bookkeeper_2)).action_open_remedy()
        return issue, moves

    def assertCured(self, issue, moves):
        """It is over by itself, and everything that waited has gone."""
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved')
        self.assertEqual(issue.held_count, 0)
        for move in moves:
            self.assertSent(move)

    # === THE CONNECTION === #

    def test_authorization_expired(self):
        credential = self.env['fieldpromax.credential'].sudo()
        credential = credential.search([('connection_id', '=', self.connection.id)])
        credential.refresh_expires_at = fields.Datetime.now() - timedelta(days=1)
        self.tokens(expire=True, expire_refresh=True)
        issue, moves = self.assertConnectionIssue('consent expired', 'Connect again', 'not used')
        action = issue.with_env(self.as_person(self.user_manager)).action_open_remedy()
        self.assertIn(
            '/fieldpromax/oauth/start/', action['url'], 'an administrator is led to the consent at once'
        )
        self.assertEqual(self.connect_books(), self.connection)
        self.assertCured(issue, moves)

    def test_connection_lost(self):
        """The app was disconnected at the provider, by somebody who did not say so."""
        self.tokens(disconnect='US', expire=True)
        issue, moves = self.assertConnectionIssue('Connect again')
        self.assertEqual(self.connect_books(), self.connection)
        self.assertCured(issue, moves)

    def test_subscription_lapsed(self):
        self.lapse()
        issue, moves = self.assertConnectionIssue('Check again')
        self.run_refresh()
        self.assertEqual(issue.state, 'open')
        self.renew()
        self.run_refresh()
        self.assertEqual(issue.state, 'solved')
        self.assertCured(issue, moves)

    def test_disconnecting_ends_the_trouble(self):
        self.tokens(revoke=True, expire=True)
        issue, moves = self.assertConnectionIssue('Connect again')
        self.connection.with_env(self.as_person(self.user_manager)).action_disconnect()
        self.assertEqual(issue.state, 'solved')
        self.assertNotEqual(moves[0].fieldpromax_state, 'sent')

    # === CUSTOMERS AND INVOICES === #

    def test_duplicate_customers(self):
        """Two alike in the books: review says so; merged there, it is over at the next pass."""
        first = self.add_contact_there('Millpond Motors', 'office@millpond.example')
        self.run_pull(self.connection)
        second = self.add_contact_there('Motors at the Millpond', 'office@millpond.example')
        self.run_pull(self.connection)
        rows = self.env['fieldpromax.match'].search(
            [('external_id', '=', second), ('decision', '=', 'pending')]
        )
        self.assertTrue(rows, 'asked, not made')
        self.assertIn('books', ' '.join(rows.mapped('reason')))
        partner = self.env['res.partner'].search([('name', '=', 'Millpond Motors')])
        self.assertEqual(len(partner), 1)
        self.merge_there(first, second)
        self.tell_of_merge(first, second)
        self.run_pull(self.connection)
        self.assertEqual(self.link_of(partner).external_id, second, 'the one that survived')
        self.assertFalse(rows.exists().filtered(lambda row: row.decision == 'pending'))
        self.assertEqual(self.env['res.partner'].search_count([('name', '=', 'Millpond Motors')]), 1)

    def test_missing_invoice_is_a_draft(self):
        move = self.invoice(post=False)
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        self.assertIn('Draft', move.fieldpromax_reason)
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_missing_invoice_of_a_customer_without_a_match(self):
        self.add_contact_there('Harbour Cafe')
        self.run_pull(self.connection)
        self.assertTrue(self.pending('Harbour Cafe'))
        moves = self.invoice() | self.invoice()
        self.run_push(self.connection)
        self.assertAttention(moves[0], 'match review')
        issue = self.issue('match_review')
        self.assertEqual(issue.held_count, 3, 'the customer and its invoices')
        action = issue.with_env(self.as_person(self.user_bookkeeper)).action_open_remedy()
        self.assertEqual(action['res_model'], 'fieldpromax.match')
        rows = self.env['fieldpromax.match'].search(
            [('partner_id', '=', self.customer.id), ('decision', '=', 'pending')]
        )
        rows[:1].with_env(self.as_person(self.user_bookkeeper)).action_link()
        self.assertCured(issue, moves)
        self.assertEqual(self.customer_of(moves[0]), rows[:1].external_id)

    def test_product_mismatch(self):
        """The books have another product of this code: it is asked, and a corrected code here is enough."""
        self.add_item_there('Annual inspection', 'BOILER')
        self.run_pull(self.connection)
        other = self.env['product.product'].search([('default_code', '=', 'BOILER')])
        self.assertEqual(len(other), 1)
        product = self.boiler_service()
        move = self.invoice(lines=[self.line(product)])
        self.run_push(self.connection)
        self.assertAttention(move, 'match review')
        issue = self.issue('match_review')
        self.assertEqual(issue.product_id, product)
        self.assertEqual(issue.held_count, 2)
        self.assertIn('linked to another record of Odoo', issue.reason)
        product.write({'default_code': 'BOILER-2', 'name': 'Yearly boiler service'})
        self.assertCured(issue, move)

    # === WORDS === #

    def line(self, product):
        return {
            'product_id': product.id,
            'name': product.name,
            'quantity': 1,
            'price_unit': 80.0,
            'tax_ids': [(6, 0, self.company_data['default_tax_sale'].ids)],
        }


@tagged('post_install', '-at_install')
class TestXeroTroubleshooting(Troubleshooting, XeroCounterparts):
    def tokens(self, **body):
        self.simulator.control('POST', '/_sim/tokens', body)

    def lapse(self):
        # Xero says no more than that it refuses the organisation.
        self.simulator.fault('status:403', path='/api.xro', times=None)

    def renew(self):
        self.simulator.clear_faults()

    def tell_of_merge(self, loser, survivor):
        """The loser says so itself."""

    def add_item_there(self, name, code):
        self.change_there(items=[{'Code': code, 'Name': name, 'IsSold': True}])


@tagged('post_install', '-at_install')
class TestQuickBooksTroubleshooting(Troubleshooting, QuickBooksCounterparts):
    def tokens(self, **body):
        self.quickbooks.control('POST', '/_sim/tokens', body)

    def lapse(self):
        self.change_there(status='lapsed')

    def renew(self):
        self.change_there(status='active')

    def tell_of_merge(self, loser, survivor):
        """The webhook tells it."""
        self.env['fieldpromax.link'].sudo()._note_merged(self.connection, 'contact', {loser: survivor})

    def add_item_there(self, name, code):
        self.change_there(items=[{'Name': name, 'Sku': code}])
