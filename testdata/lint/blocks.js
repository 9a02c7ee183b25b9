// Reads {name: {type, value}} and prints what tsc --strict finds when each value is a literal of that type of @slack/types.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const ts = require("../peers/node_modules/typescript");

const types = { message: "Message", modal: "ModalView", home: "HomeView", unfurl: "MessageAttachment" };
const samples = Object.entries(JSON.parse(readFileSync(0, "utf8")));
const source = [
  `import type { HomeView, KnownBlock, MessageAttachment, ModalView } from "@slack/types";`,
  `type Message = { text: string; blocks: KnownBlock[] };`,
  ...samples.map(([name, { type, value }]) => `export const ${JSON.stringify(name).replace(/\W/g, "_")}: ${types[type]} = ${JSON.stringify(value)};`),
].join("\n");

// The file is nowhere on disk; where it seems to be decides where its import is looked for.
const file = join(__dirname, "..", "peers", "samples.ts");
const options = { strict: true, noEmit: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022, moduleResolution: ts.ModuleResolutionKind.Node10 };
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.getSourceFile = (path, version) => (path === file ? ts.createSourceFile(path, source, version, true) : getSourceFile(path, version));
host.fileExists = (path) => path === file || fileExists(path);

for (const found of ts.getPreEmitDiagnostics(ts.createProgram([file], options, host))) {
  const line = found.file === undefined ? 0 : found.file.getLineAndCharacterOfPosition(found.start).line;
  const [name] = samples[line - 2] ?? ["samples"];
  console.log(`${name}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`);
}
