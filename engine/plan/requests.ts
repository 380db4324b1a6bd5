/** What the command line asks of addresses. */
import { globPattern } from "../graph/select.ts";
import type { PlanOptions } from "./options.ts";

/** True when one of the globs names the address. */
export function isRequested(globs: readonly string[], address: string): boolean {
  return globs.some((glob) => globPattern(glob).test(address));
}

/** True when --upgrade means the address. */
export function isUpgraded({ upgrade }: Pick<PlanOptions, "upgrade">, address: string): boolean {
  return upgrade === "all" || (upgrade !== "none" && isRequested(upgrade, address));
}
