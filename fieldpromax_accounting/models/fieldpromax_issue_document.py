from odoo import Command, fields, models
from odoo.exceptions import UserError

from ..comparison import VOID_STATUSES
from .fieldpromax_exchange import LIVE_STATES

# Causes of which a person may say that Odoo's version goes over that of the books.
PUSHED_AGAIN = ('drift', 'changed_on_both')

# What of a posted document is taken over from the books: field of the comparison → field of the document.
ACCEPTED = {'reference': 'ref', 'due_date': 'invoice_date_due'}


class FieldpromaxIssue(models.Model):
    """Issues about documents that stand in the books: what differs, side by side, and what can be done about it."""

    # Apart from what every issue has.
    _inherit = 'fieldpromax.issue'  # pylint: disable=consider-merging-classes-inherited

    difference_ids = fields.One2many('fieldpromax.issue.difference', 'issue_id', readonly=True)
    can_push_again = fields.Boolean(compute='_compute_can')
    can_leave = fields.Boolean(compute='_compute_can')
    can_accept = fields.Boolean(compute='_compute_can')
    can_explain = fields.Boolean(compute='_compute_can')

    def _compute_can(self):
        for issue in self.sudo():
            is_open = issue.state == 'open'
            issue.can_push_again = (
                is_open
                and issue.cause in PUSHED_AGAIN
                and issue.move_id.state == 'posted'
                and issue.link_id.external_status not in VOID_STATUSES
            )
            issue.can_leave = is_open and issue.cause == 'orphan'
            issue.can_explain = is_open and issue.cause == 'drift' and issue.link_id.is_differing
            issue.can_accept = issue.can_explain and bool(issue._taken_from_books())

    def _show_differences(self, differences):
        """``differences``: ``[(what, Odoo's value, value of the books)]``; what stood there is renewed where it is
        another."""
        self.ensure_one()
        shown = [(one.label, one.ours or '', one.theirs or '') for one in self.difference_ids]
        if shown == list(differences):
            return
        self.difference_ids.unlink()
        self.env['fieldpromax.issue.difference'].create(
            [
                {'issue_id': self.id, 'label': label, 'ours': ours, 'theirs': theirs}
                for label, ours, theirs in differences
            ]
        )

    def _is_document_settled(self):
        """Is an issue about a document, which stands by itself, over?"""
        self.ensure_one()
        link = self.link_id
        if not link:
            return True
        if self.cause == 'orphan':
            return link.external_status in VOID_STATUSES
        if self.cause == 'drift':
            return not link.is_differing
        waits = self.env['fieldpromax.exchange'].search_count(
            [('move_id', '=', self.move_id.id), ('state', 'in', LIVE_STATES)], limit=1
        )
        if self.move_id.state != 'posted':
            return not self.move_id or link.external_status in VOID_STATUSES
        return not waits and bool(link.sent_hash)

    def _taken_from_books(self):
        """What accepting the books' version means for the document of Odoo: values to write, ``{'state': 'cancel'}``
        for one that is void there; {} where it is more than a posted document takes."""
        self.ensure_one()
        link = self.link_id
        if self.move_id.state != 'posted':
            return {}
        if link.external_status in VOID_STATUSES:
            return {'state': 'cancel'}
        differences = link._open_differences()
        if any(one.field not in ACCEPTED for one in differences):
            return {}
        return {ACCEPTED[one.field]: one.theirs or False for one in differences}

    # === ACTIONS === #

    def action_accept_theirs(self):
        """Take over what the books have, with the person's own rights: nothing is sent."""
        self._check_bookkeeper()
        for issue in self:
            if not issue.can_accept:
                raise UserError(
                    self.env._(
                        'What is posted takes over its reference and due date from the books, and is cancelled when '
                        'it is void there. For anything else reset it to draft, change it, and post it again.'
                    )
                )
            values, link = issue.sudo()._taken_from_books(), issue.sudo().link_id
            move = issue.move_id.with_context(fieldpromax_no_push=True, fieldpromax_override=False)
            if values.get('state') == 'cancel':
                move.button_draft()
                move.button_cancel()
            else:
                move.write(values)
            link.write(
                {
                    'agreed_document': {
                        **link._agreed(),
                        **{
                            one.field: one.theirs for one in link._open_differences() if one.field in ACCEPTED
                        },
                    },
                    'is_differing': False,
                    # All that differed was taken over: both agree as they were last read.
                    'verified_at': link.read_at if link.external_status not in VOID_STATUSES else False,
                }
            )
            link._end_drift()
        return True

    def action_explain(self):
        """Ask why the difference is right; it is remembered until it becomes another one."""
        self._check_bookkeeper()
        wizard = self.env['fieldpromax.issue.explain'].create({'issue_ids': [Command.set(self.ids)]})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Explain the difference'),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_push_again(self):
        """Put what Odoo has in the place of what the books have."""
        self._check_bookkeeper()
        chosen = self.filtered('can_push_again').sudo()
        if not chosen:
            raise UserError(self.env._('This is settled already. Reload the page.'))
        for issue in chosen:
            move = issue.move_id
            exchanges = self.env['fieldpromax.exchange'].sudo()
            exchanges._enqueue(issue.connection_id, move._fieldpromax_kind_of(), move, forced=True)
            exchanges.search(
                [
                    ('connection_id', '=', issue.connection_id.id),
                    ('move_id', '=', move.id),
                    ('state', '=', 'queued'),
                ]
            ).overwrites = True
            issue.connection_id._trigger_push()
        # A drift closes once both sides agree; what was held goes on now.
        chosen.filtered(lambda issue: issue.cause != 'drift')._solve()
        return self._told(chosen.move_id._fieldpromax_on_its_way())

    def action_leave_there(self):
        """What was deleted here stays in the books: a person took note of it."""
        self._check_bookkeeper()
        if not all(issue.can_leave for issue in self):
            raise UserError(self.env._('This is settled already. Reload the page.'))
        self.sudo()._solve()
        return True
