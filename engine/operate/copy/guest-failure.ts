/** What a guest said when its part of a copy failed. */
import { fail } from "../../diagnostics.ts";

const KEPT_CHARACTERS = 4000;

/** The end of a guest's standard error. */
export class Said {
  #text = "";

  readonly take = (data: Buffer): void => {
    this.#text = (this.#text + data.toString("utf8")).slice(-KEPT_CHARACTERS);
  };

  lines(): string[] {
    return this.#text
      .split(/\r?\n/)
      .filter((line) => line.trim() !== "")
      .slice(-5);
  }
}

export function guestFailed(vm: string, summary: string, code: number, said: Said): never {
  const lines = said.lines();
  fail({
    code: "cp/guest-failed",
    address: `vm.${vm}`,
    summary,
    detail:
      lines.length === 0
        ? `Its part ended with exit code ${code}.`
        : `It said:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    hint:
      code === 127
        ? `The guest needs tar: install it there ("vmlab exec ${vm} --root -- ...").`
        : code === 255
          ? `ssh could not reach it, or lost it: see "vmlab list" and "vmlab logs ${vm}".`
          : "--root reads and writes as root, where the login user may not.",
  });
}
