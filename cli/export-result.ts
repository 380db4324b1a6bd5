/** What an export made: declared in lab.toml, and told. */

import { join, resolve } from "node:path";
import { tomlKey, tomlValue } from "../engine/config/toml/write-toml.ts";
import { DiagnosticsError, errorText, isDiagnosticsError, problem } from "../engine/diagnostics.ts";
import { formatSize } from "../engine/units.ts";
import type { ExportedImage } from "../providers/provider.ts";
import { hasErrors } from "./apply-run.ts";
import type { CommandContext } from "./context.ts";
import { type FileEdit, withEdits, writeEdits } from "./edited-files.ts";
import { expandHere } from "./expand-recorded.ts";
import { type Declared, declaration, declareImage } from "./image-declaration.ts";
import type { RunReporter } from "./run-reporter.ts";
import { showDiagnostics } from "./show-diagnostics.ts";
import { type GivenVariables, LAB_FILE } from "./workspace.ts";

/** Nobody is to learn after minutes of work that lab.toml is written in a way that cannot be edited. */
export async function requireEditable(
  context: CommandContext,
  given: GivenVariables,
  name: string,
  declared: Declared,
): Promise<void> {
  await edited(context, given, name, declared, { digest: "0".repeat(64), user: "nobody" });
}

/** The edit of lab.toml as it is now, found valid. */
async function edited(
  context: CommandContext,
  given: GivenVariables,
  name: string,
  declared: Declared,
  image: Parameters<typeof declareImage>[2],
): Promise<FileEdit> {
  const path = join(context.folder, LAB_FILE);
  const before = await context.effects.files.readText(path);
  const edit = { path, before, after: await declareImage(before, name, image, declared) };
  const { loadLab } = await import("../engine/config/load.ts");
  const { cwd } = context.terminal;
  const loaded = await loadLab(withEdits(context.effects, [edit]), {
    file: path,
    tool: context.tool,
    variables: {
      assignments: given.var ?? [],
      files: (given.varFile ?? []).map((file) => resolve(cwd, file)),
    },
  });
  // Its warnings were shown when the command began.
  const problems =
    loaded.lab === undefined ? loaded.diagnostics : (await expandHere(context, loaded.lab)).diagnostics;
  if (loaded.lab === undefined || hasErrors(problems)) throw new DiagnosticsError(problems);
  return edit;
}

export type Written =
  | { readonly state: "declared" }
  /** lab.toml cannot be written, or was changed meanwhile in a way that leaves no room. */
  | { readonly state: "left"; readonly error: DiagnosticsError };

/** The image is in the store, whatever happens here. */
export async function declareExport(
  context: CommandContext,
  given: GivenVariables,
  name: string,
  declared: Declared,
  image: ExportedImage,
): Promise<Written> {
  try {
    await writeEdits(context.effects, [await edited(context, given, name, declared, factsOf(image))]);
    return { state: "declared" };
  } catch (error) {
    if (isDiagnosticsError(error)) return { state: "left", error };
    const summary = `${LAB_FILE} could not be written: ${errorText(error)}`;
    return { state: "left", error: new DiagnosticsError([problem({ code: "host/system-error", summary })]) };
  }
}

function factsOf({ digest, attributes }: ExportedImage): { digest: string; user: string; os?: string } {
  const { user, os } = attributes;
  return { digest, user: String(user ?? "vmlab"), ...(typeof os === "string" ? { os } : {}) };
}

/** Prints what came of it and gives the exit code. */
export async function tellExport(
  context: CommandContext,
  reporter: RunReporter,
  result: {
    readonly name: string;
    readonly image: ExportedImage;
    readonly written: Written;
    readonly declared: Declared;
    readonly sealed: boolean;
    readonly json: boolean;
  },
): Promise<number> {
  const { name, image, written, declared, sealed, json } = result;
  const { out } = context.terminal;
  const facts = factsOf(image);
  const { size, virtual_size: virtualSize, parent } = image.attributes;
  if (json) {
    const exported = {
      type: "exported",
      address: `image.${name}`,
      ...image,
      declared: written.state === "declared",
    };
    out.write(
      `${JSON.stringify({ time: new Date(context.effects.clock.now()).toISOString(), ...exported })}\n`,
    );
  }
  const bytes = [
    ...(typeof size === "number" ? [formatSize(size)] : []),
    ...(typeof virtualSize === "number" ? [`${formatSize(virtualSize)} for a guest`] : []),
    ...(typeof parent === "string" ? [`on ${parent.slice(0, 12)}`] : ["stands alone"]),
  ];
  reporter.say(`image.${name}  sha256:${image.digest}`);
  reporter.say(`  ${bytes.join(", ")}`);
  reporter.say(
    sealed
      ? "  Users, their homes and what was installed are in it; machine-id, host keys, logs and vmlab's own keys are not."
      : "  Not sealed: VMs on it have the machine-id, the host keys and the logs of the VM.",
  );
  if (written.state === "left") {
    await showDiagnostics(written.error.diagnostics, context);
    context.terminal.error.write(
      `The image is in the store, and ${LAB_FILE} is as it was. Declare it there:\n\n${table(name, facts)}\n`,
    );
    return 1;
  }
  if (declared.state === "free") {
    reporter.say(`${LAB_FILE} declares it. For a VM on it: vmlab create NAME --image ${name}`);
    return 0;
  }
  reporter.say(
    `${LAB_FILE} names it in place of ${declared.digest.slice(0, 19)}…, which stays in the store.`,
  );
  if (declared.table.archive !== undefined)
    reporter.say("Its archive holds the former image: export it anew (vmlab images export).");
  return 0;
}

function table(name: string, facts: ReturnType<typeof factsOf>): string {
  const entries = Object.entries(declaration({ ...facts, digest: `sha256:${facts.digest}` }));
  return [
    `[images.${name}]`,
    ...entries.map(([key, value]) => `${tomlKey(key)} = ${tomlValue(value)}`),
    "",
  ].join("\n");
}
