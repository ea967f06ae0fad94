import logging
from collections import Counter
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..exceptions import DATABASE_TROUBLE
from ..usage import uses_of
from .fieldpromax_link import DOCUMENT_KINDS, record_fields
from .fieldpromax_run import LOCK_WAIT, OPEN_STATES, RUN_SECONDS

_logger = logging.getLogger(__name__)

# Records that are looked at in one transaction.
UNDO_SIZE = 500
# Models named as the users of a record that stays.
USERS_NAMED = 3


class FieldpromaxRun(models.Model):
    """The first import taken back.

    What it made is archived where nothing uses it, what it linked is taken apart, and the values that it overwrote are
    given back. The books are not asked and not changed, so that it works without a connection, too. What was taken
    apart is remembered as ignored: the next pull neither links nor makes it again unasked.
    """

    # Apart from what a run does while it reads.
    _inherit = 'fieldpromax.run'  # pylint: disable=consider-merging-classes-inherited

    undo_state = fields.Selection(
        [('running', 'Being undone'), ('done', 'Undone')], 'Undo', readonly=True, copy=False
    )
    undone_by_id = fields.Many2one('res.users', 'Undone by', readonly=True, ondelete='set null')
    undone_at = fields.Datetime('Undone on', readonly=True)
    undo_archived = fields.Integer('Archived', readonly=True)
    undo_unlinked = fields.Integer('Links taken apart', readonly=True)
    undo_restored = fields.Integer(
        'Given back', readonly=True, help='Records that have their former values again.'
    )
    kept_change_ids = fields.One2many(
        'fieldpromax.run.change',
        'run_id',
        'Could not be undone',
        domain=[('state', '=', 'kept')],
        readonly=True,
    )
    can_undo = fields.Boolean(compute='_compute_can_undo')
    undo_text = fields.Char(compute='_compute_undo_text')

    # === COMPUTE METHODS === #

    @api.depends('kind', 'state', 'undo_state')
    def _compute_can_undo(self):
        for run in self:
            run.can_undo = run.kind == 'initial' and run.state not in OPEN_STATES and not run.undo_state

    @api.depends_context('lang')
    @api.depends('undo_state', 'undo_archived', 'undo_unlinked', 'undo_restored', 'kept_change_ids')
    def _compute_undo_text(self):
        for run in self:
            if not run.undo_state:
                run.undo_text = ''
                continue
            sentences = [
                self.env._('It is being undone in the background. You can leave this page.')
                if run.undo_state == 'running'
                else self.env._(
                    '%s undid this import.', run.undone_by_id.sudo().name or self.env._('Somebody')
                ),
                *run._undo_counts(run.undo_archived, run.undo_unlinked, run.undo_restored),
            ]
            if run.undo_state == 'done':
                kept = len(run.kept_change_ids)
                if kept == 1:
                    sentences.append(self.env._('1 record stays as it is; the list below says why.'))
                elif kept:
                    sentences.append(
                        self.env._('%s records stay as they are; the list below says why.', kept)
                    )
                sentences.append(self._remembered_text())
            run.undo_text = ' '.join(sentences)

    def _undo_counts(self, archived, unlinked, restored):
        """Sentences about what was undone; what there was none of is left out."""
        sentences = []
        if archived:
            sentences.append(
                self.env._('1 record that it made is archived.')
                if archived == 1
                else self.env._('%s records that it made are archived.', archived)
            )
        if unlinked:
            sentences.append(
                self.env._('1 link is taken apart.')
                if unlinked == 1
                else self.env._('%s links are taken apart.', unlinked)
            )
        if restored:
            sentences.append(
                self.env._('1 record has its former values again.')
                if restored == 1
                else self.env._('%s records have their former values again.', restored)
            )
        return sentences

    @api.model
    def _remembered_text(self):
        return self.env._(
            'What was taken apart is not linked or made again by itself: Match review keeps it under Ignored, and '
            'there you can decide again.'
        )

    # === ACTIONS === #

    def action_undo(self):
        """Say what will and what will not change, with numbers, and ask."""
        self.ensure_one()
        self._check_undo()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Undo this import'),
            'res_model': 'fieldpromax.run.undo',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_run_id': self.id},
        }

    def _check_undo(self):
        """The run, as superuser, once the person may undo it.

        :raise UserError: why not.
        """
        self.ensure_one()
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can undo an import.'))
        self.check_access('read')
        run = self.sudo()
        if run.kind != 'initial':
            raise UserError(self.env._('Only the first import can be undone.'))
        if run.state in OPEN_STATES:
            raise UserError(self.env._('The import is still under way. It can be undone once it has ended.'))
        if run.undo_state == 'running':
            raise UserError(self.env._('It is being undone already. Reload the page to see how far it is.'))
        if run.undo_state:
            raise UserError(
                self.env._('This import was undone already. The page of the run says what became of it.')
            )
        return run

    def _undo(self):
        """Begin to undo, in the background."""
        run = self._check_undo()
        run.write({'undo_state': 'running', 'undone_by_id': self.env.user.id})
        run.connection_id._trigger_pull()

    def _undo_numbers(self):
        """What undoing would do now: ``Counter`` over ``archived``, ``used``, ``unlinked``, ``in_books`` and
        ``restored``."""
        self.ensure_one()
        numbers = Counter()
        stays = set()
        for kind, column in self._undo_columns().items():
            links = self.env['fieldpromax.link'].search(
                [*self._undo_domain(), ('kind', '=', kind), (column, '!=', False)]
            )
            made = links.filtered(lambda link: link.made_by_run_id == self)
            used = self._used(made, column, whole=True) | self._followed_elsewhere(made, column)
            documents = self._in_books(links, column) - set(used)
            stays |= {
                (links[column]._name, link[column].id)
                for link in links
                if link.id in documents or link.id in used
            }
            numbers['used'] += len(used)
            numbers['in_books'] += len(documents)
            numbers['archived'] += len(set(made.ids) - set(used) - documents)
            numbers['unlinked'] += len(set(links.ids) - set(used) - documents)
        changes = self.env['fieldpromax.run.change'].search(
            [('run_id', '=', self.id), ('state', '=', 'noted')]
        )
        numbers['restored'] = sum((change.res_model, change.res_id) not in stays for change in changes)
        return numbers

    # === THE DRIVER === #

    @api.model
    def _drive(self, connection):
        """What is being undone goes first: nothing is read meanwhile."""
        if not self._drive_undo(connection):
            return None
        return super()._drive(connection)

    @api.model
    def _drive_undo(self, connection):
        """Undo step by step until done, also without a connection to the books.

        :return: whether nothing is left to undo; False when the time of a cron run is used up.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        deadline = monotonic() + RUN_SECONDS
        more = bool(step(self._undo_under_way, connection))
        while more:
            with connection._exclusive(wait=LOCK_WAIT) as held:
                try:
                    more = not held or step(self._undo_next, connection)
                except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                    # Others are editing the same records: a little later.
                    held = False
            if more and (not held or monotonic() > deadline):
                step(connection._trigger_pull)
                return False
        return True

    @api.model
    def _undo_under_way(self, connection):
        return self.search([('connection_id', '=', connection.id), ('undo_state', '=', 'running')], limit=1)

    @api.model
    def _undo_next(self, connection):
        """One transaction of it. :return: whether there may be more to do."""
        self.env.invalidate_all()
        run = self._undo_under_way(connection)
        if not run:
            return False
        for kind, column in run._undo_columns().items():
            links = run._undo_pending(kind, column, UNDO_SIZE)
            if links:
                run._undo_links(links, kind, column)
                return True
        changes = self.env['fieldpromax.run.change'].search(
            [('run_id', '=', run.id), ('state', '=', 'noted')], limit=UNDO_SIZE
        )
        if changes:
            run._undo_values(changes)
            return True
        run.write({'undo_state': 'done', 'undone_at': fields.Datetime.now()})
        connection.message_post(body=run.undo_text, author_id=run.undone_by_id.partner_id.id)
        return False

    @api.model
    def _undo_columns(self):
        """``{kind: field of a link}``, the kinds in the order in which they are undone: what stands below something
        else goes first."""
        columns = record_fields(self.env)
        kinds = [kind for kind in columns if kind not in ('contact', *DOCUMENT_KINDS.values())]
        return {kind: columns[kind] for kind in (*kinds, 'contact')}

    def _undo_domain(self):
        return [
            ('connection_id', '=', self.connection_id.id),
            '|',
            ('made_by_run_id', '=', self.id),
            ('linked_by_run_id', '=', self.id),
        ]

    def _undo_pending(self, kind, column, limit):
        """Links of this run that nobody has looked at yet; a parent after those that it has below it."""
        self.env.flush_all()
        below = SQL('TRUE')
        if kind == 'contact':
            below = SQL(
                """
                NOT EXISTS (SELECT FROM res_partner p
                              JOIN fieldpromax_link b ON b.partner_id = p.id AND b.connection_id = l.connection_id
                                   AND b.made_by_run_id = %(run)s
                             WHERE p.parent_id = l.partner_id AND p.active AND p.id != l.partner_id
                               AND NOT EXISTS (SELECT FROM fieldpromax_run_change c
                                                WHERE c.run_id = %(run)s AND c.link_id = b.id))
                """,
                run=self.id,
            )
        self.env.cr.execute(
            SQL(
                """
                SELECT l.id
                  FROM fieldpromax_link l
                 WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s AND l.%(column)s IS NOT NULL
                   AND (l.made_by_run_id = %(run)s OR l.linked_by_run_id = %(run)s)
                   AND NOT EXISTS (SELECT FROM fieldpromax_run_change c
                                    WHERE c.run_id = %(run)s AND c.link_id = l.id)
                   AND %(below)s
                 ORDER BY l.id
                 LIMIT %(limit)s
                """,
                connection=self.connection_id.id,
                kind=kind,
                column=SQL.identifier(column),
                run=self.id,
                below=below,
                limit=limit,
            )
        )
        return self.env['fieldpromax.link'].browse(row[0] for row in self.env.cr.fetchall())

    # === WHAT IS UNDONE === #

    def _undo_links(self, links, kind, column):
        """Archive what was made and is not used, take the links apart; what stays is noted with its reason."""
        made = links.filtered(lambda link: link.made_by_run_id == self)
        kept = self._used(made, column) | self._followed_elsewhere(made, column)
        in_books = self._in_books(links, column)
        kept |= {
            link_id: self.env._(
                'Invoices with it have gone over to %s. Its link stays, so that they are kept in step.',
                self.connection_id._provider_label(),
            )
            for link_id in in_books
            if link_id not in kept
        }
        kept |= self._archive(made.filtered(lambda link: link.id not in kept), column)
        self.env['fieldpromax.run.change'].create(
            [
                {
                    'run_id': self.id,
                    'what': 'made' if link.made_by_run_id == self else 'linked',
                    'res_model': link[column]._name,
                    'res_id': link[column].id,
                    'record_name': link.record_name or link[column].display_name,
                    'link_id': link.id,
                    'state': 'kept',
                    'reason': kept[link.id],
                }
                for link in links
                if link.id in kept
            ]
        )
        free = links.filtered(lambda link: link.id not in kept)
        archived = len(free & made)
        free._take_apart(kind, column, self.undone_by_id)
        self.write(
            {'undo_archived': self.undo_archived + archived, 'undo_unlinked': self.undo_unlinked + len(free)}
        )

    def _used(self, links, column, whole=False):
        """``{link id: sentence}`` of the links whose records something uses.

        :param whole: these are all links of the run: of a parent, those below it that will be archived do not count.
        """
        records = links[column]
        uses = uses_of(records)
        if whole and column == 'partner_id':
            uses = self._without_children(records, uses)
        names = {}
        sentences = {}
        for link in links:
            if not (users := uses.get(link[column].id)):
                continue
            for model_name in users:
                if model_name not in names:
                    names[model_name] = self.env['ir.model']._get(model_name).name
            told = ', '.join(f'{names[name]} ({count})' for name, count in users.most_common(USERS_NAMED))
            sentences[link.id] = self.env._('It is used meanwhile: %s. It stays, and stays linked.', told)
        return sentences

    def _followed_elsewhere(self, links, column):
        """``{link id: sentence}`` of the links whose records are in the books of another company as well."""
        others = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '!=', self.connection_id.id),
                ('connection_id.state', '!=', 'disconnected'),
                (column, 'in', links[column].ids),
            ]
        )
        shared = others[column]
        reason = self.env._('Another company has it in its books as well. It stays, and stays linked.')
        return {link.id: reason for link in links if link[column] in shared}

    @api.model
    def _without_children(self, partners, uses):
        """``uses`` without the children that nothing uses themselves, from the lowest upwards."""
        uses = dict(uses)
        waiting = partners
        while waiting:
            lowest = waiting - waiting.parent_id or waiting
            for partner in lowest:
                parent = uses.get(partner.parent_id.id)
                if partner.parent_id in partners and parent and not uses.get(partner.id):
                    parent['res.partner'] -= 1
                    uses[partner.parent_id.id] = +parent
            waiting -= lowest
        return {record_id: users for record_id, users in uses.items() if users}

    def _in_books(self, links, column):
        """Ids of the links whose customer or product stands on documents that went over."""
        reference = {
            'partner_id': SQL(
                'SELECT m.commercial_partner_id AS used FROM account_move m WHERE m.id = d.move_id'
            ),
            'product_id': SQL(
                'SELECT n.product_id AS used FROM account_move_line n WHERE n.move_id = d.move_id'
            ),
        }.get(column)
        if not links or not reference:
            return set()
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT u.used
                  FROM fieldpromax_link d
                  CROSS JOIN LATERAL (%(reference)s) u
                 WHERE d.connection_id = %(connection)s AND d.kind = ANY(%(kinds)s) AND u.used = ANY(%(ids)s)
                """,
                reference=reference,
                connection=self.connection_id.id,
                kinds=list(DOCUMENT_KINDS.values()),
                ids=links[column].ids,
            )
        )
        used = {row[0] for row in self.env.cr.fetchall()}
        return {link.id for link in links if link[column].id in used}

    def _archive(self, links, column):
        """:return: ``{link id: sentence}`` of those that Odoo does not let go."""
        records = links[column].with_context(fieldpromax_no_push=True, tracking_disable=True)
        records = records.filtered('active')
        try:
            with self.env.cr.savepoint():
                records.action_archive()
                return {}
        except DATABASE_TROUBLE:
            raise
        except UserError as error:
            _logger.info('Links %s are undone one by one: %s', links.ids, type(error).__name__)
        refused = {}
        for link in links:
            try:
                with self.env.cr.savepoint():
                    (link[column] & records).action_archive()
            except DATABASE_TROUBLE:
                raise
            except UserError as error:
                refused[link.id] = self.env._('Odoo does not let it be archived: %s', error)
        return refused

    def _undo_values(self, changes):
        """Give back what the run overwrote, unless somebody changed it since or the record stays linked."""
        restored = 0
        links = self.env['fieldpromax.link']
        for change in changes:
            record = change._record().with_context(fieldpromax_no_push=True, tracking_disable=True)
            if not record:
                change.write({'state': 'kept', 'reason': self.env._('It was deleted in Odoo since.')})
                continue
            if links._links_of(self.connection_id, record):
                reason = self.env._(
                    'It stays linked, and so its values stay those that both sides agreed on.'
                )
                change.write({'state': 'kept', 'reason': reason})
                continue
            values, changed = {}, []
            for name, (before, written) in change.previous.items():
                if name not in record._fields:
                    continue
                if change._is_same(change._plain(record[name]), written):
                    values[name] = before
                else:
                    changed.append(record._fields[name]._description_string(self.env))
            failure = self._give_back(record, values)
            if failure:
                change.write({'state': 'kept', 'reason': failure})
            elif changed:
                reason = self.env._('Somebody has changed it since, so it stays: %s.', ', '.join(changed))
                change.write({'state': 'kept', 'reason': reason})
            else:
                change.state = 'undone'
            restored += bool(values and not failure)
        self.undo_restored += restored

    @api.model
    def _give_back(self, record, values):
        """Why ``values`` could not be written; '' when they were."""
        try:
            with self.env.cr.savepoint():
                record.write(values)
                return ''
        except DATABASE_TROUBLE:
            raise
        except UserError as error:
            return self.env._('Odoo does not take the former values: %s', error)
