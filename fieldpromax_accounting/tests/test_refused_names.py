"""Names that the books refuse: said before sending, with a name that would do, which a person accepts."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..holds import Hold
from ..renaming import Suggestion, suggest
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class RefusedNames:
    def issue_of(self, record):
        issue = self.exchange_of(record).issue_id
        self.assertEqual(issue.state, 'open', self.exchange_of(record).reason)
        return issue

    def may_rename(self, user):
        user.group_ids |= self.env.ref('base.group_partner_manager') | self.env.ref(
            'product.group_product_manager'
        )
        return user

    def accept(self, issue, user=None):
        user = user or self.may_rename(self.user_bookkeeper)
        issue.with_env(self.as_person(user)).action_accept_suggestion()
        self.env.invalidate_all()


@tagged('post_install', '-at_install')
class TestRefusedNamesQuickBooks(RefusedNames, QuickBooksPushCommon):
    def test_colon(self):
        customer = self.env['res.partner'].create({'name': 'Acme: Homes', 'is_company': True})
        moves = self.invoice(partner=customer) | self.invoice(partner=customer)
        self.quickbooks.forget_requests()
        self.run_push(self.connection)
        self.assertFalse(self.writes('contacts.create'), 'nothing was sent')
        issue = self.issue_of(customer)
        self.assertEqual(issue.suggestion, 'Acme - Homes')
        self.assertIn('does not allow colons', issue.reason)
        self.assertIn('Accept "Acme - Homes"', issue.remedy)
        self.assertEqual(customer.name, 'Acme: Homes', 'nothing is rewritten silently')
        for move in moves:
            self.assertAttention(move, 'Acme - Homes')
        self.accept(issue)
        self.assertEqual((customer.name, issue.state), ('Acme - Homes', 'solved'))
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        for move in moves:
            self.assertSent(move)
        self.assertEqual(self.customer_in_books(self.in_books(moves[0])[0])['DisplayName'], 'Acme - Homes')

    def test_name_of_a_vendor(self):
        customer = self.env['res.partner'].create({'name': 'Supply Depot', 'is_company': True})
        self.env['res.partner'].create({'name': 'Supply Depot (Customer)', 'is_company': True})
        move = self.invoice(partner=customer)
        for _attempt in range(4):
            self.run_push(self.connection)
            self.run_pull(self.connection)
            self.make_due()
        issue = self.issue_of(customer)
        self.assertEqual(
            (issue.cause, issue.suggestion),
            ('taken', 'Supply Depot (Customer 2)'),
            'one that is free in Odoo, too',
        )
        self.accept(issue)
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_second_currency(self):
        """The currency stands behind the name in the books; Odoo's own name is what is changed."""
        customer = self.env['res.partner'].create({'name': 'Acme: Homes', 'is_company': True})
        provider = self.connection._deciding_provider()
        data = customer._fieldpromax_prepare(self.connection, None, role='EUR')
        self.assertEqual(
            suggest(provider, 'contact', customer, data), Suggestion('name', 'Acme: Homes', 'Acme - Homes')
        )
        customer.name = 'x' * 498
        data = customer._fieldpromax_prepare(self.connection, None, role='EUR')
        self.assertEqual(len(suggest(provider, 'contact', customer, data).text), 494)

    def test_corrected_otherwise(self):
        customer = self.env['res.partner'].create({'name': 'Acme: Homes', 'is_company': True})
        move = self.invoice(partner=customer)
        self.run_push(self.connection)
        issue = self.issue_of(customer)
        customer.name = 'Acme Houses'
        self.accept(issue)
        self.assertEqual(customer.name, 'Acme Houses', 'what somebody corrected stays')
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)


@tagged('post_install', '-at_install')
class TestRefusedNamesXero(RefusedNames, FieldpromaxPushCommon):
    def test_product_in_two_languages(self):
        self.env['res.lang']._activate_lang('fr_FR')
        product = self.boiler_service(name='Garden hose with brass couplings, reinforced, 25 m, green')
        product.with_context(lang='fr_FR').name = "Tuyau d'arrosage"
        move = self.invoice(
            lines=[
                {
                    'product_id': product.id,
                    'quantity': 1,
                    'price_unit': 80.0,
                    'tax_ids': [(6, 0, self.company_data['default_tax_sale'].ids)],
                }
            ]
        )
        self.run_push(self.connection)
        issue = self.issue_of(product)
        self.assertEqual(issue.suggestion, 'Garden hose with brass couplings, reinforced, 25')
        self.accept(issue)
        self.assertEqual(product.with_context(lang='en_US').name, issue.suggestion)
        self.assertEqual(product.with_context(lang='fr_FR').name, "Tuyau d'arrosage")
        self.make_due()
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_who_may_accept(self):
        customer = self.env['res.partner'].create({'name': 'Acme <old>', 'is_company': True})
        self.invoice(partner=customer)
        self.run_push(self.connection)
        issue = self.issue_of(customer)
        for user in (self.user_portal, self.user_employee, self.user_invoice, self.user_bookkeeper_2):
            with self.assertRaises(AccessError):
                self.accept(issue, user)
        with self.assertRaisesRegex(AccessError, 'Ask somebody who may to call it "Acme old"'):
            self.accept(issue, self.user_bookkeeper)
        self.assertEqual((customer.name, issue.state), ('Acme <old>', 'open'))
        self.accept(issue, self.may_rename(self.user_bookkeeper))
        self.assertEqual((customer.name, issue.state), ('Acme old', 'solved'))
        with self.assertRaises(UserError):
            self.accept(issue, self.user_bookkeeper)

    def test_only_what_a_text_cures(self):
        """A rule that no other name cures has no suggestion; the words of an issue are renewed with theirs."""
        customer = self.env['res.partner'].create(
            {'name': 'Quillfeather', 'is_company': True, 'phone': '1' * 51, 'email': 'nobody'}
        )
        move = self.invoice(partner=customer)
        self.run_push(self.connection)
        issue = self.issue_of(customer)
        self.assertFalse(issue.suggestion)
        self.assertNotIn('Accept', issue.remedy)
        with self.assertRaises(UserError):
            self.accept(issue)
        customer.write({'phone': False, 'email': 'Ann <ann@b.example> home'})
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)

        hold = Hold('rules', 'k', 'T', 'R', 'D', suggestion=Suggestion('name', 'a', 'b'))
        issue = self.env['fieldpromax.issue'].sudo()._raise_for(self.connection, hold)
        self.assertEqual(issue._as_hold().suggestion, Suggestion('name', 'a', 'b'))
        hold.suggestion = None
        self.assertEqual(self.env['fieldpromax.issue'].sudo()._raise_for(self.connection, hold), issue)
        self.assertFalse(issue.suggestion)
        self.assertIsNone(issue._as_hold().suggestion)
