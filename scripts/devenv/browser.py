"""Chromium for the browser tests, `.dev/bin/chromium`: Debian's, unpacked with the libraries that the machine lacks.

Without it the browser tests are skipped, and the run says so.
"""

import shutil
from pathlib import Path

from devenv import debian
from devenv.settings import BIN, DEV, VENV
from devenv.steps import SetupError, digest, remove, say, step

UNPACKED = DEV / "chromium"
WRAPPER = BIN / "chromium"
PLAYWRIGHT_NODE = BIN / "playwright-node"
# With all that a machine without a desktop lacks: a font, and a library that the program inside Playwright needs.
PACKAGES = ["chromium", "fonts-dejavu-core", "libatomic1"]
# No sandbox: it needs set-up by root, and only our own pages are shown. The others keep Chromium from calling home.
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
)

# Fonts of the unpacked packages and of the machine; whatever a page asks for and is not there becomes a plain sans.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/cache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <match target="pattern">
    <edit name="family" mode="append_last" binding="weak"><string>DejaVu Sans</string></edit>
  </match>
</fontconfig>
"""


def _write_wrapper(wrapper: Path, program: Path, options: str = "") -> None:
    """A program in `.dev/bin` that starts `program` with the unpacked libraries and fonts, if there are any."""
    lines = ["#!/bin/sh"]
    if UNPACKED.is_dir():
        trees = [UNPACKED.glob(f"{tree}/*-linux-gnu/**/lib*.so*") for tree in ("usr/lib", "lib")]
        libraries = ":".join(sorted({str(file.parent) for tree in trees for file in tree}))
        lines += [
            f'export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
            f'export FONTCONFIG_FILE="{UNPACKED / "fonts.conf"}"',
        ]
    BIN.mkdir(parents=True, exist_ok=True)
    wrapper.write_text("\n".join([*lines, f'exec "{program}" {options} "$@"', ""]))
    wrapper.chmod(0o755)


def environment() -> dict[str, str]:
    """What Playwright must be told to run beside the unpacked Chromium."""
    return {"PLAYWRIGHT_NODEJS_PATH": str(PLAYWRIGHT_NODE)} if PLAYWRIGHT_NODE.is_file() else {}


def _unpack(_before: str | None) -> None:
    fresh = DEV / "chromium.new"
    remove(fresh)
    packages = debian.Packages(debian.codename())
    wanted = {name for package in PACKAGES for name in packages.missing_for(package)}
    packages.unpack(sorted(wanted), fresh)
    packages.forget()
    (fresh / "fonts.conf").write_text(FONTS.format(folder=UNPACKED))
    remove(UNPACKED)
    fresh.rename(UNPACKED)


def ensure() -> None:
    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if installed and Path(installed).resolve() != WRAPPER.resolve():
        _write_wrapper(WRAPPER, Path(installed), FLAGS)
        return
    program = UNPACKED / "usr" / "lib" / "chromium" / "chromium"
    try:
        if not debian.codename():
            raise SetupError("Chromium is fetched on Debian only; elsewhere install it yourself.")
        step(
            "chromium",
            "Chromium for the browser tests",
            digest(PACKAGES, FONTS, str(UNPACKED), debian.codename()),
            _unpack,
            program.is_file,
        )
    except SetupError as error:
        WRAPPER.unlink(missing_ok=True)
        say(f"  Browser tests will be skipped. {error}")
        return
    _write_wrapper(WRAPPER, program, FLAGS)
    node = next(VENV.glob("lib/python3*/site-packages/playwright/driver/node"), None)
    if node:
        _write_wrapper(PLAYWRIGHT_NODE, node)
