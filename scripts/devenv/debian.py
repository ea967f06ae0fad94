"""Files out of Debian's packages, without installing them.

Debian's own apt fetches them, so their signatures are checked, but with lists, caches and sources of its own under
`.dev/apt`: the machine's package state is neither used nor changed. Works as root and as an ordinary user.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

from devenv.settings import DEV
from devenv.steps import SetupError, remove, run

APT = DEV / "apt"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def available() -> bool:
    """Whether this machine has apt and the keys that Debian signs with."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb") and KEYRING.is_file())


def codename() -> str:
    """The release that this machine runs, such as `bookworm`."""
    text = Path("/etc/os-release").read_text() if Path("/etc/os-release").is_file() else ""
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    return found.group(1) if found and re.search(r"^ID=\"?debian", text, re.MULTILINE) else ""


def _mirror() -> str:
    """The mirror that the machine itself is configured to use."""
    told = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"], "Asking apt for its mirror")
    for line in told.splitlines():
        uri, _, release = line.partition(" ")
        if re.match(r"(https?|file|copy|mirror\S*):", uri) and "security" not in uri + release:
            return uri
    raise SetupError("apt names no Debian mirror on this machine: add one to /etc/apt, or set ODOO_HOME.")


class Packages:
    """apt with private folders, looking at the named releases of Debian."""

    def __init__(self, *suites: str):
        if not available():
            raise SetupError(
                "Odoo and Chromium come from Debian's packages, but apt-get, dpkg-deb or the debian-archive-keyring "
                "is missing here: use Debian 12 or 13, or set ODOO_HOME to an Odoo 19 tree."
            )
        self.folder = APT / "-".join(suites)
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        sources = self.folder / "sources.list"
        mirror = _mirror()
        sources.write_text("".join(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in suites))
        self.options = [
            f"-oDir::State={self.folder / 'state'}",
            "-oDir::State::status=/var/lib/dpkg/status",
            f"-oDir::State::Lists={self.folder / 'lists'}",
            f"-oDir::Etc::SourceList={sources}",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::Cache={self.folder / 'cache'}",
            "-oDebug::NoLocking=1",
            "-oAPT::Update::Error-Mode=any",
            "-oAPT::Get::List-Cleanup=0",
            "-oAcquire::Retries=2",
            "-oAcquire::Languages=none",
            *(["-oAPT::Sandbox::User=root"] if os.geteuid() == 0 else []),
        ]
        self._apt(["update"], "Fetching Debian's package lists")

    def _apt(self, arguments: list[str], what: str, cwd: Path = DEV) -> str:
        return run(["apt-get", *self.options, *arguments], what, cwd=cwd, fetches=True)

    def missing_for(self, package: str) -> list[str]:
        """`package` and what it needs beyond what is installed on this machine."""
        plan = self._apt(["install", "--simulate", "--no-install-recommends", package], f"Planning {package}")
        return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)

    def unpack(self, packages: list[str], target: Path) -> None:
        """Fetch `packages` (`name` or `name/release`) and lay their files under `target`."""
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            self._apt(["download", *packages], "Fetching Debian packages", Path(folder))
            for archive in sorted(Path(folder).glob("*.deb")):
                run(["dpkg-deb", "-x", archive, target], "Unpacking Debian packages")

    def forget(self) -> None:
        """Free the space of lists and caches."""
        remove(self.folder)
