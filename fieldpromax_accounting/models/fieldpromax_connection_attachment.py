from odoo import fields, models


class FieldpromaxConnection(models.Model):
    """Which files go along with invoices."""

    # Apart from what it does.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    attach_pdf = fields.Boolean(
        "Attach the invoice's PDF",
        tracking=True,
        help='The PDF that Odoo makes when the invoice is sent to the customer is attached to it in the books.',
    )
    attach_files = fields.Boolean(
        'Attach its other files',
        tracking=True,
        help="Files of the invoice's chatter go along; pictures inside messages stay here.",
    )
    attach_since = fields.Datetime(
        readonly=True, help='Invoices that were in the books before this time get no files unasked.'
    )

    def write(self, vals):
        chosen = {name for name in ('attach_pdf', 'attach_files') if vals.get(name)}
        begun = self.filtered(lambda connection: any(not connection[name] for name in chosen))
        result = super().write(vals)
        if begun:
            begun.sudo().attach_since = fields.Datetime.now()
        return result
