"""What every part of a document is, and how what is in it is named."""

from pydantic import BaseModel, ConfigDict

NAME_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"


class Strict(BaseModel):
    """Unknown keys are errors; documents are values."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
