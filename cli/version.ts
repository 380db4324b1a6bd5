import { readFileSync } from "node:fs";

/** Set by the build; absent where the sources run unbundled, as in tests. */
declare const __VMLAB_VERSION__: string;

export const version: string = typeof __VMLAB_VERSION__ === "string" ? __VMLAB_VERSION__ : versionOfSources();

function versionOfSources(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return manifest.version;
}
