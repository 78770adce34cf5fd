"""The *Router accuracy* page: how often a classifier routes questions correctly, and the visitor's corrections."""

import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from chains import classifier
from chains.classifier.evaluate import Answer, Evaluation, evaluate
from chains.classifier.examples import Example, load_examples
from chains.classifier.local_classifier import LocalClassifier
from chains.registry import model_category, prepare_model_classification
from chains.routes import Route
from pages.components.layout import formatting
from pages.components.layout.model_status import ModelStatus
from pages.components.layout.page_frame import page_title
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.report_storage_errors import draw_storage_error, report_storage_errors
from pages.components.session.run_start import start
from weir.access.limits import LimitReachedError
from weir.analysis.metrics import output_of
from weir.llm.chain_registry import ModelNotReadyError

FOLDER = Path(classifier.__file__).parent
MY_CORRECTIONS = "My corrections"
FILES = {"Golden set": "golden.jsonl", "Second golden set": "golden_2.jsonl", "Follow-ups": "follow_ups.jsonl"}
LOCAL, MODEL = "Local classifier", "LLM"
ANSWER_TIMEOUT_SECONDS = 60.0


def load_set(name: str, user_id: str) -> list[Example]:
    """Return the examples of a file, or those of the user's corrections that are in their set."""
    if name != MY_CORRECTIONS:
        return load_examples(FOLDER / FILES[name])
    return [
        Example(question=correction.question, category=Route(correction.right).value, language="mine")
        for correction in service().conversations.corrections(user_id)
        if correction.in_golden_set
    ]


def ask_model(examples: Sequence[Example]) -> Evaluation | None:
    """Classify the examples with the model; draw why and return None if it cannot answer, or at a limit."""
    answers = []
    progress = st.progress(0.0, text="Asking the LLM")
    for number, example in enumerate(examples):
        try:
            prepared = prepare_model_classification(service().models, example.question, example.history)
        except ModelNotReadyError:
            st.info("No model is ready yet; try again in a moment.", icon=":material/hourglass:")
            return None
        try:
            run = start(prepared)
        except LimitReachedError as reached:
            st.info(f"{reached} {number} of {len(examples)} questions were asked.", icon=":material/hourglass_top:")
            return None
        if not run.wait(ANSWER_TIMEOUT_SECONDS):
            run.stop()
        category = model_category(output_of(run.events, "classify")) or "general"
        answers.append(Answer(example, category, run.events[-1].elapsed if run.events else 0.0))
        progress.progress((number + 1) / len(examples), text=f"{number + 1} of {len(examples)}")
    progress.empty()
    return Evaluation(answers)


def draw_evaluation(evaluation: Evaluation) -> None:
    """Draw accuracy, speed, the confusion matrix and the misrouted questions."""
    accuracy, speed, size = st.columns(3)
    accuracy.metric("Accuracy", f"{evaluation.accuracy:.1%}")
    speed.metric("Median latency", f"{evaluation.median_seconds * 1e3:.1f} ms")
    size.metric("Questions", f"{len(evaluation.answers):,}")
    st.caption(" · ".join(f"{language} {share:.1%}" for language, share in evaluation.by_language.items()))
    st.markdown("**Confusion matrix** (rows: expected, columns: predicted)")
    confusion = pd.DataFrame(evaluation.confusion).T.rename_axis("expected")
    st.dataframe(confusion, alt="How many questions of each category were routed where")
    st.markdown(f"**Misrouted**: {len(evaluation.misrouted)}")
    st.dataframe(
        pd.DataFrame(
            {
                "question": [answer.example.question for answer in evaluation.misrouted],
                "expected": [answer.example.category for answer in evaluation.misrouted],
                "predicted": [answer.found for answer in evaluation.misrouted],
            }
        ),
        hide_index=True,
        alt="Misrouted questions",
    )


def draw_corrections(user_id: str) -> None:
    """Draw the user's corrections from the chat, with a toggle that puts each into their set."""
    st.markdown("**Corrections from the chat**")
    corrections = service().conversations.corrections(user_id)
    if not corrections:
        st.caption("None yet. Press *Route* below an answer in the chat and choose another route.")
    for correction in corrections:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"{formatting.escape_markdown(correction.question[:120])} "
                f":gray[{correction.wrong} → {correction.right}]"
            )
            st.toggle(
                "In my set",
                value=correction.in_golden_set,
                key=f"routing-{correction.message_id}",
                on_change=set_in_golden_set,
                args=(user_id, correction.message_id),
            )


@report_storage_errors
def set_in_golden_set(user_id: str, answer_id: str) -> None:
    """Store whether a correction is in the user's set."""
    service().conversations.set_in_golden_set(user_id, answer_id, st.session_state[f"routing-{answer_id}"])


st.set_page_config(layout="centered")
user_id = current_user_id()
page_title("Router accuracy")
st.markdown("How often the router picks the right chain, on held-out questions: none of them was used to train it.")
with st.container(horizontal=True, vertical_alignment="bottom"):
    name = st.selectbox("Questions", [*FILES, MY_CORRECTIONS], key="routing_set", required=True, width=220)
    by = st.segmented_control("Classified by", [LOCAL, MODEL], default=LOCAL, required=True, key="routing_who")
    if by == MODEL:
        st.number_input("Sample size", 1, 500, 20, key="routing_count", width=160)
    is_requested = st.button("Evaluate", icon=":material/play_arrow:", type="primary")
with st.bottom:
    model_line = ModelStatus()

draw_storage_error()
examples = load_set(name, user_id)
if is_requested and not examples:
    st.info("There is no correction in your set yet.", icon=":material/info:")
elif is_requested and by == MODEL:
    model_line.await_model()
    count = min(len(examples), int(st.session_state.routing_count))
    st.session_state.routing_found = (name, by, ask_model(random.sample(examples, count)))
elif is_requested:
    st.session_state.routing_found = (name, by, evaluate(LocalClassifier().category, examples))
result = st.session_state.get("routing_found")
if result and result[:2] == (name, by) and result[2]:
    draw_evaluation(result[2])
draw_corrections(user_id)
