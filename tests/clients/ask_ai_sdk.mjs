// Ask by the Vercel AI SDK's OpenAI-compatible provider, in one of several ways, and print what it makes of the answer.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText, tool } from "ai";
import { z } from "zod";

const [base, model, way] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "weir", baseURL: base, apiKey: "none", includeUsage: true });
const leaving = new AbortController();
const asked = {
  model: provider(model),
  prompt: "Why does it fall?",
  maxRetries: way === "retry" ? 2 : 0,
  abortSignal: leaving.signal,
  ...(way === "tools" ? { tools: { measure: tool({ inputSchema: z.object({ depth: z.number().optional() }) }) } } : {}),
};
const found = {};
const noted = (error) => {
  const last = error.lastError ?? error;
  found.error = { status: last.statusCode ?? null, isRaised: true };
};

try {
  if (way === "whole" || way === "retry") {
    const whole = await generateText(asked);
    found.text = whole.text;
    found.end = whole.finishReason;
    found.usage = [whole.usage.inputTokens, whole.usage.outputTokens];
  } else {
    const stream = streamText({ ...asked, onError: ({ error }) => noted(error) });
    found.text = "";
    found.tools = "";
    for await (const part of stream.fullStream) {
      if (part.type === "text-delta") found.text += part.text;
      if (part.type === "tool-call") found.tools += part.toolName + JSON.stringify(part.input);
      if (part.type === "finish") {
        found.end = part.finishReason;
        found.usage = [part.totalUsage.inputTokens, part.totalUsage.outputTokens];
      }
      if (way === "abort" && found.text) leaving.abort();
    }
  }
} catch (error) {
  noted(error);
}
console.log(JSON.stringify(found));
