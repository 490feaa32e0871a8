// Builds dist/page.js, dist/page.css and dist/LICENSES.txt, the same bytes from the same sources and lock file.

import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const built = await build({
  entryPoints: { page: "src/main.tsx" },
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none", // licences are in LICENSES.txt
  metafile: true,
  outdir: "dist",
  charset: "ascii",
});

const packages = new Set();
for (const input of Object.keys(built.metafile.inputs)) {
  const parts = input.split("node_modules/").at(-1).split("/");
  if (input.includes("node_modules/")) packages.add(parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/"));
}
const licences = [...packages].sort().map((name) => {
  const folder = join("node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder, { recursive: true })
    .filter((file) => /^(licen[cs]e|notice)/i.test(file) && statSync(join(folder, file)).isFile())
    .sort();
  if (files.length === 0) throw new Error(`${folder}: holds no licence file`);
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
  return `${name} ${version} (${license})\n${"=".repeat(72)}\n${texts.join("\n\n")}\n`;
});
mkdirSync("dist", { recursive: true });
writeFileSync(join("dist", "LICENSES.txt"), `page.js holds these packages.\n\n${licences.join("\n\n")}`);
