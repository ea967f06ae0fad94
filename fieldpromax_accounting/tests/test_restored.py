"""A backup that is older than what was sent in its name: it reads before it writes, and makes nothing twice."""

from contextlib import contextmanager

from odoo import Command
from odoo.tests import tagged

from .credit_common import CreditCommon
from .payment_common import QuickBooksPayments, XeroPayments
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class RestoredScenarios(CreditCommon):
    """What is posted in the backup goes over in a later life of the database, which is then lost."""

    def lines(self, price=100.0, **values):
        taxes = self.company_data['default_tax_sale']
        return [{'name': 'Call-out', 'price_unit': price, 'tax_ids': [Command.set(taxes.ids)], **values}]

    def everything_in_the_books(self):
        return {name: len(self.books(name)) for name in ('contacts', 'items', 'invoices', 'payments')}

    def live_on_and_restore(self, live=None):
        """Send what waits, do ``live()``, and come back to where the database was; what is in the books stays."""
        self.env.flush_all()
        with self.env.cr.savepoint() as backup:
            if live:
                live()
            self.settle_books()
            self.assertFalse(
                self.env['fieldpromax.exchange']
                .search([('state', 'not in', ('done', 'cancelled'))])
                .mapped('reason')
            )
            backup.rollback()
        self.env.invalidate_all()

    @contextmanager
    def claim_restored(self):
        with self.other_database():
            self.run_push(self.connection)
            self.assertEqual(self.connection.state, 'copy')
            self.connection.with_env(self.as_person(self.user_manager)).action_claim_database()
            self.env.invalidate_all()
            self.assertEqual(self.connection.state, 'connected')
            yield

    def test_nothing_is_made_twice(self):
        """Customers, products, invoices, payments, credit notes and allocations that the backup has not sent yet."""
        sent = self.invoice(lines=self.lines())
        self.settle_books()
        self.pay(sent, amount=40.0)
        fresh = self.env['res.partner'].create({'name': 'Never Sent Yet', 'email': 'new@example.com'})
        product = self.boiler_service()
        first = self.invoice(partner=fresh, lines=self.lines(80.0, product_id=product.id))
        self.pay(first)
        credited = self.invoice(partner=fresh, lines=self.lines(30.0))
        note = self.reverse(credited)
        draft = self.invoice(post=False, lines=self.lines(50.0))

        def live():
            draft.action_post()
            self.lost_number = draft.name

        self.live_on_and_restore(live)
        before = self.everything_in_the_books()
        self.assertTrue(self.in_books(number=self.lost_number))
        self.forget_requests()
        with self.claim_restored():
            self.run_push(self.connection)
            self.assertFalse(self.provider_writes(), 'first everything is read')
            self.assertIn('once more', self.exchange_of(first).reason)
            self.assertIn('once more', self.connection.status_text)
            self.run_pull(self.connection)
            self.assertFalse(self.connection.is_rereading)
            self.settle_books()
            self.assertEqual(self.everything_in_the_books(), before)
            self.assertFalse(self.provider_writes())
            for move in (sent, first, credited, note):
                self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
            self.assertTrue(self.link_of(fresh))
            self.assertTrue(self.link_of(product))
            self.assertTrue(all(self.settlements(sent).mapped('external_id')))
            self.assertTrue(all(self.settlements(first).mapped('external_id')))
            exchange = self.allocation_exchange(note)
            self.assertTrue(self.allocation_of(note).external_id, (exchange.state, exchange.reason))
            # What is posted now gets a number that the later life had given to another one.
            other = self.invoice(lines=self.lines(70.0))
            self.assertEqual(other.name, self.lost_number)
            self.settle_books()
            self.assertAttention(other, 'already', 'Send under another number')
            self.assertEqual(self.everything_in_the_books(), before)
            # And who is new now is nobody of the later life, whatever the id.
            new = self.env['res.partner'].create({'name': 'Born After The Restore'})
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE res_partner SET create_date = create_date + interval '1 day' WHERE id = %s", (new.id,)
            )
            self.env.invalidate_all()
            self.assertNotEqual(
                new._fieldpromax_number(self.connection).count('-'),
                fresh._fieldpromax_number(self.connection).count('-'),
            )


