"""`make lint`: every check of the code that is not a test. Each gate is a function that returns its complaints."""

import ast
import re
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote_plus

import levels

from devenv import databases, postgres
from devenv.settings import ROOT, SCRIPTS, VENV, present_addons
from devenv.steps import say

SHORTEST_SECRET = 12
LOG_ALLOW_LIST = SCRIPTS / "checklog-odoo.cfg"


def _tool(name: str, *options: object) -> str:
    """The output of a checker that found something, or nothing."""
    command = [str(VENV / "bin" / name), *map(str, options)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=databases.odoo_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"code {done.returncode}"


def ruff(*targets: Path) -> str:
    return _tool("ruff", "check", "--quiet", *(targets or (ROOT,)))


def ruff_format(*targets: Path) -> str:
    return _tool("ruff", "format", "--check", "--quiet", *(targets or (ROOT,)))


def pylint_odoo(*targets: Path) -> str:
    """pylint with OCA's checks only, configured in pyproject.toml."""
    found = targets or [ROOT / name for name in present_addons()]
    chosen = ["--disable=all", "--enable=odoolint", "--disable=missing-readme"]  # ours is README.md, not .rst
    return _tool("pylint", f"--rcfile={ROOT / 'pyproject.toml'}", *chosen, *found) if found else ""


# Taste, and what pylint-odoo says already.
OCA_DISABLED = [
    "manifest-superfluous-key",
    "missing-readme",
    "prefer-readme-rst",
    "xml-field-numeric-without-eval",
    "xml-header-wrong",
    "xml-tag-position",
]


def oca_checks(*targets: Path) -> str:
    """OCA's checks of XML, CSV and manifests."""
    disabled = f"--disable={','.join(OCA_DISABLED)}"
    found = targets or [ROOT / name for name in present_addons()]
    return "\n".join(filter(None, (_tool("oca-checks-odoo-module", disabled, one) for one in found)))


def _imports(file: Path, package_root: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of whatever a file imports; relative imports are resolved from `package_root`."""
    package = list(file.relative_to(package_root).parent.parts)
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            if node.level > len(package):
                base = [".."]
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in ("__import__", "import_module", "importlib.import_module"):
                yield node.lineno, str(node.args[0].value)


def imports(root: Path = ROOT) -> str:
    """Who may not import whom: see the sentence beside each rule."""
    addons = ("fieldpromax_accounting", "fieldpromax_accounting_project", "odoo")
    inside = "fieldpromax_accounting.providers"
    complaints = []

    def check(folder: str, forbidden: tuple[str, ...], why: str, allowed: tuple[str, ...] = ()) -> None:
        def is_within(name: str, packages: tuple[str, ...]) -> bool:
            return any(name == one or name.startswith(f"{one}.") for one in packages)

        for file in sorted((root / folder).rglob("*.py")):
            for line, name in _imports(file, root):
                if is_within(name, forbidden) and not is_within(name, allowed):
                    complaints.append(f"{file.relative_to(root)}:{line}: imports {name}: {why}")

    check("fieldpromax_accounting/providers", addons, "providers/ is plain Python, without Odoo", (inside,))
    check("simulators", addons, "a simulator shares nothing with the addon, or both make the same mistake")
    for addon in addons[:2]:
        check(addon, ("simulators",), "the addon knows nothing of the simulators")
    return "\n".join(complaints)


def upgrade_code(root: Path = ROOT, pattern: str = "fieldpromax_accounting*/**/*") -> str:
    """Whatever Odoo's own rewriting scripts since 17.5 would still change."""
    command = databases.odoo_command("upgrade_code", "--from", "17.5", "--dry-run", "--glob", pattern)
    command = [part for part in command if part not in ("-c", str(databases.ODOO_CONF))]
    done = subprocess.run(
        [*command, "--addons-path", str(root)],
        cwd=ROOT,
        env=databases.odoo_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or (done.stderr.strip() if done.returncode else "")


def logs(*files: Path) -> str:
    """Warnings and errors in Odoo's logs of an installation and a test run that the allow-list does not know."""
    files = files or _logs_of_all()
    missing = [f"{file}: there is no such log; run `make test` first" for file in files if not file.is_file()]
    found = [
        _tool("checklog-odoo", "--no-echo", "--config", LOG_ALLOW_LIST, file)
        for file in files
        if file.is_file()
    ]
    return "\n".join([*missing, *filter(None, found)])


# Codes, tokens (some with dots inside) and company ids of the simulators; a dot or comma of the sentence is no part.
_WORD = re.compile(r"[\w-]+(?:\.+[\w-]+)*")


def secrets(issued: Path, *files: Path) -> str:
    """Whatever the simulators handed out, noted in ``issued``, that stands in the logs of the same tests in clear."""
    if not issued.is_file():
        return f"{issued}: nothing was handed out; run `make test` first"
    hashes = set(issued.read_text().split())
    complaints = []
    for file in files:
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            for word in _WORD.findall(unquote_plus(line)):
                if len(word) >= SHORTEST_SECRET and sha256(word.encode()).hexdigest() in hashes:
                    complaints.append(f"{file}:{number}: a secret that begins with {word[:6]}")
    return "\n".join(complaints)


def secrets_of(level: str) -> str:
    return secrets(levels.issued(level), levels.INSTALL_LOG, levels.test_log(level), levels.output(level))


def _logs_of_all() -> tuple[Path, ...]:
    return (levels.INSTALL_LOG, *map(levels.test_log, levels.ODOO_LEVELS))


GATES = {
    "ruff": ruff,
    "ruff format": ruff_format,
    "imports": imports,
    "pylint-odoo": pylint_odoo,
    "OCA checks": oca_checks,
    "upgrade_code": upgrade_code,
}


def run() -> int:
    """Every gate, then an installation and a test run of the addon for the log gate."""
    failed = []

    def judge(name: str, complaints: str) -> None:
        say(
            f"{name}: {'ok' if not complaints else ''}\n{complaints}".strip() if complaints else f"{name}: ok"
        )
        if complaints:
            failed.append(name)

    for name, gate in GATES.items():
        judge(name, gate())
    with postgres.lease():
        if levels.run(list(levels.ODOO_LEVELS)):
            failed.append("Odoo tests")
    judge("log", logs())
    for level in levels.ODOO_LEVELS:
        judge(f"secrets in the log of {level}", secrets_of(level))
    say(f"\n{', '.join(failed)}: not clean." if failed else "\nAll checks are clean.")
    return 1 if failed else 0
