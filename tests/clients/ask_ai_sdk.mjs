// Ask by the Vercel AI SDK's OpenAI-compatible provider, whole and as a stream, and print what it makes of the answers.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";

const [base, model] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "weir", baseURL: base, apiKey: "none", includeUsage: true });
const asked = { model: provider(model), prompt: "Why does it fall?", maxRetries: 0 };
const whole = await generateText(asked);
const stream = streamText(asked);
let streamed = "";
for await (const text of stream.textStream) streamed += text;
const usage = await stream.usage;
console.log(
  JSON.stringify({
    text: whole.text,
    end: whole.finishReason,
    usage: [whole.usage.inputTokens, whole.usage.outputTokens],
    streamed,
    "streamed end": await stream.finishReason,
    "streamed usage": [usage.inputTokens, usage.outputTokens],
  }),
);
