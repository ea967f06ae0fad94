"""Documents in memory, written through to one SQLite file.

A document is a plain dict of JSON values (Decimal for money). It is replaced, never changed in place: that is what
makes rolling back cheap (the previous document is put back) and a write atomic on disk (one SQLite transaction a
request).
"""

import sqlite3
from contextlib import contextmanager
from pathlib import Path

from . import jsonio


class StoreInUse(Exception):
    """Another process holds the state directory."""


class Collection:
    """One kind of document by id, in order of insertion. ``on_change(id, old, new)`` keeps indexes."""

    def __init__(self, store, name):
        self._store = store
        self.name = name
        self._documents = {}
        self.on_change = None

    def __len__(self):
        return len(self._documents)

    def __contains__(self, key):
        return key in self._documents

    def __iter__(self):
        return iter(list(self._documents))

    def get(self, key, default=None):
        return self._documents.get(key, default)

    def values(self):
        return list(self._documents.values())

    def items(self):
        return list(self._documents.items())

    def put(self, key, document):
        self._store._note(self, key, self._documents.get(key))
        self._set(key, document)

    def delete(self, key):
        if key in self._documents:
            self._store._note(self, key, self._documents[key])
            self._set(key, None)

    def _set(self, key, document):
        old = self._documents.get(key)
        if document is None:
            self._documents.pop(key, None)
        else:
            self._documents[key] = document
        if self.on_change:
            self.on_change(key, old, document)


class Store:
    """All collections of a simulator.

    ``on_flush([(collection, id, old, new), …])`` is told what a request changed in all, once it is kept.

    :param directory: where the state file lives, or None to keep it in memory only
    :raise StoreInUse: another process has the same directory open
    """

    def __init__(self, directory=None):
        self._collections = {}
        self._dirty = {}  # (collection, id) → the document before
        self.on_flush = None
        self._undo = None
        self._connection = None
        self._loaded = {}
        if directory is not None:
            path = Path(directory)
            path.mkdir(parents=True, exist_ok=True)
            self._open(path / "state.sqlite")

    def _open(self, path):
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS document "
                "(collection TEXT, key TEXT, body TEXT, PRIMARY KEY (collection, key))"
            )
            rows = self._connection.execute(
                "SELECT collection, key, body FROM document ORDER BY rowid"
            ).fetchall()
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise StoreInUse(f"{path} is in use by another process: {error}") from error
        for name, key, body in rows:
            self._loaded.setdefault(name, {})[key] = jsonio.loads(body)

    def collection(self, name):
        """The collection of that name, with what the state file holds of it."""
        if name not in self._collections:
            collection = self._collections[name] = Collection(self, name)
            collection._documents = self._loaded.pop(name, {})
        return self._collections[name]

    def _note(self, collection, key, old):
        self._dirty.setdefault((collection.name, key), old)
        if self._undo is not None:
            self._undo.append((collection, key, old))

    @contextmanager
    def transaction(self):
        """Everything put or deleted inside is taken back when the block raises. Blocks may be nested."""
        outer = self._undo
        self._undo = []
        try:
            yield
        except BaseException:
            undo, self._undo = self._undo, None
            for collection, key, old in reversed(undo):
                collection._set(key, old)
            self._undo = outer
            raise
        else:
            undo, self._undo = self._undo, outer
            if outer is not None:
                outer.extend(undo)

    def flush(self, tell=True):
        """Write what changed to disk, in one transaction; then tell ``on_flush``, unless ``tell`` is False."""
        dirty, self._dirty = self._dirty, {}
        if self._connection is not None and dirty:
            self._write(dirty)
        if self.on_flush is None or not tell:
            return
        changes = [
            (name, key, old, self._collections[name].get(key))
            for (name, key), old in dirty.items()
            if self._collections[name].get(key) is not old
        ]
        if changes:
            self.on_flush(changes)

    def _write(self, dirty):
        gone, kept = [], []
        for name, key in dirty:
            document = self._collections[name].get(key)
            if document is None:
                gone.append((name, key))
            else:
                kept.append((name, key, jsonio.dumps(document)))
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        cursor.executemany("DELETE FROM document WHERE collection = ? AND key = ?", gone)
        cursor.executemany(
            "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            kept,
        )
        cursor.execute("COMMIT")

    def documents(self):
        """Everything that is kept, as :meth:`put_back` takes it. Documents are never changed in place, so that this is
        cheap and stays as it is."""
        return {name: dict(collection.items()) for name, collection in self._collections.items()} | {
            name: dict(documents) for name, documents in self._loaded.items()
        }

    def put_back(self, documents):
        """Have exactly these documents. Collections handed out before are dead afterwards."""
        self.clear()
        for name, bodies in documents.items():
            collection = self.collection(name)
            for key, body in bodies.items():
                collection.put(key, body)

    def clear(self):
        """Forget every document, in memory and on disk. Collections handed out before are dead afterwards."""
        self._collections.clear()
        self._loaded.clear()
        self._dirty.clear()
        if self._connection is not None:
            self._connection.execute("DELETE FROM document")

    def close(self):
        self.flush()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
