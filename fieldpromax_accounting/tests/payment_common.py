"""What the tests of payments share, whichever the books: paying in Odoo's own ways, and what the books then show."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields
from odoo.addons.account.models.account_move import AccountMove


class PaymentsMixin:
    """Mix in before a class of the push tests. What differs between the books is below."""

    def arrange_more(self):
        result = super().arrange_more()
        type(self).bank = self.company_data['default_journal_bank']
        type(self).cash = self.company_data['default_journal_cash']
        self.map_journal(self.bank)
        return result

    def payment_mapping(self, journal):
        return self.env['fieldpromax.mapping'].search(
            [
                ('connection_id', '=', self.connection.id),
                ('kind', '=', 'payment_account'),
                ('journal_id', '=', journal.id),
            ]
        )

    def map_journal(self, journal, code=None):
        """What a bookkeeper does once for a journal."""
        row = self.payment_mapping(journal)
        row.reference_id = self.env['fieldpromax.reference'].search(
            [
                ('connection_id', '=', self.connection.id),
                ('kind', '=', 'payment_account'),
                ('code', '=', code or self.bank_code),
            ]
        )
        row.action_confirm()

    # === PAYING === #

    def sent_invoice(self, **values):
        move = self.invoice(**values)
        self.run_push(self.connection)
        self.assertSent(move)
        return move

    def pay(self, moves, amount=None, journal=None, **values):
        """Odoo's "Pay" dialog."""
        wizard = (
            self.env['account.payment.register']
            .with_context(active_model='account.move', active_ids=moves.ids)
            .create(
                {
                    'journal_id': (journal or self.bank).id,
                    'payment_date': fields.Date.today(),
                    **({'amount': amount} if amount else {}),
                    **({'group_payment': True} if len(moves) > 1 else {}),
                    **values,
                }
            )
        )
        return wizard._create_payments()

    def without_entries(self):
        """As with Odoo's full accounting: payments whose method names no account make no journal entry, until a
        statement line settles the invoice."""
        self.bank.inbound_payment_method_line_ids.payment_account_id = False
        patcher = patch.object(AccountMove, '_get_invoice_in_payment_state', lambda _self: 'in_payment')
        patcher.start()
        self.addCleanup(patcher.stop)

    def statement_line(self, amount, **values):
        return self.env['account.bank.statement.line'].create(
            {
                'journal_id': self.bank.id,
                'date': fields.Date.today(),
                'payment_ref': 'Transfer',
                'amount': amount,
                'partner_id': self.customer.id,
                **values,
            }
        )

    def reconcile(self, line, move, amount=None):
        """A statement line settles an invoice, as reconciliation by code does."""
        _liquidity, suspense, _others = line._seek_for_lines()
        receivable = move.line_ids.filtered(lambda one: one.account_type == 'asset_receivable')
        suspense.write(
            {
                'account_id': receivable.account_id.id,
                'partner_id': move.commercial_partner_id.id,
            }
        )
        (suspense | receivable).reconcile()

    def unreconcile(self, move):
        receivable = move.line_ids.filtered(lambda one: one.account_type == 'asset_receivable')
        receivable.remove_move_reconcile()

    @contextmanager
    def breaking(self, model, method):
        """Whatever calls it meets an error."""

        def broken(*_args, **_kwargs):
            raise ValueError('broken on purpose')

        with patch.object(self.env.registry[model], method, broken):
            yield

    # === LOOKING === #

    def settlements(self, move):
        return self.env['fieldpromax.settlement'].sudo().search([('move_id', '=', move.id)], order='id')

    def payment_exchange(self, move):
        return (
            self.env['fieldpromax.exchange']
            .sudo()
            .search([('settlement_id.move_id', '=', move.id)], order='id desc', limit=1)
        )

    def assertPaidThere(self, move, *amounts):
        """These amounts pay the invoice in the books, and nothing else does."""
        self.assertEqual(
            sorted(self.paid_there(move)),
            sorted(amounts),
            [
                (exchange.state, exchange.reason)
                for exchange in self.env['fieldpromax.exchange'].search([('kind', '=', 'payment')])
            ],
        )


class XeroPayments(PaymentsMixin):
    bank_code = '090'

    @staticmethod
    def key_of(payment):
        return payment['PaymentID']

    def there(self, move):
        (invoice,) = self.in_books(move)
        return invoice

    def paid_there(self, move):
        return [float(payment['Amount']) for payment in self.there(move)['Payments']]

    def is_paid_there(self, move):
        return self.there(move)['Status'] == 'PAID'

    def payments_there(self):
        return [one for one in self.books('payments') if one['Status'] != 'DELETED']

    def pay_there(self, move, amount, **values):
        return self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {'payments': [{'InvoiceNumber': move.name, 'amount': amount, **values}]},
        )['payments'][0]

    def unpay_there(self, external_id):
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {'payments': [{'PaymentID': external_id, 'delete': True}]},
        )

    def lock_there(self, day):
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'PeriodLockDate': day and fields.Date.to_string(day)}
        )

    def lose_answers(self, times=1):
        self.simulator.fault('timeout_after', path='/Payments$', method='PUT', times=times)


class QuickBooksPayments(PaymentsMixin):
    bank_code = '1'

    @staticmethod
    def key_of(payment):
        return payment['Id']

    def there(self, move):
        (invoice,) = self.in_books(move)
        return invoice

    def paid_there(self, move):
        key = self.there(move)['Id']
        return [
            float(line['Amount'])
            for payment in self.books('payments')
            for line in payment['Line']
            if key in [linked['TxnId'] for linked in line['LinkedTxn']]
        ]

    def is_paid_there(self, move):
        return self.there(move)['Balance'] == 0

    def payments_there(self):
        return [one for one in self.books('payments') if one['TotalAmt']]

    def pay_there(self, move, amount, **values):
        paid = {'DocNumber': move.name, 'amount': amount}
        return self.change_books(self.books_of, payments=[{'invoices': [paid], **values}])['payments'][0]

    def unpay_there(self, external_id):
        self.change_books(self.books_of, payments=[{'Id': external_id, 'action': 'delete'}])

    def lock_there(self, day):
        self.change_books(self.books_of, BookCloseDate=day and fields.Date.to_string(day))

    def lose_answers(self, times=1):
        self.quickbooks.fault('timeout_after', path='/payment$', method='POST', times=times)
