"""Chromium for the browser tests, `.dev/bin/chromium`: Debian's, unpacked with the libraries that the machine lacks.

Without it the browser tests are skipped, and the run says so.
"""

import shutil
from pathlib import Path

from devenv import debian
from devenv.settings import BIN, DEV
from devenv.steps import SetupError, digest, remove, say, step

UNPACKED = DEV / "chromium"
WRAPPER = BIN / "chromium"
# Needed by Chromium at run time, on a machine without any desktop.
PACKAGES = ["chromium", "fonts-dejavu-core"]
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


def _wrapper(program: Path) -> str:
    lines = ["#!/bin/sh", "# Chromium as the browser tests start it."]
    if program.is_relative_to(UNPACKED):
        folders = {
            file.parent
            for tree in ("usr/lib", "lib")
            for file in UNPACKED.glob(f"{tree}/*-linux-gnu/**/lib*.so*")
        }
        libraries = ":".join(str(folder) for folder in sorted(folders))
        lines += [
            f'export LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
            f'export FONTCONFIG_FILE="{UNPACKED / "fonts.conf"}"',
        ]
    return "\n".join([*lines, f'exec "{program}" {FLAGS} "$@"', ""])


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


def _install(program: Path) -> None:
    BIN.mkdir(parents=True, exist_ok=True)
    WRAPPER.write_text(_wrapper(program))
    WRAPPER.chmod(0o755)


def ensure() -> None:
    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if installed and Path(installed).resolve() != WRAPPER.resolve():
        _install(Path(installed))
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
    _install(program)
