/** The Debian 12 guest of the slow tests: made once by vmlab's own bootstrap, kept outside the repository. */
import { join } from "node:path";
import { isDiagnosticsError } from "../../../engine/diagnostics.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import { homeFrom } from "../../../engine/home.ts";
import { sha256 } from "../../../engine/json.ts";
import { imageDiskPath, imageProvider } from "../../../providers/images/index.ts";
import { recipeFingerprint } from "./recipe-fingerprint.ts";
import { guestCache } from "./tiny.ts";

/**
 * Path of a qcow2 to stand on (never to write to). Builds it when the cache has none of this recipe: one to two
 * minutes. Test processes that want it at the same time build it once.
 */
export async function bookworm(): Promise<string> {
  const effects = nodeEffects();
  const folder = join(guestCache(), `bookworm-${(await recipeFingerprint(effects.files)).slice(0, 16)}`);
  const disk = join(folder, "disk.qcow2");
  if ((await effects.files.stat(disk)) !== undefined) return disk;

  const home = homeFrom({ VMLAB_HOME: join(folder, "home") });
  const provider = imageProvider({ effects, home });
  await provider.recover();
  const spec = {
    address: "image.bookworm",
    name: "bookworm",
    lab: { name: "tests", lineage: sha256(folder).slice(0, 16), folder },
    inputs: {
      source: "bootstrap",
      user: "vmlab",
      bootstrap: { distribution: "debian", suite: "bookworm", packages: [], size: 2 * 1024 ** 3 },
    },
    offline: false,
  } as const;
  const { key } = await provider.resolve(spec, { upgrade: false });
  const context = {
    signal: new AbortController().signal,
    progress: () => undefined,
    output: () => undefined,
  };
  const { digest } = await provider.obtain({ ...spec, key }, context).catch((error: unknown) => {
    if (!isDiagnosticsError(error)) throw error;
    throw new Error(error.diagnostics.map((d) => `${d.summary}\n${d.detail ?? ""}`).join("\n"), {
      cause: error,
    });
  });
  // One rename at the end: a disk that is there is whole.
  await effects.files.link(imageDiskPath(home, digest), `${disk}.${effects.processes.self}`);
  await effects.files.rename(`${disk}.${effects.processes.self}`, disk);
  return disk;
}
