from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.matching import one_line
from odoo.addons.fieldpromax_accounting.providers import dto

from ..terms import Comparison, effective_status


class FieldpromaxLink(models.Model):
    _inherit = 'fieldpromax.link'

    kind = fields.Selection(selection_add=[('project', 'Project')], ondelete={'project': 'cascade'})
    project_id = fields.Many2one(
        'project.project', index='btree_not_null', ondelete='set null', readonly=True
    )
    is_sub_customer = fields.Boolean(
        'Kept as sub-customer',
        readonly=True,
        help='The books keep this project as a customer below its customer.',
    )

    _project_unique = models.UniqueIndex('(connection_id, project_id, role) WHERE project_id IS NOT NULL')

    @api.model
    def _record_fields(self):
        return {**super()._record_fields(), 'project': 'project_id'}

    @api.model
    def _columns_of(self, record):
        columns = super()._columns_of(record)
        if isinstance(record, dto.Project):
            columns['parent_external_id'] = record.contact_external_id or None
        return columns

    @api.model
    def _link_many(self, connection, kind, pairs, *args, **kwargs):
        """A project that is linked now agrees with its counterpart as both are: linking changes neither of them."""
        count = super()._link_many(connection, kind, pairs, *args, **kwargs)
        if kind == 'project' and pairs:
            remotes = {remote.external_id: remote for _record, remote in pairs}
            links = self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('external_id', 'in', list(remotes)),
                ]
            )
            for link in links:
                if link.is_sub_customer != remotes[link.external_id].is_sub_customer:
                    link.is_sub_customer = remotes[link.external_id].is_sub_customer
                if link.project_id and not link.baseline:
                    link.baseline = link._compare_project().baseline()
        return count

    def _last_known(self):
        return {**super()._last_known(), 'is_sub_customer': self.is_sub_customer}

    def _project_terms(self):
        """Name and state of the project as the books last told."""
        self.ensure_one()
        return {
            'name': one_line(self.external_name),
            'status': effective_status(self.external_status, self.external_active),
        }

    def _compare_project(self):
        """What became of both sides of a linked project since they last agreed."""
        self.ensure_one()
        ours = self.project_id._fieldpromax_terms(self.connection_id)
        return Comparison(self.baseline, ours, self._project_terms())

    def _is_matched(self):
        return super()._is_matched() or (self.kind == 'project' and bool(self.project_id))
