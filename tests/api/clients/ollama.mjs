// What the official JavaScript client of Ollama offers, asked of a running server.
// node ollama.mjs ADDRESS MODEL — run where the package `ollama` is installed.
import assert from "node:assert/strict"
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

const [address, model, folder] = process.argv.slice(2)
const require = createRequire(pathToFileURL(`${folder}/`))
const { Ollama } = await import(pathToFileURL(require.resolve("ollama")).href)
const client = new Ollama({ host: address })
const options = { temperature: 0, num_predict: 8 }
const messages = [{ role: "user", content: "Say hi" }]

const whole = await client.chat({ model, messages, options })
assert.equal(whole.eval_count, 8)
assert.ok(whole.message.content)

let text = ""
let last
for await (const part of await client.chat({ model, messages, options, stream: true })) {
  text += part.message.content
  last = part
}
assert.equal(text, whole.message.content)
assert.equal(last.done_reason, "length")

const first = await client.generate({ model, prompt: "Say hi", options })
assert.ok(first.context.length > 2)
const second = await client.generate({ model, prompt: "Go on", context: first.context, options })
assert.ok(second.prompt_eval_count > first.prompt_eval_count)

const format = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] }
const json = await client.chat({ model, messages, format, options: { temperature: 0 } })
assert.equal(typeof JSON.parse(json.message.content).n, "number")

const vectors = await client.embed({ model, input: ["a", "b"] })
assert.equal(vectors.embeddings.length, 2)
assert.ok((await client.embeddings({ model, prompt: "a", keep_alive: 0 })).embedding.length > 100)

assert.ok((await client.list()).models.length >= 1)
assert.ok((await client.ps()).models.length >= 1)
assert.equal((await client.show({ model })).details.family, "llama")
assert.ok((await client.version()).version)

const made = await client.create({ model: "mario", from: model, system: "You are Mario." })
assert.equal(made.status, "success")
await client.copy({ source: "mario", destination: "luigi" })
const names = (await client.list()).models.map((each) => each.name)
assert.ok(names.includes("mario:latest") && names.includes("luigi:latest"))
await client.delete({ model: "mario" })
await client.delete({ model: "luigi" })

await assert.rejects(client.chat({ model: "nobody", messages }), (error) => {
  return error.status_code === 404 && error.message === "model 'nobody' not found"
})
await assert.rejects(client.push({ model }), /publish/)

const stream = await client.generate({ model, prompt: "Tell a long story", stream: true })
const stopped = (async () => {
  for await (const _ of stream) client.abort()
})()
await assert.rejects(stopped, (error) => error.name === "AbortError")
console.log("all is well")
