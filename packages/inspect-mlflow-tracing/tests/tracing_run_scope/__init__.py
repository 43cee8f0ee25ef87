"""Tests of the one trace for a whole `eval()`."""

import pytest

# Only modules of tests say what was compared where an assertion fails, unless they are named.
pytest.register_assert_rewrite(f"{__name__}.interrupted_store", f"{__name__}.stored_traces")
