import json
import logging
from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..exceptions import DATABASE_TROUBLE
from ..match_engine import Reason
from ..matching import from_snapshot, one_line, second_of, snapshot, text_key_sql
from .fieldpromax_link import record_fields

_logger = logging.getLogger(__name__)

ACTIONS = [
    ('link', 'Link'),
    ('create', 'Create'),
    ('update', 'Linked already'),
    ('skip', 'Leave out'),
    ('review', 'Decide later'),
]
# What of a person's choices the form writes; everything else goes by the buttons.
CHOSEN_FIELDS = ('partner_id', 'product_id')


class FieldpromaxPlanLine(models.Model):
    """What the first import would do with one record of the books, and what was decided about that before it is
    done."""

    _name = 'fieldpromax.plan.line'
    _description = 'Line of the plan of a first import'
    _rec_name = 'external_name'
    _order = 'run_id desc, kind, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    run_id = fields.Many2one('fieldpromax.run', required=True, index=True, ondelete='cascade', readonly=True)
    connection_id = fields.Many2one(related='run_id.connection_id', store=True, index=True)
    company_id = fields.Many2one(related='run_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('contact', 'Customer'), ('item', 'Product')], 'What', required=True, readonly=True
    )
    role = fields.Char('Second currency', required=True, default='', readonly=True)
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    external_name = fields.Char('In the books', readonly=True)
    external_detail = fields.Char('E-mail or code', readonly=True)
    external_data = fields.Json(readonly=True)

    found = fields.Selection(
        ACTIONS,
        readonly=True,
        help='As it was found by itself, before it was compared with the rest of the books.',
    )
    proposal = fields.Selection(ACTIONS, 'Proposed', required=True, readonly=True)
    action = fields.Selection(ACTIONS, 'What will be done', required=True, readonly=True)
    partner_id = fields.Many2one(
        'res.partner', 'Customer in Odoo', index='btree_not_null', ondelete='set null', check_company=True
    )
    product_id = fields.Many2one(
        'product.product', 'Product in Odoo', index='btree_not_null', ondelete='set null', check_company=True
    )
    record_name = fields.Char('In Odoo', readonly=True)
    record_detail = fields.Char('E-mail or code in Odoo', readonly=True)
    has_suggestion = fields.Boolean(readonly=True, help='A record of Odoo is like it.')
    score = fields.Integer('Likeness', readonly=True, aggregator=None, help='Percent.')
    reason = fields.Char(readonly=True, help='As it was found, in English.')
    reasons = fields.Json(readonly=True, help='What the sentence is made of.')
    rival = fields.Char(readonly=True, help='Another record of the books that looks the same.')
    candidates = fields.Json(readonly=True, help='The records of Odoo that it may be, the best first.')
    why = fields.Char(compute='_compute_why')
    comparison = fields.Html('Side by side', compute='_compute_comparison', sanitize=False)
    others_text = fields.Text('Others that are like it', compute='_compute_others_text')
    decided_by_id = fields.Many2one('res.users', 'Changed by', readonly=True, ondelete='set null')
    decided_at = fields.Datetime('Changed on', readonly=True)
    state = fields.Selection(
        [('planned', 'Planned'), ('done', 'Done'), ('left', 'Left for review')],
        required=True,
        default='planned',
        readonly=True,
    )
    outcome = fields.Char('What became of it', readonly=True)

    _external_unique = models.UniqueIndex('(run_id, kind, external_id)')
    _planned_index = models.Index("(run_id, kind, id) WHERE state = 'planned'")

    # === COMPUTE METHODS === #

    @api.depends('reason', 'reasons', 'rival', 'proposal')
    @api.depends_context('lang')
    def _compute_why(self):
        match = self.env['fieldpromax.match']
        for line in self:
            reasons = [Reason.of(**reason) for reason in line.reasons or ()]
            if line.rival:
                reasons.append(Reason.of('rival_books', name=line.rival))
            if line.proposal == 'create':
                line.why = self.env._('Nothing in Odoo is like it.')
            else:
                line.why = match._sentence(reasons) if reasons else line.reason

    @api.depends('external_data', *CHOSEN_FIELDS)
    @api.depends_context('lang')
    def _compute_comparison(self):
        for line in self:
            line.comparison = self.env['fieldpromax.match'].new(line._match_values()).comparison

    @api.depends('candidates')
    def _compute_others_text(self):
        for line in self:
            shown = line[record_fields(self.env)[line.kind]].id if line.kind else False
            line.others_text = '\n'.join(
                self.env._(
                    '%(name)s, %(score)s %% alike. %(why)s',
                    name=one['record_name'] or '',
                    score=one['score'],
                    why=one['reason'] or '',
                )
                for one in line.candidates or ()
                if one['record'] and one['record'] != shown
            )

    def _match_values(self):
        """Values of a match about the same pair."""
        self.ensure_one()
        column = record_fields(self.env)[self.kind]
        return {
            'connection_id': self.connection_id.id,
            'kind': self.kind,
            'role': self.role,
            'external_id': self.external_id,
            'external_name': self.external_name,
            'external_email': self.external_detail if self.kind == 'contact' else False,
            'external_code': self.external_detail if self.kind == 'item' else False,
            'external_data': self.external_data,
            column: self[column].id,
            'record_name': self.record_name,
            'record_detail': self.record_detail,
            'score': self.score,
            'reason': self.reason,
            'reasons': self.reasons,
        }

    def _remote(self):
        """The record of the books as it was last read."""
        self.ensure_one()
        return from_snapshot(self.kind, self.external_data)

    # === CRUD METHODS === #

    @api.model
    def _chosen_fields(self):
        """Fields that a person chooses the record of Odoo with; another addon adds that of its kind."""
        return CHOSEN_FIELDS

    def write(self, vals):
        """A person chooses the record to link with; everything else goes by the buttons."""
        if self.env.su:
            return super().write(vals)
        if set(vals) - set(self._chosen_fields()):
            raise AccessError(
                self.env._('Change the plan with the buttons Link, Create, Leave out and Decide later.')
            )
        lines = self._to_change()
        result = super(FieldpromaxPlanLine, lines.with_env(self.env)).write(vals)
        for line in lines:
            record = line[record_fields(self.env)[line.kind]]
            line._choose('link' if record else 'review')
            line.write(
                {
                    'record_name': record._fieldpromax_name() if record else False,
                    'record_detail': (record.email if line.kind == 'contact' else record.default_code)
                    if record and line.kind in ('contact', 'item')
                    else False,
                    'has_suggestion': bool(record),
                }
            )
        return result

    # === ACTIONS === #

    def action_link(self):
        """Link with the record of Odoo that is shown."""
        lines = self._to_change()
        if any(not line._record_of() for line in lines):
            raise UserError(
                self.env._('Choose a record of Odoo to link with first: open the line and pick one.')
            )
        return lines._choose('link')

    def action_create(self):
        return self._to_change()._choose('create')

    def action_skip(self):
        """Leave it out, now and later."""
        return self._to_change()._choose('skip')

    def action_review(self):
        """Neither: it waits in Match review once the plan has run."""
        return self._to_change()._choose('review')

    def action_as_proposed(self):
        """Take one's own changes back."""
        lines = self._to_change()
        for proposal, group in lines.grouped('proposal').items():
            group.write({'action': proposal, 'decided_by_id': False, 'decided_at': False})
        return True

    def _choose(self, action):
        self.write({'action': action, 'decided_by_id': self.env.user.id, 'decided_at': fields.Datetime.now()})
        return True

    def _to_change(self):
        """The lines, as superuser, once the person may change them.

        :raise UserError: the plan is not there to be changed.
        """
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can change the plan.'))
        self.check_access('write')
        lines = self.sudo()
        if any(run.plan_state != 'ready' for run in lines.run_id):
            raise UserError(
                self.env._('The plan can be changed once it is read, and until it is run. Reload the page.')
            )
        lines = lines.filtered(lambda line: line.proposal != 'update')
        if not lines:
            raise UserError(
                self.env._('What is linked already only follows the books; there is nothing to choose.')
            )
        return lines

    def _record_of(self):
        self.ensure_one()
        return self[record_fields(self.env)[self.kind]]

    # === READING === #

    @api.model
    def _store(self, run, kind, rows):
        """Write lines, in one statement whatever their number. A line that is there is renewed; what a person chose
        stays, and what the plan said stays once it is run, unless the record of the books is no longer there to be
        taken over.

        :param rows: ``[(dto, proposal, {values})]``
        """
        if not rows:
            return
        column = record_fields(self.env)[kind]
        self.flush_model()
        data = [
            {
                'role': '',
                'record': None,
                'record_name': None,
                'record_detail': None,
                'score': 0,
                'reason': None,
                'reasons': None,
                'candidates': [],
                'external_id': record.external_id,
                'external_name': one_line(record.name) or self._detail_of(kind, record) or record.external_id,
                'external_detail': self._detail_of(kind, record) or None,
                'external_data': snapshot(record),
                'proposal': proposal,
                **values,
            }
            for record, proposal, values in rows
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_plan_line AS l (run_id, connection_id, company_id, kind, role, external_id,
                       external_name, external_detail, external_data, found, proposal, action, %(column)s, record_name,
                       record_detail, has_suggestion, score, reason, reasons, candidates, state, create_uid, write_uid,
                       create_date, write_date)
                SELECT %(run)s, %(connection)s, %(company)s, %(kind)s, r.role, r.external_id, r.external_name,
                       r.external_detail, r.external_data, r.proposal, r.proposal, r.proposal, r.record, r.record_name,
                       r.record_detail, r.record IS NOT NULL, r.score, r.reason, r.reasons, r.candidates, 'planned',
                       %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM json_to_recordset(%(data)s::json) AS r(role varchar, external_id varchar, external_name varchar,
                       external_detail varchar, external_data jsonb, proposal varchar, record int, record_name varchar,
                       record_detail varchar, score int, reason varchar, reasons jsonb, candidates jsonb)
                ON CONFLICT (run_id, kind, external_id) DO UPDATE SET
                       role = EXCLUDED.role, external_name = EXCLUDED.external_name,
                       external_detail = EXCLUDED.external_detail, external_data = EXCLUDED.external_data,
                       found = CASE WHEN %(anew)s THEN EXCLUDED.found ELSE l.found END,
                       proposal = CASE WHEN %(anew)s THEN EXCLUDED.proposal ELSE l.proposal END,
                       score = CASE WHEN %(anew)s THEN EXCLUDED.score ELSE l.score END,
                       reason = CASE WHEN %(anew)s THEN EXCLUDED.reason ELSE l.reason END,
                       reasons = CASE WHEN %(anew)s THEN EXCLUDED.reasons ELSE l.reasons END,
                       candidates = CASE WHEN %(anew)s THEN EXCLUDED.candidates ELSE l.candidates END,
                       outcome = CASE WHEN EXCLUDED.found = 'skip' AND l.action <> 'skip' THEN EXCLUDED.reason END,
                       action = CASE WHEN %(anew)s AND (l.decided_by_id IS NULL OR EXCLUDED.found IN ('skip', 'update'))
                                     THEN EXCLUDED.action ELSE l.action END,
                       %(column)s = CASE WHEN %(open)s THEN EXCLUDED.%(column)s ELSE l.%(column)s END,
                       record_name = CASE WHEN %(open)s THEN EXCLUDED.record_name ELSE l.record_name END,
                       record_detail = CASE WHEN %(open)s THEN EXCLUDED.record_detail ELSE l.record_detail END,
                       has_suggestion = CASE WHEN %(open)s THEN EXCLUDED.has_suggestion ELSE l.has_suggestion END,
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                 WHERE l.state = 'planned'
                """,
                column=SQL.identifier(column),
                # While a plan is carried out, what somebody has seen and run stays as it was.
                anew=SQL("EXCLUDED.found = 'skip'") if run.plan_state == 'running' else SQL('TRUE'),
                open=SQL('FALSE' if run.plan_state == 'running' else 'l.decided_by_id IS NULL'),
                run=run.id,
                connection=run.connection_id.id,
                company=run.company_id.id,
                kind=kind,
                uid=self.env.uid,
                data=json.dumps(data),
            )
        )
        self.invalidate_model()

    @api.model
    def _note_gone(self, run, kind, external_ids):
        """These were deleted in the books since they were read into the plan."""
        reason = self.env._('It was deleted in the books since the plan was read.')
        self.search(
            [
                ('run_id', '=', run.id),
                ('kind', '=', kind),
                ('state', '=', 'planned'),
                ('external_id', 'in', list(external_ids)),
            ]
        ).write(
            {
                'found': 'skip',
                'proposal': 'skip',
                'action': 'skip',
                'reason': reason,
                'reasons': False,
                'outcome': reason,
            }
        )

    @api.model
    def _detail_of(self, kind, record):
        return second_of(kind, record) if kind in ('contact', 'item') else ''

    @api.model
    def _store_candidates(self, run, kind, rows):
        """Lines about records of the books that a person would have to decide about, or that are equal to one of Odoo.

        :param rows: ``[(dto, role, [values of match rows, the best first], detail)]``; ``detail`` tells it from others
            of its name.
        """
        self._store(
            run,
            kind,
            [
                (record, 'review', {**self._best_of(role, group), 'external_detail': detail or None})
                for record, role, group, detail in rows
            ],
        )

    @api.model
    def _best_of(self, role, group):
        best = next((row for row in group if row['is_deferred']), group[0])
        # What is said without a candidate says why there is none to take.
        told = next((row for row in group if not row['record']), best)
        return {
            'role': role,
            **{name: best[name] for name in ('record', 'record_name', 'record_detail', 'score')},
            **{name: told[name] for name in ('reason', 'reasons')},
            'candidates': group,
        }

    @api.model
    def _settle(self, run, kind):
        """Everything is read: compare the lines with each other, as an import does at its end.

        What is equal in both, and claimed by no other record of the books, is linked. What is merely similar to one
        that is linked is something else, and is made. Of several in the books that look the same, one is made.
        """
        self.flush_model()
        lines = SQL("l.run_id = %s AND l.kind = %s AND l.state = 'planned'", run.id, kind)
        self.env.cr.execute(
            SQL(
                'UPDATE fieldpromax_plan_line l SET proposal = found, rival = NULL '
                'WHERE %s AND (proposal <> found OR rival IS NOT NULL)',
                lines,
            )
        )
        claims = SQL(
            """
            SELECT l.id, l.role, l.external_name, (c->>'record')::int AS record, (c->>'is_similar')::bool AS is_similar,
                   (c->>'is_deferred')::bool AS is_deferred
              FROM fieldpromax_plan_line l CROSS JOIN LATERAL jsonb_array_elements(l.candidates) c
             WHERE %s AND l.found = 'review' AND c->>'record' IS NOT NULL
            """,
            lines,
        )
        self.env.cr.execute(
            SQL(
                """
                WITH claims AS MATERIALIZED (%(claims)s),
                     -- joined, so that it is hashed: a subquery of each would go through all the others
                     judged AS (SELECT c.id, min(o.external_name) AS rival
                                  FROM claims c
                                  LEFT JOIN claims o ON o.record = c.record AND o.role = c.role AND o.id <> c.id
                                       AND o.is_similar IS NOT TRUE
                                 WHERE c.is_deferred
                                 GROUP BY c.id)
                UPDATE fieldpromax_plan_line l
                   SET proposal = CASE WHEN j.rival IS NULL THEN 'link' ELSE 'review' END, rival = j.rival
                  FROM judged j WHERE j.id = l.id
                """,
                claims=claims,
            )
        )
        self.env.cr.execute(
            SQL(
                """
                WITH claims AS MATERIALIZED (%(claims)s),
                     linked AS (SELECT c.record FROM claims c JOIN fieldpromax_plan_line l ON l.id = c.id
                                 WHERE l.proposal = 'link' AND c.is_deferred)
                UPDATE fieldpromax_plan_line l SET proposal = 'create'
                 WHERE %(lines)s AND l.proposal = 'review' AND jsonb_array_length(l.candidates) > 0
                   AND NOT EXISTS (SELECT FROM jsonb_array_elements(l.candidates) c
                                    WHERE c->>'record' IS NULL OR (c->>'is_similar')::bool IS NOT TRUE
                                       OR (c->>'record')::int NOT IN (SELECT record FROM linked))
                   AND NOT EXISTS (SELECT FROM fieldpromax_match m
                                    WHERE m.connection_id = l.connection_id AND m.kind = l.kind
                                      AND m.external_id = l.external_id AND m.decision IN ('never', 'create', 'ignore'))
                """,
                claims=claims,
                lines=lines,
            )
        )
        for key in self._twin_keys(kind):
            self.env.cr.execute(
                SQL(
                    """
                    WITH twins AS (SELECT l.id, row_number() OVER same AS place,
                                          first_value(l.external_name) OVER same AS first_name
                                     FROM fieldpromax_plan_line l
                                    WHERE %(lines)s AND l.proposal = 'create' AND COALESCE(%(key)s, '') <> ''
                                   WINDOW same AS (PARTITION BY %(key)s ORDER BY l.id))
                    UPDATE fieldpromax_plan_line l SET proposal = 'review', rival = t.first_name
                      FROM twins t WHERE t.id = l.id AND t.place > 1
                    """,
                    lines=lines,
                    key=key,
                )
            )
        self.env.cr.execute(
            SQL(
                'UPDATE fieldpromax_plan_line l SET action = proposal WHERE %s AND decided_by_id IS NULL '
                'AND action <> proposal AND %s',
                lines,
                # While a plan is carried out, more than it said is not done.
                SQL("proposal = 'review'") if run.plan_state == 'running' else SQL('TRUE'),
            )
        )
        self.invalidate_model()

    @api.model
    def _twin_keys(self, kind):
        """SQL expressions over a line ``l``: two new records of the books with the same are one to a person."""
        name = text_key_sql(SQL.identifier('l', 'external_name'))
        if kind == 'contact':
            # Sub-customers share the e-mail of their parent.
            whole = SQL("COALESCE(l.external_data->>'parent_external_id', '') = ''")
            return [name, SQL('CASE WHEN %s THEN lower(btrim(l.external_detail)) END', whole)]
        return [name, text_key_sql(SQL.identifier('l', 'external_detail'))]

    # === CARRYING OUT === #

    def _carry_out(self, connection, kind, run):
        """Do what these lines say; one that fails never fails the others.

        :return: ``(counts, notes)`` as :meth:`fieldpromax.match._take_in` gives them.
        """
        counts, notes = Counter(), []
        try:
            with self.env.cr.savepoint():
                return self._carry_out_batch(connection, kind, run), notes
        except DATABASE_TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 whatever any addon raises, one by one tells which line
            _logger.info(
                'Lines of the plan of accounting connection %s are carried out one by one: %s',
                connection.id,
                type(error).__name__,
            )
        self.env.invalidate_all(flush=False)
        for line in self:
            try:
                with self.env.cr.savepoint():
                    counts.update(line._carry_out_batch(connection, kind, run))
            except DATABASE_TROUBLE:
                raise
            except Exception as error:  # noqa: BLE001 one bad line never fails the page
                self.env.invalidate_all(flush=False)
                _logger.warning(
                    'Line %s of the plan of accounting connection %s cannot be carried out: %s',
                    line.id,
                    connection.id,
                    type(error).__name__,
                )
                reason = self.env._('It could not be taken over: %s', one_line(str(error))[:300])
                line.write({'state': 'left', 'outcome': reason})
                counts['skipped'] += 1
                notes.append(f'"{line.external_name}": {reason}')
        return counts, notes

    def _carry_out_batch(self, connection, kind, run):
        """All at once. :return: a Counter over what the run counts."""
        match = self.env['fieldpromax.match'].with_context(fieldpromax_run_id=run.id)
        sorted_lines = self._sort_out(connection, kind)
        counts = Counter()
        counts['linked'] += self._link(match, connection, kind, sorted_lines['link'])
        counts['created'] += self._create_anyway(match, connection, kind, sorted_lines['create_anyway'])
        counts['skipped'] += self._ignore(match, connection, kind, sorted_lines['ignore'])
        known = sorted_lines['known']
        counts.update(match._take_in_batch(connection, kind, [line._remote() for line in known]))
        known.write({'state': 'done', 'outcome': False})
        counts['skipped'] += len(sorted_lines['nothing'])
        sorted_lines['nothing'].write({'state': 'done', 'outcome': False})
        for make, name in ((True, 'create'), (False, 'review')):
            counts.update(self._match(match, connection, kind, sorted_lines[name], make))
        return counts

    def _sort_out(self, connection, kind):
        """What still can be done as planned, and what has changed since: ``{what: lines}``. Lines that have changed
        have their ``outcome`` already."""
        column = record_fields(self.env)[kind]
        link_model = self.env['fieldpromax.link']
        links = {
            link.external_id: link
            for link in link_model.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', self.mapped('external_id')),
                ]
            )
        }
        records = self.mapped(column)
        taken = {
            (link[column].id, link.role): link.external_name
            for link in link_model.search(
                [('connection_id', '=', connection.id), (column, 'in', records.ids)]
            )
        }
        result = defaultdict(lambda: self.browse())
        for line in self:
            link, record = links.get(line.external_id), line[column]
            active = (line.external_data or {}).get('active', True)
            if link and link[column]:
                result['known'] |= line
                if line.action in ('link', 'create') and link[column] != record:
                    line.outcome = self.env._(
                        'It was linked with "%s" since the plan was read.', link[column].display_name
                    )
            elif line.action == 'skip':
                result['nothing' if line.proposal == 'skip' else 'ignore'] |= line
            elif not active:
                line.outcome = self.env._('It was archived in the books since the plan was read.')
                result['nothing'] |= line
            elif line.action == 'link' and not record:
                line.outcome = self.env._('The record of Odoo was deleted since the plan was read.')
                result['review'] |= line
            elif line.action == 'link' and (record.id, line.role) in taken:
                line.outcome = self.env._(
                    '"%(record)s" was linked with "%(other)s" of the books since the plan was read.',
                    record=record.display_name,
                    other=taken[record.id, line.role] or '',
                )
                result['review'] |= line
            elif line.action == 'link' and not record.active and not line.decided_by_id:
                line.outcome = self.env._('The record of Odoo was archived since the plan was read.')
                result['review'] |= line
            elif line.action == 'link':
                taken[record.id, line.role] = line.external_name
                result['link'] |= line
            elif line.action == 'create':
                result['create_anyway' if line.decided_by_id else 'create'] |= line
            else:
                if line.action == 'update':
                    line.outcome = self.env._('Its link was taken apart since the plan was read.')
                result['review'] |= line
        left = self.filtered('outcome')
        left.write({'state': 'left'})
        result['nothing'] -= left
        result['known'] -= left.filtered(lambda line: line.action in ('link', 'create'))
        return result

    def _link(self, match, connection, kind, lines):
        links = match.env['fieldpromax.link']
        links._link_many(connection, kind, [(line._record_of(), line._remote()) for line in lines])
        lines._remember('link')
        lines.write({'state': 'done'})
        return len(lines)

    def _create_anyway(self, match, connection, kind, lines):
        """A person said that they are new, whatever is like them."""
        created = match._create_records(connection, kind, [line._remote() for line in lines])
        match.env['fieldpromax.link']._link_many(connection, kind, created, made=True)
        lines._remember('create')
        lines.write({'state': 'done'})
        return len(created)

    def _ignore(self, match, connection, kind, lines):
        """A person left them out: for good, as in Match review."""
        if not lines:
            return 0
        links = match.env['fieldpromax.link']
        column = record_fields(self.env)[kind]
        nothing = self.env[links._fields[column].comodel_name]
        links._link_many(connection, kind, [(nothing, line._remote()) for line in lines])
        links.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', lines.mapped('external_id')),
                (column, '=', False),
            ]
        ).write({'decision': 'ignore'})
        lines._remember('ignore')
        lines.write({'state': 'done'})
        return len(lines)

    def _match(self, match, connection, kind, lines, make):
        """By the rules, as they find things now: what was new and has found its like meanwhile waits for review."""
        if not lines:
            return Counter()
        links = self.env['fieldpromax.link']
        column = record_fields(self.env)[kind]
        of_lines = [
            ('connection_id', '=', connection.id),
            ('kind', '=', kind),
            ('external_id', 'in', lines.mapped('external_id')),
        ]
        deleted_here = set(links.search([*of_lines, (column, '=', False)]).mapped('external_id'))
        counts = match._match_batch(
            connection, kind, [line._remote() for line in lines], deleted_here, make=make
        )
        linked = set(links.search([*of_lines, (column, '!=', False)]).mapped('external_id'))
        rows = match.search([*of_lines, ('decision', '=', 'pending')], order='score, id')
        reasons = {row.external_id: row.why for row in rows}
        for line in lines:
            if line.state == 'left':
                continue
            if line.action == 'create' and line.external_id not in linked:
                reason = self.env._(
                    'Since the plan was read, something like it has come up: %s',
                    reasons.get(line.external_id) or '',
                )
                line.write({'state': 'left', 'outcome': reason})
            else:
                line.state = 'done'
        return counts

    def _remember(self, decision):
        """What a person decided about these lines, as Match review remembers it."""
        lines = self.filtered('decided_by_id')
        if not lines:
            return
        kind, connection = lines[0].kind, lines[0].connection_id
        column = record_fields(self.env)[kind]
        match_model = self.env['fieldpromax.match']
        rows = match_model.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', lines.mapped('external_id')),
            ]
        )
        known = {(row.external_id, row[column]): row for row in rows}
        new = []
        for line in lines:
            values = {
                'decision': decision,
                'decided_by_id': line.decided_by_id.id,
                'decided_at': line.decided_at,
                'is_deferred': False,
            }
            if row := known.get((line.external_id, line[column])):
                row.write(values)
            else:
                new.append({**line._match_values(), 'looked_at': fields.Datetime.now(), **values})
        rows.filtered(lambda row: row.decision == 'pending').unlink()
        match_model.create(new)
