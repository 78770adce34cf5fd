import streamlit as st

from chains.catalog import ModelNotReadyError, prepare_story
from chains.story import Length, Tone
from pages.components import answer, links
from pages.components.answer import Answer
from pages.components.composer import composer
from pages.components.keep_alive import remember
from pages.components.service import service
from streaming.metrics import Meter
from streaming.outcome import Mark
from streaming.run import Run

IDEAS = ["A robot learning to cook", "A lighthouse that answers letters", "Kucing yang ingin menjadi astronot"]


def tell(topic: str) -> None:
    st.session_state.story_topic = topic
    st.session_state.story_answer = Answer()
    st.session_state.story_wish = (Length(st.session_state.story_length), Tone(st.session_state.story_tone))


def tell_again() -> None:
    tell(st.session_state.story_topic)


def begin() -> Run | None:
    length, tone = st.session_state.story_wish
    try:
        prepared = prepare_story(service().models, st.session_state.story_topic, length, tone)
    except ModelNotReadyError:
        return None
    return service().recorder.start(prepared.runnable, prepared.value, context=prepared.context)


def show_progress(meter: Meter, run: Run) -> None:
    expected = run.context["expected_tokens"]
    done = meter.tokens_so_far
    progress_slot.progress(min(done / expected, 1.0), text=f"~{done:,} of about {expected:,} tokens")


def offer_download() -> None:
    text = ended.text if ended else ""
    st.download_button(
        "Download",
        text,
        file_name="story.md",
        mime="text/markdown",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        disabled=not text,
    )


st.set_page_config(layout="centered")
if "story_answer" not in st.session_state:
    opened = links.linked_run("story")
    st.session_state.story_answer = Answer(opened.id) if opened else None
    st.session_state.story_topic = opened.input["topic"] if opened else None
story: Answer | None = st.session_state.story_answer

st.subheader("Story", anchor=False)
with st.container(horizontal=True, gap="medium"):
    st.segmented_control(
        "Length",
        list(Length),
        format_func=lambda length: length.capitalize(),
        default=Length.MEDIUM,
        required=True,
        key="story_length",
        persist_state="session",
    )
    st.segmented_control(
        "Tone",
        list(Tone),
        format_func=lambda tone: tone.capitalize(),
        default=Tone.WARM,
        required=True,
        key="story_tone",
        persist_state="session",
    )

bottom = composer("What should the story be about?", key="story_input")
if bottom.text:
    if story and (running := story.run()):
        running.stop()
    tell(bottom.text)
    story = st.session_state.story_answer

with st.empty():
    if story is None:
        with st.container():
            st.markdown("Give a topic below and watch the story come in, chunk by chunk. Or start from one of these:")
            for idea in IDEAS:
                st.button(idea, icon=":material/lightbulb:", key=f"idea-{idea}", on_click=tell, args=(idea,))
if story is None:
    bottom.model_line.await_model()
    st.stop()

st.text(st.session_state.story_topic)
progress_slot = st.empty()
places = answer.slots()
ended = story.settle()
if ended is None:
    run = story.run()
    bottom.model_line.await_model()
    if run is None and (run := begin()):
        story.run_id = run.id
        remember(run)
    if run is None:
        places.figures.caption("The story is told as soon as a model is ready.")
        st.stop()
    links.show_link(run)
    bottom.stop.arm(run)
    progress_slot.progress(0.0, text="Waiting for the first token")
    ended = answer.write(story, run, places, waiting="Waiting for the first token", progress=show_progress)
    bottom.stop.disarm()
else:
    answer.draw(ended, places)
    if run := story.run():
        links.show_link(run)
finished = ended.figures.tokens_out or 0
progress_slot.progress(1.0 if ended.outcome.mark is Mark.DONE else 0.0, text=f"{finished:,} tokens")
answer.draw_end(ended, places, run_id=story.run_id, key=f"story-{story.run_id}", retry=tell_again, more=offer_download)
