"""Books with projects, for the tests alone: all as in Xero, and projects on a shelf in memory."""

import json
from dataclasses import asdict, replace
from itertools import count

from odoo.addons.fieldpromax_accounting.providers import dto, errors
from odoo.addons.fieldpromax_accounting.providers.base import Operation
from odoo.addons.fieldpromax_accounting.providers.xero import XeroProvider


class Shelf:
    """The projects of these books, as a person there would see and change them."""

    def __init__(self):
        self.projects = {}
        self.plan = True
        self.has_states = True
        #: errors to raise at the next writes, in their order
        self.faults = []
        #: after which the answer is lost although the write took effect
        self.lose_answers = 0
        self.calls = []
        #: called once, right before the next write is worked on: somebody else was faster
        self.meanwhile = None
        #: number of an invoice → id of the project that it was sent with
        self.invoices = {}
        self._ids, self._changes = count(1), count(1)

    def put(self, name, contact, status='open', **values):
        """A project that somebody made in the books; returns its id."""
        external_id = f'project-{next(self._ids)}'
        status = status if self.has_states else ''
        project = dto.Project(
            name=name, contact_external_id=contact, external_id=external_id, status=status, **values
        )
        self.projects[external_id] = self._stamped(project)
        return external_id

    def change(self, external_id, **values):
        self.projects[external_id] = self._stamped(replace(self.projects[external_id], **values))

    def _stamped(self, project):
        return replace(project, version=f'{next(self._changes):06}')

    def named(self, name):
        return [project for project in self.projects.values() if project.name == name]


class ProjectBooksProvider(XeroProvider):
    label = 'ProjectBooks'
    capabilities = replace(XeroProvider.capabilities, projects=True)
    operations = {
        **XeroProvider.operations,
        'project.create': Operation('project.create', 'project', 5, 'name below the customer'),
        'project.update': Operation('project.update', 'project', 5, 'ID of the project'),
    }
    shelf = None

    def get_organization(self):
        return replace(super().get_organization(), has_projects=self.shelf.plan)

    def list_organizations(self, token, params):
        return tuple(
            replace(organization, has_projects=self.shelf.plan)
            for organization in super().list_organizations(token, params)
        )

    def pull_page(self, kind, *, cursor='', since='', page_size=1000):
        if kind != 'project':
            return super().pull_page(kind, cursor=cursor, since=since, page_size=page_size)
        known = [project for project in self.shelf.projects.values() if not project.is_sub_customer]
        if since:
            found = sorted(
                (project for project in known if project.version > since), key=lambda project: project.version
            )
        else:
            found = [project for project in known if project.active]
        start = int(cursor or 0)
        page = found[start : start + page_size]
        more = start + page_size < len(found)
        checkpoint = max((project.version for project in known), default='000000')
        return dto.Page(
            records=tuple(page),
            next_cursor=str(start + page_size) if more else '',
            checkpoint=checkpoint,
            total=len(found),
        )

    def get_record(self, kind, external_id):
        if kind != 'project':
            return super().get_record(kind, external_id)
        if external_id not in self.shelf.projects:
            raise errors.NotFound('There is no such project.')
        return self.shelf.projects[external_id]

    def find_records(self, kind, keys):
        if kind != 'project':
            return super().find_records(kind, keys)
        return tuple(project for project in self.shelf.projects.values() if project.name in keys)

    def check(self, kind, record):
        if kind != 'project':
            return super().check(kind, record)
        return (
            (f'A name has no colon: write "{record.name.replace(":", " ")}".',) if ':' in record.name else ()
        )

    def prepare(self, operation, members):
        if not operation.startswith('project.'):
            if operation.startswith('invoice.'):
                for _member, invoice in members:
                    self.shelf.invoices[invoice.number] = invoice.project_external_id
            return super().prepare(operation, members)
        body = json.dumps([asdict(data) for _member, data in members], default=str)
        return dto.PreparedCall(operation, body, tuple(member for member, _data in members))

    def send(self, call, key):
        if not call.operation.startswith('project.'):
            return super().send(call, key)
        self.shelf.calls.append(call)
        if self.shelf.meanwhile:
            meanwhile, self.shelf.meanwhile = self.shelf.meanwhile, None
            meanwhile()
        if self.shelf.faults:
            raise self.shelf.faults.pop(0)
        results = []
        for member, values in zip(call.members, json.loads(call.body), strict=True):
            values.pop('updated_at')
            sent = dto.Project(**values)
            results.append(self._write(member, sent))
        if self.shelf.lose_answers:
            self.shelf.lose_answers -= 1
            raise errors.OutcomeUnknown('The answer was lost.')
        return dto.CallResult(tuple(results), 200, 'request-1')

    def _write(self, member, sent):
        shelf = self.shelf
        twin = [
            project
            for project in shelf.named(sent.name)
            if project.external_id != sent.external_id
            and project.contact_external_id == sent.contact_external_id
        ]
        if twin:
            error = errors.Conflict(
                'Another project has this name.', code='duplicate_project_name', details=('Duplicate name.',)
            )
            return dto.MemberResult(member, error=error)
        if not sent.external_id:
            external_id = shelf.put(
                sent.name, sent.contact_external_id, sent.status, is_sub_customer=sent.is_sub_customer
            )
            return dto.MemberResult(member, record=shelf.projects[external_id])
        there = shelf.projects.get(sent.external_id)
        if there is None:
            return dto.MemberResult(member, error=errors.NotFound('There is no such project.'))
        if there.version != sent.version:
            return dto.MemberResult(
                member, error=errors.Conflict('You and someone else are working on it.', code='stale')
            )
        shelf.change(sent.external_id, name=sent.name, status=sent.status, active=sent.active)
        return dto.MemberResult(member, record=shelf.projects[sent.external_id])

    def record_url(self, kind, external_id, organization):
        if kind != 'project':
            return super().record_url(kind, external_id, organization)
        return f'https://books.example/project/{external_id}'
