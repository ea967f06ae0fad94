"""Xero and QuickBooks Online: an invoice that was sent is changed, cancelled, deleted, or changed there."""

from odoo.tests import tagged

from .after_push_common import AfterPushScenarios
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


@tagged('post_install', '-at_install')
class TestAfterPush(AfterPushScenarios, FieldpromaxPushCommon):
    def lines_in_books(self, move):
        [invoice] = self.in_books(move)
        return [
            (line['LineItemID'], line['Description'], float(line['LineAmount']))
            for line in invoice['LineItems']
        ]

    def act_in_books(self, move, **values):
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'invoices': [{'InvoiceNumber': move.name, **values}]}
        )

    def edit_reference_in_books(self, move, text):
        self.act_in_books(move, Reference=text)

    def calls_asked(self):
        return [(row['method'], row['path']) for row in self.simulator.requests(path='/Invoices')]

    def forget_requests(self):
        self.simulator.forget_requests()

    def lose_answer_of_change(self):
        self.simulator.fault('timeout_after', path='/Invoices/', method='POST')

    def let_keys_expire(self):
        self.let_time_pass(3600)

    def test_draft_is_deleted_and_its_approval_there_is_followed(self):
        self.connection.invoice_status = 'draft'
        draft, approved = self.sent_invoice(), self.sent_invoice()
        self.act_in_books(approved, action='approve')
        for move in draft | approved:
            move.button_draft()
            move.button_cancel()
        self.run_push(self.connection)
        statuses = {row['InvoiceNumber']: row['Status'] for row in self.books('invoices')}
        self.assertEqual(statuses[draft.name], 'DELETED')
        self.assertEqual(statuses[approved.name], 'VOIDED')


@tagged('post_install', '-at_install')
class TestQuickBooksAfterPush(AfterPushScenarios, QuickBooksPushCommon):
    def lines_in_books(self, move):
        [invoice] = self.in_books(move)
        return [
            (line['Id'], line['Description'], float(line.get('Amount', 0)))
            for line in invoice['Line']
            if line['DetailType'] != 'SubTotalLineDetail'
        ]

    def act_in_books(self, move, **values):
        self.change_books(invoices=[{'DocNumber': move.name, **values}])

    def edit_reference_in_books(self, move, text):
        self.act_in_books(move, PrivateNote=text)

    def calls_asked(self):
        return [
            (row['method'], row['path'])
            for row in self.quickbooks.requests()
            if row['path'].rstrip('/').rpartition('/')[0].endswith('/invoice')
            or row['path'].endswith('/invoice')
        ]

    def forget_requests(self):
        self.quickbooks.forget_requests()

    def lose_answer_of_change(self):
        self.quickbooks.fault('timeout_after', path='/invoice$', method='POST')

    def let_keys_expire(self):
        self.let_hours_pass(30)
