"""The chat's turns: what was asked, what was answered, and what of it the model sees."""

from dataclasses import dataclass, field

from chains.catalog import ModelNotReadyError, prepare_conversation
from pages.components.answer import Answer
from pages.components.keep_alive import remember
from pages.components.service import service
from streaming.run import Run


@dataclass(slots=True)
class Turn:
    """One question and its answer."""

    question: str
    answer: Answer = field(default_factory=Answer)

    def retry(self) -> None:
        """Have the question answered anew."""
        run = self.answer.run()
        if run is not None:
            run.stop()
        self.answer = Answer()


def start(turn: Turn, earlier: list[Turn]) -> Run | None:
    """Begin to answer a turn; None where no model is ready."""
    try:
        prepared = prepare_conversation(service().models, turn.question, history(earlier))
    except ModelNotReadyError:
        return None
    before = _last_run(earlier)
    queued = before.context.pop("queued", []) if before else []
    told = {"earlier": [earlier_turn.answer.run_id for earlier_turn in earlier], "queued": queued[1:]}
    run = service().recorder.start(prepared.runnable, prepared.value, context=prepared.context | told)
    turn.answer.run_id = run.id
    remember(run)
    return run


def queue(question: str, turns: list[Turn]) -> None:
    """Add a question; while an answer is being written its run remembers what comes next, for after a refresh."""
    last = _last_run(turns)
    if last is not None and last.is_live:
        last.context.setdefault("queued", []).append(question)
    turns.append(Turn(question))


def _last_run(turns: list[Turn]) -> Run | None:
    return next((run for turn in reversed(turns) if (run := turn.answer.run())), None)


def history(turns: list[Turn]) -> list[tuple[str, str]]:
    """Return what the model is told of earlier turns, as `(role, text)`: answers only, never an error."""
    told: list[tuple[str, str]] = []
    for turn in turns:
        ended = turn.answer.settle()
        if ended and ended.outcome.is_answer and ended.text:
            told += [("human", turn.question), ("ai", ended.text)]
    return told


def found_again(run: Run) -> list[Turn]:
    """Return the conversation that a run belongs to, up to that run, as far as its records are kept."""
    turns = [Turn(run.input["question"], Answer(run.id))]
    for run_id in reversed(run.context.get("earlier", [])):
        earlier = Answer(run_id).run()
        if earlier is not None:
            turns.insert(0, Turn(earlier.input["question"], Answer(run_id)))
    return turns + [Turn(question) for question in run.context.get("queued", [])]
