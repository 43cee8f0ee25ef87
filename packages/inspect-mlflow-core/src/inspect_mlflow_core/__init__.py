"""Settings, delivery, connection and conversions shared by the inspect-mlflow packages."""

from importlib.metadata import version

__version__ = version("inspect-mlflow-core")
