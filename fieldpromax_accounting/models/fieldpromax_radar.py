import json
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from ..elapsed import ago_text
from ..matching import text_key_sql
from ..providers import base, registry

# The page looks again by itself when it is opened, unless that was done just now.
FRESH_FOR = timedelta(seconds=20)
# How many records are looked at, and findings written, at once.
BATCH = 2000
BOOKKEEPER = 'fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'
CAUSES = [
    ('same_name', 'Same name'),
    ('same_email', 'Same e-mail address'),
    ('same_code', 'Same internal reference'),
    ('refused', 'Refused by the books'),
    ('taken', 'Name is taken in the books'),
    ('missing_code', 'No internal reference'),
]


class FieldpromaxRadar(models.Model):
    """The duplicate radar of one company: what of Odoo's customers and products would make trouble in the books.

    It works before anything is connected, for the accounting software that is chosen. A check is one pass over the
    database: names are compared in SQL, by the same key as matching does, and asked about page by page.
    """

    _name = 'fieldpromax.radar'
    _description = 'Duplicate radar'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    company_id = fields.Many2one('res.company', required=True, index=True, ondelete='cascade', readonly=True)
    provider = fields.Selection(
        selection=lambda self: registry.selection(), string='Accounting software', required=True
    )
    checked_at = fields.Datetime('Last checked', readonly=True)
    check_number = fields.Integer(readonly=True, default=0, required=True)
    customer_total = fields.Integer('Customers looked at', readonly=True)
    product_total = fields.Integer('Products looked at', readonly=True)
    names_in_use = fields.Json(
        readonly=True, groups=fields.NO_ACCESS, help='Whom the names belong to that no customer may have.'
    )
    names_read_at = fields.Datetime(readonly=True)
    finding_ids = fields.One2many('fieldpromax.radar.finding', 'radar_id', readonly=True)

    connection_id = fields.Many2one('fieldpromax.connection', compute='_compute_connection')
    provider_label = fields.Char(compute='_compute_connection')
    has_shared_names = fields.Boolean(compute='_compute_connection')
    is_reading = fields.Boolean(compute='_compute_connection', help='The names of the books are being read.')
    names_text = fields.Char(compute='_compute_connection')
    open_count = fields.Integer('Would make trouble', compute='_compute_counts')
    fine_count = fields.Integer('Not a problem', compute='_compute_counts')
    suggestion_count = fields.Integer('Suggestions', compute='_compute_counts')
    same_name_count = fields.Integer('Same name', compute='_compute_counts')
    same_email_count = fields.Integer('Same e-mail address', compute='_compute_counts')
    same_code_count = fields.Integer('Same internal reference', compute='_compute_counts')
    refused_count = fields.Integer('Refused by the books', compute='_compute_counts')
    taken_count = fields.Integer('Name is taken in the books', compute='_compute_counts')
    missing_code_count = fields.Integer('No internal reference', compute='_compute_counts')
    headline = fields.Char(compute='_compute_headline')
    checked_text = fields.Char(compute='_compute_headline')

    _company_unique = models.Constraint('unique(company_id)', 'A company has one duplicate radar.')

    # === COMPUTE METHODS === #

    def _compute_display_name(self):
        for radar in self:
            radar.display_name = self.env._('Duplicate radar')

    @api.depends('company_id', 'provider', 'names_read_at')
    def _compute_connection(self):
        connections = self.env['fieldpromax.connection']
        runs = self.env['fieldpromax.run'].sudo()
        for radar in self:
            connection = connections._active_for(radar.company_id)
            radar.connection_id = connection
            radar.provider_label = dict(registry.selection()).get(radar.provider, radar.provider)
            radar.has_shared_names = radar._capabilities().shared_names
            reading = runs._open_run(connection) if connection and radar.has_shared_names else runs
            radar.is_reading = (
                any(line.kind == 'reference' and line.state != 'done' for line in reading.line_ids)
                and not connection._silence_reason()
            )
            radar.names_text = radar._names_text(connection)

    def _names_text(self, connection):
        """What is known of the names that vendors and employees have; '' where they do not matter."""
        if not self.has_shared_names:
            return ''
        values = {'provider': self.provider_label}
        if not connection:
            return self.env._(
                '%(provider)s gives a name once among customers, vendors and employees: which names are taken there is '
                'looked at after connecting.',
                **values,
            )
        if self.is_reading:
            return self.env._(
                'The names of vendors and employees are being read from %(provider)s.', **values
            )
        if not self.names_read_at:
            return self.env._(
                'The names of vendors and employees in %(provider)s have not been read yet. Click Check again.',
                **values,
            )
        return ''

    @api.depends('finding_ids.state', 'finding_ids.cause', 'finding_ids.suggestion')
    def _compute_counts(self):
        findings = self.env['fieldpromax.radar.finding'].sudo()
        groups = findings._read_group(
            [('radar_id', 'in', self.ids)], ['radar_id', 'state', 'cause'], ['__count']
        )
        counts = {(radar.id, state, cause): count for radar, state, cause, count in groups}
        suggested = dict(
            findings._read_group(
                Domain('radar_id', 'in', self.ids) & findings._acceptable_domain(), ['radar_id'], ['__count']
            )
        )
        for radar in self:
            for cause, _label in CAUSES:
                radar[f'{cause}_count'] = counts.get((radar.id, 'open', cause), 0)
            radar.open_count = sum(radar[f'{cause}_count'] for cause, _label in CAUSES)
            radar.fine_count = sum(counts.get((radar.id, 'fine', cause), 0) for cause, _label in CAUSES)
            radar.suggestion_count = suggested.get(radar.sudo(), 0)

    @api.depends('open_count', 'checked_at', 'customer_total', 'product_total')
    def _compute_headline(self):
        for radar in self:
            if not radar.checked_at:
                radar.headline = self.env._('Nothing was looked at yet.')
                radar.checked_text = ''
                continue
            if not radar.open_count:
                radar.headline = self.env._('Nothing here would make trouble.')
            elif radar.open_count == 1:
                radar.headline = self.env._('1 thing would make trouble.')
            else:
                radar.headline = self.env._('%s things would make trouble.', radar.open_count)
            radar.checked_text = self.env._(
                'Last checked %(ago)s: %(customers)s, %(products)s.',
                ago=ago_text(self.env, radar.checked_at),
                customers=self.env._('1 customer')
                if radar.customer_total == 1
                else self.env._('%s customers', radar.customer_total),
                products=self.env._('1 product')
                if radar.product_total == 1
                else self.env._('%s products', radar.product_total),
            )

    # === CRUD METHODS === #

    def write(self, vals):
        """People choose the accounting software, as long as none is connected; the rest is the program's."""
        if not self.env.su and (set(vals) - {'provider'} or self.connection_id):
            raise AccessError(
                self.env._(
                    'The radar looks at the accounting software that is connected. Disconnect it in the settings to '
                    'look at another one.'
                )
            )
        return super().write(vals)

    # === ACTIONS === #

    @api.model
    def action_open_radar(self):
        """The page of the company that the person works in, with a fresh look unless there was one just now."""
        radar = self._opened()
        if not radar.checked_at or radar.checked_at < fields.Datetime.now() - FRESH_FOR:
            radar._check()
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_radar_action'
        )
        return {**action, 'res_id': radar.id}

    def action_check_again(self):
        """Look at everything anew; the names that the books have are read in the background."""
        self._check_person()
        self.check_access('write')
        for radar in self:
            radar.sudo()._check()
            connection = radar.connection_id
            if connection and radar.has_shared_names and not connection._silence_reason():
                self.env['fieldpromax.run'].sudo()._start(connection, 'incremental', with_references=True)
        return True

    def action_view_findings(self):
        """The list; the context may name a cause (``radar_cause``) or ask for what is no problem (``radar_fine``)."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_radar_finding_action'
        )
        cause = self.env.context.get('radar_cause')
        labels = dict(self.env['fieldpromax.radar.finding']._fields['cause']._description_selection(self.env))
        domain = [('radar_id', '=', self.id)]
        if cause in labels:
            domain.append(('cause', '=', cause))
            action['display_name'] = labels[cause]
        filters = 'fine' if self.env.context.get('radar_fine') else 'open'
        return {**action, 'domain': domain, 'context': {f'search_default_{filters}': 1}}

    def action_accept_all(self):
        """Ask, with the count, whether everything is to be renamed as suggested."""
        self.ensure_one()
        self.check_access('read')
        findings = self.env['fieldpromax.radar.finding']
        found = findings.search(Domain('radar_id', '=', self.id) & findings._acceptable_domain())
        return found.action_confirm_suggestions()

    # === BUSINESS METHODS === #

    @api.model
    def _check_person(self):
        if not self.env.su and not self.env.user.has_group(BOOKKEEPER):
            raise AccessError(self.env._('Only a bookkeeper can look for duplicates.'))

    @api.model
    def _opened(self):
        """The radar that looks at the company that the person works in, with all rights."""
        self._check_person()
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        company = connection.company_id or self.env.company
        wanted = self.env.context.get('fieldpromax_provider')
        radar = self.sudo().search([('company_id', '=', company.id)])
        if not radar:
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO fieldpromax_radar (company_id, provider, check_number, create_uid, write_uid,
                           create_date, write_date)
                    VALUES (%(company)s, %(provider)s, 0, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                           now() AT TIME ZONE 'UTC')
                    ON CONFLICT (company_id) DO NOTHING
                    """,
                    company=company.id,
                    provider=connection.provider or wanted or self._default_provider(company),
                    uid=self.env.uid,
                )
            )
            radar = self.sudo().search([('company_id', '=', company.id)])
        chosen = connection.provider or wanted
        if chosen in dict(registry.selection()) and chosen != radar.provider:
            radar.write({'provider': chosen, 'checked_at': False})
        return radar

    @api.model
    def _default_provider(self, company):
        """Without a connection: the one that the company had last, or that an app is entered for."""
        connections = self.env['fieldpromax.connection'].sudo()
        latest = connections.search(
            [('company_id', '=', company.id)], order='connected_at desc, id desc', limit=1
        )
        names = [name for name, _label in registry.selection()]
        entered = [name for name in names if self.env['fieldpromax.app']._of(name).client_id]
        return latest.provider if latest.provider in names else next(iter([*entered, *names]))

    def _capabilities(self):
        self.ensure_one()
        provider = self._provider_class()
        return provider.capabilities if provider else base.Capabilities()

    def _provider_class(self):
        """None for one of an addon that was removed."""
        try:
            return registry.get(self.provider)
        except KeyError:
            return None

    def _companies(self):
        """The company and the branches that its books serve."""
        connection = self.env['fieldpromax.connection']._active_for(self.company_id)
        if connection:
            return connection._served_companies()
        return self.env['res.company'].sudo().search([('id', 'child_of', self.company_id.id)])

    # --- names that others have in the books --- #

    @api.model
    def _drive_names(self, connection):
        """Read the names that vendors and employees have, for a company whose radar was opened once. Run by the pull
        driver, which holds the connection's lock."""
        radar = self.sudo().search([('company_id', '=', connection.company_id.id)])
        if not radar or not connection._capabilities().shared_names:
            return
        names = connection._talk(lambda provider: provider.list_names_in_use())
        self.env['fieldpromax.exchange']._drive_step(radar._take_names, names)

    def _take_names(self, names):
        self.write(
            {
                'names_in_use': {fold(one.name): one.owner for one in names},
                'names_read_at': fields.Datetime.now(),
            }
        )
        self._check()

    @api.model
    def _cron_check(self):
        """Every night, for the companies that use it, so that counts elsewhere are not those of last month."""
        for radar in self.sudo().search([('checked_at', '!=', False)]):
            radar._check()
            # A cron commits what each company's look found before it goes on to the next.
            self.env['ir.cron']._commit_progress(1)

    # --- the check --- #

    def _check(self):
        """Look at all customers and products. Nothing happens while somebody else does so."""
        self.ensure_one()
        radar = self.sudo().with_context(lang=None, active_test=False)
        provider = radar._provider_class()
        if provider is None or not radar.try_lock_for_update(allow_referencing=True):
            return
        self.env['res.partner'].flush_model()
        self.env['product.template'].flush_model()
        self.env['product.product'].flush_model()
        self.env['res.users'].flush_model()
        radar.finding_ids.flush_model()
        connection = self.env['fieldpromax.connection']._active_for(radar.company_id)
        if connection.provider and connection.provider != radar.provider:
            radar.provider, provider = connection.provider, registry.get(connection.provider)
        radar.check_number += 1
        radar.flush_recordset()
        radar._find_alike('contact')
        radar._find_alike('item')
        customers = radar._find_refused('contact', provider, connection)
        products = radar._find_refused('item', provider, connection)
        self.env.cr.execute(
            'DELETE FROM fieldpromax_radar_finding WHERE radar_id = %s AND check_number < %s',
            (radar.id, radar.check_number),
        )
        radar.write(
            {
                'checked_at': fields.Datetime.now(),
                'customer_total': customers,
                'product_total': products,
            }
        )
        self.env['fieldpromax.radar.finding'].invalidate_model()
        self.invalidate_recordset()

    def _contacts_sql(self):
        """``id, name, second, family`` of the customers that the books may get: no contact persons and addresses, no
        pure suppliers, nobody who works here, nobody who is kept out."""
        return SQL(
            """
            WITH RECURSIVE above AS (
                SELECT p.id, p.parent_id AS top
                  FROM res_partner p WHERE p.parent_id IS NOT NULL AND p.commercial_partner_id = p.id
                 UNION
                SELECT above.id, p.parent_id
                  FROM above JOIN res_partner p ON p.id = above.top WHERE p.parent_id IS NOT NULL
            )
            SELECT p.id, p.name, COALESCE(p.email_normalized, '') AS second, COALESCE(p.email, '') AS shown,
                   COALESCE((SELECT a.top FROM above a JOIN res_partner t ON t.id = a.top AND t.parent_id IS NULL
                              WHERE a.id = p.id LIMIT 1), p.id) AS family
              FROM res_partner p
             WHERE p.active AND p.commercial_partner_id = p.id
               AND (p.company_id IS NULL OR p.company_id = ANY(%(companies)s))
               AND NOT COALESCE(p.fieldpromax_do_not_sync, FALSE)
               AND (p.customer_rank > 0 OR (
                    COALESCE(p.supplier_rank, 0) = 0
                    AND NOT EXISTS (SELECT FROM res_users u WHERE u.partner_id = p.id AND NOT u.share)
                    AND NOT EXISTS (SELECT FROM res_company c WHERE c.partner_id = p.id)))
            """,
            companies=self._companies().ids,
        )

    def _items_sql(self):
        """The same of the products that are sold: variants with their code, a product of several is one family."""
        return SQL(
            """
            SELECT p.id, t.name->>'en_US' AS name, COALESCE(p.default_code, '') AS second,
                   COALESCE(p.default_code, '') AS shown, t.id AS family
              FROM product_product p
              JOIN product_template t ON t.id = p.product_tmpl_id
             WHERE p.active AND t.active AND t.sale_ok
               AND (t.company_id IS NULL OR t.company_id = ANY(%(companies)s))
            """,
            companies=self._companies().ids,
        )

    def _find_alike(self, kind):
        """Groups of the same name, and of the same e-mail address or code, in one statement.

        What both tell of the same records is one finding. One family counts as one: the variants of a product, and
        customers above and below one another, which often share an address.
        """
        is_contact = kind == 'contact'
        self.env.cr.execute(
            SQL(
                """
                WITH scope AS MATERIALIZED (
                    SELECT s.id, s.name, s.shown, s.family, %(name_key)s AS name_key, %(second_key)s AS second_key
                      FROM (%(scope)s) s
                ), groups AS (
                    SELECT 'same_name' AS cause, name_key AS key, min(name) AS name, array_agg(id) AS ids,
                           count(DISTINCT second_key) = 1 AND min(second_key) <> '' AS same_second,
                           md5(string_agg(concat_ws(':', id, name, second_key), '|' ORDER BY id)) AS fingerprint
                      FROM scope WHERE name_key <> ''
                     GROUP BY name_key
                    HAVING count(*) > 1 AND (%(is_contact)s OR count(DISTINCT family) > 1)
                     UNION ALL
                    SELECT %(second_cause)s, second_key, min(shown), array_agg(id), TRUE,
                           md5(string_agg(concat_ws(':', id, name, second_key), '|' ORDER BY id))
                      FROM scope WHERE second_key <> ''
                     GROUP BY second_key
                    HAVING count(*) > 1 AND count(DISTINCT name_key) > 1
                       AND (NOT %(is_contact)s OR count(DISTINCT family) > 1)
                     UNION ALL
                    SELECT %(second_cause)s, second_key, min(shown), array_agg(id), TRUE,
                           md5(string_agg(concat_ws(':', id, name, second_key), '|' ORDER BY id))
                      FROM scope WHERE second_key <> '' AND NOT %(is_contact)s
                     GROUP BY second_key
                    HAVING count(*) > 1 AND count(DISTINCT name_key) = 1 AND count(DISTINCT family) = 1
                ), saved AS (
                    INSERT INTO fieldpromax_radar_finding AS f (radar_id, company_id, kind, cause, key, name,
                           record_count, same_second, fingerprint, state, check_number, create_uid, write_uid,
                           create_date, write_date)
                    SELECT %(radar)s, %(company)s, %(kind)s, cause, key, name, cardinality(ids), same_second,
                           fingerprint, 'open', %(number)s, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                           now() AT TIME ZONE 'UTC'
                      FROM groups
                    ON CONFLICT (radar_id, kind, cause, key) DO UPDATE SET
                           name = EXCLUDED.name, record_count = EXCLUDED.record_count,
                           same_second = EXCLUDED.same_second, check_number = EXCLUDED.check_number,
                           state = CASE WHEN f.fingerprint = EXCLUDED.fingerprint THEN f.state ELSE 'open' END,
                           fingerprint = EXCLUDED.fingerprint
                    RETURNING f.id, f.cause, f.key
                ), members AS (
                    SELECT saved.id, unnest(groups.ids) AS record FROM saved JOIN groups USING (cause, key)
                ), gone AS (
                    DELETE FROM %(relation)s r USING saved
                     WHERE r.finding_id = saved.id AND NOT EXISTS (
                           SELECT FROM members m WHERE m.id = r.finding_id AND m.record = r.%(column)s)
                )
                INSERT INTO %(relation)s (finding_id, %(column)s) SELECT id, record FROM members
                ON CONFLICT DO NOTHING
                """,
                scope=self._contacts_sql() if is_contact else self._items_sql(),
                name_key=text_key_sql(SQL("COALESCE(s.name, '')")),
                second_key=SQL('s.second') if is_contact else text_key_sql(SQL('s.second')),
                second_cause='same_email' if is_contact else 'same_code',
                is_contact=is_contact,
                **self._save_values(kind),
            )
        )

    def _save_values(self, kind):
        column = 'partner_id' if kind == 'contact' else 'product_id'
        return {
            'radar': self.id,
            'company': self.company_id.id,
            'kind': kind,
            'number': self.check_number,
            'uid': self.env.uid,
            'relation': SQL.identifier(f'fieldpromax_radar_finding_{column[:-3]}_rel'),
            'column': SQL.identifier(column),
        }

    def _find_refused(self, kind, provider, connection):
        """Names, codes and e-mail addresses that the provider refuses, codes that it misses, names that others have
        there; page by page.

        :return: how many records there are.
        """
        texts = ('name', 'email') if kind == 'contact' else ('name', 'code')
        names = self.names_in_use or {} if kind == 'contact' and connection else {}
        taken = TakenTexts(self.env, kind)
        total, last = 0, 0
        scope = self._contacts_sql() if kind == 'contact' else self._items_sql()
        while True:
            self.env.cr.execute(
                SQL(
                    """
                    SELECT s.id, COALESCE(s.name, ''), s.shown, EXISTS (
                           SELECT FROM fieldpromax_link l
                            WHERE l.%(column)s = s.id AND l.connection_id = %(connection)s)
                      FROM (%(scope)s) s WHERE s.id > %(last)s ORDER BY s.id LIMIT %(limit)s
                    """,
                    column=SQL.identifier('partner_id' if kind == 'contact' else 'product_id'),
                    connection=connection.id or 0,
                    scope=scope,
                    last=last,
                    limit=BATCH,
                )
            )
            page = self.env.cr.fetchall()
            if not page:
                return total
            rows = []
            for record_id, name, second, is_linked in page:
                for what, text in zip(texts, (name, second), strict=True):
                    sentences = provider.check_text(kind, what, text, name)
                    if not sentences:
                        continue
                    is_missing = what == 'code' and not text.strip()
                    rows.append(
                        {
                            'record': record_id,
                            'cause': 'missing_code' if is_missing else 'refused',
                            'what': what,
                            'name': name,
                            'found': text,
                            'rule': ' '.join(sentences),
                            'suggestion': taken.suggest(provider, what, text, source=name),
                        }
                    )
                owner = names.get(fold(name))
                if owner and not is_linked:
                    rows.append(
                        {
                            'record': record_id,
                            'cause': 'taken',
                            'what': 'name',
                            'name': name,
                            'found': name,
                            'rule': owner,
                            'suggestion': taken.suggest(
                                provider, 'name', name, addition=self.env._('Customer')
                            ),
                        }
                    )
            if rows:
                self._save(kind, rows)
            total += len(page)
            last = page[-1][0]

    def _save(self, kind, rows):
        """Findings about one record each, in one statement."""
        self.env.cr.execute(
            SQL(
                """
                WITH found AS (
                    SELECT r.*, concat_ws(':', r.record, r.what) AS key, md5(r.found) AS fingerprint
                      FROM json_to_recordset(%(rows)s::json) AS r(record int, cause varchar, what varchar,
                           name varchar, found varchar, rule varchar, suggestion varchar)
                ), saved AS (
                    INSERT INTO fieldpromax_radar_finding AS f (radar_id, company_id, kind, cause, key, what, name,
                           found, rule, suggestion, record_count, same_second, fingerprint, state, check_number,
                           create_uid, write_uid, create_date, write_date)
                    SELECT %(radar)s, %(company)s, %(kind)s, cause, key, what, name, found, rule, suggestion, 1,
                           FALSE, fingerprint, 'open', %(number)s, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                           now() AT TIME ZONE 'UTC'
                      FROM found
                    ON CONFLICT (radar_id, kind, cause, key) DO UPDATE SET
                           name = EXCLUDED.name, found = EXCLUDED.found, rule = EXCLUDED.rule,
                           suggestion = EXCLUDED.suggestion, check_number = EXCLUDED.check_number,
                           state = CASE WHEN f.fingerprint = EXCLUDED.fingerprint THEN f.state ELSE 'open' END,
                           fingerprint = EXCLUDED.fingerprint
                    RETURNING f.id, f.key
                )
                INSERT INTO %(relation)s (finding_id, %(column)s)
                SELECT saved.id, split_part(saved.key, ':', 1)::int FROM saved
                ON CONFLICT DO NOTHING
                """,
                rows=json.dumps(rows),
                **self._save_values(kind),
            )
        )


