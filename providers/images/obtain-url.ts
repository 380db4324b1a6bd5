/** URL → store: download, verify, import. */
import { fail, isDiagnosticsError } from "../../engine/diagnostics.ts";
import type { Effects } from "../../engine/effects.ts";
import type { Home } from "../../engine/home.ts";
import type { CallContext, ImageSpec } from "../provider.ts";
import { type Checksum, formatChecksum, parseChecksum } from "./checksum.ts";
import { type Downloaded, download } from "./download.ts";
import { labelsOf } from "./image-labels.ts";
import { type Obtained, pinOf } from "./image-pin.ts";
import { fileKey, validPin } from "./image-source.ts";
import { publicUrl, urlFileName } from "./image-url.ts";
import { withKeyLock } from "./key-lock.ts";
import { partialOf } from "./partial-download.ts";
import { fetchChecksum } from "./remote-facts.ts";
import { addressOf } from "./resolve.ts";
import { setAside } from "./set-aside.ts";
import { addKey } from "./store.ts";
import { storeFile } from "./store-file.ts";

/** Applying waits longer for a checksum list than planning. */
const LIST_TIMEOUT_MS = 30_000;

export async function obtainUrl(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  context: CallContext,
): Promise<Obtained> {
  const { inputs } = spec;
  const url = inputs.url ?? "";
  const address = addressOf(spec);
  if (spec.offline) {
    fail({
      code: "image/offline",
      summary: `${publicUrl(url)} is not in the store, and the lab is offline`,
      hint: "Apply once without `offline`, or name a local copy of the image with path.",
      address,
    });
  }
  const wanted = await wantedChecksum(effects, spec, context);
  const partial = partialOf(home, url);
  const record = await withKeyLock(effects, home, `download-${partial.name}`, context, async () => {
    const downloaded = await download(effects, home, url, { address, context });
    const checksum = await verify(effects, home, spec, downloaded, wanted, context);
    try {
      const stored = await storeFile(effects, home, {
        take: (path) => effects.files.rename(downloaded.path, path),
        giveBack: (path) => effects.files.rename(path, downloaded.path),
        key: spec.key,
        address,
        shown: publicUrl(url),
        checksum,
        context,
        facts: {
          ...labelsOf(spec),
          kind: "url",
          source: publicUrl(url),
          download: downloaded.size,
          ...(downloaded.validator === undefined ? {} : { validator: downloaded.validator }),
        },
      });
      await downloaded.forget();
      // The pin that follows from this download resolves to the key of its bytes.
      return await addKey(effects, home, stored, fileKey(checksum));
    } catch (error) {
      if (!isDiagnosticsError(error) || (await effects.files.stat(downloaded.path)) === undefined)
        throw error;
      if (!error.diagnostics.some(({ code }) => REFUSALS.has(code))) throw error;
      context.output(
        `the refused file is kept as ${await setAside(effects, home, downloaded.path, urlFileName(url))}`,
      );
      await downloaded.forget();
      throw error;
    }
  });
  return { record, ...pinOf(inputs, spec.pin, record) };
}

/** Diagnostics after which the downloaded file must not be used again. */
const REFUSALS = new Set(["image/damaged", "image/unusable-format", "image/unsafe-qcow2"]);

/** What lab.toml, the pin, or a checksum list says that the file must be; undefined: anything. */
async function wantedChecksum(
  effects: Effects,
  spec: ImageSpec,
  context: CallContext,
): Promise<Checksum | undefined> {
  const { inputs } = spec;
  const declared =
    parseChecksum(inputs.checksum ?? "") ?? parseChecksum(validPin(inputs, spec.pin)?.checksum ?? "");
  if (declared !== undefined) return declared;
  if (inputs.checksum === undefined) {
    context.output("no checksum is declared: whatever the server sends is used, and pinned in vmlab.lock");
    return undefined;
  }
  context.progress("reading the checksum");
  return fetchChecksum(effects, inputs.checksum.replace(/^file:/, ""), urlFileName(inputs.url ?? ""), {
    timeoutMs: LIST_TIMEOUT_MS,
    signal: context.signal,
    address: addressOf(spec),
  });
}

/** Compares, and resolves with the file's checksum; a wrong file is kept aside and never used. */
async function verify(
  effects: Effects,
  home: Home,
  spec: ImageSpec,
  file: Downloaded,
  wanted: Checksum | undefined,
  context: CallContext,
): Promise<Checksum> {
  const algorithm = wanted?.algorithm ?? "sha256";
  const hex = await effects.files.sha256(file.path, {
    algorithm,
    signal: context.signal,
    progress: (done) => context.progress("verifying", { unit: "bytes", done, total: file.size }),
  });
  if (wanted === undefined || wanted.hex === hex) return { algorithm, hex };
  const { inputs } = spec;
  const aside = await setAside(effects, home, file.path, urlFileName(inputs.url ?? ""));
  await file.forget();
  const by =
    parseChecksum(inputs.checksum ?? "") !== undefined
      ? "lab.toml"
      : spec.pin !== undefined
        ? "vmlab.lock"
        : "the checksum list";
  fail({
    code: "image/wrong-checksum",
    summary: `${publicUrl(inputs.url ?? "")} does not have the checksum that ${by} says`,
    detail: `Wanted: ${formatChecksum(wanted)}\nFound:  ${algorithm}:${hex}\nThe file is kept for a look as ${aside} and is not used.`,
    hint:
      by === "vmlab.lock"
        ? `If the file was replaced by a newer one that you want, run: vmlab apply --upgrade ${addressOf(spec)}`
        : "Either the file changed on the server or it was damaged on the way. Look up its checksum at a place that you trust.",
    address: addressOf(spec),
  });
}
