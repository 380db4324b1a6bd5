/**
 * What earlier looks found (`VMLAB_HOME/watch.json`), shared by every watch of this host: trouble is told once, and again
 * only after it was gone.
 */
import { join } from "node:path";
import type { Effects } from "../../effects.ts";
import type { Home } from "../../home.ts";
import { withHostLock } from "../../host/host-lock.ts";
import { isJsonObject } from "../../json.ts";
import { readTextIfThere } from "../../read-text-if-there.ts";
import type { LockEffects } from "../../state/lock.ts";
import { type Finding, keyOf } from "./finding.ts";

interface Known {
  readonly key: string;
  readonly subject: string;
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** It has lasted long enough to count, and was told. */
  readonly told: boolean;
}

export interface Standing {
  readonly finding: Finding;
  readonly since: number;
  /** Nobody was told of it before. */
  readonly fresh: boolean;
}

export interface Compared {
  /** All that counts now. */
  readonly standing: readonly Standing[];
  /** What was told of and is over. */
  readonly over: readonly { readonly subject: string; readonly what: string; readonly since: number }[];
}

type KnownEffects = LockEffects & Pick<Effects, "files" | "clock">;

/** A disk that is full is among what is to be told: what cannot be kept in the file is kept here meanwhile. */
export class KnownFindings {
  readonly #effects: KnownEffects;
  readonly #home: Home;
  #unsaved: readonly Known[] | undefined;

  constructor(effects: KnownEffects, home: Home) {
    this.#effects = effects;
    this.#home = home;
  }

  /**
   * Compares a look with those before, and keeps it. `scopes`: what was looked at; of others nothing is known, so what was
   * found there stays.
   */
  async compare(findings: readonly Finding[], scopes: ReadonlySet<string>): Promise<Compared> {
    try {
      return await withHostLock(this.#effects, this.#home, "watch", async () => {
        const before = this.#unsaved ?? (await readKnown(this.#effects, this.#home));
        const { kept, ...compared } = compare(before, findings, scopes, this.#effects.clock.now());
        // Looks that find what the one before found are most of them.
        if (this.#unsaved !== undefined || JSON.stringify(kept) !== JSON.stringify(before)) {
          const text = `${JSON.stringify({ version: 1, findings: kept }, undefined, 2)}\n`;
          await this.#effects.files.write(fileOf(this.#home), text);
        }
        this.#unsaved = undefined;
        return compared;
      });
    } catch {
      const before = this.#unsaved ?? (await readKnown(this.#effects, this.#home).catch(() => []));
      const { kept, ...compared } = compare(before, findings, scopes, this.#effects.clock.now());
      this.#unsaved = kept;
      return compared;
    }
  }
}

function compare(
  before: readonly Known[],
  findings: readonly Finding[],
  scopes: ReadonlySet<string>,
  now: number,
): Compared & { readonly kept: readonly Known[] } {
  const kept: Known[] = before.filter(({ key }) => !scopes.has(scopeOf(key)));
  const standing: Standing[] = [];
  const found = new Set<string>();
  for (const finding of findings) {
    const key = keyOf(finding);
    if (found.has(key)) continue;
    found.add(key);
    const known = before.find((one) => one.key === key);
    const since = known?.since ?? now;
    const told = known?.told === true || now - since >= finding.afterMs;
    kept.push({ key, subject: finding.subject, what: finding.what, since, told });
    if (told) standing.push({ finding, since, fresh: known?.told !== true });
  }
  const over = before.filter(({ key, told }) => told && scopes.has(scopeOf(key)) && !found.has(key));
  return { kept, standing, over };
}

function scopeOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}

function fileOf(home: Home): string {
  return join(home.root, "watch.json");
}

/** What is damaged is as good as never told. */
async function readKnown(effects: Pick<Effects, "files">, home: Home): Promise<readonly Known[]> {
  const text = await readTextIfThere(effects.files, fileOf(home));
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    if (!isJsonObject(value) || value.version !== 1 || !Array.isArray(value.findings)) return [];
    return (value.findings as readonly unknown[]).filter(isKnown);
  } catch {
    return [];
  }
}

function isKnown(value: unknown): value is Known {
  const one = value as Partial<Record<keyof Known, unknown>> | null;
  return (
    typeof one === "object" &&
    one !== null &&
    [one.key, one.subject, one.what].every((field) => typeof field === "string") &&
    typeof one.since === "number" &&
    typeof one.told === "boolean"
  );
}
