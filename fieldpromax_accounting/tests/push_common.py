"""What the tests of the push share: a connection with its first import done and its mappings confirmed."""

from odoo import Command, fields

from .common import FieldpromaxCommon


class FieldpromaxPushCommon(FieldpromaxCommon):
    def arrange_class(self):
        type(self).connection = self.connect_books()
        self.run_pull(self.connection)
        self.confirm_mappings(self.connection)
        type(self).customer = self.env['res.partner'].create(
            {'name': 'Harbour Café', 'email': 'office@harbour.example', 'is_company': True}
        )
        self.arrange_more()

    def arrange_more(self):
        """What every test of the class begins with besides."""

    # === ARRANGE === #

    def connect_books(self):
        return self.connect('US')

    def confirm_mappings(self, connection):
        """What a bookkeeper does once before the first push: default account 200, every tax its counterpart."""
        references = self.env['fieldpromax.reference'].search([('connection_id', '=', connection.id)])
        mapping = self.env['fieldpromax.mapping']
        default = mapping.search(
            [('connection_id', '=', connection.id), ('kind', '=', 'account'), ('key', '=', 'default')]
        )
        default.reference_id = references.filtered(
            lambda reference: reference.kind == 'account' and reference.code == '200'
        )
        default.action_confirm()
        for row in mapping.search([('connection_id', '=', connection.id), ('kind', '=', 'tax')]):
            if not row.reference_id:
                row.reference_id = references.filtered(
                    lambda reference, row=row: reference.kind == 'tax' and reference.external_id == 'NONE'
                )
            if row.state != 'confirmed':
                row.action_confirm()

    def invoice(self, post=True, partner=None, lines=None, **values):
        """A customer invoice of company one: by default one line of 100.00 with 15 % tax."""
        move = self.env['account.move'].create(self._invoice_values(partner, lines, **values))
        if post:
            move.action_post()
        return move

    def invoices(self, lines):
        """Draft invoices of one line each, made together, which is much faster."""
        return self.env['account.move'].create([self._invoice_values(lines=[line]) for line in lines])

    def _invoice_values(self, partner=None, lines=None, **values):
        usual = {
            'name': 'Call-out',
            'quantity': 1,
            'price_unit': 100.0,
            'tax_ids': [Command.set(self.company_data['default_tax_sale'].ids)],
        }
        return {
            'move_type': 'out_invoice',
            'partner_id': (partner or self.customer).id,
            'invoice_date': fields.Date.today(),
            'invoice_line_ids': [Command.create(line) for line in lines or [usual]],
            **values,
        }

    def boiler_service(self, **values):
        return self.env['product.product'].create(
            {
                'name': 'Boiler service',
                'default_code': 'BOILER',
                'list_price': 80.0,
                'type': 'service',
                'taxes_id': [Command.set(self.company_data['default_tax_sale'].ids)],
                'property_account_income_id': self.company_data['default_account_revenue'].id,
                **values,
            }
        )

    # === LOOK === #

    def in_books(self, move=None, number=None):
        """The invoices of that number in the books of Lakeside, as its bookkeeper sees them."""
        number = number or move.name
        return [
            invoice
            for invoice in self.books('invoices')
            if invoice.get('InvoiceNumber') == number and invoice['Status'] not in ('DELETED', 'VOIDED')
        ]

    def books(self, entities, tenant='US'):
        state = self.simulator.control('GET', f'/_sim/state?tenant={tenant}&entities={entities}')
        return self._find_list(state, entities)

    def _find_list(self, node, entities):
        if isinstance(node, dict):
            for key, value in node.items():
                if key.lower() == entities and isinstance(value, (list, dict)):
                    return value if isinstance(value, list) else list(value.values())
                found = self._find_list(value, entities)
                if found is not None:
                    return found
        elif isinstance(node, list):
            for value in node:
                found = self._find_list(value, entities)
                if found is not None:
                    return found
        return None

    def exchange_of(self, record):
        column = {'account.move': 'move_id', 'res.partner': 'partner_id', 'product.product': 'product_id'}[
            record._name
        ]
        return (
            self.env['fieldpromax.exchange']
            .sudo()
            .search([(column, '=', record.id)], order='id desc', limit=1)
        )

    def link_of(self, record):
        return self.env['fieldpromax.link']._of(self.connection, record).get(record.id)

    def assertSent(self, move):
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
        self.assertEqual(len(self.in_books(move)), 1, 'exactly once in the books')

    def assertAttention(self, move, *words):
        self.assertEqual(
            move.fieldpromax_state, 'attention', f'{move.fieldpromax_state}: {move.fieldpromax_reason}'
        )
        for word in words:
            self.assertIn(word, move.fieldpromax_reason)

    def make_due(self):
        """As if the time of every next attempt had come."""
        self.env['fieldpromax.exchange'].sudo().search([('next_attempt_at', '!=', False)]).write(
            {'next_attempt_at': fields.Datetime.subtract(fields.Datetime.now(), seconds=1)}
        )

    def let_time_pass(self, seconds):
        """Both clocks go on: ours for what is stored, the provider's for what it remembers."""
        calls = self.env['fieldpromax.call'].sudo().search([])
        for call in calls:
            call.write(
                {
                    'first_sent_at': fields.Datetime.subtract(call.first_sent_at, seconds=seconds),
                    'last_sent_at': fields.Datetime.subtract(call.last_sent_at, seconds=seconds),
                }
            )
        self.make_due()
        self.simulator.control('POST', '/_sim/clock', {'advance_seconds': seconds})
