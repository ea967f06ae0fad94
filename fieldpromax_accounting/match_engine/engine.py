"""The engine: local records in, remote records in, a verdict for each remote one out.

- **link**: name and e-mail (of a product: code) are equal, nothing speaks against it, and no other record of either
  side has the same name, e-mail or code. This is the automatic level.
- **review**: something is equal or similar, and a person has to look. The candidates say why.
- **create**: nothing in Odoo is like it.

The outcome depends on the records alone, not on their order nor on the process. Work and memory grow with the number of
records, not with its square.
"""

from __future__ import annotations

from collections import defaultdict

from .compare import Likeness
from .index import Index
from .records import Candidate, Reason, Result
from .scoring import SUGGEST, Pair, Prepared

LINK, REVIEW, CREATE = 'link', 'review', 'create'
# More candidates than these nobody reads.
CANDIDATES_KEPT = 10


def _order(identity):
    """Ids of one sort in their order; should a side mix numbers and texts, numbers come first."""
    return (isinstance(identity, str), identity)


def _record_order(record):
    return (
        *_order(record.id),
        record.via,
        record.name,
        record.email,
        record.code,
        record.phone,
        record.tax_number,
    )


class Engine:
    """Matches remote records against ``local_records``, all of one kind.

    :param local_records: :class:`.records.Record`; several may share an id (see there).
    :param apart: ``(remote id, local id)`` of pairs that a person set apart: they are never candidates.
    :param suggest: least score of a candidate.
    """

    def __init__(self, local_records, apart=(), suggest=SUGGEST):
        records = sorted(local_records, key=_record_order)
        self._kind = _kind_of(records)
        self._index = Index([Prepared(record) for record in records])
        #: id → the record itself, not one that stands for it
        self._own = {one.record.id: one for one in self._index.prepared if not one.record.via}
        self._apart = frozenset(apart)
        self._suggest = suggest

    def candidates(self, remote_records, known=()):
        """A :class:`.records.Result` for each of ``remote_records``, in their order, one by one.

        :param known: further remote records, linked or decided on already: nothing is told about them, but they count
            when it is asked whether a record is unique in the books.
        :raise ValueError: records of several kinds.
        """
        remotes = [Prepared(record) for record in remote_records]
        rivals = _Rivals([*remotes, *map(Prepared, known)])
        kind = _kind_of(one.record for one in remotes)
        if kind and self._kind and kind != self._kind:
            raise ValueError(f'These are records of two kinds: {kind} and {self._kind}.')
        return (self._judge(remote, rivals) for remote in remotes)

    def _judge(self, remote, rivals):
        candidates = self._candidates_of(remote)
        reasons = []
        equals = self._equals_of(remote)
        if len(equals) > 1:
            reasons.append(Reason.of('several', count=len(equals)))
        best = candidates[0] if candidates else None
        twin = rivals.of(remote, self._own.get(best.id) if best and best.is_exact else None, self._apart)
        if twin is not None:
            reasons.append(
                Reason.of('rival_books', name=twin.name.text or twin.record.email or twin.record.code)
            )
        if not remote.name_keys and not remote.second_keys:
            reasons.append(Reason('nameless'))
        if best and best.is_exact and not reasons:
            verdict = LINK
        elif candidates or reasons:
            verdict = REVIEW
        else:
            verdict = CREATE
        return Result(remote.record.id, verdict, tuple(candidates), tuple(reasons))

    def _candidates_of(self, remote):
        ways = defaultdict(list)
        # Many have the same name: one comparison serves them all.
        likeness = {}
        for place in self._index.find(remote):
            local = self._index.prepared[place]
            if (remote.record.id, local.record.id) not in self._apart:
                name = local.name
                if name.text not in likeness:
                    likeness[name.text] = Likeness(remote.name, name)
                ways[local.record.id].append((Pair(remote, local, likeness[name.text]), local))
        found = [
            _candidate(group)
            for group in ways.values()
            if len(group) > 1 or group[0][0].score >= self._suggest
        ]
        found = [one for one in found if one.score >= self._suggest and _is_open(one)]
        found.sort(key=lambda one: (-one.score, _order(one.id)))
        return found[:CANDIDATES_KEPT]

    def _equals_of(self, remote):
        """Ids of the local records that share name, e-mail or code with ``remote``."""
        found = set()
        for keys, blocks in (
            (remote.name_keys, self._index.names),
            (remote.second_keys, self._index.seconds),
        ):
            for key in keys:
                found.update(self._index.prepared[place].record.id for place in blocks.get(key, ()))
        return {identity for identity in found if (remote.record.id, identity) not in self._apart}


class _Rivals:
    """Remote records by name, e-mail and code: is there another one that claims the same?"""

    def __init__(self, remotes):
        self._names, self._seconds = defaultdict(list), defaultdict(list)
        for one in sorted(remotes, key=lambda one: _record_order(one.record)):
            for key in one.name_keys:
                self._names[key].append(one)
            for key in one.second_keys:
                self._seconds[key].append(one)

    def of(self, remote, local, apart):
        """Another remote record with the name, e-mail or code of ``remote``, or of the local one that it is about to
        be linked to; None when it is unique."""
        for one in (remote, local) if local else (remote,):
            for keys, blocks in ((one.name_keys, self._names), (one.second_keys, self._seconds)):
                for key in keys:
                    for other in blocks.get(key, ()):
                        is_apart = local and (other.record.id, local.record.id) in apart
                        if other.record.id != remote.record.id and not is_apart:
                            return other
        return None


def _kind_of(records):
    kinds = {record.kind for record in records}
    if len(kinds) > 1:
        raise ValueError(f'These are records of several kinds: {", ".join(sorted(kinds))}.')
    return kinds.pop() if kinds else ''


def _is_open(candidate):
    """One that is linked already is shown when it claims the very same name, e-mail or code; that it is merely
    similar says nothing, since the books keep the two apart."""
    return (
        candidate.same_name
        or candidate.same_second
        or all(reason.code != 'linked' for reason in candidate.reasons)
    )


def _candidate(ways):
    """One candidate of all the ways in which a local record was found: itself, its contact persons and addresses."""
    pair, local = min(ways, key=lambda way: (-way[0].score, way[1].record.via != '', way[1].record.via))
    record = local.record
    score, reasons = pair.score, list(pair.reasons)
    if not pair.same_second:
        for other, contact in ways:
            if other.same_second and contact.record.via and contact is not local:
                reasons.append(Reason.of('email_via', via=contact.record.via))
                score += 10
                break
    if record.via:
        reasons.append(Reason.of('found_via', via=record.via))
    if not record.active:
        reasons.append(Reason('archived'))
    if record.linked_to:
        reasons.append(Reason.of('linked', name=record.linked_to))
    if record.via or not record.active or record.linked_to or not pair.score == 100:
        score = min(score, 99)
    return Candidate(
        id=record.id,
        score=score,
        reasons=tuple(reasons),
        same_name=any(one.same_name for one, _ in ways),
        same_second=any(one.same_second for one, _ in ways),
        via=record.via,
    )
