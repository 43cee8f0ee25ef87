"""Every chore of this repository, one session each; `python3 noxfile.py -l` lists them.

`python3 noxfile.py -s tests` needs nothing but Python 3.11 and pip: nox and uv are fetched into
`.bootstrap/` when they are not installed. Plain `nox -s tests` works just as well.
"""

# All of this file parses on Python 3.6 too, and what stands above "import nox" runs there: it says
# in one line that a newer Python is needed.
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
MINIMUM_NOX = "2025.5.1"


def nox_is_installed() -> bool:
    """Say whether this Python has a nox that is new enough, and a uv for it to install with."""
    metadata = importlib.import_module("importlib.metadata")
    try:
        installed = metadata.version("nox")
    except metadata.PackageNotFoundError:
        return False
    has_uv = importlib.util.find_spec("uv") is not None or shutil.which("uv") is not None
    return has_uv and release_numbers(installed) >= release_numbers(MINIMUM_NOX)


def release_numbers(version: str) -> "list[int]":
    """Return the numbers of a nox version, `[2025, 5, 1]`, which compare as versions do."""
    return [int(number) for number in version.split(".")[:3]]


def install_nox() -> Path:
    """Return the directory that holds nox and uv, filled by pip on first use.

    `pip install --target` needs neither the venv module nor a Python that allows installs, so
    this works where the operating system manages its Python's packages too. The stamp is written
    last: a half-made directory is made anew.
    """
    requirement = f"nox[uv]>={MINIMUM_NOX}"
    directory = ROOT / ".bootstrap" / str(sys.implementation.cache_tag)
    stamp = directory / ".complete"
    if stamp.is_file() and stamp.read_text() == requirement:
        return directory
    if importlib.util.find_spec("pip") is None:
        sys.exit(
            f"noxfile.py: {sys.executable} has no pip; install it, or run `uvx 'nox[uv]'` instead."
        )
    print(f"noxfile.py: installing {requirement} into {directory}", file=sys.stderr, flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += ["--no-warn-script-location", "--target", str(directory), requirement]
    # A user's pip settings for --user and for virtualenvs only would contradict --target.
    settings = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    if subprocess.call(command, env=settings) != 0:
        sys.exit(f"noxfile.py: pip could not install {requirement}; see its message above.")
    stamp.write_text(requirement)
    return directory


def start_nox() -> None:
    """Run nox on this file with the command line's arguments, then exit."""
    if sys.version_info < (3, 11):
        found = sys.version.split()[0]
        sys.exit(f"noxfile.py: Python 3.11 or newer is needed; this is {found}.")
    if not nox_is_installed():
        # A path entry of this process, and not PYTHONPATH, which the sessions would inherit.
        sys.path.insert(0, str(install_nox()))
    sys.argv[1:1] = ["-f", str(Path(__file__).resolve())]
    importlib.import_module("nox").main()


if __name__ == "__main__":
    start_nox()

import datetime
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

nox.needs_version = f">={MINIMUM_NOX}"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "typecheck", "tests"]
nox.options.error_on_missing_interpreters = True

UMBRELLA = "inspect-mlflow"
CORE = "inspect-mlflow-core"
COMPARE = "inspect-mlflow-compare"
DIST = ROOT / "dist"

# Whatever this machine says about MLflow, Inspect or tracing must not change what a session does.
FOREIGN_SETTINGS = ("MLFLOW_", "_MLFLOW_", "INSPECT_", "DATABRICKS_", "OTEL_")
SESSION_ENVIRONMENT: dict[str, str | None] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",  # MLflow looks prices up on the network otherwise.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # Seven more processes for each test server.
    # Without byte code every process that imports mlflow takes three seconds longer.
    "PYTHONDONTWRITEBYTECODE": None,
    "PYTHONPATH": None,
}
# Arguments after `--` win: `-- --numprocesses=0` runs them one after the other. More than four
# would mostly wait for the memory of their MLflow servers, 300 MiB each.
IN_PARALLEL = ("--numprocesses=logical", "--maxprocesses=4")
HATCH_ENVIRONMENT: dict[str, str | None] = {
    "HATCH_DATA_DIR": str(ROOT / ".hatch"),
    # nox's uv backend sets these for its own environment; hatch would build into that one.
    "UV_PYTHON": None,
    "UV_PROJECT_ENVIRONMENT": None,
    "VIRTUAL_ENV": None,
}


