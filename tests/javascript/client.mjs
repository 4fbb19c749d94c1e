// The official JavaScript client libraries, driven line by line by tests/javascript_for_tests.py.
//
// Reads {id, library, stream, url, model, key, prompt} a line; writes {id, text} for each piece of an
// answer as it comes, and {id, end: null} or {id, end: {class, status, code, message}} last.

import { createInterface } from "node:readline";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const libraries = {
  async openai_js({ url, key, model, prompt, stream }, tell) {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
    const asked = { model, stream, messages: [{ role: "user", content: prompt }] };
    const answer = await client.chat.completions.create(asked);
    if (!stream) return tell(answer.choices[0].message.content);
    for await (const event of answer) tell(event.choices[0].delta.content);
  },
  async anthropic_js({ url, key, model, prompt, stream }, tell) {
    const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
    const asked = { model, stream, max_tokens: 64, messages: [{ role: "user", content: prompt }] };
    const answer = await client.messages.create(asked);
    if (!stream) return tell(answer.content[0].text);
    for await (const event of answer) if (event.type === "content_block_delta") tell(event.delta.text);
  },
};

const codeOf = (err) => err.error?.error?.details?.error_code ?? err.code ?? null;

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const tell = (text) => text && say({ id: asked.id, text });
  libraries[asked.library](asked, tell).then(
    () => say({ id: asked.id, end: null }),
    (err) =>
      say({
        id: asked.id,
        end: { class: err.constructor.name, status: err.status ?? null, code: codeOf(err), message: err.message },
      }),
  );
}
