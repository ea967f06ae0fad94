"""What becomes of an invoice after it was sent, the same for every provider: classes of tests mix this in."""

from odoo import Command, fields
from odoo.exceptions import RedirectWarning, UserError


class AfterPushScenarios:
    def sent_invoice(self, **values):
        tax = [Command.set(self.company_data['default_tax_sale'].ids)]
        move = self.invoice(
            lines=[
                {'name': 'Call-out', 'quantity': 1, 'price_unit': 100.0, 'tax_ids': tax},
                {'name': 'Labour', 'quantity': 2.5, 'price_unit': 60.0, 'discount': 10, 'tax_ids': tax},
                {'name': 'Materials', 'quantity': 3, 'price_unit': 19.99, 'tax_ids': tax},
                {'name': 'Thank you', 'display_type': 'line_note'},
            ],
            **values,
        )
        self.run_push(self.connection)
        self.assertSent(move)
        return move

    def test_edit_goes_over_with_the_ids_of_the_lines(self):
        move = self.sent_invoice()
        link = self.link_of(move)
        self.assertTrue(link.verified_at, 'every field of the answer agreed')
        self.assertIn('Verified', move.fieldpromax_headline)
        self.assertEqual(link.external_due, move.amount_total)
        before = {name: line_id for line_id, name, _amount in self.lines_in_books(move)}
        external_id = link.external_id
        # Posted again as it was: nobody is asked.
        move.button_draft()
        self.assertAttention(move, 'Changed after it was sent')
        move.action_post()
        self.forget_requests()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.calls_asked(), [])
        # What matters changes: one line goes, one changes, one is new; reference and due date.
        move.button_draft()
        labour = move.invoice_line_ids.filtered(lambda line: line.name == 'Labour')
        call_out = move.invoice_line_ids.filtered(lambda line: line.name == 'Call-out')
        move.write(
            {
                'ref': 'PO 77',
                'invoice_payment_term_id': False,
                'invoice_date_due': fields.Date.add(fields.Date.today(), days=21),
                'invoice_line_ids': [
                    Command.delete(call_out.id),
                    Command.update(labour.id, {'quantity': 4}),
                    Command.create(
                        {
                            'name': 'Disposal',
                            'price_unit': 12.5,
                            'sequence': 5000,
                            'tax_ids': [Command.set(self.company_data['default_tax_sale'].ids)],
                        }
                    ),
                ],
            }
        )
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertIn('Verified', move.fieldpromax_headline)
        self.assertEqual(self.link_of(move).external_id, external_id, 'the same document')
        self.assertEqual([method for method, _path in self.calls_asked()], ['GET', 'POST'])
        after = {name: line_id for line_id, name, _amount in self.lines_in_books(move)}
        self.assertEqual(set(after), {'Labour', 'Materials', 'Thank you', 'Disposal'})
        for name in ('Labour', 'Materials', 'Thank you'):
            self.assertEqual(after[name], before[name], name)
        self.assertAlmostEqual(self.link_of(move).external_total, move.amount_total)
        # Another customer of the same books.
        other = self.env['res.partner'].create({'name': 'Quayside Bakery', 'is_company': True})
        move.button_draft()
        move.partner_id = other
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.link_of(move).external_id, external_id)
        self.assertEqual(self.link_of(move).external_name, 'Quayside Bakery')
        # A copy is another document.
        self.assertFalse(self.link_of(move.copy()))

    def test_edit_on_both_sides_waits_for_a_person(self):
        move = self.sent_invoice()
        self.edit_reference_in_books(move, 'Agreed by phone')
        move.button_draft()
        move.ref = 'PO 88'
        move.action_post()
        self.run_push(self.connection)
        self.assertAttention(move, 'Agreed by phone', 'PO 88')
        issue = move.fieldpromax_issue_id
        self.assertEqual(issue.cause, 'changed_on_both')
        self.assertIn(('Reference', 'PO 88', 'Agreed by phone'), self.side_by_side(issue))
        self.assertFalse(issue.difference_ids.with_user(self.user_bookkeeper_2).search([]), 'not of others')
        with self.assertRaises(UserError):
            issue.with_user(self.user_invoice).action_push_again()
        issue.with_user(self.user_bookkeeper).action_push_again()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.link_of(move).external_document['reference'], 'PO 88')
        self.assertEqual(issue.state, 'solved')

    def test_lost_answer_of_a_change_is_looked_at(self):
        move = self.sent_invoice()
        move.button_draft()
        move.ref = 'PO 99'
        move.action_post()
        self.lose_answer_of_change()
        self.run_push(self.connection)
        self.let_keys_expire()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.link_of(move).external_document['reference'], 'PO 99')

    def test_cancelled_is_voided_and_deleted_too(self):
        cancelled, deleted, paid = self.sent_invoice(), self.sent_invoice(), self.sent_invoice()
        names = (cancelled | deleted | paid).mapped('name')
        cancelled.button_draft()
        cancelled.button_cancel()
        self.assertEqual(cancelled.fieldpromax_state, 'waiting', 'it is voided by itself')
        self.act_in_books(paid, action='pay')
        links = {move.name: self.link_of(move) for move in deleted | paid}
        for move in deleted | paid:
            move.button_draft()
            move.with_context(force_delete=True).unlink()
        self.run_push(self.connection)
        self.assertEqual(cancelled.fieldpromax_state, 'not_sent')
        self.assertIn('void in', cancelled.fieldpromax_reason)
        self.assertEqual(self.in_books(number=names[0]), [])
        self.assertEqual(self.in_books(number=names[1]), [], 'deleted here, voided there')
        self.assertEqual(links[names[1]].external_status, 'void')
        self.assertEqual(len(self.in_books(number=names[2])), 1, 'paid there: it stays')
        issue = self.env['fieldpromax.issue'].search([('cause', '=', 'orphan'), ('state', '=', 'open')])
        self.assertIn(names[2], issue.title)
        self.assertIn('It is paid in', issue.reason)
        self.assertEqual(issue.link_id, links[names[2]])
        issue.with_user(self.user_bookkeeper).action_leave_there()
        self.assertEqual(issue.state, 'solved')
        self.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.calls_asked(), [])

    def test_paid_there_is_reset_by_a_manager_alone(self):
        move = self.sent_invoice()
        self.act_in_books(move, action='pay', amount=10)
        # Nobody asks the books where a person waits: what they last told counts.
        self.forget_requests()
        move.button_draft()
        move.action_post()
        self.assertEqual(self.calls_asked(), [])
        link = self.link_of(move)
        link.sudo().external_due = move.amount_total - 10
        with self.assertRaisesRegex(UserError, 'paid in part'):
            move.with_user(self.user_bookkeeper).button_draft()
        both = self.user_manager
        both.group_ids += self.env.ref('account.group_account_manager')
        with self.assertRaises(RedirectWarning):
            move.with_user(both).button_draft()
        move.with_user(both).action_fieldpromax_reset_all_the_same()
        self.assertEqual(move.state, 'draft')
        issue = self.env['fieldpromax.issue'].search([('cause', '=', 'draft_override')])
        self.assertEqual((issue.state, issue.move_id), ('open', move))
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'open')
        move.action_post()
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved', 'posted again as it was')
        # A change is held, with both sides, and names what stands in its way.
        link.sudo().external_due = move.amount_total
        move.button_draft()
        move.invoice_line_ids[0].price_unit = 130
        move.action_post()
        self.run_push(self.connection)
        self.assertAttention(move, 'paid in part', 'Total')

    def side_by_side(self, issue):
        return [(one.label, one.ours or '', one.theirs or '') for one in issue.difference_ids]


class XeroAfterPush:
    """What a bookkeeper does in the books, and what they were asked."""

    def lines_in_books(self, move):
        [invoice] = self.in_books(move)
        return [
            (line['LineItemID'], line['Description'].splitlines()[0], float(line['LineAmount']))
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


class QuickBooksAfterPush:
    """As :class:`XeroAfterPush`."""

    def lines_in_books(self, move):
        [invoice] = self.in_books(move)
        return [
            (line['Id'], line['Description'].splitlines()[0], float(line.get('Amount', 0)))
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
