import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeEffects } from "../../engine/effects-node.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles test/support/children/NAME.ts into `folder`, for tests that need processes of their own. */
export async function bundleChild(name: string, folder: string): Promise<string> {
  const output = join(folder, `${name}.mjs`);
  const result = await nodeEffects().processes.run(join(root, "node_modules", ".bin", "esbuild"), [
    join(root, "test", "support", "children", `${name}.ts`),
    "--bundle",
    "--platform=node",
    "--format=esm",
    // Some packages are CommonJS, and the bundle lies where no node_modules is.
    `--banner:js=import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);`,
    "--log-level=error",
    `--outfile=${output}`,
  ]);
  if (result.code !== 0) throw new Error(result.stderr);
  return output;
}
