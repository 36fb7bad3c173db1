import subprocess
import sys

import pytest

from detectors.backend import BackendError, choose
from detectors.backend.choice import CROSSOVER_VALUES


def test_the_processor_is_chosen_by_name() -> None:
    assert choose("cpu", n_values=1 << 40).name == "numpy"


def test_little_work_stays_on_the_processor() -> None:
    assert choose("auto", n_values=CROSSOVER_VALUES - 1).name == "numpy"


def test_much_work_goes_to_the_device_where_there_is_one() -> None:
    assert choose("auto", n_values=CROSSOVER_VALUES).name in ("numpy", "torch:cuda")


def test_a_device_that_is_not_to_be_had_is_an_error_with_its_name() -> None:
    with pytest.raises(BackendError, match="'cuda:99'"):
        choose("cuda:99", n_values=1)


def test_without_pytorch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    with pytest.raises(BackendError, match=r"driftmeter\[gpu\]"):
        choose("cuda", n_values=1)


def test_pytorch_is_not_imported_for_little_work() -> None:
    code = (
        "import sys; from detectors.backend import choose; choose('auto', n_values=10); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
