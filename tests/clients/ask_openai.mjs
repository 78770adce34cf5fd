// Ask by the openai SDK for JavaScript, in one of several ways, and print what it makes of the answer.
import OpenAI from "openai";

const [base, model, way] = process.argv.slice(2);
const client = new OpenAI({ baseURL: base, apiKey: "none", maxRetries: way === "retry" ? 2 : 0 });
const messages = [{ role: "user", content: "Why does it fall?" }];
const tools = [{ type: "function", function: { name: "measure", parameters: { type: "object", properties: {} } } }];
const options = { model, messages, ...(way === "tools" ? { tools } : {}) };
const found = {};

try {
  if (way === "whole" || way === "retry") {
    const answer = await client.chat.completions.create(options);
    found.text = answer.choices[0].message.content;
    found.end = answer.choices[0].finish_reason;
    found.usage = [answer.usage.prompt_tokens, answer.usage.completion_tokens];
  } else {
    const more = { stream: true, stream_options: { include_usage: true } };
    const stream = await client.chat.completions.create({ ...options, ...more });
    found.text = "";
    found.tools = "";
    for await (const part of stream) {
      const delta = part.choices[0]?.delta ?? {};
      found.text += delta.content ?? "";
      for (const call of delta.tool_calls ?? []) found.tools += (call.function.name ?? "") + (call.function.arguments ?? "");
      if (part.choices[0]?.finish_reason) found.end = part.choices[0].finish_reason;
      if (part.usage) found.usage = [part.usage.prompt_tokens, part.usage.completion_tokens];
      if (way === "abort" && found.text) stream.controller.abort();
    }
  }
} catch (error) {
  found.error = { status: error.status ?? null, code: error.code ?? null };
}
console.log(JSON.stringify(found));
