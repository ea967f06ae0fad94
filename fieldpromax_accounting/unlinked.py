"""Records of Odoo that are not linked yet, as the match engine compares them with those of the books."""

from .match_engine import Engine


class Unlinked:
    """Keeps the engine over the unlinked records of each kind from page to page.

    It belongs to one recordset of :meth:`fieldpromax.connection._as_driver`, hence to one run in one thread, and is
    forgotten with it. Memory is bounded whatever the number of records: an engine holds :data:`SLICE` of them (about
    4 kB each, so some 80 MB); where there are more, slice after slice is built, asked and dropped for each page, and
    only the stamps of the records are read at once.
    """

    #: records, contact persons and addresses that one engine holds
    SLICE = 20_000

    def __init__(self):
        self._kept = {}

    def __repr__(self):
        return f'<{type(self).__name__}>'

    def candidates(self, key, stamps, read, remotes):
        """What is alike among the unlinked records.

        :param key: what the engine is kept by: connection and kind.
        :param stamps: ``{id of a row: (id of its record, when it was changed)}`` of all that are unlinked now.
        :param read: ``read(ids of rows)`` gives their :class:`.match_engine.Record`.
        :param remotes: records of the books (:class:`.match_engine.Record`).
        :return: for each of ``remotes``, in their order, the candidates that are still unlinked.
        """
        found = [[] for _ in remotes]
        if stamps and remotes:
            still_there = {record_id for record_id, _changed in stamps.values()}
            for engine in self._engines(key, stamps, read):
                for place, result in enumerate(engine.candidates(remotes)):
                    found[place] += [one for one in result.candidates if one.id in still_there]
        return found

    def _engines(self, key, stamps, read):
        ids = sorted(stamps, key=lambda row: (stamps[row][0], row))
        if len(ids) > self.SLICE:
            self._kept.pop(key, None)
            for start in range(0, len(ids), self.SLICE):
                yield Engine(read(ids[start : start + self.SLICE]))
            return
        known, engine = self._kept.get(key, ({}, None))
        # Those that were linked since are left out of the answers. Once they are the greater part, they would keep
        # what is asked for from being found.
        if engine is None or len(ids) * 2 < len(known) or any(known.get(row) != stamps[row] for row in ids):
            engine = Engine(read(ids))
            self._kept[key] = stamps, engine
        yield engine
