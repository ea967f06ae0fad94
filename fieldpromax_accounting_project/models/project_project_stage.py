from odoo import api, fields, models

from ..terms import STATUSES

STANDARD_STAGES = {
    'project.project_project_stage_0': 'open',
    'project.project_project_stage_1': 'in_progress',
    'project.project_project_stage_2': 'done',
    'project.project_project_stage_3': 'cancelled',
}


class ProjectProjectStage(models.Model):
    _inherit = 'project.project.stage'

    fieldpromax_status = fields.Selection(
        STATUSES,
        'State in the books',
        compute='_compute_fieldpromax_status',
        precompute=True,
        store=True,
        readonly=False,
        required=True,
        help='What a project in this stage counts as in the connected accounting software.',
    )

    # Without dependencies: a first guess, which whoever configures the stages may change for good.
    @api.depends()
    def _compute_fieldpromax_status(self):
        standard = {
            stage.id: status
            for xmlid, status in STANDARD_STAGES.items()
            if (stage := self.env.ref(xmlid, raise_if_not_found=False))
        }
        for stage in self:
            guess = 'done' if stage.fold else 'in_progress'
            stage.fieldpromax_status = standard.get(stage.id) or guess
