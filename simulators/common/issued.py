"""What a simulator hands out and nobody may write down: noted by its hash, so that logs can be searched for it."""

import hashlib
import os

VARIABLE = "SIMULATORS_ISSUED"


def issued(secret):
    """Note ``secret`` in the file that the environment variable names, if any, and give it back.

    One SHA-256 a line, in hex: the file itself gives nothing away.
    """
    path = os.environ.get(VARIABLE)
    if path:
        with open(path, "a", encoding="ascii") as file:
            file.write(hashlib.sha256(secret.encode()).hexdigest() + "\n")
    return secret
