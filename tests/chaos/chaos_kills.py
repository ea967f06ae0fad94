"""Which worker is killed when: between claim and answer, between answer and commit, or whenever it happens to be."""

import contextlib
import os
import random
import signal
import time

#: how long a driver may take to come to the call at which it is to die; polls come every 60 to 70 s
PATIENCE = 75


class Missed(Exception):
    """The moment did not come: nobody was killed."""


class Killer:
    """Kills workers of a :class:`~chaos_world.World` and counts how; every choice comes from one seed.

    :ivar counts: ``{"answer": n, "commit": n, "random": n, "reading": n}``; the last are of a read and its page, before
        its answer or before its commit.
    """

    def __init__(self, world, seed):
        self.world = world
        self.draw = random.Random(seed)  # noqa: S311 the same kills again for the same seed
        self.counts = {"answer": 0, "commit": 0, "random": 0, "reading": 0}
        self.missed = 0

    def total(self):
        return sum(self.counts.values())

    def kill(self, how, books, wake, reading=False):
        """One kill, or :class:`Missed`. ``wake()``: somebody does what brings the driver of these books to work."""
        kinds = {"answer": self._before_answer, "commit": self._before_commit, "random": self._anywhere}
        kinds[how](books, wake, reading)
        self.counts["reading" if reading else how] += 1

    def _before_answer(self, books, wake, reading):
        """The request has left and no answer has come; the provider may or may not have done what it says."""
        fault = self.draw.choice(["timeout_before", "timeout_after", "slow:3"])
        with self._at_next_call(books, fault, wake, reading) as entry:
            if not reading and not self.world.sending(books):
                raise Missed("what was held was no write of an exchange")
            process = self._driver(books)
            told = self._entry(books, entry)
            if fault.startswith("slow") and told["status"]:
                raise Missed("it was answered already")
            os.kill(process, signal.SIGKILL)

    def _before_commit(self, books, wake, reading):
        """The answer has come and is taken in, and cannot be committed: somebody else holds a row that it writes."""
        with self._at_next_call(books, "slow:1.5", wake, reading) as entry:
            process = self._driver(books)
            if reading:
                sql = "SELECT id FROM fieldpromax_checkpoint WHERE connection_id = %s FOR NO KEY UPDATE"
            else:
                sql = (
                    "SELECT id FROM fieldpromax_exchange WHERE connection_id = %s AND state = 'sending' "
                    "FOR NO KEY UPDATE"
                )
            holder = self.world.database.connect()
            try:
                with holder.cursor() as cursor:
                    cursor.execute(sql, (books.connection,))
                    if not cursor.fetchall():
                        raise Missed("what was held was no write of an exchange")
                end = time.monotonic() + 40
                while True:
                    status = self._entry(books, entry)["status"]
                    if status and status < 400 and self.world.is_held_up(holder):
                        break
                    if time.monotonic() > end or self._driver(books) != process:
                        raise Missed("its answer did not come to be taken in")
                    time.sleep(0.02)
                os.kill(process, signal.SIGKILL)
            finally:
                holder.close()

    def _anywhere(self, _books, wake, _reading):
        wake()
        time.sleep(self.draw.uniform(0, 2))
        kind = self.draw.choices(["WorkerCron", "WorkerHTTP", ""], [6, 3, 1])[0]
        workers = self.world.server.workers(kind)
        if not workers:
            raise Missed("none was alive")
        os.kill(self.draw.choice(workers), signal.SIGKILL)

    @contextlib.contextmanager
    def _at_next_call(self, books, fault, wake, reading):
        """Order a fault for the next call, wait until the simulator says that it fired; the id of its entry there."""
        simulator = books.simulator
        since = simulator.last_request()
        if reading:
            simulator.fault(fault, books.reads, "GET")
        else:
            # Of all kinds, not always the first call of a run.
            path, most = self.draw.choice(books.writes)
            simulator.fault(fault, path, books.method, skip=self.draw.randint(0, most))
        wake()
        try:
            end = time.monotonic() + PATIENCE
            while True:
                fired = [entry for entry in simulator.requests(since) if entry["fault"] == fault]
                if fired:
                    break
                if time.monotonic() > end:
                    raise Missed("no call was made")
                time.sleep(0.05)
            yield fired[0]["id"]
        finally:
            simulator.control("DELETE", "/_sim/faults")

    def _entry(self, books, entry):
        (told,) = [one for one in books.simulator.requests(entry - 1) if one["id"] == entry]
        return told

    def _driver(self, books):
        process = self.world.driver(books)
        if process is None:
            raise Missed("nobody held the lock")
        return process
