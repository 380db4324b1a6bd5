/** What goes into a backup beside the images: the host's settings, the ledger, the labs' states. */

import { join } from "node:path";
import { LOCK_FILE } from "../../config/lock-file.ts";
import { type Diagnostic, isDiagnosticsError, warning } from "../../diagnostics.ts";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { sha256 } from "../../json.ts";
import { readTextIfThere } from "../../read-text-if-there.ts";
import { encodeSnapshot } from "../../state/snapshot.ts";
import { readStateFiles, stateFilesIn } from "../../state/state-files.ts";
import { type LedgerLab, readLedger } from "../labs.ts";
import type { BackupFile, BackupLab } from "./manifest.ts";

/** A file of a backup that is being made. */
export interface BackupPart extends BackupFile {
  readonly content: { readonly text: string } | { readonly file: string };
}

export interface Collected {
  readonly parts: readonly BackupPart[];
  readonly labs: readonly BackupLab[];
  /** What could not be taken. */
  readonly warnings: readonly Diagnostic[];
}

export async function collectParts(effects: Effects, home: Home): Promise<Collected> {
  const parts: BackupPart[] = [];
  const labs: BackupLab[] = [];
  const config = await readTextIfThere(effects.files, home.configFile);
  if (config !== undefined) parts.push(textPart("config.toml", config));
  const ledger = await readLedger(effects, home);
  const warnings: Diagnostic[] = [...ledger.diagnostics];
  for (const lab of ledger.labs) {
    parts.push(textPart(`labs/${lab.lineage}.json`, `${JSON.stringify(lab, undefined, 2)}\n`));
    const state = await stateParts(effects, lab);
    parts.push(...state.parts);
    warnings.push(...state.warnings);
    const { lineage, name, folder } = lab;
    labs.push({ lineage, name, folder, ...(state.serial === undefined ? {} : { serial: state.serial }) });
  }
  return { parts, labs, warnings };
}

export function textPart(path: string, text: string): BackupPart {
  return { path, sha256: sha256(text), size: Buffer.byteLength(text), content: { text } };
}

/** The state with its journal folded in: one file that is whole at any moment, whatever runs in the lab. */
async function stateParts(
  effects: Effects,
  lab: LedgerLab,
): Promise<{ parts: readonly BackupPart[]; serial?: number; warnings: readonly Diagnostic[] }> {
  const paths = stateFilesIn(join(lab.folder, ".vmlab"));
  const at = (name: string): string => `states/${lab.lineage}/${name}`;
  try {
    const stored = await readStateFiles(effects, paths);
    // Another lab may lie in the folder by now; its own entry names it.
    if (stored === undefined || stored.state.lineage !== lab.lineage) return { parts: [], warnings: [] };
    const parts = [textPart(at("state.json"), encodeSnapshot(stored.state))];
    const pins = await readTextIfThere(effects.files, join(lab.folder, LOCK_FILE));
    if (pins !== undefined) parts.push(textPart(at("vmlab.lock"), pins));
    for (const name of await effects.files.list(paths.texts)) {
      const text = /^[0-9a-f]{64}$/.test(name)
        ? await readTextIfThere(effects.files, join(paths.texts, name))
        : undefined;
      if (text !== undefined) parts.push(textPart(at(`texts/${name}`), text));
    }
    return { parts, serial: stored.state.serial, warnings: [] };
  } catch (error) {
    if (!isDiagnosticsError(error)) throw error;
    return { parts: [], warnings: [unreadable(lab, error.diagnostics[0])] };
  }
}

function unreadable(lab: LedgerLab, why: Diagnostic | undefined): Diagnostic {
  return warning({
    code: "backup/state-left-out",
    summary: `the state of lab ${lab.name} cannot be read and is not in the backup`,
    detail: `In ${lab.folder}: ${why?.summary ?? "its files are damaged"}.`,
    hint: "`vmlab doctor` in its folder says what to do.",
  });
}
