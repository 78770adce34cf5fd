import streamlit as st

from chains.router import Route
from pages.components import answer, links
from pages.components.composer import composer
from pages.components.conversation import Turn, found_again, queue, start

SUGGESTIONS = {
    Route.MATH: "What is 25 × 17?",
    Route.CODE: "Write a Python function that reverses a string",
    Route.GENERAL: "What is the capital of France?",
}
SHOWN = 50


def ask(question: str) -> None:
    queue(question, turns)
    st.session_state.pop("chat_cleared", None)


def clear() -> None:
    for turn in turns:
        if (run := turn.answer.run()) is not None:
            run.stop()
    st.session_state.chat_cleared = turns
    st.session_state.chat_turns = []
    st.query_params.clear()


def undo_clear() -> None:
    st.session_state.chat_turns = st.session_state.pop("chat_cleared")


st.set_page_config(layout="centered")
if "chat_turns" not in st.session_state:
    opened = links.linked_run("chat")
    st.session_state.chat_turns = found_again(opened) if opened else []
turns: list[Turn] = st.session_state.chat_turns

bottom = composer("Ask a question", key="chat_input")
if bottom.text:
    ask(bottom.text)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.subheader("Chat", anchor=False, width="content")
    if turns:
        st.button("Clear", icon=":material/delete_sweep:", type="tertiary", on_click=clear)

with st.empty():
    if not turns:
        with st.container():
            st.markdown(
                "Ask anything. Weir classifies the question and streams the answer of the chain that is made for it."
            )
            for route, suggestion in SUGGESTIONS.items():
                st.button(suggestion, icon=route.icon, key=f"suggest-{route}", on_click=ask, args=(suggestion,))
            if "chat_cleared" in st.session_state:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption("The conversation is cleared.", width="content")
                    st.button("Undo", icon=":material/undo:", type="tertiary", on_click=undo_clear)

first = 0 if st.session_state.get("chat_show_all") else max(0, len(turns) - SHOWN)
if first:
    st.button(f"Show {first} earlier", icon=":material/expand_less:", key="chat_show_all", type="tertiary")

places = {}
for number, turn in enumerate(turns[first:], first):
    with st.chat_message("user", avatar=":material/person:"):
        st.text(turn.question)
    with st.chat_message("assistant", avatar=":material/water:"):
        places[number] = answer.slots()
    if ended := turn.answer.settle():
        answer.draw(ended, places[number])
        answer.draw_end(
            ended, places[number], run_id=turn.answer.run_id, key=f"{number}-{turn.answer.run_id}", retry=turn.retry
        )

bottom.model_line.await_model()
for number, turn in enumerate(turns[first:], first):
    if turn.answer.settle():
        continue
    run = turn.answer.run() or start(turn, turns[:number])
    if run is None:
        places[number].figures.caption("This question is answered as soon as a model is ready.")
        continue
    links.show_link(run)
    bottom.stop.arm(run)
    ended = answer.write(turn.answer, run, places[number], waiting="Choosing a route")
    answer.draw_end(ended, places[number], run_id=turn.answer.run_id, key=f"{number}-{run.id}", retry=turn.retry)
    bottom.stop.disarm()
if turns and (last := turns[-1].answer.run()):
    links.show_link(last)
