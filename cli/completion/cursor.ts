/** What may stand at the end of a command line that is not finished yet, as the commands' definitions say. */
import type { Argument, Command, Option } from "commander";
import { defaultCommand, repeated, several } from "../define-command.ts";

/** A command line behind its command's name, up to the cursor. */
export interface Cursor {
  /** The command, without `vmlab`: `images show`. */
  readonly command: string;
  /** Positional words before the cursor. */
  readonly given: readonly string[];
  /** Values of options before the cursor, by their long names (`env`). */
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly slot: Slot;
}

/** What may stand at the cursor. */
export type Slot =
  | { readonly kind: "command"; readonly commands: readonly Command[] }
  | { readonly kind: "option"; readonly options: readonly Option[] }
  | {
      readonly kind: "value";
      /** What the definition calls the value: `vm`, `file`, `name=value`. */
      readonly what: string;
      /** What it has to be one of. */
      readonly choices: readonly string[] | undefined;
      /** What the word at the cursor holds before the value: `--env=`, `web,`. */
      readonly before: string;
    }
  | { readonly kind: "nothing" };

/** `words` stand behind the command's name; `current` is the word that the cursor ends, which may be empty. */
export function cursorAt(
  name: string,
  definition: Command,
  words: readonly string[],
  current: string,
): Cursor {
  let command = definition;
  let path = name;
  const given: string[] = [];
  const options: Record<string, string[]> = {};
  let open: Option | undefined;
  for (const word of words) {
    if (open !== undefined && (open.required || !word.startsWith("-"))) {
      options[nameOf(open)]?.push(word);
      open = undefined;
      continue;
    }
    open = undefined;
    if (word.startsWith("-") && word !== "-") {
      const read = readOption(command, word);
      if (read === undefined) continue;
      const long = nameOf(read.option);
      options[long] = [...(options[long] ?? []), ...(read.value === undefined ? [] : [read.value])];
      if (read.value === undefined && (read.option.required || read.option.optional)) open = read.option;
      continue;
    }
    const below = given.length === 0 ? command.commands.find((child) => isCalled(child, word)) : undefined;
    if (below !== undefined) {
      command = below;
      path = `${path} ${below.name()}`;
    } else {
      const alone = defaultCommand(command);
      if (alone !== undefined) {
        command = alone;
        path = `${path} ${alone.name()}`;
      }
      given.push(word);
    }
  }
  return { command: path, given, options, slot: slotAt(command, given, options, open, current) };
}

function slotAt(
  command: Command,
  given: readonly string[],
  options: Readonly<Record<string, readonly string[]>>,
  open: Option | undefined,
  current: string,
): Slot {
  if (open !== undefined && (open.required || !current.startsWith("-")))
    return optionValue(open, "", current);
  if (current.startsWith("-") && current.includes("=")) {
    const read = readOption(command, current);
    if (read?.value === undefined || !(read.option.required || read.option.optional))
      return { kind: "nothing" };
    return optionValue(read.option, current.slice(0, current.length - read.value.length), read.value);
  }
  if (current.startsWith("-")) {
    const known = optionsOf(command).filter(
      (option) => !option.hidden && (isRepeatable(option) || options[nameOf(option)] === undefined),
    );
    return { kind: "option", options: known };
  }
  if (command.commands.length > 0) return { kind: "command", commands: command.commands };
  const { registeredArguments: places } = command;
  const last = places.at(-1);
  const place = places[given.length] ?? (last?.variadic === true ? last : undefined);
  return place === undefined ? { kind: "nothing" } : argumentValue(place);
}

function argumentValue(place: Argument): Slot {
  return { kind: "value", what: place.name(), choices: place.argChoices, before: "" };
}

function optionValue(option: Option, before: string, value: string): Slot {
  const placeholder = /[<[](.+?)(\.\.\.)?[>\]]$/.exec(option.flags)?.[1] ?? "";
  // An option that takes a name says itself of what.
  const what = placeholder === "name" ? nameOf(option) : placeholder;
  const list = option.parseArg === several ? value.slice(0, value.lastIndexOf(",") + 1) : "";
  return { kind: "value", what, choices: option.argChoices, before: `${before}${list}` };
}

/** The option that a word is, or that a cluster such as `-yf` ends with, and the value that stands in the word. */
function readOption(
  command: Command,
  word: string,
): { readonly option: Option; readonly value?: string } | undefined {
  const known = optionsOf(command);
  if (word.startsWith("--")) {
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    const option = known.find(({ long }) => long === flag);
    if (option === undefined) return undefined;
    return equals < 0 ? { option } : { option, value: word.slice(equals + 1) };
  }
  for (let at = 1; at < word.length; at++) {
    const option = known.find(({ short }) => short === `-${word[at]}`);
    if (option === undefined) return undefined;
    const rest = word.slice(at + 1);
    if (rest === "") return { option };
    if (option.required || option.optional) return { option, value: rest };
  }
  return undefined;
}

/** Of a group that stands for one of its commands, that one's. */
function optionsOf(command: Command): readonly Option[] {
  const effective = defaultCommand(command) ?? command;
  return effective.createHelp().visibleOptions(effective);
}

function isRepeatable({ parseArg }: Option): boolean {
  return parseArg === several || parseArg === repeated;
}

function isCalled(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}

/** `env` of --env: as it is written, not as a property. */
function nameOf(option: Option): string {
  return option.long?.slice(2) ?? option.name();
}
