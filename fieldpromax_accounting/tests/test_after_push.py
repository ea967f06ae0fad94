"""Xero and QuickBooks Online: an invoice that was sent is changed, cancelled, deleted, or changed there."""

from odoo.tests import tagged

from .after_push_common import AfterPushScenarios, QuickBooksAfterPush, XeroAfterPush
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


@tagged('post_install', '-at_install')
class TestAfterPush(XeroAfterPush, AfterPushScenarios, FieldpromaxPushCommon):
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
class TestQuickBooksAfterPush(QuickBooksAfterPush, AfterPushScenarios, QuickBooksPushCommon):
    pass
