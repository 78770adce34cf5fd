"""What a bare page with an EventSource looks like: no Streamlit, no record, text without Markdown.

`uvicorn bench.pages.bare:app`, on asyncio's own loop as in a plain installation of FastAPI and uvicorn.
"""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

PAGE = """<!doctype html><title>Bare</title><input id=topic><p id=output style="white-space: pre-wrap"></p><script>
topic.onchange = () => {
  output.textContent = "";
  const source = new EventSource("/sse?topic=" + encodeURIComponent(topic.value));
  source.onmessage = (event) => output.append(JSON.parse(event.data).content);
  source.addEventListener("done", () => source.close());
};
</script>"""

app = FastAPI()
chain = ChatPromptTemplate.from_template("Write a story about {topic}") | ChatOpenAI(model="bench") | StrOutputParser()


@app.get("/")
def page() -> HTMLResponse:
    """Return the page."""
    return HTMLResponse(PAGE)


@app.get("/sse", response_class=EventSourceResponse)
async def sse(topic: str) -> AsyncIterator[ServerSentEvent]:
    """Stream a story."""
    async for chunk in chain.astream({"topic": topic}):
        yield ServerSentEvent(data={"content": chunk}, event="message")
    yield ServerSentEvent(data={"status": "complete"}, event="done")
