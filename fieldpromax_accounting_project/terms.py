"""What of a project is kept in step: its name and its state, as plain values that can be compared and stored."""

from odoo.addons.fieldpromax_accounting.matching import one_line

STATUSES = [
    ('open', 'Open'),
    ('in_progress', 'In progress'),
    ('done', 'Done'),
    ('cancelled', 'Cancelled'),
]
CLOSED = ('done', 'cancelled')
TERMS = ('name', 'status')


def effective_status(status, active):
    """One of :data:`STATUSES`. Books without states, and records that were made inactive, tell by that alone."""
    status = status or 'open'
    return status if active or status in CLOSED else 'done'


def terms_of(remote):
    """``{'name', 'status'}`` of a project of the books (``dto.Project``)."""
    return {'name': one_line(remote.name), 'status': effective_status(remote.status, remote.active)}


class Comparison:
    """What became of both sides since they last agreed.

    :param baseline: ``{'ours': terms, 'theirs': terms}`` at the last agreement. Both are kept, because the two sides
        may differ for good (linked under two names, or states that one of them does not have).
    """

    def __init__(self, baseline, ours, theirs):
        self.ours, self.theirs = ours, theirs
        then = baseline or {'ours': ours, 'theirs': theirs}
        changed_here = {name for name in TERMS if ours[name] != then['ours'].get(name)}
        changed_there = {name for name in TERMS if theirs[name] != then['theirs'].get(name)}
        self.equal = {name for name in TERMS if ours[name] == theirs[name]}
        #: changed on this side alone, to be sent
        self.to_send = changed_here - changed_there - self.equal
        #: changed in the books alone, to be taken over
        self.to_take = changed_there - changed_here - self.equal
        #: changed on both sides, each in its own way: a person decides
        self.conflicts = (changed_here & changed_there) - self.equal
        self._then = then

    def baseline(self, agreed=()):
        """The baseline to store once the terms named in ``agreed``, and those that are equal, are settled."""
        settled = {*agreed, *self.equal}
        return {
            side: {name: now[name] if name in settled else self._then[side].get(name) for name in TERMS}
            for side, now in (('ours', self.ours), ('theirs', self.theirs))
        }
