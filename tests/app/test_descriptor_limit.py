"""The limit of open files, tried in processes of their own."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from weir.app.descriptor_limit import raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
raise_descriptor_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "raised"), [(256, 512, 512), (512, 512, 512), (1_024, 4_096, 4_096)])
def test_the_limit_of_open_files_is_raised_to_what_the_system_allows(soft: int, hard: int, raised: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == [str(raised), str(hard)]
