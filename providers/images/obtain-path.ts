/** Local file → store: copy, verify, import. */
import { basename } from "node:path";
import { fail, systemErrorCode } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageSpec } from "../provider.ts";
import { type Checksum, formatChecksum, parseChecksum } from "./checksum.ts";
import { rememberFileDigest } from "./file-digest.ts";
import { labelsOf } from "./image-labels.ts";
import type { ImageRecord } from "./image-record.ts";
import { fileKey, localPath } from "./image-source.ts";
import { fetchChecksum } from "./remote-facts.ts";
import { addressOf } from "./resolve.ts";
import { storeFile } from "./store-file.ts";

const LIST_TIMEOUT_MS = 30_000;

export async function obtainPath(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  context: CallContext,
): Promise<ImageRecord> {
  const path = localPath(spec.inputs, spec.lab);
  const address = addressOf(spec);
  const wanted = await wantedChecksum(effects, spec, path, context);
  let checksum: Checksum | undefined;
  const record = await storeFile(effects, home, {
    // The copy is what is verified: the original may change at any time.
    take: async (copy) => {
      const file = await effects.files.stat(path);
      if (file === undefined) missing(path, address);
      await requireSpace(effects, home, path, file.allocated, address);
      context.progress("copying", { unit: "bytes", done: 0, total: file.size });
      await copyFile(effects, path, copy, address, context);
      const hex = await hash(effects, copy, "sha256", file.size, context);
      checksum = { algorithm: "sha256", hex };
      if (fileKey(checksum) !== spec.key) changed(path, address);
      if (wanted !== undefined) {
        const found =
          wanted.algorithm === "sha256"
            ? hex
            : await hash(effects, copy, wanted.algorithm, file.size, context);
        if (found !== wanted.hex) wrong(path, wanted, found, address);
      }
      await rememberFileDigest(effects, home, path, file, hex);
    },
    key: spec.key,
    address,
    shown: path,
    get checksum(): Checksum {
      if (checksum === undefined) throw new Error("the file is hashed when it is taken");
      return checksum;
    },
    context,
    facts: { ...labelsOf(spec), kind: "path", source: path },
  });
  return record;
}

function hash(
  effects: Effects,
  path: string,
  algorithm: "sha256" | "sha512",
  total: number,
  context: CallContext,
): Promise<string> {
  return effects.files.sha256(path, {
    algorithm,
    signal: context.signal,
    progress: (done) => context.progress("verifying", { unit: "bytes", done, total }),
  });
}

async function wantedChecksum(
  effects: Effects,
  spec: ImageSpec,
  path: string,
  context: CallContext,
): Promise<Checksum | undefined> {
  const { checksum } = spec.inputs;
  if (checksum === undefined) return undefined;
  const declared = parseChecksum(checksum);
  if (declared !== undefined) return declared;
  return fetchChecksum(effects, checksum.replace(/^file:/, ""), basename(path), {
    timeoutMs: LIST_TIMEOUT_MS,
    signal: context.signal,
    address: addressOf(spec),
  });
}

async function copyFile(
  effects: Effects,
  from: string,
  to: string,
  address: string,
  context: CallContext,
): Promise<void> {
  try {
    await effects.files.copy(from, to, { signal: context.signal });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") missing(from, address);
    if (code === "EACCES" || code === "EPERM") {
      fail(
        {
          code: "image/file-unreadable",
          summary: `${from} cannot be read`,
          hint: "Check its permissions.",
          address,
        },
        error,
      );
    }
    if (code === "ENOSPC") noSpace(from, address, error);
    throw error;
  }
}

async function requireSpace(
  effects: Effects,
  home: Home,
  path: string,
  needed: number,
  address: string,
): Promise<void> {
  const { free } = await effects.host.disk(home.images);
  if (needed > free) noSpace(path, address);
}

function noSpace(path: string, address: string, cause?: unknown): never {
  fail(
    {
      code: "image/no-space",
      summary: `not enough disk space to copy ${path} into the store`,
      hint: "Free some space, for instance with `vmlab trash empty`.",
      address,
    },
    cause,
  );
}

function missing(path: string, address: string): never {
  fail({
    code: "image/file-not-found",
    summary: `the image file ${path} does not exist`,
    hint: "A relative path counts from the file that declares it.",
    address,
  });
}

function changed(path: string, address: string): never {
  fail({
    code: "image/changed-since-plan",
    summary: `${path} is not the file that was planned with`,
    detail: "Its content changed after the plan was made.",
    hint: "Plan and apply again.",
    address,
  });
}

function wrong(path: string, wanted: Checksum, found: string, address: string): never {
  fail({
    code: "image/wrong-checksum",
    summary: `${path} does not have the declared checksum`,
    detail: `Declared: ${formatChecksum(wanted)}\nFound:    ${wanted.algorithm}:${found}`,
    hint: "Get the file anew, or correct the checksum in lab.toml.",
    address,
  });
}
