/**
 * Packer's `-machine-readable` output: `time,target,type,data…` a line, with commas and line ends of the data escaped
 * (Packer's documentation, "Machine-Readable Output"). There is no percentage in it: what Packer does is known by what it says.
 */
import { plainText } from "../qemu/console-log.ts";

export interface MachineLine {
  readonly target: string;
  readonly type: string;
  readonly data: readonly string[];
}

/** Undefined for a line of another form. */
export function parseMachineLine(line: string): MachineLine | undefined {
  const [time, target, type, ...data] = line.split(",");
  if (time === undefined || !/^\d+$/.test(time) || target === undefined || type === undefined)
    return undefined;
  return { target, type, data: data.map(unescaped) };
}

function unescaped(text: string): string {
  return text.replaceAll("%!(PACKER_COMMA)", ",").replaceAll("\\r", "\r").replaceAll("\\n", "\n");
}

/** What a line tells of a build. */
export type PackerEvent =
  /** The port of 127.0.0.1 that leads to the guest's SSH server. */
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "connected" }
  /** A script begins; its path as the template names it. */
  | { readonly kind: "script"; readonly path: string }
  | { readonly kind: "halting" }
  /** Why the build failed. */
  | { readonly kind: "error"; readonly text: string }
  /** A line of Packer's own. */
  | { readonly kind: "said"; readonly text: string }
  /** A line that the guest printed. */
  | { readonly kind: "output"; readonly text: string };

/** What a line of Packer's means, in the order in which it says it. */
export function packerEvents(line: string): readonly PackerEvent[] {
  const parsed = parseMachineLine(line);
  // Go's own messages on the way out, such as a panic.
  if (parsed === undefined) return line.trim() === "" ? [] : [{ kind: "said", text: line }];
  const { type, data } = parsed;
  if (type === "error") return [{ kind: "error", text: data.join(",").trim() }];
  if (type !== "ui") return [];
  const [level, text = ""] = data;
  if (isNoise(text)) return [];
  return text.split("\n").flatMap((part) => (part.trim() === "" ? [] : spoken(level, part.trimEnd())));
}

/** VNC is off, whatever Packer says; the checksum is vmlab's business. */
function isNoise(text: string): boolean {
  return /The VM will be run headless|A checksum of 'none' was specified|Not using a NetBridge|Looking for available port between/.test(
    text,
  );
}

/** What Packer itself says on the way out, in the form of a guest's line. */
const OWN_WORDS =
  /^(Provisioning step had errors|Script exited with non-zero exit status|Step "[A-Za-z]+" failed, aborting|aborted: skipping cleanup of step)/;

function spoken(level: string | undefined, line: string): PackerEvent[] {
  // What the guest prints comes as `    qemu.vmlab: …`, and from its stderr as `==> qemu.vmlab: …`.
  const [, arrow, rest] = /^(==>|-->| {3}) [a-z0-9_-]+\.[a-z0-9_-]+: ?(.*)$/.exec(line) ?? [];
  const text = plainText(rest ?? line);
  if (level !== "say") {
    const own = rest === undefined || arrow === "-->" || OWN_WORDS.test(text);
    return [{ kind: own ? "said" : "output", text }];
  }
  const port = /^Found port for communicator .*: (\d+)\.?$/.exec(text)?.[1];
  if (port !== undefined) return [{ kind: "port", port: Number(port) }];
  const path = /^Provisioning with shell script: (.*)$/.exec(text)?.[1];
  if (path !== undefined) return [{ kind: "script", path }];
  if (text.startsWith("Connected to SSH")) return [{ kind: "connected" }];
  if (text.startsWith("Gracefully halting")) return [{ kind: "halting" }];
  return [{ kind: "said", text }];
}
