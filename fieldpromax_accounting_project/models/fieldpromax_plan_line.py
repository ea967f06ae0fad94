from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.matching import text_key_sql
from odoo.tools import SQL


class FieldpromaxPlanLine(models.Model):
    """Projects in the plan of a first import: each follows its customer."""

    _inherit = 'fieldpromax.plan.line'

    kind = fields.Selection(selection_add=[('project', 'Project')], ondelete={'project': 'cascade'})
    project_id = fields.Many2one(
        'project.project', 'Project in Odoo', index='btree_not_null', ondelete='set null', check_company=True
    )

    @api.depends('project_id')
    def _compute_comparison(self):
        return super()._compute_comparison()

    @api.model
    def _chosen_fields(self):
        return (*super()._chosen_fields(), 'project_id')

    def _match_values(self):
        values = super()._match_values()
        return {**values, 'external_customer': self.external_detail} if self.kind == 'project' else values

    @api.model
    def _twin_keys(self, kind):
        if kind != 'project':
            return super()._twin_keys(kind)
        name = text_key_sql(SQL.identifier('l', 'external_name'))
        # The same name is nothing unusual where the customer is another one.
        return [SQL("(l.external_data->>'contact_external_id') || '/' || %s", name)]

    def _sort_out(self, connection, kind):
        """A project that only waited for its customer is treated as the rules say, now that the customers are done."""
        result = super()._sort_out(connection, kind)
        if kind == 'project':
            waited = result['review'].filtered(
                lambda line: line.action == 'review' and not line.decided_by_id and not line.candidates
            )
            result['review'] -= waited
            result['create'] |= waited
        return result

    def _link(self, match, connection, kind, lines):
        """ "No customer in Odoo, same name": whoever links it says whose project it is."""
        count = super()._link(match, connection, kind, lines)
        if kind == 'project':
            customers = match._project_customer_links(
                connection, {line.external_data['contact_external_id'] for line in lines}
            )
            for line in lines.filtered(lambda line: not line.project_id.partner_id):
                link = customers.get(line.external_data['contact_external_id'])
                if link and link.partner_id:
                    line.project_id.with_context(fieldpromax_no_push=True).partner_id = link.partner_id
                    line.run_id._note_previous(line.project_id, {'partner_id': False})
        return count
