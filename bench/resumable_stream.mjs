// A server that shares its streams with others like it by resumable-stream, for `python -m bench.replicas`.
//
//   REDIS_URL=redis://… node resumable_stream.mjs PORT MODEL_URL
//
// `POST /ID?question=…` asks the model and streams its answer; `GET /ID` joins that, on whichever server.
import { createServer } from "node:http";
import { createResumableStreamContext } from "resumable-stream";

const [port, model] = process.argv.slice(2);
const streams = createResumableStreamContext({ waitUntil: (whole) => whole });

/** Returns the tokens of an answer as a stream of strings, each as it comes. */
function ask(question) {
  return new ReadableStream({
    async start(controller) {
      const answer = await fetch(`${model}/v1/chat/completions`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content: question }] }),
      });
      let rest = "";
      for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (!line.startsWith("data: {")) continue;
          const token = JSON.parse(line.slice(6)).choices[0]?.delta.content;
          if (token) controller.enqueue(token);
        }
      }
      controller.close();
    },
  });
}

async function serve(request, response) {
  const url = new URL(request.url, "http://localhost");
  const id = url.pathname.slice(1);
  const stream =
    request.method === "POST"
      ? await streams.createNewResumableStream(id, () => ask(url.searchParams.get("question")))
      : await streams.resumeExistingStream(id);
  if (!stream) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": "text/plain" }).flushHeaders();
  for await (const token of stream) response.write(token);
  response.end();
}

createServer((request, response) => {
  // It raises where the producer of a stream does not answer.
  serve(request, response).catch(() => response.writeHead(504).end());
}).listen(Number(port), "127.0.0.1");
