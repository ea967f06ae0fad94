"""The Odoo 19 source tree: Debian's package, unpacked, or the tree that ODOO_HOME names."""

import ast
import os
import re
from pathlib import Path

from devenv import debian
from devenv.settings import DEV, ODOO_ROOT, PYCACHE
from devenv.steps import SetupError, digest, remove, run, step

# Odoo's web client links to files of these packages. Debian unstable has Font Awesome 7, without the names that
# Odoo links to, so the fonts come from a release that still has version 4.7.
PACKAGES = [
    "odoo-19/sid",
    "libjs-jquery/sid",
    "libjs-jquery-form/sid",
    "libjs-underscore/sid",
    "fonts-font-awesome/trixie",
    "fonts-inconsolata/sid",
    "fonts-roboto-unhinted/sid",
    "fonts-ocr-b/sid",
    "fonts-montserrat/sid",
]
PACKAGE_FOLDER = ODOO_ROOT / "usr" / "lib" / "python3" / "dist-packages"
# Debian leaves this file out; its absence is a console error on every page with discussions. Backgrounds of video
# calls need it, nothing else does.
LEFT_OUT = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def odoo_home() -> Path:
    """The folder that contains the Python package `odoo`."""
    chosen = os.environ.get("ODOO_HOME", "")
    return Path(chosen).expanduser().resolve() if chosen else PACKAGE_FOLDER


def addons_folders() -> list[Path]:
    """Where Odoo's own addons lie."""
    home = odoo_home()
    return [
        folder
        for folder in (home / "odoo" / "addons", home / "addons")
        if (folder / "__init__.py").is_file() or any(folder.glob("*/__manifest__.py"))
    ]


def _check_chosen(home: Path) -> None:
    release = home / "odoo" / "release.py"
    if not release.is_file():
        raise SetupError(
            f"ODOO_HOME={home} is not an Odoo tree: it must be a folder that contains odoo/release.py."
        )
    found = re.search(r"version_info\s*=\s*\(\s*['\"]?(\D*\d+)", release.read_text())
    if not found or found.group(1).strip("'\"") not in ("19", "saas~19"):
        raise SetupError(f"ODOO_HOME={home} holds another version of Odoo: this addon needs Odoo 19.")


def _unpack(_before: str | None) -> None:
    fresh = DEV / "odoo.new"
    remove(fresh)
    packages = debian.Packages("sid", "trixie")
    packages.unpack(PACKAGES, fresh)
    packages.forget()
    missing = fresh / PACKAGE_FOLDER.relative_to(ODOO_ROOT) / "odoo" / "addons" / LEFT_OUT
    missing.parent.mkdir(parents=True, exist_ok=True)
    missing.touch()
    remove(ODOO_ROOT)
    fresh.rename(ODOO_ROOT)


def ensure() -> None:
    if os.environ.get("ODOO_HOME"):
        _check_chosen(odoo_home())
        return
    step(
        "odoo",
        "Odoo 19 from Debian's packages",
        digest(PACKAGES, LEFT_OUT),
        _unpack,
        lambda: (PACKAGE_FOLDER / "odoo" / "release.py").is_file(),
    )


def with_dependencies(modules: list[str]) -> list[Path]:
    """The folders of these modules of Odoo's, and of all that they depend on."""
    found: dict[str, Path] = {}
    waiting = ["base", *modules]
    while waiting:
        name = waiting.pop()
        folder = next((one / name for one in addons_folders() if (one / name).is_dir()), None)
        if name not in found and folder:
            found[name] = folder
            waiting += ast.literal_eval((folder / "__manifest__.py").read_text()).get("depends", [])
    return list(found.values())


def compile_ahead(modules: list[str], python: str) -> None:
    """Compile what installing these modules imports, on a processor that would be idle while packages arrive."""
    core = [path for path in (odoo_home() / "odoo").iterdir() if path.name != "addons"]
    command = [python, "-m", "compileall", "-q", "-x", "/tests/", *core, *with_dependencies(modules)]
    step(
        "compiled",
        "Odoo's Python compiled",
        digest(modules, str(odoo_home()), (odoo_home() / "odoo" / "release.py").stat().st_mtime, python),
        lambda _before: run(command, "Compiling Odoo", env={"PYTHONPYCACHEPREFIX": str(PYCACHE)}),
        PYCACHE.is_dir,
    )
