/** One resource out of an expanded lab; fails the test when it is not there. */
import type { Expansion, Resource, VmInputs } from "../../../engine/config/types.ts";

export function resource(expansion: Expansion, address: string): Resource {
  const found = expansion.resources.find((one) => one.address === address);
  if (found === undefined) throw new Error(`no ${address}`);
  return found;
}

export function vm(expansion: Expansion, name: string): VmInputs {
  return resource(expansion, `vm.${name}`).inputs as VmInputs;
}
