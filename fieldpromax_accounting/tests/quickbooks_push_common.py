"""What the tests of the push to QuickBooks Online share: a connection with its first import done and its mappings
confirmed."""

from odoo import Command

from .push_common import FieldpromaxPushCommon
from .quickbooks_common import QuickBooksBooks


class QuickBooksPushCommon(QuickBooksBooks, FieldpromaxPushCommon):
    #: company of the simulator that company one is connected to
    books_of = 'US'

    def connect_books(self):
        return self.connect_quickbooks(self.books_of)

    # === ARRANGE === #

    def confirm_mappings(self, connection):
        """What a bookkeeper does once: revenue on 4010 Services, lines without product as "Services", every tax its
        counterpart."""
        driver = connection.sudo()._as_driver()
        driver.env['fieldpromax.mapping']._look_for_items(driver)
        self.env.invalidate_all()
        mappings = self.mappings(connection)
        references = self.env['fieldpromax.reference'].search([('connection_id', '=', connection.id)])
        default = mappings.filtered(lambda row: row.key == 'default')
        default.reference_id = references.filtered(
            lambda row: row.kind == 'account' and row.is_revenue and 'Services' in row.name
        )[:1]
        if to_do := mappings.filtered(lambda row: row.kind in ('account', 'item') and row.needs_attention):
            to_do.action_confirm()
        for row in mappings.filtered(lambda row: row.kind == 'tax' and row.needs_attention):
            if not row.reference_id:
                row.reference_id = references.filtered(
                    lambda reference, row=row: reference.kind == 'tax' and reference.rate == row.rate
                )[:1]
            if row.reference_id:
                row.action_confirm()

    def mappings(self, connection=None):
        return self.env['fieldpromax.mapping'].search(
            [('connection_id', '=', (connection or self.connection).id)]
        )

    def taxed(self, **line):
        return {
            'quantity': 1,
            'price_unit': 100.0,
            'tax_ids': [Command.set(self.company_data['default_tax_sale'].ids)],
            **line,
        }

    def untaxed(self, **line):
        return self.taxed(**{'tax_ids': [Command.clear()], **line})

    def with_numbers_of_quickbooks(self):
        """From here on QuickBooks numbers invoices itself."""
        self.change_books(self.books_of, CustomTxnNumbers=False)
        self.read_references()

    def read_references(self):
        self.env['fieldpromax.run'].sudo()._start(self.connection, 'incremental', with_references=True)
        self.run_pull(self.connection)

    # === LOOK === #

    def books(self, entities, tenant=None):
        state = self.quickbooks.control(
            'GET', f'/_sim/state?tenant={tenant or self.books_of}&entities={entities}'
        )
        (company,) = state['companies'].values()
        return company[entities]

    def in_books(self, move=None, number=None):
        """The invoices of that number, in its own field or in the note, that count."""
        number = number or move.name
        return [
            invoice
            for invoice in self.books('invoices')
            if number in (invoice.get('DocNumber'), *self.noted(invoice))
            and 'Voided' not in invoice.get('PrivateNote', '')
        ]

    @staticmethod
    def noted(invoice):
        return [
            line.removeprefix('Odoo: ')
            for line in (invoice.get('PrivateNote') or '').splitlines()
            if line.startswith('Odoo: ')
        ]

    def customer_in_books(self, invoice):
        wanted = invoice['CustomerRef']['value']
        return next(row for row in self.books('contacts') if row['Id'] == wanted)

    def writes(self, purpose):
        return [
            row for row in self.quickbooks.requests() if purpose in (row['purpose'], *row.get('batch', ()))
        ]

    def let_hours_pass(self, hours):
        """Both clocks go on: ours for what is stored, QuickBooks' for what it remembers."""
        simulator, self.simulator = self.simulator, self.quickbooks
        try:
            self.let_time_pass(hours * 3600)
        finally:
            self.simulator = simulator
