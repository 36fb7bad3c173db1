"""What h2load 1.52 printed, cut to width, is read."""

import pytest

from benchmarks.h2load import Rate, rate

PRINTED = """\
Stopped all clients for thread #0

finished in 2.51s, 316.00 req/s, 41.34KB/s
requests: 632 total, 632 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {succeeded} 2xx, 0 3xx, 0 4xx, {failed} 5xx
traffic: 82.68KB (84668) total, 2.99KB (3066) headers (space savings 95.40%), 59.40KB (60828) data
"""


@pytest.mark.parametrize("failed", [0, 7])
def test_the_rate_is_told_and_answers_of_other_status_are_failures(failed: int) -> None:
    printed = PRINTED.format(succeeded=632 - failed, failed=failed)
    assert rate(printed) == Rate(316.0, failed)


def test_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match="something else: connect failed"):
        rate("connect failed")
