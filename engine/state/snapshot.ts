/** The text of state.json: the state as one JSON object whose last property is the checksum of what stands before. */
import { createHash } from "node:crypto";
import { fail } from "../diagnostics.ts";
import { isJsonObject, sha256 } from "../json.ts";
import { shapeProblem } from "./state-shape.ts";
import { STATE_VERSION, type State } from "./types.ts";

const CHECKSUM_LENGTH = 64;

/** The text of a snapshot. */
export function encodeSnapshot(state: State): string {
  // Whoever looks into the file finds what identifies it first.
  const { version, lineage, serial, host, folder, home, lab, tool, sensitiveKey, journalSequence, ...rest } =
    state;
  const { outputs, intents, resources } = rest;
  const body = JSON.stringify({
    version,
    lineage,
    serial,
    host,
    folder,
    home,
    lab,
    tool,
    sensitiveKey,
    journalSequence,
    outputs,
    intents,
    resources,
  });
  return `${body.slice(0, -1)},"checksum":"${sha256(body)}"}\n`;
}

/** Reads the bytes of a snapshot, or refuses them; `file` names it in the diagnostic. */
export function decodeSnapshot(data: Buffer, file: string): State {
  const text = data.toString("utf8");
  if (text.trim() === "") damaged(file, "The file is empty.");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    damaged(file, "The file is cut off or is not JSON.", error);
  }
  if (!isJsonObject(value)) damaged(file, "It does not hold a JSON object.");
  // Before the checksum: a later version may have another one.
  if (typeof value.version === "number" && value.version > STATE_VERSION)
    newer(file, value.version, value.tool);

  const tail = `,"checksum":"${"0".repeat(CHECKSUM_LENGTH)}"}`.length;
  const trimmed = text.trimEnd();
  const bodyBytes = data.length - Buffer.byteLength(text.slice(trimmed.length)) - tail;
  // The bytes and not the text are hashed: a big state is not encoded once more.
  const checksum = createHash("sha256").update(data.subarray(0, bodyBytes)).update("}").digest("hex");
  if (trimmed.slice(-tail) !== `,"checksum":"${checksum}"}`) {
    damaged(file, "Its checksum does not fit its content: it was edited by hand or damaged.");
  }
  const { checksum: _, ...state } = value;
  const problem = shapeProblem(state);
  if (problem !== undefined) damaged(file, `${problem}.`);
  return state as unknown as State;
}

function damaged(file: string, detail: string, cause?: unknown): never {
  fail(
    {
      code: "state/damaged",
      summary: `The state in ${file} cannot be read`,
      detail: `${detail} Nothing was changed.`,
      hint: "`vmlab state history` lists the kept older states; `vmlab state restore SERIAL` goes back to one of them.",
    },
    cause,
  );
}

function newer(file: string, version: number, tool: unknown): never {
  fail({
    code: "state/newer-version",
    summary: `The state in ${file} was written by a newer vmlab`,
    detail: `It has format version ${version}${typeof tool === "string" ? `, written by vmlab ${tool}` : ""}; this vmlab reads up to version ${STATE_VERSION}.`,
    hint: "Use that version of vmlab or a newer one.",
  });
}
