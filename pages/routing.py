import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from chains import classifier
from chains.classifier.evaluate import Answer, Evaluation, evaluate
from chains.classifier.examples import CATEGORIES, Category, Example, load_examples
from chains.classifier.local_classifier import LocalClassifier
from chains.registry import prepare_model_classification
from chains.router import Route
from pages.components.layout import formatting
from pages.components.layout.model_status import ModelStatus
from pages.components.session.app_services import service
from pages.components.session.current_user import current_user_id
from pages.components.session.report_storage_errors import draw_storage_error, report_storage_errors
from pages.components.session.run_start import start
from weir.access.limits import LimitReachedError
from weir.analysis.metrics import output_of
from weir.llm.chain_registry import ModelNotReadyError

FOLDER = Path(classifier.__file__).parent
SETS = {
    "Golden set": "golden.jsonl",
    "Second golden set": "golden_2.jsonl",
    "Follow-ups": "follow_ups.jsonl",
    "My corrections": None,
}
LOCAL, MODEL = "This machine", "The model"
ANSWER_TIMEOUT = 60.0


def examples_of(name: str) -> list[Example]:
    file = SETS[name]
    if file is not None:
        return load_examples(FOLDER / file)
    kept = [correction for correction in service().conversations.corrections(me) if correction.in_golden_set]
    return [
        Example(question=correction.question, category=Route(correction.right).value, language="mine")
        for correction in kept
    ]


def ask_model(examples: Sequence[Example]) -> Evaluation | None:
    answers = []
    place = st.progress(0.0, text="Asking the model")
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
        if not run.wait(ANSWER_TIMEOUT):
            run.stop()
        found = output_of(run.events, "classify")
        named = found.get("category") if isinstance(found, dict) else None
        category: Category = next((name for name in CATEGORIES if name == named), "general")
        answers.append(Answer(example, category, run.events[-1].elapsed if run.events else 0.0))
        place.progress((number + 1) / len(examples), text=f"{number + 1} of {len(examples)}")
    place.empty()
    return Evaluation(answers)


def draw(found: Evaluation) -> None:
    accuracy, speed, size = st.columns(3)
    accuracy.metric("Right", f"{found.accuracy:.1%}")
    speed.metric("A question (median)", f"{found.median_seconds * 1e3:.1f} ms")
    size.metric("Questions", f"{len(found.answers):,}")
    st.caption(" · ".join(f"{language} {share:.1%}" for language, share in found.by_language.items()))
    st.markdown("**Where they went**: a row for where each belongs")
    confusion = pd.DataFrame(found.confusion).T
    st.dataframe(confusion, alt="How many questions of each category went where")
    st.markdown(f"**Sent elsewhere**: {len(found.misrouted)}")
    st.dataframe(
        pd.DataFrame(
            {
                "question": [answer.example.question for answer in found.misrouted],
                "belongs to": [answer.example.category for answer in found.misrouted],
                "went to": [answer.found for answer in found.misrouted],
            }
        ),
        hide_index=True,
        alt="Questions that went to another category",
    )


def draw_corrections() -> None:
    st.markdown("**Corrections from the chat**")
    corrections = service().conversations.corrections(me)
    if not corrections:
        st.caption("Press *Route* below an answer of the chat and send it another way: it is listed here.")
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
                on_change=keep,
                args=(correction.message_id,),
            )


@report_storage_errors
def keep(answer_id: str) -> None:
    service().conversations.set_in_golden_set(me, answer_id, st.session_state[f"routing-{answer_id}"])


st.set_page_config(layout="centered")
me = current_user_id()
st.subheader("Routing", anchor=False)
st.markdown("How often questions go where they belong, on questions that nobody learned from.")
with st.container(horizontal=True, vertical_alignment="bottom"):
    name = st.selectbox("Questions", list(SETS), key="routing_set", required=True, width=220)
    who = st.segmented_control("Classified by", [LOCAL, MODEL], default=LOCAL, required=True, key="routing_who")
    if who == MODEL:
        st.number_input("Of them, at random", 1, 500, 20, key="routing_count", width=160)
    wanted = st.button("Evaluate", icon=":material/play_arrow:", type="primary")
with st.bottom:
    model_line = ModelStatus()

draw_storage_error()
examples = examples_of(name)
if wanted and not examples:
    st.info("There is no correction in your set yet.", icon=":material/info:")
elif wanted and who == MODEL:
    model_line.await_model()
    count = min(len(examples), int(st.session_state.routing_count))
    st.session_state.routing_found = (name, who, ask_model(random.sample(examples, count)))
elif wanted:
    st.session_state.routing_found = (name, who, evaluate(LocalClassifier().category, examples))
shown = st.session_state.get("routing_found")
if shown and shown[:2] == (name, who) and shown[2]:
    draw(shown[2])
draw_corrections()
