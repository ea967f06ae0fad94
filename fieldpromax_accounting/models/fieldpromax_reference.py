import json

from odoo import api, fields, models
from odoo.tools import SQL


class FieldpromaxReference(models.Model):
    """An account, a tax rate, a payment term or an item of the books, as last read. Only mappings point here; nothing
    is posted on it in Odoo."""

    _name = 'fieldpromax.reference'
    _description = 'Account, tax rate, term or item of the books'
    _order = 'kind, code, name, id'
    _rec_names_search = ['name', 'code', 'external_id']

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [
            ('account', 'Account'),
            ('tax', 'Tax rate'),
            ('term', 'Payment term'),
            ('item', 'Product'),
            ('payment_account', 'Account for payments'),
            ('category', 'Tracking category or class'),
        ],
        required=True,
        readonly=True,
    )
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    code = fields.Char(readonly=True)
    name = fields.Char(required=True, readonly=True)
    rate = fields.Float('Rate (%)', digits=(16, 4), readonly=True)
    is_computed = fields.Boolean(
        'Worked out there', readonly=True, help='The books work out the rate themselves, by address.'
    )
    days = fields.Integer(readonly=True, help='Days until due; -1 for terms of another sort.')
    is_revenue = fields.Boolean('Revenue account', readonly=True)
    for_sales = fields.Boolean('For sales', readonly=True)
    currency = fields.Char(readonly=True, help="Of an account for payments; empty: the books' own.")
    category_group = fields.Char(readonly=True, help='Of a category: a line has one of the same group.')
    group_name = fields.Char(readonly=True)
    active = fields.Boolean(default=True, readonly=True)

    _external_unique = models.Constraint(
        'unique(connection_id, kind, external_id)', 'An account or tax rate of the books is listed once.'
    )

    @api.depends('kind', 'code', 'name', 'rate', 'is_computed', 'group_name')
    def _compute_display_name(self):
        for reference in self:
            if reference.kind == 'tax' and reference.is_computed:
                reference.display_name = self.env._('%s (worked out there)', reference.name)
            elif reference.kind == 'tax':
                reference.display_name = f'{reference.name} ({reference.rate:g} %)'
            elif reference.kind in ('account', 'payment_account') and reference.code != reference.external_id:
                reference.display_name = ' '.join(filter(None, (reference.code, reference.name)))
            elif reference.group_name:
                reference.display_name = f'{reference.group_name}: {reference.name}'
            else:
                # A code that is the provider's own id tells people nothing.
                reference.display_name = reference.name

    @api.model
    def _store(self, connection, accounts, tax_rates, terms=(), categories=()):
        """Take over what the books have now; what they no longer have becomes inactive.

        :param accounts: DTOs of :meth:`AccountingProvider.list_accounts`.
        :param tax_rates: DTOs of :meth:`AccountingProvider.list_tax_rates`.
        :param terms: DTOs of :meth:`AccountingProvider.list_terms`.
        :param categories: DTOs of :meth:`AccountingProvider.list_categories`.
        :return: how many there are.
        """
        rows = {
            ('account', account.external_id): {
                'code': account.code,
                'name': account.name or account.code,
                'is_revenue': account.is_revenue,
                'active': account.active,
            }
            for account in accounts
            if account.is_line
        }
        rows |= {
            ('payment_account', account.external_id): {
                'code': account.code,
                'name': account.name or account.code,
                'currency': account.currency,
                'active': account.active,
            }
            for account in accounts
            if account.is_payment
        }
        rows |= {
            ('tax', rate.external_id): {
                'code': rate.external_id,
                'name': rate.name or rate.external_id,
                'rate': float(rate.rate or 0),
                'is_computed': rate.rate is None,
                'for_sales': rate.for_sales,
                'active': rate.active,
            }
            for rate in tax_rates
        }
        rows |= {
            ('term', term.external_id): {
                'name': term.name or term.external_id,
                'days': -1 if term.days is None else term.days,
                'active': term.active,
            }
            for term in terms
        }
        rows |= {
            ('category', category.external_id): {
                'name': category.name or category.external_id,
                'category_group': category.group,
                'group_name': category.group_name,
                'active': category.active,
            }
            for category in categories
        }
        return self._replace(connection, ('account', 'tax', 'term', 'payment_account', 'category'), rows)

    @api.model
    def _store_items(self, connection):
        """The items of the books, as far as they were read, for lines that have no product of their own."""
        links = self.env['fieldpromax.link'].search_fetch(
            [('connection_id', '=', connection.id), ('kind', '=', 'item')],
            ['external_id', 'external_name', 'external_number', 'external_active'],
        )
        rows = {
            ('item', link.external_id): {
                'code': link.external_number or '',
                'name': link.external_name or link.external_number or link.external_id,
                'active': link.external_active,
            }
            for link in links
        }
        return self._replace(connection, ('item',), rows)

    @api.model
    def _replace(self, connection, kinds, rows):
        """Make the references of these kinds what ``rows`` says, in one statement.

        :param rows: ``{(kind, external id): values}``; what is left out is empty.
        :return: how many there are.
        """
        empty = {
            'code': '',
            'rate': 0.0,
            'is_computed': False,
            'days': 0,
            'is_revenue': False,
            'for_sales': False,
            'currency': '',
            'category_group': '',
            'group_name': '',
        }
        data = [
            {**empty, 'kind': kind, 'external_id': external_id, **row}
            for (kind, external_id), row in rows.items()
        ]
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH books AS (
                    SELECT * FROM json_to_recordset(%(data)s::json) AS r(kind varchar, external_id varchar,
                           code varchar, name varchar, rate float8, is_computed bool, days int, is_revenue bool,
                           for_sales bool, currency varchar, category_group varchar, group_name varchar, active bool)
                ), gone AS (
                    UPDATE fieldpromax_reference f SET active = FALSE, write_date = now() AT TIME ZONE 'UTC'
                     WHERE f.connection_id = %(connection)s AND f.active AND f.kind = ANY(%(kinds)s)
                       AND NOT EXISTS (
                           SELECT FROM books b WHERE b.kind = f.kind AND b.external_id = f.external_id)
                )
                INSERT INTO fieldpromax_reference AS r (connection_id, company_id, kind, external_id, code, name,
                       rate, is_computed, days, is_revenue, for_sales, currency, category_group, group_name, active,
                       create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(company)s, b.kind, b.external_id, b.code, b.name, b.rate, b.is_computed,
                       b.days, b.is_revenue, b.for_sales, b.currency, b.category_group, b.group_name, b.active,
                       %(uid)s, %(uid)s,
                       now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM books b
                ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET
                       code = EXCLUDED.code, name = EXCLUDED.name, rate = EXCLUDED.rate,
                       is_computed = EXCLUDED.is_computed, days = EXCLUDED.days,
                       is_revenue = EXCLUDED.is_revenue, for_sales = EXCLUDED.for_sales,
                       currency = EXCLUDED.currency, category_group = EXCLUDED.category_group,
                       group_name = EXCLUDED.group_name, active = EXCLUDED.active,
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                 WHERE (r.code, r.name, r.rate, r.is_computed, r.days, r.is_revenue, r.for_sales, r.currency,
                       r.category_group, r.group_name, r.active)
                       IS DISTINCT FROM (EXCLUDED.code, EXCLUDED.name, EXCLUDED.rate, EXCLUDED.is_computed,
                       EXCLUDED.days, EXCLUDED.is_revenue, EXCLUDED.for_sales, EXCLUDED.currency,
                       EXCLUDED.category_group, EXCLUDED.group_name, EXCLUDED.active)
                """,
                data=json.dumps(data),
                kinds=list(kinds),
                connection=connection.id,
                company=connection.company_id.id,
                uid=self.env.uid,
            )
        )
        self.invalidate_model()
        return len(data)
