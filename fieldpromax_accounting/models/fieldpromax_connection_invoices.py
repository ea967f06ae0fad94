from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .fieldpromax_exchange import OPEN_STATES

# What an administrator chooses about invoices on the connection's own page.
INVOICE_SETTINGS = (
    'push_journal_ids',
    'number_policy',
    'number_prefix',
    'looks_for_twins',
    'tells_salesperson',
    'describes_discount',
    'describes_unit',
)
# What decides under which number an invoice goes over.
NUMBER_SETTINGS = {'number_policy', 'number_prefix'}


class FieldpromaxConnection(models.Model):
    """Which invoices go over, under which number, and what their lines say."""

    # Apart from what it does.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    push_journal_ids = fields.Many2many(
        'account.journal',
        'fieldpromax_connection_journal_rel',
        'connection_id',
        'journal_id',
        'Only these journals',
        domain="[('type', '=', 'sale'), ('company_id', 'child_of', company_id)]",
        tracking=True,
        # Whoever connects need not be allowed to see journals.
        groups='account.group_account_invoice,account.group_account_readonly',
        help='Invoices of other sales journals are sent only when somebody asks for it. Empty: all sales journals.',
    )
    number_policy = fields.Selection(
        [
            ('odoo', "Odoo's number"),
            ('prefix', "Odoo's number after a prefix"),
            ('provider', 'A number that the books give'),
        ],
        'Invoice number',
        required=True,
        default='odoo',
        tracking=True,
        help='Invoices that are in the books already keep the number that they have there.',
    )
    number_prefix = fields.Char(
        'Prefix', tracking=True, help='Stands in front of the number, as it is written here.'
    )
    number_text = fields.Char(compute='_compute_number_text')
    looks_for_twins = fields.Boolean(
        'Look for invoices that are there already',
        default=True,
        tracking=True,
        help='Before invoices are sent, the books are asked by number whether somebody entered them there by hand. '
        'Takes one call for up to 50 invoices.',
    )
    tells_salesperson = fields.Boolean('Salesperson after the reference', tracking=True)
    describes_discount = fields.Boolean(
        'Discount in the description',
        default=True,
        tracking=True,
        help='Where the books have no discount on a line (Xero: on lines of credit notes), it is in the price; the '
        'description then tells how much it was.',
    )
    has_line_discounts = fields.Boolean(
        compute='_compute_number_text',
        help='Lines of every kind of document have a discount of their own there.',
    )
    describes_unit = fields.Boolean(
        'Unit of measure in the description', tracking=True, help='Of lines that are not counted in units.'
    )
    push_batch_ids = fields.Many2many('fieldpromax.push.batch', compute='_compute_push_batch_ids')

    def _compute_push_batch_ids(self):
        """Sendings of older invoices that are not over, the latest first."""
        batches = self.env['fieldpromax.push.batch'].search(
            [('connection_id', 'in', self.ids), ('stopped_at', '=', False)]
        )
        shown = batches.filtered(lambda batch: batch.state in ('running', 'attention'))
        for connection in self:
            connection.push_batch_ids = shown.filtered(
                lambda batch, connection=connection: batch.connection_id == connection
            )[:5]

    @api.depends('number_policy', 'provider', 'organization_numbers_documents')
    def _compute_number_text(self):
        """What comes of the choice where the books have a say in it."""
        for connection in self:
            capabilities = connection._capabilities()
            connection.has_line_discounts = capabilities.line_discounts and capabilities.credit_note_discounts
            provider = connection._provider_label()
            if connection.organization_numbers_documents:
                connection.number_text = self.env._(
                    '%s gives every invoice a number of its own, whatever is chosen here; that of Odoo stands in its '
                    'note.',
                    provider,
                )
            elif connection.number_policy != 'provider':
                connection.number_text = False
            elif capabilities.numbers_on_request:
                connection.number_text = self.env._(
                    'The number of Odoo stands in the reference there: "Odoo: INV/2026/00042".'
                )
            else:
                connection.number_text = self.env._(
                    '%s gives numbers only when its own numbers for sales forms are switched on there; until then '
                    "Odoo's number is used.",
                    provider,
                )

    @api.constrains('number_policy', 'number_prefix')
    def _check_number_prefix(self):
        for connection in self:
            if connection.number_policy == 'prefix' and not (connection.number_prefix or '').strip():
                raise ValidationError(self.env._("Enter the prefix that stands in front of Odoo's number."))

    @api.constrains('push_journal_ids', 'company_id')
    def _check_push_journals(self):
        for connection in self.sudo():
            allowed = connection.company_id.search([('id', 'child_of', connection.company_id.id)])
            for journal in connection.push_journal_ids:
                if journal.type != 'sale' or journal.company_id not in allowed:
                    raise ValidationError(
                        self.env._(
                            '"%(journal)s" is no sales journal of %(company)s.',
                            journal=journal.display_name,
                            company=connection.company_id.name,
                        )
                    )

    def write(self, vals):
        result = super().write(vals)
        if NUMBER_SETTINGS & set(vals):
            # What waits goes under another number now, which the books are asked for anew.
            self.env['fieldpromax.exchange'].sudo().search(
                [
                    ('connection_id', 'in', self.ids),
                    ('state', 'in', OPEN_STATES),
                    ('looked_up', '!=', False),
                    ('number', '=', False),
                ]
            ).write({'looked_up': False, 'twin': False})
        return result

    @api.model
    def _settings_fields(self):
        return (*super()._settings_fields(), *INVOICE_SETTINGS)

    def _numbering(self):
        """``odoo``, ``prefix`` or ``provider``: whose number an invoice gets, as far as it is ours to say."""
        self.ensure_one()
        if self.organization_numbers_documents:
            # Ours goes along whole, and stands in the note.
            return 'odoo'
        if self.number_policy == 'provider' and not self._capabilities().numbers_on_request:
            return 'odoo'
        return self.number_policy

    def _numbers_in_books(self):
        """Do new invoices get their numbers there?"""
        self.ensure_one()
        return self.organization_numbers_documents or self._numbering() == 'provider'

    def _sends_journal(self, journal):
        """Do invoices of this journal go over unasked?"""
        self.ensure_one()
        chosen = self.sudo().push_journal_ids
        return not chosen or journal in chosen

    # === ACTIONS === #

    def action_send_older(self):
        """Ask which older invoices are to be sent; count them first."""
        connection = self._check_action(group='bookkeeper')
        wizard = self.env['fieldpromax.push.older'].create({'connection_id': connection.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Send older invoices'),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_view_batches(self):
        """What was sent of older invoices, and by whom."""
        return self._open_rows('push_batch', [])