def fold(name):
    """A name as the books compare it: without case and double spaces."""
    return ' '.join((name or '').split()).casefold()


class TakenTexts:
    """Which names and codes are free to be suggested: had by no record, and suggested for none before."""

    def __init__(self, env, kind):
        self._env = env
        self._kind = kind
        self._suggested = set()
        self._of_products = {}

    def suggest(self, provider, what, text, source='', addition=''):
        """What would do in place of ``text``; None when nothing can be told."""
        suggestion = provider.suggest_text(
            self._kind,
            what,
            text,
            source=source,
            addition=addition,
            is_taken=lambda one: what != 'email' and self._is_taken(what, one),
        )
        if not suggestion or suggestion == text:
            return None
        self._suggested.add((what, suggestion.casefold()))
        return suggestion

    def _is_taken(self, what, text):
        if (what, text.casefold()) in self._suggested:
            return True
        if self._kind == 'item':
            return text.casefold() in self._texts_of_products(what)
        # The names of contacts have an index.
        self._env.cr.execute('SELECT FROM res_partner WHERE active AND name = %s LIMIT 1', [text])
        return bool(self._env.cr.rowcount)

    def _texts_of_products(self, what):
        """All names, or codes, at once: there is no index, and most products without a code need to know."""
        if what not in self._of_products:
            self._env.cr.execute(
                'SELECT default_code FROM product_product WHERE active AND default_code IS NOT NULL'
                if what == 'code'
                else "SELECT name->>'en_US' FROM product_template WHERE active"
            )
            self._of_products[what] = {text.casefold() for (text,) in self._env.cr.fetchall() if text}
        return self._of_products[what]
