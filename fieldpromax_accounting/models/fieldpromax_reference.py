import json

from odoo import api, fields, models
from odoo.tools import SQL


class FieldpromaxReference(models.Model):
    """An account or a tax rate of the books, as last read. Only mappings point here; nothing is posted on it
    in Odoo."""

    _name = 'fieldpromax.reference'
    _description = 'Account or tax rate of the books'
    _order = 'kind, code, name, id'
    _rec_names_search = ['name', 'code', 'external_id']

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection([('account', 'Account'), ('tax', 'Tax rate')], required=True, readonly=True)
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    code = fields.Char(readonly=True)
    name = fields.Char(required=True, readonly=True)
    rate = fields.Float('Rate (%)', digits=(16, 4), readonly=True)
    is_revenue = fields.Boolean('Revenue account', readonly=True)
    for_sales = fields.Boolean('For sales', readonly=True)
    active = fields.Boolean(default=True, readonly=True)

    _external_unique = models.Constraint(
        'unique(connection_id, kind, external_id)', 'An account or tax rate of the books is listed once.'
    )

    @api.depends('kind', 'code', 'name', 'rate')
    def _compute_display_name(self):
        for reference in self:
            if reference.kind == 'account':
                reference.display_name = ' '.join(filter(None, (reference.code, reference.name)))
            else:
                reference.display_name = f'{reference.name} ({reference.rate:g} %)'

    @api.model
    def _store(self, connection, accounts, tax_rates):
        """Take over what the books have now, in one statement; what they no longer have becomes inactive.

        :param accounts: DTOs of :meth:`AccountingProvider.list_accounts`.
        :param tax_rates: DTOs of :meth:`AccountingProvider.list_tax_rates`.
        :return: how many there are.
        """
        rows = {
            ('account', account.external_id): {
                'code': account.code,
                'name': account.name or account.code,
                'rate': 0.0,
                'is_revenue': account.is_revenue,
                'for_sales': False,
                'active': account.active,
            }
            for account in accounts
        } | {
            ('tax', rate.external_id): {
                'code': rate.external_id,
                'name': rate.name or rate.external_id,
                'rate': float(rate.rate),
                'is_revenue': False,
                'for_sales': rate.for_sales,
                'active': rate.active,
            }
            for rate in tax_rates
        }
        data = [
            {'kind': kind, 'external_id': external_id, **row} for (kind, external_id), row in rows.items()
        ]
        self.env.cr.execute(
            SQL(
                """
                WITH books AS (
                    SELECT * FROM json_to_recordset(%(data)s::json) AS r(kind varchar, external_id varchar,
                           code varchar, name varchar, rate float8, is_revenue bool, for_sales bool, active
                           bool)
                ), gone AS (
                    UPDATE fieldpromax_reference f SET active = FALSE, write_date = now() AT TIME ZONE 'UTC'
                     WHERE f.connection_id = %(connection)s AND f.active AND NOT EXISTS (
                           SELECT FROM books b WHERE b.kind = f.kind AND b.external_id = f.external_id)
                )
                INSERT INTO fieldpromax_reference (connection_id, company_id, kind, external_id, code, name,
                       rate, is_revenue, for_sales, active, create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(company)s, b.kind, b.external_id, b.code, b.name, b.rate,
                       b.is_revenue, b.for_sales, b.active, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now()
                       AT TIME ZONE 'UTC'
                  FROM books b
                ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET
                       code = EXCLUDED.code, name = EXCLUDED.name, rate = EXCLUDED.rate,
                       is_revenue = EXCLUDED.is_revenue, for_sales = EXCLUDED.for_sales, active =
                       EXCLUDED.active, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                data=json.dumps(data),
                connection=connection.id,
                company=connection.company_id.id,
                uid=self.env.uid,
            )
        )
        self.invalidate_model()
        return len(data)
