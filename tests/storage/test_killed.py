import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import URL

from tests.storage.conftest import Clock
from tests.support.conversations import ANN, texts
from weir.storage.lease import LEASE_SECONDS
from weir.storage.records import MessageStatus
from weir.storage.repository import open_repository

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from sqlalchemy import make_url
from weir.storage.repository import open_repository

repository = open_repository(make_url(sys.argv[1]), clock=lambda: float(sys.argv[2]))
conversation = repository.create("ann")
question = repository.add_question("ann", conversation, "Hello", parent=None)
answer = repository.answers.add("ann", question, run_id="run")
number = 0
while True:
    number += 1
    repository.answers.update("ann", answer, " ".join(map(str, range(number))))
    print(number, flush=True)
"""


def test_updates_of_a_killed_process_are_stored_and_its_answer_is_cut(url: URL, clock: Clock) -> None:
    address = url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, address, str(clock.now)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = 0
    while acknowledged < 20:
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL

    repository = open_repository(url, clock=clock)
    conversation = repository.conversations(ANN)[0].id
    question, answer = texts(repository.path(ANN, conversation))
    assert question == "Hello"
    # The last update may have been committed without having been acknowledged.
    assert answer in (" ".join(map(str, range(acknowledged))), " ".join(map(str, range(acknowledged + 1))))
    assert repository.path(ANN, conversation)[-1].status is MessageStatus.RUNNING
    clock.move(LEASE_SECONDS + 1)
    assert repository.path(ANN, conversation)[-1].status is MessageStatus.CUT
    assert repository.answers.expire_leases() == 1
    repository.close()

    clock.move(1)
    reopened = open_repository(url, clock=clock)
    assert reopened.answers.expire_leases() == 0
    assert texts(reopened.path(ANN, conversation)) == [question, answer]
    reopened.close()
