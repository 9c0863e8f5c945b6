// Discord's own OpenAPI description as JSON Schemas of what a bot sends, one by the name of its type.
// `make discord-spec` runs this where the package discord-api-spec is installed.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, target] = process.argv.slice(2);
const source = `${modules}/discord-api-spec/build/discord-api-spec.zod.js`;
const strict = `${modules}/discord-api-spec/build/strict.mjs`;
const text = readFileSync(source, "utf8");
const lenient = "let zObject = z.object;";
if (!text.includes(lenient)) throw new Error("discord-api-spec changed: cannot make it strict");
// Strict: a field that Discord does not know is a fault.
writeFileSync(strict, text.replace(lenient, "let zObject = z.strictObject;"));

const spec = await import(pathToFileURL(strict));
const z = await import(pathToFileURL(`${modules}/zod/index.js`));
// "undefined" is what JSON cannot say: nothing matches it.
const options = {
  io: "input",
  unrepresentable: "any",
  override: ({ zodSchema, jsonSchema }) => {
    if (zodSchema._zod.def.type === "undefined") jsonSchema.not = {};
  },
};
const schemas = {};
for (const [name, schema] of Object.entries(spec)) {
  if (/(Request|Partial|RequestData)Schema$/.test(name)) {
    schemas[name.slice(0, -"Schema".length)] = z.toJSONSchema(schema, options);
  }
}
writeFileSync(target, JSON.stringify(schemas));
