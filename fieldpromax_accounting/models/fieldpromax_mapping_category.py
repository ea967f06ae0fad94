from odoo import api, fields, models
from odoo.tools import SQL

from ..matching import text_key
from .fieldpromax_mapping import category_key
from .fieldpromax_mapping_usage import LOOK_BACK


class FieldpromaxMapping(models.Model):
    """Which tracking category or class of the books stands for an analytic account. Optional: what has none goes
    without, and nothing waits for it; a person confirms what is suggested."""

    # Apart from what invoice lines need.
    _inherit = 'fieldpromax.mapping'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(
        selection_add=[('category', 'Analytic account')], ondelete={'category': 'cascade'}
    )
    analytic_account_id = fields.Many2one(
        'account.analytic.account', index='btree_not_null', ondelete='set null', readonly=True
    )

    @api.model
    def _has_categories(self, connection):
        """Do the books tell lines apart?"""
        return bool(connection._capabilities().line_categories) and bool(
            self.env['fieldpromax.reference'].search_count(
                [('connection_id', '=', connection.id), ('kind', '=', 'category')], limit=1
            )
        )

    @api.model
    def _analytic_usage(self, connection):
        """``{analytic account id: how many documents of the last year have it on a line}``, in one statement."""
        if not self._has_categories(connection):
            return {}
        for model in ('account.move', 'account.move.line'):
            self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT one.id::int, count(DISTINCT m.id)
                  FROM account_move m
                  JOIN account_move_line l ON l.move_id = m.id AND l.display_type IN ('product', 'rounding')
                 CROSS JOIN jsonb_object_keys(CASE WHEN jsonb_typeof(l.analytic_distribution) = 'object'
                                                   THEN l.analytic_distribution ELSE '{}' END) AS keys(ids)
                 CROSS JOIN unnest(string_to_array(keys.ids, ',')) AS one(id)
                 WHERE m.move_type IN ('out_invoice', 'out_refund') AND m.state IN ('draft', 'posted')
                   AND m.company_id = ANY(%(companies)s) AND COALESCE(m.invoice_date, m.date) >= %(since)s
                   AND NOT COALESCE(m.fieldpromax_do_not_sync, FALSE)
                   AND one.id ~ '^[0-9]+$'
                 GROUP BY one.id
                """,
                companies=connection._served_companies().ids,
                since=fields.Date.today() - LOOK_BACK,
            )
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _usage_counts(self, connection, usage):
        counts = {category_key(one): count for one, count in self._analytic_usage(connection).items()}
        return {**super()._usage_counts(connection, usage), **counts}

    @api.model
    def _wanted_values(self, connection, usage):
        yield from super()._wanted_values(connection, usage)
        accounts = self.env['account.analytic.account'].browse(sorted(self._analytic_usage(connection)))
        for account in accounts.exists():
            yield self._category_values(connection, account)

    @api.model
    def _category_values(self, connection, account):
        return {
            'connection_id': connection.id,
            'kind': 'category',
            'key': category_key(account.id),
            'sequence': 30,
            'analytic_account_id': account.id,
            'record_name': f'{account.root_plan_id.name}: {account.name}',
            'needs_confirmation': True,
        }

    def _suggest_category(self, eligible, provider):
        """By name; where several groups have it, the one that is called like the plan."""
        self.ensure_one()
        account = self.analytic_account_id
        names = {text_key(account.name or ''), text_key(account.code or '')} - {''}
        alike = eligible.filtered(lambda reference: text_key(reference.name) in names)
        of_plan = alike.filtered(
            lambda reference: (
                text_key(reference.group_name or '') == text_key(account.root_plan_id.name or '')
            )
        )
        proposed = of_plan if len(of_plan) == 1 else alike
        if len(proposed) == 1:
            self._set(
                state='suggested',
                reference_id=proposed.id,
                needs_confirmation=True,
                reason=self.env._('Same name. Until you confirm it, lines go to %s without it.', provider),
            )
        else:
            self._set(
                state='missing',
                reference_id=False,
                needs_confirmation=True,
                reason=self.env._(
                    'Nothing in %s is called like it. Lines go without; choose one if they are to be told apart there.',
                    provider,
                ),
            )
