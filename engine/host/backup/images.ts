/** What a backup needs of the image store; who knows images implements it. */
import type { Progress } from "../../events.ts";
import type { BackupPart } from "./parts.ts";

export interface BackupCall {
  readonly signal: AbortSignal;
  readonly progress: (phase: string, progress?: Progress) => void;
}

/** Whether an image of a backup is there; `record`: its disk is, and its record is not. */
export type ImageStanding = "there" | "record" | "missing";

export interface BackupImages {
  /** The records of all images and, with `disks`, their disks, each read and compared before; they stay meanwhile. */
  withParts<Result>(
    options: { disks: boolean; call: BackupCall },
    use: (parts: readonly BackupPart[]) => Promise<Result>,
  ): Promise<Result>;
  /** Digest of the layer below, from the text of a record; undefined for the lowest. */
  parentOf(record: string): string | undefined;
  standing(digest: string): Promise<ImageStanding>;
  /** Puts an image back; `disk` is a verified copy that is left where it is. Layers below come before. */
  restore(digest: string, record: string, disk: string | undefined, call: BackupCall): Promise<void>;
}