@dataclass(frozen=True)
class Package:
    """One distribution of this repository, as its pyproject.toml describes it."""

    directory: Path
    project: dict[str, Any] = field(repr=False)
    test_group: tuple[Any, ...] = field(repr=False, default=())

    @property
    def name(self) -> str:
        """Distribution name, for example `inspect-mlflow-core`."""
        return str(self.project["name"])

    @property
    def short_name(self) -> str:
        """Name in session ids: `core` for `inspect-mlflow-core`, `umbrella` for the umbrella."""
        return self.name.removeprefix(f"{UMBRELLA}-") if self.name != UMBRELLA else "umbrella"

    @property
    def import_name(self) -> str:
        """Name of its one top-level module."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        """Directory that holds the top-level module."""
        return self.directory / "src"

    @property
    def required_names(self) -> set[str]:
        """Names of the distributions that it declares as dependencies."""
        return names_of(self.project.get("dependencies", []))

    @property
    def test_names(self) -> set[str]:
        """Names of the distributions that its tests need besides."""
        return names_of(each for each in self.test_group if isinstance(each, str))


def names_of(requirements: Iterable[str]) -> set[str]:
    """Return the names of the distributions that some requirements are about."""
    return {str(canonicalize_name(Requirement(each).name)) for each in requirements}


def discover_packages() -> dict[str, Package]:
    """Read every `packages/*/pyproject.toml`, keyed by distribution name, dependencies first."""
    found = []
    for path in ROOT.glob("packages/*/pyproject.toml"):
        content = tomllib.loads(path.read_text("utf-8"))
        test_group = content.get("dependency-groups", {}).get("test", ())
        found.append(Package(path.parent, content["project"], tuple(test_group)))
    found.sort(key=lambda package: (package.name == UMBRELLA, package.name != CORE, package.name))
    return {package.name: package for package in found}


PACKAGES = discover_packages()
EACH_PACKAGE = nox.parametrize(
    "package", [nox.param(package, id=package.short_name) for package in PACKAGES.values()]
)


def siblings(package: Package) -> list[Package]:
    """Return the packages of this repository that `package` depends on, directly or not."""
    found: dict[str, Package] = {}
    waiting = [package]
    while waiting:
        for name in sorted(waiting.pop().required_names & PACKAGES.keys() - found.keys()):
            found[name] = PACKAGES[name]
            waiting.append(PACKAGES[name])
    return list(found.values())


def tested_with(package: Package) -> list[Package]:
    """Return `package` with those of this repository that it or its tests depend on."""
    of_tests = [PACKAGES[name] for name in sorted(package.test_names & PACKAGES.keys())]
    needed = [package, *siblings(package)]
    for other in of_tests:
        needed += [each for each in (other, *siblings(other)) if each not in needed]
    return needed


def editables(packages: Iterable[Package]) -> list[str]:
    """Return install arguments for `packages` in editable form."""
    return [part for package in packages for part in ("--editable", str(package.directory))]


def test_groups(packages: Iterable[Package]) -> list[str]:
    """Return install arguments for the test requirements that each package declares."""
    groups = [f"{package.directory / 'pyproject.toml'}:test" for package in packages]
    return [part for group in groups for part in ("--group", group)]


def root_group(name: str) -> tuple[str, str]:
    """Return install arguments for one dependency group of the root pyproject.toml."""
    return "--group", f"{ROOT / 'pyproject.toml'}:{name}"


def isolate(session: nox.Session) -> None:
    """Give the session's commands the same environment variables on every machine."""
    session.env.update({name: None for name in os.environ if name.startswith(FOREIGN_SETTINGS)})
    session.env.update(SESSION_ENVIRONMENT)


