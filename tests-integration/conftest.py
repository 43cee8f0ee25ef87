"""What the integration tests share: the wheels under test, and environments made of them."""

from __future__ import annotations

import os
import sysconfig
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from inspect_mlflow_core.testing import make_store_template

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Wheel:
    """One built wheel of this repository, read from its file."""

    path: Path

    @property
    def _information(self) -> str:
        return "-".join(self.path.name.split("-")[:2]) + ".dist-info"

    def read(self, name: str) -> str:
        """Return a file of its .dist-info directory."""
        with ZipFile(self.path) as archive:
            return archive.read(f"{self._information}/{name}").decode("utf-8")

    @property
    def metadata(self) -> Message:
        return Parser().parsestr(self.read("METADATA"))

    @property
    def name(self) -> str:
        return str(self.metadata["Name"])

    @property
    def import_name(self) -> str:
        return self.name.replace("-", "_")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--dist", type=Path, default=ROOT / "dist", help="directory of the wheels under test"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "wheel" in metafunc.fixturenames:
        wheels = list(_wheels(metafunc.config.getoption("--dist")))
        metafunc.parametrize("wheel", wheels, ids=[wheel.name for wheel in wheels])


@pytest.fixture(scope="session")
def dist(pytestconfig: pytest.Config) -> Path:
    """Directory of the wheels under test."""
    return Path(pytestconfig.getoption("--dist")).resolve()


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, which MLflow takes seconds to make."""
    return make_store_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def make_environment(dist: Path) -> Callable[..., Path]:
    """Makes a Python environment with some of our wheels, and returns its interpreter.

    `make_environment(directory, "inspect_mlflow_core", without=("mlflow",))`: what others have
    written is taken from the environment of this test, so that nothing has to be downloaded, save
    what `without` names. Wheels that hold nothing but Python are installed by unpacking them.
    """

    def make(directory: Path, *wheels: str, without: tuple[str, ...] = ()) -> Path:
        builder = venv.EnvBuilder(symlinks=os.name != "nt")
        place = builder.ensure_directories(directory / "alone")
        builder.create(place.env_dir)
        variables = {"base": place.env_dir, "platbase": place.env_dir}
        packages = Path(sysconfig.get_path("purelib", "venv", variables))
        for name in wheels:
            (wheel,) = dist.glob(f"{name}-*.whl")
            with ZipFile(wheel) as archive:
                archive.extractall(packages)
        others = directory / "others"
        others.mkdir()
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            if not entry.name.startswith(("inspect_mlflow", *without)):
                (others / entry.name).symlink_to(entry)
        (packages / "others.pth").write_text(f"{others}\n")
        return Path(place.env_exe)

    return make


def _wheels(directory: Path) -> Iterator[Wheel]:
    paths = sorted(directory.glob("inspect_mlflow*.whl"))
    if not paths:
        raise pytest.UsageError(f"no wheels in {directory}: run the nox session 'integration'")
    return map(Wheel, paths)
