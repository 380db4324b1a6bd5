/** Whether vmlab takes a snapshot of a running VM by itself, before something that cannot be taken back. */
import type { VmInputs } from "../config/types.ts";

/** `inputs` as declared or as recorded. */
export function takesSnapshot(inputs: object): boolean {
  return (inputs as Partial<VmInputs>).snapshots?.before_replace === true;
}
