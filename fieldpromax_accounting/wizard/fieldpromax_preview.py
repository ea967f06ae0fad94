from markupsafe import Markup
from odoo import Command, api, fields, models
from odoo.tools import formatLang


class FieldpromaxPreview(models.TransientModel):
    """What the books will show of an invoice, for reading; see ``account.move._fieldpromax_preview``."""

    _name = 'fieldpromax.preview'
    _description = 'Preview of an invoice in the books'

    move_id = fields.Many2one('account.move', 'Invoice', readonly=True, ondelete='cascade')
    currency_id = fields.Many2one('res.currency', readonly=True)
    provider_label = fields.Char(readonly=True)
    stops_html = fields.Html('What would stop it', readonly=True)
    notes_html = fields.Html('Good to know', readonly=True)
    has_content = fields.Boolean(readonly=True)
    contact = fields.Char('Customer', readonly=True)
    number = fields.Char(readonly=True)
    reference = fields.Char(readonly=True)
    date = fields.Date(readonly=True)
    due_date = fields.Date(readonly=True)
    shows_discount = fields.Boolean(readonly=True)
    shows_account = fields.Boolean(readonly=True)
    shows_item = fields.Boolean(readonly=True)
    shows_category = fields.Boolean(readonly=True)
    line_ids = fields.One2many('fieldpromax.preview.line', 'preview_id', 'Lines', readonly=True)
    untaxed = fields.Monetary('Untaxed amount', readonly=True)
    tax = fields.Monetary(readonly=True)
    total = fields.Monetary(readonly=True)
    differs = fields.Boolean(readonly=True)
    own_untaxed = fields.Monetary('Untaxed amount in Odoo', readonly=True)
    own_tax = fields.Monetary('Tax in Odoo', readonly=True)
    own_total = fields.Monetary('Total in Odoo', readonly=True)

    @api.model
    def _show(self, move, connection):
        """The preview of one invoice, made for the person who asks; they have seen to it that they may."""
        preview = move._fieldpromax_preview(connection)
        values = {
            'move_id': move.id,
            'currency_id': move.currency_id.id,
            'provider_label': connection._provider_label(),
            'stops_html': self._as_list(preview.stops),
            'notes_html': self._as_list(preview.notes),
            'contact': preview.contact,
        }
        if invoice := preview.invoice:
            number = invoice.number if move.state != 'draft' or move.name != '/' else ''
            if connection._numbers_in_books():
                number = self.env._('Given by %s', connection._provider_label())
            predicted, own = preview.predicted, invoice.totals
            values.update(
                has_content=True,
                number=number or self.env._('Given when it is confirmed'),
                reference=invoice.reference,
                date=invoice.date,
                due_date=invoice.due_date,
                untaxed=float(predicted.untaxed),
                tax=float(predicted.tax),
                total=float(predicted.total),
                differs=predicted != own,
                own_untaxed=float(own.untaxed),
                own_tax=float(own.tax),
                own_total=float(own.total),
                shows_discount=any(line.discount for line, _names in preview.lines),
                shows_account=any(names['account'] for _line, names in preview.lines),
                shows_item=any(names['item'] for _line, names in preview.lines),
                shows_category=any(names['category'] for _line, names in preview.lines),
                line_ids=[
                    Command.create(self._line_values(sequence, line, names))
                    for sequence, (line, names) in enumerate(preview.lines)
                ],
            )
        return self.sudo().create([values])

    @api.model
    def _line_values(self, sequence, line, names):
        values = {'sequence': sequence, 'description': line.description, 'is_text': line.is_text}
        if not line.is_text:
            values.update(
                names,
                quantity=self._as_number(line.quantity),
                unit_price=self._as_number(line.unit_price),
                discount=float(line.discount),
                amount=float(line.amount),
            )
        return values

    @api.model
    def _as_number(self, number):
        """A Decimal as the person writes numbers, with every digit it has and at least two after the point."""
        digits = max(2, -number.normalize().as_tuple().exponent)
        return formatLang(self.env, float(number), digits=digits)

    @api.model
    def _as_list(self, sentences):
        """HTML of several sentences, one below the other; False without any."""
        if not sentences:
            return False
        if len(sentences) == 1:
            return Markup('<p class="mb-0">%s</p>') % sentences[0]
        items = Markup().join(Markup('<li>%s</li>') % sentence for sentence in sentences)
        return Markup('<ul class="mb-0 ps-3">%s</ul>') % items
