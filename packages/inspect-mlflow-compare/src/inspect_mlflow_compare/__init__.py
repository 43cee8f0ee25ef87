"""Statistics for comparing evaluations: is the candidate really better?

```python
from inspect_mlflow_compare import compare_evals

result = compare_evals("logs/baseline.eval", "logs/candidate.eval")
print(result.summary())
assert result.passed, result.reason
```

Importing this costs next to nothing: numpy and Inspect are imported when they are first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from inspect_mlflow_compare._compare import compare_evals, compare_many
    from inspect_mlflow_compare._types import (
        Better,
        Bucket,
        ComparisonResult,
        ComparisonSet,
        DetectableEffect,
        Difference,
        Direction,
        EvaluationFacts,
        FlipRates,
        GateCheck,
        GateResult,
        GateThresholds,
        ItemComparison,
        LabelAgreement,
        MetricComparison,
        NonInferiority,
        Outcome,
        RankedEvaluation,
        Ranking,
        ResourceComparison,
        SampleComparison,
        ScoreKind,
        Severity,
        VarianceSplit,
        Verdict,
    )
    from inspect_mlflow_compare.exceptions import (
        CompareError,
        LogUnreadableError,
        NotComparableError,
    )
    from inspect_mlflow_compare.statistics import (
        SignificanceResult,
        bootstrap_ci,
        cohens_d,
        mcnemars_test,
        permutation_test,
    )

    __version__: str

__all__ = [
    "Better",
    "Bucket",
    "CompareError",
    "ComparisonResult",
    "ComparisonSet",
    "DetectableEffect",
    "Difference",
    "Direction",
    "EvaluationFacts",
    "FlipRates",
    "GateCheck",
    "GateResult",
    "GateThresholds",
    "ItemComparison",
    "LabelAgreement",
    "LogUnreadableError",
    "MetricComparison",
    "NonInferiority",
    "NotComparableError",
    "Outcome",
    "RankedEvaluation",
    "Ranking",
    "ResourceComparison",
    "SampleComparison",
    "ScoreKind",
    "Severity",
    "SignificanceResult",
    "VarianceSplit",
    "Verdict",
    "bootstrap_ci",
    "cohens_d",
    "compare_evals",
    "compare_many",
    "mcnemars_test",
    "permutation_test",
]

_STATISTICS: Final = frozenset(
    {"SignificanceResult", "bootstrap_ci", "cohens_d", "mcnemars_test", "permutation_test"}
)
_ERRORS: Final = frozenset({"CompareError", "LogUnreadableError", "NotComparableError"})


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("inspect-mlflow-compare")
    elif name in __all__:
        value = getattr(import_module(f"{__name__}.{_module(name)}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _module(name: str) -> str:
    if name in _STATISTICS:
        return "statistics"
    if name in _ERRORS:
        return "exceptions"
    return "_compare" if name in ("compare_evals", "compare_many") else "_types"
