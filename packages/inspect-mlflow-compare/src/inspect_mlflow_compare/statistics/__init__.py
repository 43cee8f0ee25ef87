"""Statistics of two or more evaluations, over numpy arrays.

`paired_inference` is the heart: it takes the scores of the same sample ids in two evaluations and
picks the test and the interval that go with their kind. Everything here is deterministic.
"""

from __future__ import annotations

from inspect_mlflow_compare.statistics._bootstrap import bootstrap_ci
from inspect_mlflow_compare.statistics._effect_size import cohens_d
from inspect_mlflow_compare.statistics._flips import confirm_changes, fisher_p_value, flip_rates
from inspect_mlflow_compare.statistics._labels import label_agreement
from inspect_mlflow_compare.statistics._mcnemar import discordant_odds, mcnemar_p_value
from inspect_mlflow_compare.statistics._mcnemars_test import mcnemars_test
from inspect_mlflow_compare.statistics._means import (
    MeanInterval,
    PairedMean,
    RatioInterval,
    mean_interval,
    paired_log_ratio,
    paired_mean_difference,
)
from inspect_mlflow_compare.statistics._multiplicity import benjamini_hochberg, holm
from inspect_mlflow_compare.statistics._paired import (
    PairedInference,
    noninferiority_p_value,
    one_sided_bound,
    paired_inference,
)
from inspect_mlflow_compare.statistics._permutation import permutation_test
from inspect_mlflow_compare.statistics._power import (
    detectable_effect,
    mcnemar_sample_size,
    minimum_detectable_effect,
    planning_table,
    required_ids,
    sample_size,
)
from inspect_mlflow_compare.statistics._rank_tests import (
    FriedmanResult,
    WilcoxonResult,
    friedman_test,
    nemenyi_difference,
    wilcoxon_test,
)
from inspect_mlflow_compare.statistics._ranking import RankedScores, adjust, rank
from inspect_mlflow_compare.statistics._result import SignificanceResult
from inspect_mlflow_compare.statistics._scores import EpochScores
from inspect_mlflow_compare.statistics._unpaired import unpaired_inference
from inspect_mlflow_compare.statistics._variance import variance_split

__all__ = [
    "EpochScores",
    "FriedmanResult",
    "MeanInterval",
    "PairedInference",
    "PairedMean",
    "RankedScores",
    "RatioInterval",
    "SignificanceResult",
    "WilcoxonResult",
    "adjust",
    "benjamini_hochberg",
    "bootstrap_ci",
    "cohens_d",
    "confirm_changes",
    "detectable_effect",
    "discordant_odds",
    "fisher_p_value",
    "flip_rates",
    "friedman_test",
    "holm",
    "label_agreement",
    "mcnemar_p_value",
    "mcnemar_sample_size",
    "mcnemars_test",
    "mean_interval",
    "minimum_detectable_effect",
    "nemenyi_difference",
    "noninferiority_p_value",
    "one_sided_bound",
    "paired_inference",
    "paired_log_ratio",
    "paired_mean_difference",
    "permutation_test",
    "planning_table",
    "rank",
    "required_ids",
    "sample_size",
    "unpaired_inference",
    "variance_split",
    "wilcoxon_test",
]
