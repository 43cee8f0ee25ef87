"""Hides partial logs that a merged log already contains.

Inspect can split an evaluation over workers: each writes a shard at
`<dir>/<name>.shards/<k>/<file>.eval`, which are merged to `<dir>/<name>.eval`. The rule is that
of `inspect_ai.log._shard_listing.filter_merged_shards`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ._files import LogFile

__all__ = ["without_merged_shards"]

_SHARDS: Final = ".shards"
_MERGED: Final = (".eval", "-recovered.eval")


def without_merged_shards(
    files: Sequence[LogFile], succeeded: Callable[[str], bool]
) -> list[LogFile]:
    """Leaves out shards that are older than the successful merged log in the same listing.

    Args:
        files: A listing.
        succeeded: Tells whether the log at a location has status "success"; asked only about
            merged logs that are newer than one of their shards.
    """
    listing = {file.location: file for file in files}
    statuses: dict[str, bool] = {}

    def succeeded_once(location: str) -> bool:
        if location not in statuses:
            statuses[location] = succeeded(location)
        return statuses[location]

    return [file for file in files if not _is_merged(file, listing, succeeded_once)]


def _is_merged(
    shard: LogFile, listing: Mapping[str, LogFile], succeeded: Callable[[str], bool]
) -> bool:
    merged = [listing[name] for name in _merged_locations(shard.location) if name in listing]
    return bool(merged) and all(_is_older(shard, log) and succeeded(log.location) for log in merged)


def _is_older(shard: LogFile, merged: LogFile) -> bool:
    """Whether the shard was surely written first; a tie says nothing where times are coarse."""
    if shard.modified_ms is None or merged.modified_ms is None:
        return False
    return shard.modified_ms < merged.modified_ms


def _merged_locations(location: str) -> list[str]:
    """Where the merged log of a shard would be; nothing for other files."""
    *_, directory, _worker, _file = ["", "", *location.replace("\\", "/").split("/")]
    if not directory.endswith(_SHARDS) or directory == _SHARDS:
        return []
    root = location[: -len(f"{_SHARDS}/{_worker}/{_file}")]
    return [f"{root}{ending}" for ending in _MERGED]
