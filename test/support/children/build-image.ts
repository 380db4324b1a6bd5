/** A vmlab that builds, to be killed: `node build-image.mjs SPEC.json`, which holds the home, the environment and the spec. */
import { readFile } from "node:fs/promises";
import type { Effects } from "../../../engine/effects.ts";
import { nodeEffects } from "../../../engine/effects-node.ts";
import type { Home } from "../../../engine/home.ts";
import { packerProvider } from "../../../providers/packer/index.ts";
import type { ImageSpec } from "../../../providers/provider.ts";
import { qemuProvider } from "../../../providers/qemu/index.ts";

const { home, env, spec } = JSON.parse(await readFile(process.argv[2] ?? "", "utf8")) as {
  home: Home;
  env: Record<string, string>;
  spec: ImageSpec;
};
const real = nodeEffects();
const effects: Effects = { ...real, host: { ...real.host, env } };
const provider = packerProvider({
  effects,
  home,
  machines: (imageDisk) => qemuProvider({ effects, home, imageDisk }),
});
await provider.obtain(spec, {
  signal: new AbortController().signal,
  progress: (phase) => process.stdout.write(`${phase}\n`),
  output: () => undefined,
});
