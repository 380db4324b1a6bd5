/** Completes a command line: what a shell offers when Tab is pressed. Follows from the commands' own definitions. */
import { join, resolve } from "node:path";
import type { Command, Option } from "commander";
import { splitCommandLine } from "../command-line.ts";
import { COMMANDS, findCommand } from "../command-table.ts";
import type { CommandContext } from "../context.ts";
import { TOPICS } from "../help-topics.ts";
import { GLOBAL_OPTIONS } from "../overview.ts";
import { type Cursor, cursorAt } from "./cursor.ts";
import { knowledgeOf } from "./knowledge.ts";
import { type Candidate, liveValues, type Offer } from "./live-values.ts";

/**
 * Candidates for the last of `words` (the words behind `vmlab` up to the cursor), whether or not they begin as that word
 * does: each shell matches in its own way.
 */
export async function complete(context: CommandContext, words: readonly string[]): Promise<Offer> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const line = splitCommandLine(before);
  if (line.guestCommand !== undefined) return NOTHING;
  if (line.chdir !== undefined) context.folder = folderOf(context, line.chdir);
  const [first, ...rest] = line.words;
  if (first === undefined) return beginning(before, current);
  const help = first === "help";
  const [name, args] = help ? [rest[0], rest.slice(1)] : [first, rest];
  if (name === undefined) return { candidates: [...commandCandidates(), ...topicCandidates()] };
  const entry = findCommand(name);
  if (entry === undefined) return NOTHING;
  const definition = (await entry.load()).define(context);
  const cursor = cursorAt(entry.name, definition, args, current);
  const chdir = cursor.options.chdir?.at(-1);
  if (chdir !== undefined) context.folder = folderOf(context, chdir);
  if (help && cursor.slot.kind !== "command") return NOTHING;
  return await atCursor(context, cursor, current);
}

const NOTHING: Offer = { candidates: [] };

/** Before the command's name. */
function beginning(before: readonly string[], current: string): Offer {
  const last = before.at(-1);
  if (last === "-C" || last === "--chdir") return { candidates: [], paths: "folders" };
  const chosen = GLOBAL_OPTIONS.find(({ long }) => long === last || current.startsWith(`${long}=`));
  if (chosen?.choices !== undefined) {
    const joined = chosen.long === last ? "" : `${chosen.long}=`;
    return { candidates: chosen.choices.map((value) => ({ value: `${joined}${value}` })) };
  }
  if (current.startsWith("-")) {
    return { candidates: GLOBAL_OPTIONS.map(({ long, text }) => ({ value: long, text })) };
  }
  return { candidates: commandCandidates() };
}

function commandCandidates(): Candidate[] {
  return [
    ...COMMANDS.map(({ name, summary }) => ({ value: name, text: summary })),
    { value: "help", text: "Show how a command is used" },
  ];
}

function topicCandidates(): Candidate[] {
  return TOPICS.map(({ name, summary }) => ({ value: name, text: summary }));
}

async function atCursor(context: CommandContext, cursor: Cursor, current: string): Promise<Offer> {
  const { slot } = cursor;
  switch (slot.kind) {
    case "nothing":
      return NOTHING;
    case "command":
      return { candidates: slot.commands.map(commandCandidate) };
    case "option":
      return { candidates: slot.options.map(optionCandidate) };
    case "value": {
      const { what, choices, before } = slot;
      const offer: Offer =
        choices === undefined
          ? await liveValues(knowledgeOf(context), cursor, what, current.slice(before.length))
          : { candidates: choices.map((value) => ({ value })) };
      const taken = new Set(before === "" ? cursor.given : before.split(","));
      const fresh = offer.candidates.filter(({ value }) => !taken.has(value));
      return { ...offer, candidates: fresh.map((one) => ({ ...one, value: `${before}${one.value}` })) };
    }
  }
}

function commandCandidate(command: Command): Candidate {
  return { value: command.name(), text: command.summary() };
}

function optionCandidate(option: Option): Candidate {
  return { value: option.long ?? option.short ?? "", text: option.description };
}

/** A shell leaves `~` alone in a line that is not finished. */
function folderOf({ effects, terminal }: CommandContext, path: string): string {
  const home = effects.host.env.HOME;
  const expanded = home !== undefined && /^~(\/|$)/.test(path) ? join(home, path.slice(1)) : path;
  return resolve(terminal.cwd, expanded);
}
