"""Indexes over collections: values → ids of the documents that have them."""


def fold(text):
    """Names, numbers and codes are compared without case and without blanks around them."""
    return str(text).strip().casefold()


class Index:
    """Values → ids of the documents that have them."""

    def __init__(self):
        self._ids = {}

    def add(self, value, key):
        self._ids.setdefault(value, {})[key] = None

    def remove(self, value, key):
        keys = self._ids.get(value)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del self._ids[value]

    def ids(self, value):
        return list(self._ids.get(value, ()))

    def first(self, value, other_than=None):
        return next((key for key in self._ids.get(value, ()) if key != other_than), None)


def keep_indexed(collection, keys):
    """Keep the indexes of a collection up to date; ``keys(document)`` yields pairs of index and value."""

    def on_change(key, old, new):
        for index, value in keys(old) if old else ():
            index.remove(value, key)
        for index, value in keys(new) if new else ():
            index.add(value, key)

    collection.on_change = on_change
    for key, document in collection.items():
        on_change(key, None, document)
