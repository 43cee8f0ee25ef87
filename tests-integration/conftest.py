"""What the integration tests share: the wheels that the installation has to come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

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


@pytest.fixture
def dist(pytestconfig: pytest.Config) -> Path:
    """Directory of the wheels under test."""
    return Path(pytestconfig.getoption("--dist")).resolve()


def _wheels(directory: Path) -> Iterator[Wheel]:
    paths = sorted(directory.glob("inspect_mlflow*.whl"))
    if not paths:
        raise pytest.UsageError(f"no wheels in {directory}: run the nox session 'integration'")
    return map(Wheel, paths)