@tagged('post_install', '-at_install')
class TestRestored(RestoredScenarios, XeroPayments, FieldpromaxPushCommon):
    def forget_requests(self):
        self.simulator.forget_requests()

    def provider_writes(self):
        return [
            row['purpose']
            for row in self.simulator.requests()
            if row['method'] in ('PUT', 'POST', 'DELETE') and '/connect/' not in row['path']
        ]

    def test_unknown_address_asks_once(self):
        """The whole machine was cloned: the address is all that differs."""
        parameters = self.env['ir.config_parameter'].sudo()
        self.simulator.forget_requests()
        before = parameters.get_param('web.base.url')
        self.assertFalse(self.connection._is_copy())
        for address in ('https://other.example.com', 'not an address', 'https://[broken'):
            parameters.set_param('web.base.url', address)
            self.assertEqual(self.connection.status, 'copy', address)
            self.env.invalidate_all()
        parameters.set_param('web.base.url', 'https://other.example.com')
        self.env.invalidate_all()
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertEqual(self.connection.state, 'copy')
        self.assertFalse(self.simulator.requests())
        for word in (
            'https://other.example.com',
            'https://other.example.com/fieldpromax/oauth/callback/xero',
        ):
            self.assertIn(word, self.connection.status_text)
            self.assertIn(word, self.connection.activity_ids.note)
        self.connection.with_env(self.as_person(self.user_manager)).action_claim_database()
        self.assertEqual(self.connection.status, 'connected')
        # Both are known from now on: whoever comes by the old address asks nobody again.
        for address in (before, 'https://OTHER.example.com:8443'):
            parameters.set_param('web.base.url', address)
            self.env.invalidate_all()
            self.assertEqual(self.connection.status, 'connected', address)
        self.run_pull(self.connection)
        self.assertTrue(self.simulator.requests())

    def test_restored_over_itself(self):
        """Nothing tells such a database from the one before, so an administrator says it."""
        self.live_on_and_restore(lambda: self.invoice())
        # A run that was under way in the backup becomes the one that reads everything.
        runs = self.env['fieldpromax.run'].sudo()
        under_way = runs._start(self.connection, 'incremental')
        under_way.line_ids[:1].unlink()
        self.connection.with_env(self.as_person(self.user_manager)).action_note_restored()
        self.assertEqual((under_way.kind, set(under_way.line_ids.mapped('state'))), ('full', {'waiting'}))
        self.assertTrue(self.connection.is_rereading)
        self.run_pull(self.connection)
        self.assertFalse(self.connection.is_rereading)
        self.assertEqual(self.connection.status, 'connected')


@tagged('post_install', '-at_install')
class TestQuickBooksRestored(RestoredScenarios, QuickBooksPayments, QuickBooksPushCommon):
    def forget_requests(self):
        self.quickbooks.forget_requests()

    def provider_writes(self):
        return [
            (row['purpose'], row.get('batch'))
            for row in self.quickbooks.requests()
            if row['method'] == 'POST'
            and row['purpose'] != 'graphql'
            and not any(part in row['path'] for part in ('oauth2', '/query'))
        ]

    def test_numbers_of_the_books(self):
        """Where the books give the number, an invoice is known by ours beside it, and by nothing that differs."""
        self.with_numbers_of_quickbooks()
        same = self.invoice(lines=self.lines())
        other = self.invoice(lines=self.lines(60.0))
        self.live_on_and_restore()
        # Here it comes to stand for another sum.
        other.button_draft()
        other.invoice_line_ids.price_unit = 61.0
        other.action_post()
        self.forget_requests()
        with self.claim_restored():
            self.run_pull(self.connection)
            self.settle_books()
            self.assertEqual(same.fieldpromax_state, 'sent', same.fieldpromax_reason)
            self.assertFalse(self.provider_writes())
            self.assertAttention(other, 'not known whether')
