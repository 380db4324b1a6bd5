import type { BackupImages } from "../../engine/host/backup/images.ts";
import type { CommandContext } from "../context.ts";

/** The image store of this host, as backups need it. */
export async function openBackupImages(context: CommandContext): Promise<BackupImages> {
  const { backupImages } = await import("../../providers/images/registry/backup-images.ts");
  const { effects, home } = context;
  return backupImages({ effects, home });
}
