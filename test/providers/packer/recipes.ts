import type { BuildInputs, ProvisionStep } from "../../../engine/config/types.ts";

/** A recipe with nothing in it. */
export function recipe(changes: Partial<BuildInputs> = {}): BuildInputs {
  return {
    parent: "image.bookworm",
    options: {},
    requires: [],
    steps: [],
    verify: [],
    disk: 4 * 2 ** 30,
    cpus: 2,
    memory: 2 ** 30,
    timeoutMs: 3_600_000,
    ...changes,
  };
}

/** One step of each kind, with the bytes that it names. */
export const everyKind: readonly { readonly step: ProvisionStep; readonly content?: Buffer }[] = [
  { step: { kind: "packages", names: ["git", "libc++-dev"] } },
  {
    step: { kind: "catalogue-script", role: "docker", script: "setup.sh", env: { OPTION_MODE: "it's" } },
    content: Buffer.from("#!/bin/bash -e\necho $OPTION_MODE\n"),
  },
  {
    step: {
      kind: "file",
      to: "/etc/my app.conf",
      mode: "0640",
      owner: "root:adm",
      content: "a = ${b} {{ c }}\n",
    },
    content: Buffer.from("a = ${b} {{ c }}\n"),
  },
  { step: { kind: "script", path: "scripts/web.sh", sha256: "0" }, content: Buffer.from("echo web\n") },
  {
    step: { kind: "run", command: "echo '${HOME}'\necho 2" },
    content: Buffer.from("echo '${HOME}'\necho 2"),
  },
];