def run_hatch(session: nox.Session, *arguments: str) -> None:
    """Run hatch with a data directory of its own, unaware of the session's environment."""
    session.run("hatch", *arguments, env=HATCH_ENVIRONMENT)


def only_wheel(package: Package) -> Path:
    """Return the wheel of `package` in dist/."""
    return DIST / f"{package.import_name}-{package.project['version']}-py3-none-any.whl"


def install_umbrella_wheel(session: nox.Session, *more: str) -> None:
    """Install the umbrella from dist/, by path: the public index has a namesake of it.

    Its siblings come from dist/ too: a constraint names the file of each.
    """
    constraints = session.cache_dir / "constraints.txt"
    lines = [f"{name} @ {only_wheel(package).as_uri()}\n" for name, package in PACKAGES.items()]
    constraints.write_text("".join(lines), "utf-8")
    wheel = str(only_wheel(PACKAGES[UMBRELLA]))
    session.install("--find-links", str(DIST), "--constraint", str(constraints), wheel, *more)


@nox.session
@EACH_PACKAGE
def tests(session: nox.Session, package: Package) -> None:
    """Run one package's tests with nothing installed but what it declares."""
    session.install(*editables(tested_with(package)), *test_groups([package]))
    isolate(session)
    session.run("pytest", *IN_PARALLEL, str(package.directory / "tests"), *session.posargs)


@nox.session(default=False)
@EACH_PACKAGE
def minimums(session: nox.Session, package: Package) -> None:
    """Run one package's tests with the oldest dependencies that it allows."""
    editable = editables(tested_with(package))
    requirements = [*editable, *test_groups([package]), *root_group("minimums")]
    session.install("--resolution=lowest-direct", *requirements)
    isolate(session)
    # What old versions of Inspect leave open is found at a garbage collection in any test.
    tolerated = ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")
    options = [option for warning in tolerated for option in ("-W", f"ignore::{warning}")]
    command = ["pytest", *IN_PARALLEL, *options, str(package.directory / "tests")]
    session.run(*command, *session.posargs)


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check style, format, and that imports follow the arrows between the packages."""
    session.install(*root_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    contracts = session.cache_dir / "importlinter.toml"
    contracts.write_text(import_contracts(), "utf-8")
    sources = os.pathsep.join(str(package.source) for package in PACKAGES.values())
    command = ["lint-imports", "--config", str(contracts), "--no-cache"]
    session.run(*command, env={"PYTHONPATH": sources})


def import_contracts() -> str:
    """Write import-linter's settings for the packages that exist."""
    leaves = [name for name in PACKAGES if name not in (UMBRELLA, CORE)]
    layers = [[UMBRELLA], leaves, [CORE]]
    layer_lines = [" | ".join(PACKAGES[name].import_name for name in layer) for layer in layers]
    lines = [
        "[tool.importlinter]",
        f"root_packages = {[package.import_name for package in PACKAGES.values()]}",
        "include_external_packages = true",
        *contract("Umbrella over leaves over core", "layers", layers=layer_lines),
    ]
    for package in PACKAGES.values():
        forbidden = forbidden_imports(package)
        if forbidden:
            title = f"{package.name} imports only what it declares"
            source = [package.import_name]
            lines += contract(
                title, "forbidden", source_modules=source, forbidden_modules=forbidden
            )
    return "\n".join(lines) + "\n"


def forbidden_imports(package: Package) -> list[str]:
    """Return the modules that `package` must not import, not even through others."""
    allowed = {package.name, *(sibling.name for sibling in siblings(package))}
    forbidden = [other.import_name for name, other in PACKAGES.items() if name not in allowed]
    return forbidden + (["mlflow"] if package.name == COMPARE else [])


