"""Serving: loopback only, a line when listening, a clean end; or in a thread of a test process."""

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request

from aiohttp import web


class NotLoopback(ValueError):
    """The simulators hold pretended secrets and have no protection: they never leave the machine."""


def check_loopback(host):
    """Refuse any host that other machines could reach."""
    if host == "localhost":
        return host
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise NotLoopback(
        f"The simulator listens on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}."
    )


async def _start(app, host, port):
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, check_loopback(host), port).start()
    return runner


def _url(host, port):
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(make_app, name, host, port):
    """Run until SIGINT or SIGTERM. Prints ``<name> simulator: <url>`` when it listens."""
    app = make_app()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = await _start(app, host, port)
    print(f"{name} simulator: {_url(host, runner.addresses[0][1])}", flush=True)  # noqa: T201 the line that others wait for
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


class ThreadedServer:
    """A simulator in a thread of this process, on a free port of 127.0.0.1.

    :ivar base_url: e.g. ``http://127.0.0.1:40123``
    """

    def __init__(self, make_app, host="127.0.0.1", port=0):
        self._make_app, self._host, self._port = make_app, check_loopback(host), port
        self._ready = threading.Event()
        self._failure = None
        self.base_url = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def _run(self):
        asyncio.run(self._main())

    async def _main(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        runner = None
        try:
            runner = await _start(self._make_app(), self._host, self._port)
            self.base_url = _url(self._host, runner.addresses[0][1])
        except Exception as error:  # noqa: BLE001 raised again in the thread that asked for the server
            self._failure = error
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    def stop(self):
        """End the server and wait for it; a second call does nothing."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def control(self, method, path, body=None):
        """Call a control endpoint, e.g. ``control("POST", "/_sim/faults", {...})``; returns the parsed answer.

        urllib on purpose: test frameworks that block ``requests`` still reach the simulator's controls.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 our own http address
            self.base_url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error


def free_port():
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def state_directory(value):
    """The directory for the state, expanded; None keeps the state in memory."""
    return None if value is None else os.path.abspath(os.path.expanduser(value))
