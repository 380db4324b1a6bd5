/** A provisioning step in a few words, as progress, records and plans name it. */
import { isJsonObject } from "../json.ts";
import type { ProvisionStep } from "./types.ts";

const LONGEST = 48;

/** `packages git make`, `script scripts/web.sh`. As it was written, not as evaluated: the value may be a secret. */
export function describeStep(step: ProvisionStep): string {
  switch (step.kind) {
    case "run":
      return shorten(`run ${written(step.command)}`);
    case "script":
      return `script ${step.path}`;
    case "catalogue-script":
      return `${step.role} ${step.script}`;
    case "packages":
      return shorten(`packages ${step.names.join(" ")}`);
    case "file":
      return `file ${written(step.to)}`;
  }
}

function written(value: unknown): string {
  return isJsonObject(value) && typeof value.$expr === "string" ? value.$expr : String(value);
}

function shorten(text: string): string {
  const [line = ""] = text.split("\n");
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}
