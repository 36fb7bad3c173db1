"""The part of a Monitor document about tests of the rows that profiles sample."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from monitor.spec.strict import NAME_PATTERN, Strict

SampleTest = Literal["mmd", "energy", "classifier"]

TITLES: Mapping[str, str] = {
    "mmd": "Maximum mean discrepancy",
    "energy": "Energy distance",
    "classifier": "Classifier",
}
"""The tests in words."""

SAMPLE_BYTES = 1 << 17
"""Of a profile's sample where rows are to be tested, before it is compressed: 1,000 rows of 32
numbers. Profiles are sent every few seconds."""


class SavedDetector(Strict):
    """A drift or outlier detector that was trained and saved with alibi-detect."""

    name: str = Field(pattern=NAME_PATTERN, description="What it is called in reports.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="Of its content, as `driftmeter alibi digest` prints it. Detect runs it only "
        "if its operator allows this one.",
    )
    columns: tuple[str, ...] = Field(
        default=(),
        max_length=10_000,
        description="The columns of numbers in the order of its training; without them, all "
        "features that are numbers.",
    )
