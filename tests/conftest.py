"""What every test may rely on: where the shared data are, and a seed that is printed when a test fails."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# Builds under test are slower on a loaded machine; a deadline would make a sound property fail by chance.
settings.register_profile("pairloom", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pairloom")


# Who starts the tests in the background of a shell has them ignore Ctrl-C, and so would all processes that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """The first lines of a run say what was tested, so that a log can be read alone."""
    import pairloom

    return [f"pairloom {pairloom.__version__} from {Path(pairloom.__file__).parent}"]


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of compiled strategies that is the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; tests that need it are skipped, saying so, where it is not there."""
    folder = Path(os.environ.get("PAIRLOOM_DATA", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared data folder {folder} is not there; set PAIRLOOM_DATA to the folder that has data/")
    return folder