def contract(title: str, kind: str, **options: list[str]) -> list[str]:
    """Return the lines of one import-linter contract."""
    lines = ["", "[[tool.importlinter.contracts]]", f'name = "{title}"', f'type = "{kind}"']
    return lines + [f"{name} = {values}" for name, values in options.items()]


@nox.session(reuse_venv=True)
def typecheck(session: nox.Session) -> None:
    """Check the types of every package's sources with mypy --strict."""
    session.install(*editables(PACKAGES.values()), *root_group("typecheck"))
    session.run("mypy", *(str(package.source) for package in PACKAGES.values()), *session.posargs)


@nox.session(default=False, reuse_venv=True)
def build(session: nox.Session) -> None:
    """Build every package's wheel and source distribution into dist/ and check them."""
    session.install(*root_group("build"))
    shutil.rmtree(DIST, ignore_errors=True)
    run_hatch(session, "build", "--all")
    session.run("twine", "check", "--strict", *map(str, sorted(DIST.iterdir())))
    session.run("check-wheel-contents", *map(str, sorted(DIST.glob("*.whl"))))


@nox.session(default=False, requires=["build"])
def integration(session: nox.Session) -> None:
    """Install the built umbrella wheel in a fresh environment and test it from outside."""
    install_umbrella_wheel(session, *root_group("integration"))
    if session.venv_backend == "uv":
        session.run("uv", "pip", "check", silent=True)
    isolate(session)
    session.run("pytest", "tests-integration", f"--dist={DIST}", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def coverage(session: nox.Session) -> None:
    """Run all tests under coverage, combine the results, and fail below 85 %."""
    packages = PACKAGES.values()
    session.install(*editables(packages), *test_groups(packages), *root_group("coverage"))
    isolate(session)
    session.run("coverage", "erase")
    for package in packages:
        session.run("coverage", "run", "-m", "pytest", str(package.directory / "tests"))
    session.run("coverage", "combine", silent=True)
    session.run("coverage", "report", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, warnings being errors (`-- serve` shows it live)."""
    session.install(*root_group("docs"))
    # Material for MkDocs prints an announcement of its successor, which is not ours to show.
    session.env["NO_MKDOCS_2_WARNING"] = "1"
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]))


@nox.session(default=False, reuse_venv=True)
@nox.parametrize("subject", ["evaluation", "traces", "comparison", "scout"])
def bench(session: nox.Session, subject: str) -> None:
    """Measure speed and memory beside doing without: evaluations, traces, comparisons, imports.

    Arguments go to the script in bench/: nox -s "bench(subject='evaluation')" -- --quick
    """
    umbrella = PACKAGES[UMBRELLA]
    session.install(*editables([umbrella, *siblings(umbrella)]), "mlflow")
    isolate(session)
    script = "run" if subject == "evaluation" else subject
    session.run("python", f"bench/{script}.py", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def calibration(session: nox.Session) -> None:
    """Simulate how often the default tests err and intervals miss (about ten minutes)."""
    session.install(*editables([PACKAGES[COMPARE]]))
    isolate(session)
    session.run("python", "bench/calibration.py", *session.posargs)


@nox.session(default=False, requires=["build"])
def demo(session: nox.Session) -> None:
    """Run a small evaluation on a mock model into a local MLflow store, from the built wheels."""
    install_umbrella_wheel(session)
    isolate(session)
    directory = ROOT / "demo"
    directory.mkdir(exist_ok=True)
    executables = Path(session.bin)
    with session.chdir(directory):
        session.run("inspect-mlflow", "demo", *session.posargs)
    session.log(f"The demo's store and logs are in {directory}. To look at them:")
    session.log(
        f"cd {directory} && {executables}/mlflow ui --backend-store-uri sqlite:///mlflow.db"
    )


@nox.session(default=False, venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make .venv with all packages in editable form and every tool of this repository."""
    environment = ROOT / ".venv"
    uv = find_uv()
    session.run(uv, "venv", "--allow-existing", "--python", sys.executable, str(environment))
    groups = [part for name in ("lint", "typecheck", "coverage") for part in root_group(name)]
    packages = PACKAGES.values()
    requirements = [*editables(packages), *test_groups(packages), *groups]
    # Compiled here, once: the shell that uses .venv may forbid byte code to be written.
    install = [uv, "pip", "install", "--compile-bytecode", "--python", str(environment)]
    session.run(*install, *requirements)
    session.log(f"Activate it with: source {environment}/bin/activate")


def find_uv() -> str:
    """Return the path of uv: the one that came with nox, or the one on the PATH."""
    if importlib.util.find_spec("uv") is not None:
        return str(importlib.import_module("uv").find_uv_bin())
    return shutil.which("uv") or "uv"


@nox.session(default=False, reuse_venv=True)
def release(session: nox.Session) -> None:
    """Prepare a release, for example `-- core minor`; prints the git commands, runs none."""
    package, segment = release_arguments(session)
    changelog = package.directory / "CHANGELOG.md"
    if not unreleased_notes(changelog.read_text("utf-8")):
        session.error(f"Nothing stands under 'Unreleased' in {changelog.relative_to(ROOT)}")
    session.install(*root_group("build"))
    with session.chdir(package.directory):
        run_hatch(session, "version", segment)
    version = Version(discover_packages()[package.name].project["version"])
    changelog.write_text(dated_changelog(changelog.read_text("utf-8"), version), "utf-8")
    dependents = raise_floors(package, version)
    tag = f"{package.name}-v{version}"
    session.log("Read the changes, then:")
    session.log(f"  git commit -am 'Release {package.name} {version}'")
    session.log(f"  git tag -a {tag} -m '{package.name} {version}'")
    session.log(f"  git push origin HEAD {tag}")
    if dependents:
        session.log(f"Their required range moved, release them next: {', '.join(dependents)}")


def release_arguments(session: nox.Session) -> tuple[Package, str]:
    """Read `PACKAGE SEGMENT` from the command line."""
    by_name = PACKAGES | {package.short_name: package for package in PACKAGES.values()}
    if len(session.posargs) != 2 or session.posargs[0] not in by_name:
        names = "|".join(package.short_name for package in PACKAGES.values())
        session.error(f"Usage: release -- {names} major|minor|patch|VERSION")
    return by_name[session.posargs[0]], session.posargs[1]


UNRELEASED = re.compile(r"^## Unreleased\n(?P<notes>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def unreleased_notes(changelog: str) -> str:
    """Return what a changelog says under its heading 'Unreleased'."""
    match = UNRELEASED.search(changelog)
    return match["notes"].strip() if match else ""


def dated_changelog(changelog: str, version: Version) -> str:
    """Move the notes under 'Unreleased' to a heading with the version and today's date."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    notes = unreleased_notes(changelog)
    headings = f"## Unreleased\n\n## {version} ({today})\n\n{notes}\n\n"
    return UNRELEASED.sub(lambda _: headings, changelog, count=1).rstrip() + "\n"


def compatible_range(version: Version) -> str:
    """Return the range that allows `version` and what is compatible with it after it."""
    ceiling = f"{version.major + 1}" if version.major else f"0.{version.minor + 1}"
    return f">={version},<{ceiling}"


def raise_floors(package: Package, version: Version) -> list[str]:
    """Let the packages that depend on `package` require `version`; return their names."""
    requirement = re.compile(rf'"{re.escape(package.name)}(\[[^\]]*\])?[<>=~!][^";]*"')
    replacement = rf'"{package.name}\g<1>{compatible_range(version)}"'
    dependents = []
    for other in PACKAGES.values():
        path = other.directory / "pyproject.toml"
        text, count = requirement.subn(replacement, path.read_text("utf-8"))
        if count:
            path.write_text(text, "utf-8")
            dependents.append(other.name)
    return dependents
