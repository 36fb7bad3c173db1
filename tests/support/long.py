"""The marks of a test, or of one of its parameters, that takes minutes."""

import pytest

LONG = (pytest.mark.long, pytest.mark.timeout(900))
