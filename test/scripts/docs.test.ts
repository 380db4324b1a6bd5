/** The pages in docs/ are what their sources say, and every lab shown in them is one that vmlab takes. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseHostConfig } from "../../engine/host/parse-host-config.ts";
import { codesInText } from "../../scripts/docs/diagnostic-codes.mjs";
import { wrap } from "../../scripts/docs/markdown.mjs";
import { anchor, entriesOf, entryProblems, withIndex } from "../../scripts/docs/troubleshooting.mjs";
import { load, problems } from "../engine/config/memory-lab.ts";

const root = join(import.meta.dirname, "../..");
const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CLAUDE.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];
const textOf = (page: string) => readFileSync(join(root, page), "utf8");

test("the generated pages are up to date, and every diagnostic code has its entry", () => {
  const { stderr, status } = spawnSync(process.execPath, [join(root, "scripts/docs.mjs"), "--check"], {
    encoding: "utf8",
  });
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
}, 60_000);

describe("an entry in troubleshooting.md", () => {
  const page = `# T\n\n<!-- index: npm run docs -->\nold\n<!-- end of index -->\n\n## One\n\n### qemu/a\n\nCause.\n\n### qemu/b\n\n## Two\n\n### ssh/c\n\nCause.\n`;

  test("belongs to a code, and each code has one", () => {
    const codes = new Map([
      ["qemu/a", ["a.ts"]],
      ["qemu/b", ["a.ts"]],
      ["state/d", ["d.ts", "e.ts"]],
    ]);
    expect(entryProblems(codes, entriesOf(page))).toEqual([
      "docs/troubleshooting.md says nothing about qemu/b",
      "docs/troubleshooting.md has an entry for ssh/c, which no source emits",
      "docs/troubleshooting.md has no entry for state/d (d.ts, e.ts)",
    ]);
  });

  test("is listed in the index under its heading", () => {
    expect(withIndex(page)).toContain(
      "<!-- index: npm run docs -->\n\n- **One**: [qemu/a](#qemua), [qemu/b](#qemub)\n- **Two**: [ssh/c](#sshc)\n\n<!-- end of index -->",
    );
  });
});

describe("codes in a source file", () => {
  test("are found wherever they stand", () => {
    const text = 'const code = full ? "host/disk-full" : "qemu/x1"; f("text/plain"); // `config/not-this`';
    expect([...codesInText(text, "a.ts")]).toEqual(["host/disk-full", "qemu/x1"]);
  });

  test("that are put together must be known", () => {
    expect([...codesInText("code: `host/not-enough-${what}`", "a.ts")]).toEqual([
      "host/not-enough-cpus",
      "host/not-enough-memory",
    ]);
    expect(() => codesInText("code: `host/no-${x}`", "a.ts")).toThrow(/^a\.ts: add what/);
    expect(() => codesInText('code: "nowhere/x"', "a.ts")).toThrow(/the area of nowhere\/x/);
  });
});

test("lines are broken between words, never inside code, and never begin as a list", () => {
  expect(wrap(`${"a".repeat(110)} \`b c d e f\` x`, "  ")).toBe(`${"a".repeat(110)}\n  \`b c d e f\` x`);
  expect(wrap(`${"a ".repeat(58)}end 0. More`, "  ")).toBe(`${"a ".repeat(58).trim()}\n  end 0. More`);
});

/**
 * Fenced examples: `toml` is a whole lab, which may use the module of its page, `toml fragment` a part of one, `toml
 * module.toml` a module, `toml config.toml` the host's settings.
 */
const examples = pages.flatMap((page) =>
  [...textOf(page).matchAll(/^```toml(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, kind = "", text = ""], index) => [`${page}, example ${index + 1}`, kind.trim(), text, page] as const,
  ),
);

test.each(examples)("%s can be used (%s)", async (_, kind, text, page) => {
  switch (kind) {
    case "": {
      const module = examples.find(([, kind, , where]) => kind === "module.toml" && where === page)?.[2];
      const [, source] = /^source = "(.*)"$/m.exec(text) ?? [];
      const files = module === undefined ? {} : { [`${source}/module.toml`]: module };
      expect(await problems({ "lab.toml": text, ...files })).toBe("");
      return;
    }
    case "module.toml":
      // Checked with the labs of its page that use it.
      expect(examples.some(([, , lab, where]) => where === page && lab.includes("\nsource = "))).toBe(true);
      return;
    case "fragment": {
      const lab = /^(lab\b|\[lab\])/m.test(text) ? "" : 'lab = { name = "demo" }\n';
      expect((await load(lab + text)).diagnostics).toEqual([]);
      return;
    }
    case "config.toml":
      await parseHostConfig(text, "config.toml");
      return;
    default:
      throw new Error(`nobody knows what a "${kind}" example is`);
  }
});

test.each(pages)("every link in %s leads somewhere", (page) => {
  const broken = linksIn(textOf(page)).flatMap((link) => {
    if (/^https?:/.test(link)) return [];
    const [path = "", fragment] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) return [link];
    return fragment === undefined || anchorsOf(textOf(target)).has(fragment) ? [] : [link];
  });
  expect(broken).toEqual([]);
});

test("each promise in guarantees.md is proved by a test that is there", () => {
  const text = textOf("docs/guarantees.md");
  const files = new Map(
    [...text.matchAll(/^\[([^\]]+)\]: (\S+)$/gm)].map(([, name = "", path = ""]) => [
      `[${name}]`,
      textOf(join("docs", path)),
    ]),
  );
  const rows = [...text.matchAll(/^\| (.*) \| (.*) \|$/gm)].filter(([, promise]) => promise !== "promise");
  expect(rows.length).toBeGreaterThan(30);
  for (const [, promise, proof = ""] of rows) {
    const proving = [...files].filter(([name]) => proof.includes(name)).map(([, source]) => source);
    const names = [...proof.matchAll(/"[^"]+"/g)].map(([name]) => name);
    const missing = names.filter((name) => !proving.some((source) => source.includes(name)));
    expect({ promise, proofs: names.length > 0, missing }).toEqual({ promise, proofs: true, missing: [] });
  }
});

function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(
    ([, inline, reference]) => inline ?? reference ?? "",
  );
}

function anchorsOf(text: string): Set<string> {
  return new Set([
    ...[...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading)),
    ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id),
  ]);
}
