import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What qemu-img and the file system say of a layer. */
export async function qcow2Facts(path: string) {
  const { stdout } = await run("qemu-img", ["info", "--output=json", path]);
  const info = JSON.parse(stdout) as Record<string, unknown>;
  await run("qemu-img", ["check", "-q", path]);
  return {
    backing: info["backing-filename"],
    backingFormat: info["backing-filename-format"],
    virtualSize: info["virtual-size"],
    mode: (await stat(path)).mode & 0o777,
  };
}
