import { describe, expect, test } from "@jest/globals";
import type { Command } from "commander";
import { splitCommandLine } from "../../cli/command-line.ts";
import { CommandLog } from "../../cli/command-log.ts";
import { COMMANDS, findCommand } from "../../cli/command-table.ts";
import type { CommandContext } from "../../cli/context.ts";
import { helpOf } from "../../cli/define-command.ts";
import { TOPICS } from "../../cli/help-topics.ts";
import { main } from "../../cli/main.ts";
import { runDefinition } from "../../cli/run-definition.ts";
import { nodeEffects } from "../../engine/effects-node.ts";
import { homeFrom } from "../../engine/home.ts";
import { TestTerminal } from "./test-terminal.ts";

const effects = nodeEffects();

function contextFor(columns?: number): CommandContext & { readonly terminal: TestTerminal } {
  const terminal = new TestTerminal({ cwd: "/", ...(columns === undefined ? {} : { columns }) });
  const home = homeFrom({ VMLAB_HOME: "/nowhere" });
  const log = new CommandLog({ effects, home, tool: "0", argv: [] });
  return { effects, terminal, log, home, tool: "0", guestCommand: undefined, folder: "/", exitCode: 0 };
}

interface Named {
  readonly name: string;
  readonly command: Command;
}

function family(name: string, command: Command): Named[] {
  return [
    { name, command },
    ...command.commands.flatMap((child) => family(`${name} ${child.name()}`, child as Command)),
  ];
}

// One after another: Jest does not link modules at the same time.
const all: Named[] = [];
for (const { name, load } of COMMANDS) all.push(...family(name, (await load()).define(contextFor())));
const names = new Set(all.map(({ name }) => name));

async function help(words: readonly string[], columns: number): Promise<string> {
  const { terminal } = contextFor(columns);
  expect(await main(words, { effects, terminal })).toBe(0);
  return terminal.stdout;
}

/** The words of an example, up to where its shell sends what it prints elsewhere. */
function wordsOf(example: string): string[] {
  const words: string[] = [];
  for (const [word] of example
    .replace(/^\(.*; |^source <\(|\)$/g, "")
    .matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (/^([|<>]|&&)/.test(word)) break;
    words.push(word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2").replace(/\)$/, ""));
  }
  return words;
}

describe.each(all)("help on $name", ({ name, command }) => {
  test("fits a terminal of 80 columns, and says the same in a wide one", async () => {
    const narrow = await help([...name.split(" "), "--help"], 80);
    const wide = await help([...name.split(" "), "--help"], 200);
    for (const text of [narrow, wide]) {
      const limit = text === narrow ? 80 : 100;
      expect(text.split("\n").filter((line) => line.length > limit)).toEqual([]);
    }
    const words = (text: string) => text.split(/\s+/).sort();
    expect(words(narrow)).toEqual(words(wide));
  });

  test("names commands that there are, and shows lines that it takes", async () => {
    const told = helpOf(command);
    expect((told?.related ?? []).filter((other) => !names.has(other))).toEqual([]);
    for (const { command: example } of told?.examples ?? []) {
      const [program, ...argv] = wordsOf(example);
      expect(program).toBe("vmlab");
      const { words, guestCommand } = splitCommandLine(argv);
      const [first = "", ...args] = words;
      const definition = (await findCommand(first)?.load())?.define(contextFor());
      if (definition === undefined) throw new Error(`there is no ${first}: ${example}`);
      const context = { ...contextFor(), guestCommand };
      for (const { command: one } of family(first, definition)) one.action(() => undefined);
      await expect(runDefinition(definition, args, context)).resolves.toBe(0);
    }
  });
});

test.each(TOPICS)("help on $name fits 80 columns", async ({ name }) => {
  const text = await help(["help", name], 80);
  expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});
