"""The graph of the catalogue: its branch, its loop and its interrupt."""

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from chains.draft_graph import MAX_DRAFTS, RecentThreads, draft_graph
from weir.analysis.graph_state import interrupts, state_at, state_changes
from weir.runs.graph_options import GraphOptions, configure_run
from weir.runs.recorder import Recorder
from weir.runs.run import Run, Status

LONG = "The sea is wide and grey today, and the gulls are loud. I wish that you were here to see it with me."


def run_graph(recorder: Recorder, answers: list[str], topic: str | None = "the sea", **options: object) -> Run:
    model = GenericFakeChatModel(messages=iter([AIMessage(answer) for answer in answers]))
    value = {"topic": topic} if topic else None
    configured = configure_run(draft_graph(model), value, GraphOptions.model_validate(options))
    run = recorder.start(configured.runnable, configured.value, config=configured.config)
    assert run.wait(30)
    return run


def nodes(run: Run) -> list[str]:
    return [change.node for change in state_changes(run.events)]


def test_a_good_draft_waits_for_a_person_and_ends_when_accepted(recorder: Recorder) -> None:
    waiting = run_graph(recorder, [LONG], thread_id="accepted")
    assert (waiting.status, nodes(waiting)) == (Status.WAITING, ["write", "check"])
    assert interrupts(waiting)[0]["value"]["text"] == LONG
    done = run_graph(recorder, [], None, thread_id="accepted", resume="yes")
    assert (done.status, nodes(done)) == (Status.DONE, ["ask"])
    assert state_at(done.events, len(done.events))["accepted"] is True


def test_short_drafts_are_written_again_until_a_person_is_asked(recorder: Recorder) -> None:
    run = run_graph(recorder, ["Too short."] * MAX_DRAFTS, thread_id="short")
    assert nodes(run) == ["write", "check"] * MAX_DRAFTS
    assert run.status is Status.WAITING


def test_what_a_person_wants_otherwise_is_written_again(recorder: Recorder) -> None:
    run_graph(recorder, [LONG], thread_id="changed")
    again = run_graph(recorder, [f"{LONG} Rain!"], None, thread_id="changed", resume="mention the rain")
    assert nodes(again) == ["ask", "write", "check"]
    assert interrupts(again)[0]["value"]["text"].endswith("Rain!")


def test_the_oldest_threads_are_forgotten() -> None:
    import chains.draft_graph as module

    saver = RecentThreads()
    for number in range(module.MAX_THREADS + 3):
        config = {"configurable": {"thread_id": str(number), "checkpoint_ns": ""}}
        saver.put(config, {"id": "1", "channel_values": {}, "channel_versions": {}}, {}, {})  # type: ignore[arg-type]
    assert len(saver.storage) == module.MAX_THREADS
    assert saver.get_tuple({"configurable": {"thread_id": "0"}}) is None
