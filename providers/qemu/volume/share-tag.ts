/** The name by which a guest mounts a shared folder. */
import { sha256 } from "../../../engine/json.ts";
import type { ShareSpec } from "../../provider.ts";

/** Follows from the place in the guest, so that an entry in its fstab stays right; 9p takes 31 bytes. */
export function shareTag({ to }: Pick<ShareSpec, "to">): string {
  return `vmlab-${sha256(to).slice(0, 12)}`;
}
